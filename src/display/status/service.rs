//! What runs and what is due: the daemon, the polls under way, the schedules, the requests.

use std::time::Duration;

use serde::Serialize;

use crate::config::Config;
use crate::ledger::{Beside, Holder, LedgerError, Overview, RequestState};
use crate::model::{Lane, Timestamp};

/// What runs and what is due, version 1.
#[derive(Debug, Serialize)]
pub struct Service {
    /// Whether a daemon runs.
    pub daemon: DaemonState,
    /// Its process.
    pub pid: Option<u32>,
    /// `None` where no daemon runs.
    pub next_poll: Option<String>,
    /// Whether a daemon runs, and should have noted a poll long ago.
    pub is_poll_overdue: bool,
    /// How many requests a second are allowed.
    pub requests_per_second: u32,
    /// How many in a backfill.
    pub backfill_requests_per_second: u32,
    /// The polls and sweeps under way.
    pub in_progress: Vec<InProgress>,
    /// The sweeps that recur.
    pub sweeps: Vec<Scheduled>,
    /// The reports that recur.
    pub reports: Vec<ScheduledReport>,
    /// What commands asked the daemon for.
    pub requests: Vec<OpenRequest>,
}

/// Who writes to the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DaemonState {
    /// One does.
    Running,
    /// None does.
    NotRunning,
    /// Another command writes to the ledger.
    OtherWriter,
    /// This user may not look.
    NotKnown,
}

/// A poll or sweep under way.
#[derive(Debug, Serialize)]
pub struct InProgress {
    /// The profile's id.
    pub profile_id: String,
    /// What it is called.
    pub name: Option<String>,
    /// Its lane.
    pub lane: String,
    /// When it began, RFC 3339.
    pub began_at: String,
    /// How many rows it has committed.
    pub rows: u64,
}

/// A sweep that recurs.
#[derive(Debug, Serialize)]
pub struct Scheduled {
    /// Its name.
    pub name: String,
    /// Its schedule, as it is written.
    pub schedule: String,
    /// What is listed again.
    pub window: String,
    /// Up to when its runs are done; `None` where no daemon has met it yet.
    pub last_due: Option<String>,
    /// When the next one is due, RFC 3339.
    pub next: Option<String>,
    /// Whether a run is due and not done.
    pub is_due: bool,
}

/// When a report is made.
#[derive(Debug, Serialize)]
pub struct ScheduledReport {
    /// Its name.
    pub name: String,
    /// Its schedule, as it is written.
    pub schedule: String,
    /// What it is about.
    pub period: &'static str,
    /// Up to when its runs are done; missing where no daemon has met it.
    pub last_due: Option<String>,
    /// When the next one is due, RFC 3339.
    pub next: Option<String>,
    /// Whether one is due and not made: it waits for its period to settle, fails, or nobody runs.
    pub is_due: bool,
}

/// What a command asked the daemon for.
#[derive(Debug, Serialize)]
pub struct OpenRequest {
    /// Its number.
    pub number: i64,
    /// What is asked for.
    pub kind: String,
    /// When, RFC 3339.
    pub asked_at: String,
    /// Whether the daemon has begun.
    pub taken: bool,
}

impl Service {
    /// Looks who holds the ledger, and asks the schedules of the configuration.
    pub fn of(config: &Config, overview: &Overview, now: Timestamp) -> Result<Self, LedgerError> {
        let holder = Beside::at(&config.ledger.path).holder()?;
        let (daemon, pid) = match &holder {
            Holder::Daemon { pid } => (DaemonState::Running, Some(*pid)),
            Holder::Nobody => (DaemonState::NotRunning, None),
            Holder::Command(_) => (DaemonState::OtherWriter, None),
            Holder::Hidden => (DaemonState::NotKnown, None),
        };
        let in_progress = overview.running.iter().map(|poll| InProgress {
            profile_id: poll.profile.id.to_string(),
            name: poll.profile.name.clone(),
            lane: poll.lane.clone(),
            began_at: poll.began_at.to_rfc3339(),
            rows: poll.rows,
        });
        let requests = overview.requests.iter().map(|request| OpenRequest {
            number: request.number.get(),
            kind: request.kind.clone(),
            asked_at: request.asked_at.to_rfc3339(),
            taken: request.state == RequestState::Taken,
        });
        Ok(Self {
            daemon,
            pid,
            next_poll: (daemon == DaemonState::Running)
                .then(|| next_poll(config, overview, now).to_rfc3339()),
            is_poll_overdue: daemon == DaemonState::Running && is_poll_overdue(config, overview, now),
            requests_per_second: config.paxos.requests_per_second.get(),
            backfill_requests_per_second: config.paxos.backfill_requests_per_second.get(),
            // Where nobody writes, what says that it runs was killed.
            in_progress: if holder == Holder::Nobody { Vec::new() } else { in_progress.collect() },
            sweeps: scheduled(config, overview, now),
            reports: scheduled_reports(config, overview, now),
            requests: requests.collect(),
        })
    }
}

/// A poll in an outage may try for this long before anything is noted of it.
const UNNOTED_FOR: Duration = Duration::from_secs(120);

/// Whether nothing was noted for intervals on end, though nothing is under way and no pause is kept.
fn is_poll_overdue(config: &Config, overview: &Overview, now: Timestamp) -> bool {
    let is_busy = overview.running.iter().any(|poll| poll.lane != Lane::Sweep.as_str());
    let last = last_poll(overview);
    let since = last.map(|last| overview.by_paxos(now).since(last));
    !is_busy
        && overview.stops.is_empty()
        && since.is_some_and(|since| since > config.poll.every * 3 + UNNOTED_FOR)
}

fn last_poll(overview: &Overview) -> Option<Timestamp> {
    overview.profiles.iter().filter_map(|profile| Some(profile.last_poll.as_ref()?.began_at)).max()
}

/// About when the next poll begins: each interval has a jitter, which only the daemon knows.
fn next_poll(config: &Config, overview: &Overview, now: Timestamp) -> Timestamp {
    let by_interval = last_poll(overview)
        .map_or(now, |last| now.minus(overview.by_paxos(now).since(last)).plus(config.poll.every));
    let pause = overview.stops.iter().map(|stop| stop.until).max();
    pause.map_or(by_interval, |until| by_interval.max(until)).max(now)
}

fn scheduled(config: &Config, overview: &Overview, now: Timestamp) -> Vec<Scheduled> {
    let scheduled = config.sweeps.iter().map(|sweep| {
        let name = sweep.run_name();
        let last = overview.schedule_runs.iter().find(|run| run.name == name).map(|run| run.last_due);
        let next = sweep.schedule.next_after(last.unwrap_or(now));
        Scheduled {
            name: sweep.name.clone(),
            schedule: sweep.schedule.to_string(),
            window: sweep.window.to_string(),
            last_due: last.map(Timestamp::to_rfc3339),
            next: next.map(Timestamp::to_rfc3339),
            is_due: last.is_some_and(|last| sweep.schedule.missed(last, now)),
        }
    });
    scheduled.collect()
}

fn scheduled_reports(config: &Config, overview: &Overview, now: Timestamp) -> Vec<ScheduledReport> {
    let scheduled = config.reports.iter().map(|report| {
        let name = report.run_name();
        let last = overview.schedule_runs.iter().find(|run| run.name == name).map(|run| run.last_due);
        let next = report.schedule.next_after(last.unwrap_or(now));
        ScheduledReport {
            name: report.name.clone(),
            schedule: report.schedule.to_string(),
            period: report.period.as_str(),
            last_due: last.map(Timestamp::to_rfc3339),
            next: next.map(Timestamp::to_rfc3339),
            is_due: last.is_some_and(|last| report.schedule.missed(last, now)),
        }
    });
    scheduled.collect()
}
