//! `breaks unack`: nobody looks after it any more.

use super::deeds::{self, DeedArguments, Verb};
use crate::cli::Exit;
use crate::cli::failure::Failure;
use crate::cli::terminal::Terminal;
use crate::config::Config;
use crate::ledger::{BreakFilter, BreakState, Deed};

/// What `breaks unack` takes.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct UnackArguments {
    #[command(flatten)]
    which: DeedArguments,
}

/// Takes acknowledgements back.
pub(super) fn run(config: &Config, wanted: &UnackArguments, terminal: Terminal) -> Result<Exit, Failure> {
    let verb = Verb { present: "take back the acknowledgement of", past: "took back the acknowledgement of" };
    let only_acknowledged = |filter: &mut BreakFilter| filter.states = vec![BreakState::Acknowledged];
    deeds::run(config, &wanted.which, &Deed::Unacknowledge, &verb, only_acknowledged, terminal)
}
