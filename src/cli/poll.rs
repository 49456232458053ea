//! `poll` and `backfill`: one round over the profiles, in the foreground.

use std::sync::Arc;

use serde::Serialize;

use super::failure::Failure;
use super::interrupt::stoppable;
use super::session::{Patience, Session};
use super::terminal::{Paint, Terminal, render, skew_worth_telling, table, thousands};
use super::{Common, Exit, progress, session};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::model::{
    Counts, FailureKind, Identifier, Lane, PollOutcome, PollResult, Profile, ProfilePoll, ProfileSelection,
};
use crate::sync::Pace;

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

/// Polls and shows the outcome.
pub(super) fn run(
    common: &Common,
    wanted: &PollArguments,
    pace: Pace,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let config = session::load(common, terminal)?;
    let selection = select(&config, &wanted.profile)?;
    let outcome = runtime()?.block_on(stoppable(terminal, async |stopping| {
        let patience = match pace {
            Pace::Backfill => Patience::WaitOutStops,
            Pace::ByGap => Patience::Usual,
        };
        let session =
            Session::open(&config, Arc::new(SystemClock), patience, progress::watch(terminal)).await?;
        let poller = session.poller.clone().with_stopping(stopping);
        let mut outcome = poller.poll(&selection, pace).await;
        poller.sweep_owed(&mut outcome).await;
        // The ledger is closed with its last user.
        drop(poller);
        session.close().await;
        Ok(outcome)
    }))?;
    let text = if wanted.json { json(&outcome)? } else { text(&outcome, terminal) };
    terminal.print(&text)?;
    tell_failures(&outcome, terminal);
    Ok(Exit::of_poll(&outcome))
}

/// The runtime on which commands ask Paxos.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    Ok(runtime.map_err(anyhow::Error::from)?)
}

fn select(config: &Config, wanted: &[String]) -> Result<ProfileSelection, Failure> {
    if wanted.is_empty() {
        return Ok(config.profiles.clone());
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
    let profiles = wanted.iter().map(find).collect::<Result<Vec<_>, _>>()?;
    Ok(ProfileSelection::Listed(profiles))
}

/// The outcome as a table.
pub(super) fn text(outcome: &PollOutcome, terminal: Terminal) -> String {
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
            PollResult::Complete => Paint::Good,
            PollResult::Partial(_) => Paint::Warning,
            PollResult::Failed(_) => Paint::Bad,
        };
        polls.add_row([
            poll.profile.label(),
            poll.lane.to_string(),
            terminal.paint(poll.result.as_str(), paint),
            thousands(poll.counts.rows),
            thousands(poll.counts.appeared),
            thousands(poll.counts.changed),
            thousands(poll.counts.unreadable),
            thousands(poll.counts.stale),
            refreshed(&poll.counts),
            poll.coverage.map_or_else(|| "-".to_owned(), |coverage| coverage.to.to_rfc3339_seconds()),
        ]);
    }
    render(&polls)
}

/// How many open rows were listed again, and how many were asked for one by one.
fn refreshed(counts: &Counts) -> String {
    match counts.looked_up {
        0 => thousands(counts.refreshed),
        looked_up => format!("{} +{} by Get", thousands(counts.refreshed), thousands(looked_up)),
    }
}

fn tell_failures(outcome: &PollOutcome, terminal: Terminal) {
    if let Some(failure) = &outcome.account_failure {
        terminal.tell(&format!(
            "error: the account's profiles could not be listed, so nothing was polled: {}",
            failure.message
        ));
    }
    for poll in &outcome.profiles {
        if let Some(reason) = poll.result.reason() {
            let what = if poll.lane == Lane::Sweep { "sweep" } else { "poll" };
            terminal.tell(&format!("{}: {what} {}: {reason}", poll.profile.label(), poll.result.as_str()));
        }
    }
    if was_stopped(outcome) {
        terminal.tell("nothing is lost: what was committed is kept, and the next poll goes on from there");
    }
    if let Some(skew) = outcome.clock_skew_micros.and_then(skew_worth_telling) {
        terminal.tell(&format!("warning: the local clock is {skew}; check its time synchronisation"));
    }
}

fn was_stopped(outcome: &PollOutcome) -> bool {
    let failures = outcome.profiles.iter().flat_map(|poll| poll.result.failures());
    failures.chain(&outcome.account_failure).any(|failure| failure.kind == FailureKind::Stopped)
}

/// The outcome of a poll, version 1.
#[derive(Serialize)]
struct Outcome {
    complete: bool,
    account_failure: Option<String>,
    requests: u64,
    clock_skew_micros: Option<i64>,
    profiles: Vec<ProfileOutcome>,
}

#[derive(Serialize)]
struct ProfileOutcome {
    profile_id: String,
    name: Option<String>,
    lane: &'static str,
    result: &'static str,
    reason: Option<String>,
    began_at: String,
    ended_at: String,
    covered_from: Option<String>,
    covered_to: Option<String>,
    pages: u64,
    rows: u64,
    appeared: u64,
    changed: u64,
    unreadable: u64,
    stale: u64,
    without_id: u64,
    refreshed: u64,
    looked_up: u64,
}

impl From<&ProfilePoll> for ProfileOutcome {
    fn from(poll: &ProfilePoll) -> Self {
        Self {
            profile_id: poll.profile.id.to_string(),
            name: poll.profile.name.clone(),
            lane: poll.lane.as_str(),
            result: poll.result.as_str(),
            reason: poll.result.reason(),
            began_at: poll.began_at.to_rfc3339(),
            ended_at: poll.ended_at.to_rfc3339(),
            covered_from: poll.coverage.map(|coverage| coverage.from.to_rfc3339()),
            covered_to: poll.coverage.map(|coverage| coverage.to.to_rfc3339()),
            pages: poll.counts.pages,
            rows: poll.counts.rows,
            appeared: poll.counts.appeared,
            changed: poll.counts.changed,
            unreadable: poll.counts.unreadable,
            stale: poll.counts.stale,
            without_id: poll.counts.without_id,
            refreshed: poll.counts.refreshed,
            looked_up: poll.counts.looked_up,
        }
    }
}

fn json(outcome: &PollOutcome) -> Result<String, Failure> {
    to_json(&Outcome {
        complete: outcome.is_complete(),
        account_failure: outcome.account_failure.as_ref().map(|failure| failure.message.clone()),
        requests: outcome.requests,
        clock_skew_micros: outcome.clock_skew_micros,
        profiles: outcome.profiles.iter().map(ProfileOutcome::from).collect(),
    })
}

/// A value as indented JSON with a line end.
pub(super) fn to_json(value: &impl Serialize) -> Result<String, Failure> {
    let mut text = serde_json::to_string_pretty(value).map_err(anyhow::Error::from)?;
    text.push('\n');
    Ok(text)
}
