//! The task that sweeps, by the schedules of `[[sweeps]]`.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::{Daemon, Ended, LOOK_AGAIN, Since, Wanted, Whom, or_later, or_log};
use crate::config::SweepConfig;
use crate::ledger::{LedgerError, ScheduleRun};
use crate::model::{FailureKind, PollFailure, PollOutcome, ProfileSelection, SweepWindow, Timestamp};

/// By how much a clock is put right without a word.
const SMALL_CORRECTION: Duration = Duration::from_secs(60);

/// How long after a try a sweep that failed is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(900);

/// Up to when the runs of each schedule are done, by name.
pub(super) type Done = HashMap<String, Timestamp>;

/// Runs that failed and are due still, by name.
type Failed = HashMap<String, FailedRun>;

/// A run that could not be ended, for a reason that may pass.
struct FailedRun {
    /// When it is tried again, by the clock's monotonic reading.
    again_at: Duration,
    /// When it was tried.
    tried_at: Timestamp,
    /// Whose sweep is left to do.
    left: ProfileSelection,
}

/// Sweeps until tallyd stops. A run that was missed, while nobody was there, because the clock jumped or because
/// Paxos could not be reached, is made up once.
pub(super) async fn run(daemon: Daemon) -> Ended {
    let mut sessions = daemon.sessions.clone();
    // A ledger is restored while no daemon runs: once nothing is owed, nothing will be.
    let mut ask_what_is_owed = Some(Instant::now());
    while !daemon.stopping.is_given() {
        let session = sessions.borrow_and_update().clone();
        let sweeps = &session.config().sweeps;
        let Some(mut done) =
            or_later(last_runs(&daemon, sweeps.iter().map(SweepConfig::run_name).collect()).await)?
        else {
            wait(&daemon, LOOK_AGAIN).await;
            sessions.mark_changed();
            continue;
        };
        let mut failed = Failed::new();
        while !sessions.has_changed().unwrap_or(false) {
            if ask_what_is_owed.is_some_and(|at| at <= Instant::now()) {
                ask_what_is_owed = match sweep_owed(&daemon).await? {
                    Owed::Nothing => None,
                    Owed::Tried => Some(Instant::now() + TRY_AGAIN),
                    Owed::Stopped => return Ok(()),
                };
            }
            let now = daemon.clock.now();
            set_back(&daemon, &mut done, now).await?;
            match due_first(sweeps, &done, &failed, now, daemon.clock.monotonic()) {
                Some((due, sweep)) if due <= now => {
                    let name = sweep.run_name();
                    let left = left_to_sweep(&daemon, sweep, failed.remove(&name), now);
                    let Some(outcome) = sweep_now(&daemon, sweep, due, &left).await else { return Ok(()) };
                    if outcome.was_stopped() {
                        return Ok(());
                    }
                    if let Some(left) = what_failed(&outcome, left) {
                        let again_at = daemon.clock.monotonic() + TRY_AGAIN;
                        failed.insert(name, FailedRun { again_at, tried_at: now, left });
                        continue;
                    }
                    done.insert(name.clone(), now);
                    or_log(daemon.ledger.note_schedule_run(ScheduleRun { name, last_due: now }).await)?;
                }
                next => {
                    let left = next.map_or(LOOK_AGAIN, |(due, _)| due.since(now).min(LOOK_AGAIN));
                    tokio::select! {
                        () = daemon.stopping.given() => return Ok(()),
                        () = tokio::time::sleep(left) => {}
                        // The schedules may be others now.
                        _ = sessions.changed() => sessions.mark_changed(),
                    }
                }
            }
        }
    }
    Ok(())
}

/// Whose sweep a run is for: where a former try failed, theirs that are left, unless the next run is due too.
fn left_to_sweep(
    daemon: &Daemon,
    sweep: &SweepConfig,
    failed: Option<FailedRun>,
    now: Timestamp,
) -> ProfileSelection {
    match failed {
        Some(failed) if !sweep.schedule.missed(failed.tried_at, now) => failed.left,
        _ => daemon.session().selection().clone(),
    }
}

/// Whose sweep is to be tried again, before the next run is due: theirs that Paxos or the ledger cut short. What a
/// page lacked, or who is refused, is told and left to the next run.
fn what_failed(outcome: &PollOutcome, tried: ProfileSelection) -> Option<ProfileSelection> {
    let may_pass = |failure: &PollFailure| match failure.kind {
        FailureKind::Unreachable
        | FailureKind::Throttled
        | FailureKind::Credentials
        | FailureKind::Protocol
        | FailureKind::Ledger => true,
        FailureKind::Profile | FailureKind::WrongLedger | FailureKind::Stopped => false,
    };
    if outcome.profiles.is_empty() && outcome.account_failure.as_ref().is_some_and(may_pass) {
        return Some(tried);
    }
    let failed = outcome.profiles.iter().filter(|poll| poll.result.failures().any(may_pass));
    let failed: Vec<_> = failed.map(|poll| poll.profile.clone()).collect();
    (!failed.is_empty()).then_some(ProfileSelection::Listed(failed))
}

/// Waits, or until tallyd stops.
async fn wait(daemon: &Daemon, how_long: Duration) {
    tokio::select! {
        () = daemon.stopping.given() => {}
        () = tokio::time::sleep(how_long) => {}
    }
}

/// What came of asking what a restore owes.
enum Owed {
    Nothing,
    /// It was swept, as far as the ledger could be asked. Whether that settled it is for the ledger to say.
    Tried,
    Stopped,
}

/// Sweeps everything of those polled profiles that owe it because a backup was restored.
async fn sweep_owed(daemon: &Daemon) -> anyhow::Result<Owed> {
    let Some(mut owed) = or_later(daemon.ledger.owed_sweeps().await)? else { return Ok(Owed::Tried) };
    let session = daemon.session();
    if let ProfileSelection::Listed(polled) = session.selection() {
        owed.retain(|owed| polled.iter().any(|profile| profile.id == owed.profile.id));
    }
    let Some(first) = owed.first() else { return Ok(Owed::Nothing) };
    let (reason, since) = (first.reason.clone(), first.since);
    let profiles: Vec<_> = owed.into_iter().map(|owed| owed.profile).collect();
    let selection = ProfileSelection::Listed(profiles.clone());
    let wanted = Wanted::Sweep(Whom::Only(profiles), SweepWindow::Everything, Since::CutShort);
    let Some(turn) = daemon.turn(&wanted).await else { return Ok(Owed::Stopped) };
    tracing::info!(reason, since = %since, "a sweep of everything begins that is owed");
    let outcome = daemon.carry_out(turn, &wanted, &selection).await;
    Ok(if outcome.was_stopped() { Owed::Stopped } else { Owed::Tried })
}

/// The sweep that is due first, and since or from when.
fn due_first<'a>(
    sweeps: &'a [SweepConfig],
    done: &Done,
    failed: &Failed,
    now: Timestamp,
    monotonic: Duration,
) -> Option<(Timestamp, &'a SweepConfig)> {
    let waits =
        |sweep: &SweepConfig| failed.get(&sweep.run_name()).is_some_and(|failed| failed.again_at > monotonic);
    let due = sweeps.iter().filter(|sweep| !waits(sweep)).filter_map(|sweep| {
        let last = done.get(&sweep.run_name()).copied().unwrap_or(now);
        sweep.schedule.next_after(last).map(|due| (due, sweep))
    });
    due.min_by_key(|(due, _)| *due)
}

async fn sweep_now(
    daemon: &Daemon,
    sweep: &SweepConfig,
    due: Timestamp,
    selection: &ProfileSelection,
) -> Option<PollOutcome> {
    let wanted = Wanted::Sweep(Whom::All, sweep.window, Since::CutShort);
    let turn = daemon.turn(&wanted).await?;
    tracing::debug!(sweep = sweep.name, window = %sweep.window, due = %due, "a sweep begins");
    Some(daemon.carry_out(turn, &wanted, selection).await)
}

/// The last runs of schedules, by name; those that are new count from now on.
pub(super) async fn last_runs(daemon: &Daemon, names: Vec<String>) -> Result<Done, LedgerError> {
    let runs = daemon.ledger.schedule_runs(names, daemon.clock.now()).await?;
    Ok(runs.into_iter().map(|run| (run.name, run.last_due)).collect())
}

/// Where the clock was set back, counting begins anew: no schedule waits for a time that was passed before.
/// Small corrections are none.
pub(super) async fn set_back(daemon: &Daemon, done: &mut Done, now: Timestamp) -> Ended {
    for (name, last_due) in done.iter_mut().filter(|(_, last_due)| **last_due > now.plus(SMALL_CORRECTION)) {
        tracing::warn!(schedule = name, last_due = %last_due, "the clock was set back; the schedule counts from now on");
        *last_due = now;
        let run = ScheduleRun { name: name.clone(), last_due: now };
        or_log(daemon.ledger.note_schedule_run(run).await)?;
    }
    Ok(())
}
