//! The task that sweeps, by the schedules of `[[sweeps]]`.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::{Daemon, Ended, LOOK_AGAIN, Wanted, Whom, or_log};
use crate::config::SweepConfig;
use crate::ledger::ScheduleRun;
use crate::model::{FailureKind, PollOutcome, ProfileSelection, SweepWindow, Timestamp};

/// By how much a clock is put right without a word.
const SMALL_CORRECTION: Duration = Duration::from_secs(60);

/// How long after a try the sweeps that a restore owes are tried again, where they were not complete.
const OWED_AGAIN: Duration = Duration::from_secs(900);

/// The name by which a sweep's last run is kept.
pub fn run_name(sweep: &SweepConfig) -> String {
    format!("sweep {}", sweep.name)
}

/// Up to when the runs of each schedule are done, by name.
type Done = HashMap<String, Timestamp>;

/// Sweeps until tallyd stops. A run that was missed, while nobody was there or because the clock jumped, is
/// made up once.
pub(super) async fn run(daemon: Daemon) -> Ended {
    let mut sessions = daemon.sessions.clone();
    // A ledger is restored while no daemon runs: once nothing is owed, nothing will be.
    let mut ask_what_is_owed = Some(Instant::now());
    loop {
        let session = sessions.borrow_and_update().clone();
        let sweeps = &session.config().sweeps;
        let mut done = last_runs(&daemon, sweeps).await?;
        while !sessions.has_changed().unwrap_or(false) {
            if ask_what_is_owed.is_some_and(|at| at <= Instant::now()) {
                ask_what_is_owed = match sweep_owed(&daemon).await? {
                    Owed::Nothing => None,
                    Owed::Tried => Some(Instant::now() + OWED_AGAIN),
                    Owed::Stopped => return Ok(()),
                };
            }
            let now = daemon.clock.now();
            set_back(&daemon, &mut done, now).await?;
            match due_first(sweeps, &done, now) {
                Some((due, sweep)) if due <= now => {
                    let Some(outcome) = sweep_now(&daemon, sweep, due).await else { return Ok(()) };
                    if was_stopped(&outcome) {
                        return Ok(());
                    }
                    done.insert(run_name(sweep), now);
                    let run = ScheduleRun { name: run_name(sweep), last_due: now };
                    or_log(daemon.ledger.note_schedule_run(run).await)?;
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
}

/// What came of asking what a restore owes.
enum Owed {
    Nothing,
    /// It was swept. Whether that settled it is for the ledger to say.
    Tried,
    Stopped,
}

/// Sweeps everything of those polled profiles that owe it because a backup was restored.
async fn sweep_owed(daemon: &Daemon) -> anyhow::Result<Owed> {
    let mut owed = daemon.ledger.owed_sweeps().await?;
    let session = daemon.session();
    if let ProfileSelection::Listed(polled) = session.selection() {
        owed.retain(|owed| polled.iter().any(|profile| profile.id == owed.profile.id));
    }
    let Some(first) = owed.first() else { return Ok(Owed::Nothing) };
    let (reason, since) = (first.reason.clone(), first.since);
    let profiles: Vec<_> = owed.into_iter().map(|owed| owed.profile).collect();
    let selection = ProfileSelection::Listed(profiles.clone());
    let wanted = Wanted::Sweep(Whom::Only(profiles), SweepWindow::Everything);
    let Some(turn) = daemon.turn(&wanted).await else { return Ok(Owed::Stopped) };
    tracing::info!(reason, since = %since, "a sweep of everything begins that is owed");
    let outcome = daemon.carry_out(turn, &wanted, &selection).await;
    Ok(if was_stopped(&outcome) { Owed::Stopped } else { Owed::Tried })
}

/// The sweep that is due first, and since or from when.
fn due_first<'a>(
    sweeps: &'a [SweepConfig],
    done: &Done,
    now: Timestamp,
) -> Option<(Timestamp, &'a SweepConfig)> {
    let due = sweeps.iter().filter_map(|sweep| {
        let last = done.get(&run_name(sweep)).copied().unwrap_or(now);
        sweep.schedule.next_after(last).map(|due| (due, sweep))
    });
    due.min_by_key(|(due, _)| *due)
}

async fn sweep_now(daemon: &Daemon, sweep: &SweepConfig, due: Timestamp) -> Option<PollOutcome> {
    let wanted = Wanted::Sweep(Whom::All, sweep.window);
    let turn = daemon.turn(&wanted).await?;
    tracing::info!(sweep = sweep.name, window = %sweep.window, due = %due, "a sweep begins");
    Some(daemon.carry_out(turn, &wanted, daemon.session().selection()).await)
}

async fn last_runs(daemon: &Daemon, sweeps: &[SweepConfig]) -> anyhow::Result<Done> {
    let names = sweeps.iter().map(run_name).collect();
    let runs = daemon.ledger.schedule_runs(names, daemon.clock.now()).await?;
    Ok(runs.into_iter().map(|run| (run.name, run.last_due)).collect())
}

/// Where the clock was set back, counting begins anew: no schedule waits for a time that was passed before.
/// Small corrections are none.
async fn set_back(daemon: &Daemon, done: &mut Done, now: Timestamp) -> Ended {
    for (name, last_due) in done.iter_mut().filter(|(_, last_due)| **last_due > now.plus(SMALL_CORRECTION)) {
        tracing::warn!(schedule = name, last_due = %last_due, "the clock was set back; the schedule counts from now on");
        *last_due = now;
        let run = ScheduleRun { name: name.clone(), last_due: now };
        or_log(daemon.ledger.note_schedule_run(run).await)?;
    }
    Ok(())
}

fn was_stopped(outcome: &PollOutcome) -> bool {
    let failures = outcome.profiles.iter().flat_map(|poll| poll.result.failures());
    failures.chain(&outcome.account_failure).any(|failure| failure.kind == FailureKind::Stopped)
}
