//! The part of `status` about what runs and what is due: the daemon, the polls under way, the schedules, the
//! requests.

use std::time::Duration;

use serde::Serialize;

use super::super::failure::Failure;
use super::super::terminal::{Paint, Terminal, age, thousands};
use crate::config::Config;
use crate::daemon::{report_run_name, run_name};
use crate::ledger::{Beside, Holder, Overview, RequestState};
use crate::model::{Lane, Timestamp};

/// What runs and what is due, version 1.
#[derive(Debug, Serialize)]
pub(super) struct Service {
    daemon: DaemonState,
    pid: Option<u32>,
    /// `None` where no daemon runs.
    next_poll: Option<String>,
    /// Whether a daemon runs, and should have noted a poll long ago.
    is_poll_overdue: bool,
    requests_per_second: u32,
    backfill_requests_per_second: u32,
    in_progress: Vec<InProgress>,
    sweeps: Vec<Scheduled>,
    reports: Vec<ScheduledReport>,
    requests: Vec<OpenRequest>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum DaemonState {
    Running,
    NotRunning,
    /// Another command writes to the ledger.
    OtherWriter,
    /// This user may not look.
    NotKnown,
}

#[derive(Debug, Serialize)]
struct InProgress {
    profile_id: String,
    name: Option<String>,
    lane: String,
    began_at: String,
    rows: u64,
}

#[derive(Debug, Serialize)]
struct Scheduled {
    name: String,
    schedule: String,
    window: String,
    /// Up to when its runs are done; `None` where no daemon has met it yet.
    last_due: Option<String>,
    /// `None` where there is none.
    next: Option<String>,
    is_due: bool,
}

/// When a report is made.
#[derive(Debug, Serialize)]
struct ScheduledReport {
    name: String,
    schedule: String,
    period: &'static str,
    /// Up to when its runs are done; missing where no daemon has met it.
    last_due: Option<String>,
    next: Option<String>,
    /// Whether one is due and not made: it waits for its period to settle, fails, or nobody runs.
    is_due: bool,
}

#[derive(Debug, Serialize)]
struct OpenRequest {
    number: i64,
    kind: String,
    asked_at: String,
    taken: bool,
}

impl Service {
    /// Looks who holds the ledger, and asks the schedules of the configuration.
    pub(super) fn of(config: &Config, overview: &Overview, now: Timestamp) -> Result<Self, Failure> {
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

    /// The lines for people, name and text.
    pub(super) fn lines(
        &self,
        overview: &Overview,
        now: Timestamp,
        terminal: Terminal,
    ) -> Vec<(&'static str, String)> {
        let daemon = match (self.daemon, self.pid) {
            (DaemonState::Running, pid) => {
                terminal.paint(&format!("running (pid {})", pid.unwrap_or_default()), Paint::Good)
            }
            (DaemonState::NotRunning, _) => "not running; `tallyd run` starts it".to_owned(),
            (DaemonState::OtherWriter, _) => "not running; another command writes to the ledger".to_owned(),
            (DaemonState::NotKnown, _) => "not known: this user may not read the ledger's lock".to_owned(),
        };
        let mut lines = vec![("daemon", daemon)];
        let ago = |now: Timestamp, text: &str| {
            Timestamp::parse_rfc3339(text).map_or_else(|_| String::new(), |at| age(now, at))
        };
        for poll in &self.in_progress {
            let label = poll.name.as_ref().unwrap_or(&poll.profile_id);
            let (rows, ago) = (thousands(poll.rows), ago(by_paxos(overview, now), &poll.began_at));
            lines.push(("in progress", format!("{label}: {} for {ago}, {rows} rows so far", poll.lane)));
        }
        if let Some(next) = &self.next_poll {
            let overdue = "overdue: none was noted for long; the daemon's log says what holds it up";
            let next = format!("about {}", seconds(next));
            let next = if self.is_poll_overdue { terminal.paint(overdue, Paint::Warning) } else { next };
            lines.push(("next poll", next));
        }
        for sweep in &self.sweeps {
            let when = match (&sweep.next, sweep.is_due, self.daemon) {
                (None, ..) => "never".to_owned(),
                (Some(next), false, _) => seconds(next),
                (Some(next), true, DaemonState::Running) => format!("due since {}", seconds(next)),
                (Some(next), true, _) => {
                    format!("missed at {}; made up once when tallyd runs", seconds(next))
                }
            };
            lines.push(("next sweep", format!("{}: {when}", sweep.name)));
        }
        for report in &self.reports {
            let when = match (&report.next, report.is_due, self.daemon) {
                (None, ..) => "never".to_owned(),
                (Some(next), false, _) => seconds(next),
                (Some(next), true, DaemonState::Running) => terminal.paint(
                    &format!(
                        "due since {}: it waits for its period to settle, or fails; the log says why",
                        seconds(next)
                    ),
                    Paint::Warning,
                ),
                (Some(next), true, _) => {
                    format!("missed at {}; made up once when tallyd runs", seconds(next))
                }
            };
            lines.push(("next report", format!("{}: {when}", report.name)));
        }
        let (usual, backfill) = (self.requests_per_second, self.backfill_requests_per_second);
        lines.push(("rate", format!("at most {usual} requests a second, {backfill} in a backfill")));
        for request in &self.requests {
            let doing = match (self.daemon, request.taken) {
                (DaemonState::NotRunning | DaemonState::OtherWriter, _) => {
                    "left to the next daemon, which does what is less than an hour old"
                }
                (_, true) => "being done",
                (_, false) => "waiting for the daemon",
            };
            let (number, kind, ago) = (request.number, &request.kind, ago(now, &request.asked_at));
            lines.push(("request", format!("{number}: {kind}, asked {ago} ago, {doing}")));
        }
        lines
    }
}

/// A poll in an outage may try for this long before anything is noted of it.
const UNNOTED_FOR: Duration = Duration::from_secs(120);

/// Whether nothing was noted for intervals on end, though nothing is under way and no pause is kept.
fn is_poll_overdue(config: &Config, overview: &Overview, now: Timestamp) -> bool {
    let is_busy = overview.running.iter().any(|poll| poll.lane != Lane::Sweep.as_str());
    let last = last_poll(overview);
    let since = last.map(|last| by_paxos(overview, now).since(last));
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
        .map_or(now, |last| now.minus(by_paxos(overview, now).since(last)).plus(config.poll.every));
    let pause = overview.stops.iter().map(|stop| stop.until).max();
    pause.map_or(by_interval, |until| by_interval.max(until)).max(now)
}

/// The same instant by Paxos's clock, by which polls are noted.
fn by_paxos(overview: &Overview, now: Timestamp) -> Timestamp {
    overview.clock_skew.map_or(now, |skew| skew.correct(now))
}

fn scheduled(config: &Config, overview: &Overview, now: Timestamp) -> Vec<Scheduled> {
    let scheduled = config.sweeps.iter().map(|sweep| {
        let name = run_name(sweep);
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
        let name = report_run_name(report);
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

fn seconds(instant: &str) -> String {
    Timestamp::parse_rfc3339(instant).map_or_else(|_| instant.to_owned(), Timestamp::to_rfc3339_seconds)
}
