//! The task that sweeps, by the schedules of `[[sweeps]]`, and the one place that sweeps.

use std::collections::HashMap;
use std::time::Duration;

use super::session::Patience;
use super::{Daemon, Ended, LOOK_AGAIN};
use crate::config::SweepConfig;
use crate::ledger::ScheduleRun;
use crate::model::{FailureKind, PollOutcome, ProfileSelection, SweepWindow, Timestamp};

/// By how much a clock is put right without a word.
const SMALL_CORRECTION: Duration = Duration::from_secs(60);

/// The name by which a sweep's last run is kept.
pub fn run_name(sweep: &SweepConfig) -> String {
    format!("sweep {}", sweep.name)
}

/// Sweeps until tallyd stops. A run that was missed, while nobody was there or because the clock jumped, is
/// made up once.
pub(super) async fn run(daemon: Daemon) -> Ended {
    let mut sessions = daemon.sessions.clone();
    loop {
        let session = sessions.borrow_and_update().clone();
        let sweeps = &session.config().sweeps;
        let mut done = last_runs(&daemon, sweeps).await?;
        while !sessions.has_changed().unwrap_or(false) {
            let now = daemon.clock.now();
            set_back(&daemon, &mut done, now).await?;
            let due = sweeps.iter().filter_map(|sweep| {
                let last = done.get(&run_name(sweep)).copied().unwrap_or(now);
                sweep.schedule.next_after(last).map(|due| (due, sweep))
            });
            match due.min_by_key(|(due, _)| *due) {
                Some((due, sweep)) if due <= now => {
                    let window = sweep.window;
                    tracing::info!(sweep = sweep.name, window = %window, due = %due, "a sweep begins");
                    let outcome = daemon.sweep(session.selection(), window).await;
                    if was_stopped(&outcome) {
                        return Ok(());
                    }
                    let run = ScheduleRun { name: run_name(sweep), last_due: now };
                    done.insert(run.name.clone(), now);
                    daemon.note(daemon.ledger.note_schedule_run(run).await)?;
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

async fn last_runs(daemon: &Daemon, sweeps: &[SweepConfig]) -> anyhow::Result<HashMap<String, Timestamp>> {
    let names = sweeps.iter().map(run_name).collect();
    let runs = daemon.ledger.schedule_runs(names, daemon.clock.now()).await?;
    Ok(runs.into_iter().map(|run| (run.name, run.last_due)).collect())
}

/// Where the clock was set back, counting begins anew: no schedule waits for a time that was passed before.
/// Small corrections are none.
async fn set_back(daemon: &Daemon, done: &mut HashMap<String, Timestamp>, now: Timestamp) -> Ended {
    for (name, last_due) in done.iter_mut().filter(|(_, last_due)| **last_due > now.plus(SMALL_CORRECTION)) {
        tracing::warn!(schedule = name, last_due = %last_due, "the clock was set back; the schedule counts from now on");
        *last_due = now;
        let run = ScheduleRun { name: name.clone(), last_due: now };
        daemon.note(daemon.ledger.note_schedule_run(run).await)?;
    }
    Ok(())
}

fn was_stopped(outcome: &PollOutcome) -> bool {
    let failures = outcome.profiles.iter().flat_map(|poll| poll.result.failures());
    failures.chain(&outcome.account_failure).any(|failure| failure.kind == FailureKind::Stopped)
}

impl Daemon {
    /// Sweeps when no other sweep runs, and logs how it went. Polls go on beside it.
    pub(super) async fn sweep(
        &self,
        selection: &ProfileSelection,
        window: SweepWindow,
    ) -> PollOutcome {
        let _turn = self.sweep_turn.lock().await;
        let poller = self.session().poller(Patience::WaitOutStops).with_stopping(self.stopping.clone());
        let outcome = poller.sweep(selection, window).await;
        self.report.outcome("sweep", &outcome);
        outcome
    }
}
