//! `poll` and `backfill`: one round over the profiles, in the foreground.

use std::sync::Arc;

use serde::Serialize;

use super::failure::Failure;
use super::interrupt::stoppable;
use super::terminal::{Paint, Terminal, render, skew_worth_telling, table, thousands};
use super::{Common, Exit, progress, request, session};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::daemon::outcome::{Outcome, ProfileOutcome, ResultName};
use crate::daemon::{Patience, Session, Wanted, Whom};
use crate::ledger::{LedgerError, Problem, Role};
use crate::model::{FailureKind, Identifier, Profile, ProfileSelection, Timestamp};
use crate::sync::{self, Pace};

/// What `poll` and `backfill` take.
#[derive(Debug, clap::Args)]
pub(super) struct PollArguments {
    /// Only this profile, by id or by its name in the configuration; may be given several times
    #[arg(long, value_name = "PROFILE")]
    profile: Vec<String>,
    /// Show the outcome as JSON
    #[arg(long)]
    json: bool,
}

/// Polls, or has the daemon poll that holds the ledger, and shows the outcome.
pub(super) fn run(
    common: &Common,
    wanted: &PollArguments,
    pace: Pace,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let config = session::load(common, terminal)?;
    let whom = whom(&config, &wanted.profile)?;
    let runtime = runtime()?;
    let outcome = match runtime.block_on(poll(&config, &whom, pace, terminal)) {
        Err(Failure::Ledger(LedgerError { problem: Problem::LockedByDaemon { pid }, .. })) => {
            let wanted = match pace {
                Pace::ByGap => Wanted::Poll(whom),
                Pace::Backfill => Wanted::Backfill(whom),
            };
            runtime.block_on(request::ask(&config, &wanted, pid, terminal))?
        }
        polled => polled?,
    };
    show(&outcome, wanted.json, terminal)
}

async fn poll(config: &Config, whom: &Whom, pace: Pace, terminal: Terminal) -> Result<Outcome, Failure> {
    let selection = whom.among(&config.profiles).map_err(anyhow::Error::from)?;
    stoppable(terminal, async |stopping| {
        let patience = match pace {
            Pace::Backfill => Patience::WaitOutStops,
            Pace::ByGap => Patience::Usual,
        };
        let (clock, watch) = (Arc::new(SystemClock), progress::watch(terminal));
        let session = Session::open(config.clone(), clock, Role::Command, sync::rules(), watch).await?;
        let outcome = session.poller(patience).with_stopping(stopping).poll(&selection, pace).await;
        session.close().await;
        Ok(Outcome::from(&outcome))
    })
    .await
}

/// Shows an outcome, whoever polled: the data, what was not as it should be, the exit code.
fn show(outcome: &Outcome, json: bool, terminal: Terminal) -> Result<Exit, Failure> {
    let text = if json { to_json(outcome)? } else { text(outcome, terminal) };
    terminal.print(&text)?;
    tell_failures(outcome, terminal);
    Ok(Exit::of_poll(outcome))
}

/// The runtime on which commands ask Paxos.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    Ok(runtime.map_err(anyhow::Error::from)?)
}

fn whom(config: &Config, wanted: &[String]) -> Result<Whom, Failure> {
    if wanted.is_empty() {
        return Ok(Whom::All);
    }
    let configured: &[Profile] = match &config.profiles {
        ProfileSelection::All => &[],
        ProfileSelection::Listed(profiles) => profiles,
    };
    let find = |text: &String| {
        let id = Identifier::new(text);
        let known = configured
            .iter()
            .find(|profile| profile.id == id || profile.name.as_deref() == Some(text.as_str()));
        match known {
            Some(profile) => Ok(profile.clone()),
            // Where every profile is polled, any id may be asked for.
            None if configured.is_empty() => Ok(Profile { id, name: None }),
            None => Err(anyhow::anyhow!(
                "no profile {text:?} in the configuration; name one of [[profiles]] ({}), or add it there",
                configured.iter().map(Profile::label).collect::<Vec<_>>().join(", ")
            )),
        }
    };
    Ok(Whom::Only(wanted.iter().map(find).collect::<Result<Vec<_>, _>>()?))
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

fn tell_failures(outcome: &Outcome, terminal: Terminal) {
    if let Some(failure) = &outcome.account_failure {
        terminal.tell(&format!(
            "error: the account's profiles could not be listed, so nothing was polled: {failure}"
        ));
    }
    for poll in &outcome.profiles {
        if let Some(reason) = &poll.reason {
            terminal.tell(&format!("{}: poll {}: {reason}", poll.label(), poll.result.as_str()));
        }
    }
    if outcome.failure_kinds().any(|kind| kind == FailureKind::Stopped) {
        terminal.tell("nothing is lost: what was committed is kept, and the next poll goes on from there");
    }
    if let Some(skew) = outcome.clock_skew_micros.and_then(skew_worth_telling) {
        terminal.tell(&format!("warning: the local clock is {skew}; check its time synchronisation"));
    }
}

/// A value as indented JSON with a line end.
pub(super) fn to_json(value: &impl Serialize) -> Result<String, Failure> {
    let mut text = serde_json::to_string_pretty(value).map_err(anyhow::Error::from)?;
    text.push('\n');
    Ok(text)
}
