//! `poll` and `backfill`: one round over the profiles, in the foreground; and what `sweep` shares with them.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::failure::Failure;
use super::interrupt::stoppable;
use super::terminal::Terminal;
use super::{Common, Exit, outcome, progress, request, session};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::daemon::outcome::Outcome;
use crate::daemon::{self, Observers, Session, Wanted, Whom};
use crate::ledger::{LedgerError, Problem, Role};
use crate::model::{Identifier, Profile, ProfileSelection, with_causes};
use crate::sync::Pace;

/// How long a command tells people what it found. What is not delivered by then waits for the next one.
const TELL_WITHIN: Duration = Duration::from_secs(30);

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
    let config = session::load_for_work(common, terminal)?;
    let whom = whom(&config, &wanted.profile)?;
    let work = match pace {
        Pace::ByGap => Wanted::Poll(whom),
        Pace::Backfill => Wanted::Backfill(whom),
    };
    let outcome = carry_out(&config, &work, terminal)?;
    let text = if wanted.json { to_json(&outcome)? } else { outcome::text(&outcome, terminal) };
    outcome::show(&outcome, &work, &text, terminal)
}

/// Does it, or has the daemon do it that holds the ledger.
pub(super) fn carry_out(config: &Config, wanted: &Wanted, terminal: Terminal) -> Result<Outcome, Failure> {
    let runtime = runtime()?;
    match runtime.block_on(in_the_foreground(config, wanted, terminal)) {
        Err(Failure::Ledger(LedgerError { problem: Problem::LockedByDaemon { pid }, .. })) => {
            runtime.block_on(request::ask(config, wanted, pid, terminal))
        }
        done => done,
    }
}

async fn in_the_foreground(config: &Config, wanted: &Wanted, terminal: Terminal) -> Result<Outcome, Failure> {
    let selection = wanted.whom().among(&config.profiles).map_err(anyhow::Error::from)?;
    stoppable(terminal, async |stopping| {
        let (clock, watch) = (Arc::new(SystemClock), progress::watch(terminal));
        let session = Session::open(
            config.clone(),
            clock,
            Role::Command,
            daemon::rules(config),
            Observers::watching(watch),
        )
        .await?;
        let mut outcome = session.carry_out(wanted, &selection, stopping.clone()).await;
        if let Wanted::Poll(_) | Wanted::Backfill(_) = wanted {
            session.sweep_owed(&mut outcome, stopping).await;
            session.judge_polls().await?;
        }
        session.call_heartbeats(wanted, &outcome).await;
        if let Err(error) = session.delivery(fastrand::u64(..)).flush(TELL_WITHIN).await {
            let error = with_causes(&error);
            terminal.tell(&format!("what is to be told could not be delivered and waits: {error}"));
        }
        session.close().await;
        Ok(Outcome::from(&outcome))
    })
    .await
}

/// The runtime on which commands ask Paxos.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    Ok(runtime.map_err(anyhow::Error::from)?)
}

/// The profiles that `--profile` names.
pub(super) fn whom(config: &Config, wanted: &[String]) -> Result<Whom, Failure> {
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

/// A value as indented JSON with a line end.
pub(super) fn to_json(value: &impl Serialize) -> Result<String, Failure> {
    let mut text = serde_json::to_string_pretty(value).map_err(anyhow::Error::from)?;
    text.push('\n');
    Ok(text)
}
