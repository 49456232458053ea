//! `breaks resolve`: it is done with, for a reason that a person gives.

use super::deeds::{self, DeedArguments, Verb};
use crate::cli::Exit;
use crate::cli::failure::Failure;
use crate::cli::terminal::Terminal;
use crate::config::Config;
use crate::ledger::{BreakFilter, Deed};
use crate::model::{BreakKind, Closing};

/// What `breaks resolve` takes.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ResolveArguments {
    #[command(flatten)]
    which: DeedArguments,
    /// What was done about it
    #[arg(long, value_name = "TEXT", value_parser = deeds::not_empty)]
    why: String,
}

/// Resolves breaks. The kinds that resolve by themselves are left out of what filters mean.
pub(super) fn run(config: &Config, wanted: &ResolveArguments, terminal: Terminal) -> Result<Exit, Failure> {
    if let Some(kind) = wanted.which.filters.kind.iter().find(|kind| kind.closing() == Closing::ByItself) {
        let problem = anyhow::anyhow!(
            "{kind} resolves by itself when what opened it is over; acknowledge it instead (`tallyd breaks ack`), or \
             change its limit in the configuration"
        );
        return Err(problem.into());
    }
    let deed = Deed::Resolve { why: wanted.why.clone() };
    let verb = Verb { present: "resolve", past: "resolved" };
    let by_people = |filter: &mut BreakFilter| {
        if filter.kinds.is_empty() {
            filter
                .kinds
                .extend(BreakKind::ALL.into_iter().filter(|kind| kind.closing() == Closing::ByPerson));
        }
    };
    deeds::run(config, &wanted.which, &deed, &verb, by_people, terminal)
}
