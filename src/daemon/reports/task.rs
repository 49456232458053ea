//! The task that makes reports, by the schedules of `[[reports]]`.
//!
//! One at a time. A run that was missed is made up once. A run waits until its period has settled and the ledger knows
//! of that; one that fails is told, and tried again later and later.

use std::collections::HashMap;
use std::time::Duration;

use crate::config::{Config, ReportConfig};
use crate::daemon::sweeps::{Done, last_runs, set_back};
use crate::daemon::{Daemon, Ended, LOOK_AGAIN, Session, or_later, or_log};
use crate::ledger::{AsOf, Reader, ReportRun, ScheduleRun, Standing};
use crate::model::{ReportFailure, Timestamp, with_causes};
use crate::report::folder::{Existing, Written, remove_old};

use super::{Kept, ReportError, make_and_keep, period_of_run, plan_of};

/// How long after a first failure a report is tried again; twice as long after each further one.
const TRY_AGAIN: Duration = Duration::from_secs(60);

/// The longest time between two tries.
const LONGEST: Duration = Duration::from_secs(3600);

/// Runs that failed, by name.
type Failed = HashMap<String, FailedRun>;

/// A run that failed and is due still.
struct FailedRun {
    /// When it is tried again, by the clock's monotonic reading.
    again_at: Duration,
    /// How often it failed.
    times: u32,
}

impl FailedRun {
    /// What becomes of a run that failed now, after what it was before.
    fn after(former: Option<&Self>, monotonic: Duration) -> Self {
        let run = Self { again_at: monotonic, times: former.map_or(0, |former| former.times) + 1 };
        Self { again_at: monotonic + run.wait(), ..run }
    }

    /// How long it waits for the next try.
    fn wait(&self) -> Duration {
        TRY_AGAIN.saturating_mul(1 << self.times.saturating_sub(1).min(10)).min(LONGEST)
    }
}

/// What a try came to.
enum Tried {
    /// Its files are there.
    Kept(Box<Kept>),
    /// The ledger does not know of the time yet at which its period has settled.
    TooEarly,
    /// It failed.
    Failed(ReportError),
}

/// Makes reports until tallyd stops.
pub(in crate::daemon) async fn run(daemon: Daemon) -> Ended {
    let mut sessions = daemon.sessions.clone();
    while !daemon.stopping.is_given() {
        let session = sessions.borrow_and_update().clone();
        let reports = &session.config().reports;
        let names = reports.iter().map(ReportConfig::run_name).collect();
        let called = reports.iter().map(|report| report.name.clone()).collect();
        or_log(daemon.ledger.only_reports(called, session.server_now()).await)?;
        let done = or_later(last_runs(&daemon, names).await)?;
        let mut failed = Failed::new();
        if let Some(mut done) = done {
            while !daemon.stopping.is_given() && !sessions.has_changed().unwrap_or(false) {
                set_back(&daemon, &mut done, daemon.clock.now()).await?;
                make_due(&daemon, &session, &mut done, &mut failed).await?;
                wait(&daemon, &mut sessions).await;
            }
        } else {
            wait(&daemon, &mut sessions).await;
            sessions.mark_changed();
        }
    }
    Ok(())
}

/// Waits a moment, or until tallyd stops or has another configuration.
async fn wait<T>(daemon: &Daemon, sessions: &mut tokio::sync::watch::Receiver<T>) {
    tokio::select! {
        () = daemon.stopping.given() => {}
        () = tokio::time::sleep(LOOK_AGAIN) => {}
        _ = sessions.changed() => sessions.mark_changed(),
    }
}

/// Makes every report that is due, one after the other.
async fn make_due(daemon: &Daemon, session: &Session, done: &mut Done, failed: &mut Failed) -> Ended {
    for report in &session.config().reports {
        if daemon.stopping.is_given() {
            return Ok(());
        }
        let (now, monotonic) = (daemon.clock.now(), daemon.clock.monotonic());
        let name = report.run_name();
        let last = done.get(&name).copied().unwrap_or(now);
        let Some(due) = last_due(report, last, now) else {
            daemon.metrics.report_due(&report.name, None);
            continue;
        };
        daemon.metrics.report_due(&report.name, Some(earliest(report, due)));
        if failed.get(&name).is_some_and(|failed| failed.again_at > monotonic) {
            continue;
        }
        match try_once(daemon, session.config(), report, due, now).await? {
            Tried::TooEarly => {}
            Tried::Kept(kept) => {
                tell(report, &kept);
                if note_made(daemon, session, report, due, now, &kept).await?.is_some() {
                    failed.remove(&name);
                    forget_old(report, &kept);
                    done.insert(name, due);
                    daemon.metrics.report_due(&report.name, None);
                } else {
                    let run = FailedRun::after(failed.get(&name), monotonic);
                    failed.insert(name, run);
                }
            }
            Tried::Failed(error) => {
                let run = FailedRun::after(failed.get(&name), monotonic);
                note_failed(daemon, session, report, due, &error, &run).await?;
                failed.insert(name, run);
            }
        }
    }
    Ok(())
}

/// Notes that a run was made, with what its sinks are told. Until that is noted the run is due: the same report is
/// made again, and told once. `None` where the ledger could not be written, for a reason that may pass.
async fn note_made(
    daemon: &Daemon,
    session: &Session,
    report: &ReportConfig,
    due: Timestamp,
    now: Timestamp,
    kept: &Kept,
) -> anyhow::Result<Option<()>> {
    let made = ReportRun {
        run: ScheduleRun { name: report.run_name(), last_due: due },
        report: kept.made.clone(),
        sinks: report.sinks.clone(),
        at: now,
    };
    or_later(daemon.ledger.report_made(made, session.server_now()).await)
}

/// Tells that a run failed: the log and the metrics each time, people once.
async fn note_failed(
    daemon: &Daemon,
    session: &Session,
    report: &ReportConfig,
    due: Timestamp,
    error: &ReportError,
    run: &FailedRun,
) -> Ended {
    let (called, error) = (report.name.as_str(), with_causes(error));
    tracing::error!(
        report = called,
        due = %due,
        error,
        tries = run.times,
        again_in_seconds = run.wait().as_secs(),
        "a report could not be made: {called}: {error}"
    );
    daemon.metrics.report_failed(called);
    let period = period_of_run(report, due).map_or_else(String::new, |period| period.name());
    let failure = ReportFailure { period, due_at: due, reason: error };
    or_log(daemon.ledger.report_failed(report.name.clone(), failure, session.server_now()).await)
}

/// When a run that is due can be made first: when its period has settled.
fn earliest(report: &ReportConfig, due: Timestamp) -> Timestamp {
    let settled = period_of_run(report, due).map(|period| period.to.plus(report.settle));
    settled.map_or(due, |settled| settled.max(due))
}

/// The last run that was due since, if any: however many were missed, one makes up for them.
fn last_due(report: &ReportConfig, last: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let first = report.schedule.next_after(last)?;
    let later = std::iter::successors(Some(first), |due| report.schedule.next_after(*due));
    later.take_while(|due| *due <= now).last()
}

async fn try_once(
    daemon: &Daemon,
    config: &Config,
    report: &ReportConfig,
    due: Timestamp,
    now: Timestamp,
) -> anyhow::Result<Tried> {
    let Some(period) = period_of_run(report, due) else { return Ok(Tried::TooEarly) };
    if period.to.plus(report.settle) > now {
        return Ok(Tried::TooEarly);
    }
    let settles_at = period.to.plus(report.settle);
    let (config, report) = (config.clone(), report.clone());
    let path = config.ledger.path.clone();
    // Reading takes seconds in a large ledger: it holds up nobody.
    let made = tokio::task::spawn_blocking(move || -> Result<Option<Kept>, ReportError> {
        let reader = Reader::open(&path)?;
        if !reader.knows_of(settles_at)? {
            return Ok(None);
        }
        let plan = plan_of(&report, period, AsOf::Settled);
        make_and_keep(&reader, &config, &report, plan, Existing::Keep).map(Some)
    });
    let made = tokio::select! {
        made = made => made?,
        // What it leaves half made is made anew by the next daemon.
        () = daemon.stopping.given() => return Ok(Tried::TooEarly),
    };
    Ok(match made {
        Ok(Some(kept)) if kept.report.basis.standing == Standing::Settled => Tried::Kept(Box::new(kept)),
        Ok(_) => Tried::TooEarly,
        Err(error) => Tried::Failed(error),
    })
}

fn tell(report: &ReportConfig, kept: &Kept) {
    let manifest = kept.files.last().map(|path| path.display().to_string()).unwrap_or_default();
    let (name, period) = (report.name.as_str(), kept.report.plan.period.name());
    if !kept.report.ties_out() {
        tracing::error!(report = name, period, manifest, "a report does not tie out: {name}, {period}");
    }
    if !kept.report.is_covered() {
        tracing::warn!(
            report = name,
            period,
            manifest,
            "a report is not complete, and says what is missing: {name}, {period}"
        );
    }
    match kept.written {
        Written::Now => {
            tracing::info!(report = name, period, manifest, "a report was made: {name}, {period}");
        }
        Written::Before => {
            tracing::info!(report = name, period, manifest, "a report was there already: {name}, {period}");
        }
    }
}

/// Removes the files of those that were to be kept no longer.
fn forget_old(report: &ReportConfig, kept: &Kept) {
    let Some(keep) = report.keep else { return };
    let before = kept.report.plan.period.to.minus(keep);
    match remove_old(&report.directory, &report.name, before) {
        Ok(0) => {}
        Ok(files) => {
            tracing::info!(report = report.name, files, before = %before, "old files of a report were removed");
        }
        Err(error) => {
            tracing::error!(
                report = report.name,
                error = with_causes(&error),
                "old files of a report could not be removed"
            );
        }
    }
}
