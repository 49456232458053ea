//! The part of `status` about what runs and what is due, for people.

use crate::cli::terminal::{Paint, Terminal, age, thousands};
use crate::display::status::{DaemonState, Service};
use crate::ledger::Overview;
use crate::model::Timestamp;

/// The lines for people, name and text.
pub(super) fn lines(
    service: &Service,
    overview: &Overview,
    now: Timestamp,
    terminal: Terminal,
) -> Vec<(&'static str, String)> {
    let daemon = match (service.daemon, service.pid) {
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
    for poll in &service.in_progress {
        let label = poll.name.as_ref().unwrap_or(&poll.profile_id);
        let (rows, ago) = (thousands(poll.rows), ago(overview.by_paxos(now), &poll.began_at));
        lines.push(("in progress", format!("{label}: {} for {ago}, {rows} rows so far", poll.lane)));
    }
    if let Some(next) = &service.next_poll {
        let overdue = "overdue: none was noted for long; the daemon's log says what holds it up";
        let next = format!("about {}", seconds(next));
        let next = if service.is_poll_overdue { terminal.paint(overdue, Paint::Warning) } else { next };
        lines.push(("next poll", next));
    }
    for sweep in &service.sweeps {
        let when = match (&sweep.next, sweep.is_due, service.daemon) {
            (None, ..) => "never".to_owned(),
            (Some(next), false, _) => seconds(next),
            (Some(next), true, DaemonState::Running) => format!("due since {}", seconds(next)),
            (Some(next), true, _) => {
                format!("missed at {}; made up once when tallyd runs", seconds(next))
            }
        };
        lines.push(("next sweep", format!("{}: {when}", sweep.name)));
    }
    for report in &service.reports {
        let when = match (&report.next, report.is_due, service.daemon) {
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
    let (usual, backfill) = (service.requests_per_second, service.backfill_requests_per_second);
    lines.push(("rate", format!("at most {usual} requests a second, {backfill} in a backfill")));
    for request in &service.requests {
        let doing = match (service.daemon, request.taken) {
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

fn seconds(instant: &str) -> String {
    Timestamp::parse_rfc3339(instant).map_or_else(|_| instant.to_owned(), Timestamp::to_rfc3339_seconds)
}
