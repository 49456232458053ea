//! What a poll or a sweep came to, as `poll`, `backfill` and `sweep` show it, whoever did it.

use super::Exit;
use super::failure::Failure;
use super::terminal::{Paint, Terminal, render, skew_worth_telling, table, thousands};
use crate::daemon::Wanted;
use crate::daemon::outcome::{Outcome, ProfileOutcome, ResultName};
use crate::model::{FailureKind, Lane, Timestamp};

/// Shows an outcome: the data as `text`, what was not as it should be, the exit code.
pub(super) fn show(
    outcome: &Outcome,
    wanted: &Wanted,
    text: &str,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    terminal.print(text)?;
    tell_failures(outcome, wanted, terminal);
    Ok(Exit::of_poll(outcome))
}

/// The outcome as a table.
pub(super) fn text(outcome: &Outcome, terminal: Terminal) -> String {
    if outcome.profiles.is_empty() {
        return String::new();
    }
    let mut polls = table(&[
        "PROFILE",
        "LANE",
        "RESULT",
        "ROWS",
        "NEW",
        "CHANGED",
        "UNREADABLE",
        "STALE",
        "REFRESHED",
        "COVERED TO",
    ]);
    for poll in &outcome.profiles {
        let paint = match poll.result {
            ResultName::Complete => Paint::Good,
            ResultName::Partial => Paint::Warning,
            ResultName::Failed => Paint::Bad,
        };
        polls.add_row([
            poll.label().to_owned(),
            poll.lane.clone(),
            terminal.paint(poll.result.as_str(), paint),
            thousands(poll.rows),
            thousands(poll.appeared),
            thousands(poll.changed),
            thousands(poll.unreadable),
            thousands(poll.stale),
            refreshed(poll),
            poll.covered_to.as_deref().map_or_else(|| "-".to_owned(), to_the_second),
        ]);
    }
    render(&polls)
}

/// How many open rows were listed again, and how many were asked for one by one.
fn refreshed(poll: &ProfileOutcome) -> String {
    match poll.looked_up {
        0 => thousands(poll.refreshed),
        looked_up => format!("{} +{} by Get", thousands(poll.refreshed), thousands(looked_up)),
    }
}

/// An instant of the JSON, without fractions of seconds.
fn to_the_second(instant: &str) -> String {
    Timestamp::parse_rfc3339(instant).map_or_else(|_| instant.to_owned(), Timestamp::to_rfc3339_seconds)
}

fn tell_failures(outcome: &Outcome, wanted: &Wanted, terminal: Terminal) {
    if let Some(failure) = &outcome.account_failure {
        terminal.tell(&match (wanted, outcome.profiles.as_slice()) {
            (Wanted::Sweep(..), [_, ..]) => {
                format!("error: rows of profiles that the account does not list: {failure}")
            }
            _ => format!(
                "error: the account's profiles could not be listed, so nothing was {}: {failure}",
                wanted.done()
            ),
        });
    }
    for poll in &outcome.profiles {
        if let Some(reason) = &poll.reason {
            let kind = if poll.lane == Lane::Sweep.as_str() { "sweep" } else { "poll" };
            terminal.tell(&format!("{}: {kind} {}: {reason}", poll.label(), poll.result.as_str()));
        }
    }
    for poll in &outcome.profiles {
        if let Some(since) = poll.compared_since.as_ref().filter(|since| **since < poll.began_at) {
            let (label, since) = (poll.label(), to_the_second(since));
            terminal.tell(&format!("{label}: a part was compared before, by a sweep that began at {since}"));
        }
    }
    if outcome.failure_kinds().any(|kind| kind == FailureKind::Stopped) {
        let next = match wanted {
            Wanted::Sweep(..) => "`sweep --resume` with the same window",
            Wanted::Poll(_) | Wanted::Backfill(_) => "the next one",
        };
        terminal.tell(&format!("nothing is lost: what was committed is kept, and {next} goes on from there"));
    }
    if let Some(skew) = outcome.clock_skew_micros.and_then(skew_worth_telling) {
        terminal.tell(&format!("warning: the local clock is {skew}; check its time synchronisation"));
    }
}
