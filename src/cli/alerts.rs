//! `alerts`: trying the sinks, and looking at what waits for them.

mod outbox;
mod test;

use super::failure::Failure;
use super::terminal::Terminal;
use super::{Common, Exit, session};

/// What `alerts` can do.
#[derive(Debug, clap::Subcommand)]
pub(super) enum AlertsCommand {
    /// Send a marked test to every sink, or to one, and tell what each answers; exit 1 if one fails
    Test(test::TestArguments),
    /// Show what waits for each sink and why, when it is tried again, and what was given up
    Outbox(outbox::OutboxArguments),
}

/// Runs a command on the alerts.
pub(super) fn run(common: &Common, wanted: &AlertsCommand, terminal: Terminal) -> Result<Exit, Failure> {
    match wanted {
        AlertsCommand::Test(wanted) => test::run(&session::load(common, terminal)?, wanted, terminal),
        AlertsCommand::Outbox(wanted) => {
            outbox::run(&session::load_for_reading(common, terminal)?, wanted, terminal)
        }
    }
}
