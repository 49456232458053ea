//! `ledger vacuum`: the space of what was removed, given back to the disk.

use serde_json::json;

use super::mebibytes;
use crate::cli::Exit;
use crate::cli::failure::Failure;
use crate::cli::poll::to_json;
use crate::cli::session;
use crate::cli::terminal::Terminal;
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::ledger;

/// What `ledger vacuum` takes.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct VacuumArguments {
    /// Show the result as JSON
    #[arg(long)]
    json: bool,
}

/// Vacuums the ledger and shows what that gave.
pub(super) fn run(config: &Config, wanted: &VacuumArguments, terminal: Terminal) -> Result<Exit, Failure> {
    let path = session::ledger_path(config);
    let done = ledger::vacuum(&path, &config.paxos.api_url, SystemClock.now())?;
    let text = if wanted.json {
        to_json(&json!({ "bytes_before": done.bytes_before, "bytes_after": done.bytes_after }))?
    } else {
        format!("{} before, {} after\n", mebibytes(done.bytes_before), mebibytes(done.bytes_after))
    };
    terminal.print(&text)?;
    Ok(Exit::Fine)
}
