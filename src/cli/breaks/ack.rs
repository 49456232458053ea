//! `breaks ack`: somebody looks after it.

use super::deeds::{self, DeedArguments, Verb};
use crate::cli::failure::Failure;
use crate::cli::terminal::Terminal;
use crate::cli::{Exit, session};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::display::when::{self, When};
use crate::ledger::{BreakFilter, BreakState, Deed, Reader};

/// What `breaks ack` takes.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AckArguments {
    #[command(flatten)]
    which: DeedArguments,
    /// Why nobody needs to be told any more
    #[arg(long, value_name = "TEXT", value_parser = deeds::not_empty)]
    why: String,
    /// Until when: for so long (36h), or to a day or time [default: until it resolves or gets worse]
    #[arg(long, value_name = "DURATION|TIME", value_parser = when::future)]
    until: Option<When>,
}

/// Acknowledges breaks.
pub(super) fn run(config: &Config, wanted: &AckArguments, terminal: Terminal) -> Result<Exit, Failure> {
    let reader = Reader::open(&session::ledger_path(config))?;
    let now = session::by_paxos(&reader, SystemClock.now())?;
    let until = wanted.until.map(|until| until.after(now));
    if let Some(until) = until.filter(|until| *until <= now) {
        let problem = anyhow::anyhow!(
            "--until {} lies in the past; give a later time, or a duration such as 36h",
            until.to_rfc3339_seconds()
        );
        return Err(problem.into());
    }
    let deed = Deed::Acknowledge { why: wanted.why.clone(), until };
    let verb = Verb { present: "acknowledge", past: "acknowledged" };
    let only_open = |filter: &mut BreakFilter| {
        if filter.states.is_empty() {
            filter.states.push(BreakState::Open);
        }
    };
    deeds::run(config, &wanted.which, &deed, &verb, only_open, terminal)
}
