//! `report --schedule-preview`: when a report runs next, and over which period each time.

use crate::cli::Exit;
use crate::cli::failure::Failure;
use crate::cli::terminal::{Terminal, render, table};
use crate::clock::{Clock as _, SystemClock};
use crate::config::ReportConfig;
use crate::daemon;
use crate::model::Timestamp;

/// How many runs are listed.
const RUNS: usize = 10;

/// Lists the next runs.
pub(super) fn run(report: &ReportConfig, terminal: Terminal) -> Result<Exit, Failure> {
    let first = report.schedule.next_after(SystemClock.now());
    let runs = std::iter::successors(first, |due| report.schedule.next_after(*due));
    let mut list = table(&["DUE", "IN THE ZONE", "PERIOD", "MADE NOT BEFORE"]);
    for due in runs.take(RUNS) {
        let period = daemon::period_of_run(report, due);
        let ready = period.as_ref().map(|period| period.to.plus(report.settle).max(due));
        list.add_row([
            due.to_rfc3339_seconds(),
            report.zone.show(due),
            period.map(|period| period.name()).unwrap_or_default(),
            ready.map(Timestamp::to_rfc3339_seconds).unwrap_or_default(),
        ]);
    }
    terminal.print(&format!("{}: {}\n{}", report.name, report.schedule, render(&list)))?;
    Ok(Exit::Fine)
}
