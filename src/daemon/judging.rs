//! Breaks as the daemon has them judged: by which rules, and when profiles are looked at.

use std::sync::Arc;
use std::time::Duration;

use super::{Daemon, Ended, or_log};
use crate::alerts;
use crate::breaks::limits::DuplicateWindow;
use crate::breaks::{self, History};
use crate::config::Config;
use crate::ledger::Rules;
use crate::model::Audience;
use crate::sync::diff;

/// How often the profiles are looked at beside the ends of polls: a poll that does not end is noticed too.
const EVERY: Duration = Duration::from_secs(30);

/// The rules by which a ledger compares and judges under a configuration.
pub fn rules(config: &Config) -> Rules {
    let of_rows = config.limits.clone();
    let of_polls = config.limits.clone();
    let of_twins = config.limits.clone();
    let sinks = config.alerts.sinks.clone();
    let history = match config.alerts.history {
        Audience::Nobody => History::Recorded,
        Audience::Everybody => History::Told,
    };
    Rules {
        judge: Arc::new(move |page| breaks::judge(&of_rows, history, page)),
        judge_polls: Arc::new(move |facts| breaks::judge_polls(&of_polls, facts)),
        judge_report: Arc::new(breaks::judge_report),
        lookalikes_within: Arc::new(move |row| {
            let profile = row.profile_id.as_ref()?;
            match of_twins.of(row, profile).possible_duplicate {
                DuplicateWindow::Off => None,
                DuplicateWindow::Within(window) => Some(window),
            }
        }),
        route: Arc::new(move |notice| alerts::route(&sinks, notice)),
        ..Rules::without_breaks(diff::compare)
    }
}

/// Looks at how the profiles fare, when a poll has ended and every half minute, until tallyd stops.
pub(super) async fn run(daemon: Daemon) -> Ended {
    loop {
        tokio::select! {
            biased;
            () = daemon.stopping.given() => return Ok(()),
            () = daemon.polled.notified() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
        or_log(daemon.session().judge_polls().await)?;
    }
}
