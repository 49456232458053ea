//! `ledger backup`: a copy of the ledger in one file.

use std::path::PathBuf;

use serde_json::json;

use super::mebibytes;
use crate::cli::Exit;
use crate::cli::failure::Failure;
use crate::cli::poll::to_json;
use crate::cli::session;
use crate::cli::terminal::Terminal;
use crate::config::Config;
use crate::ledger::{self, Backup, Existing};

/// What `ledger backup` takes.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct BackupArguments {
    /// The file to make; it appears only once it is whole
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
    /// Show the result as JSON
    #[arg(long)]
    json: bool,
}

/// Makes a backup and shows where it is.
pub(super) fn run(config: &Config, wanted: &BackupArguments, terminal: Terminal) -> Result<Exit, Failure> {
    let existing = if wanted.force { Existing::Replace } else { Existing::Keep };
    let made = ledger::backup(&session::ledger_path(config), &wanted.file, existing)?;
    terminal.print(&if wanted.json { json_text(&made)? } else { text(&made) })?;
    Ok(Exit::Fine)
}

fn text(made: &Backup) -> String {
    format!("{} ({})\njournal head {}\n", made.file.display(), mebibytes(made.bytes), made.head.note())
}

fn json_text(made: &Backup) -> Result<String, Failure> {
    to_json(&json!({
        "file": made.file.display().to_string(),
        "bytes": made.bytes,
        "head": made.head.note(),
    }))
}
