//! `ledger restore`: a backup in the ledger's place.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::json;

use crate::cli::Exit;
use crate::cli::failure::Failure;
use crate::cli::poll::to_json;
use crate::cli::session;
use crate::cli::terminal::Terminal;
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::ledger::{self, Replaced, Restored, Stops};

/// What `ledger restore` takes.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RestoreArguments {
    /// The backup, as `ledger backup` made it; it stays as it is
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Show the result as JSON
    #[arg(long)]
    json: bool,
}

/// Restores a backup and says what became of the ledger that was there.
pub(super) fn run(config: &Config, wanted: &RestoreArguments, terminal: Terminal) -> Result<Exit, Failure> {
    let path = session::ledger_path(config);
    let restored = ledger::restore(&path, &wanted.file, &config.paxos.api_url, SystemClock.now())?;
    if let Replaced::Kept { stops: Stops::Unread(why), .. } = &restored.replaced {
        terminal.tell(&format!(
            "warning: the ledger that was replaced cannot be read, so a pause that Paxos asked for (429) may not be \
             known any more: {why}"
        ));
    }
    terminal.print(&if wanted.json { json_text(&restored)? } else { text(&restored) })?;
    Ok(Exit::Fine)
}

fn text(restored: &Restored) -> String {
    let mut text = format!(
        "restored, now in epoch {}\nbackup's head {}\njournal head  {}\n",
        restored.epoch,
        restored.from.note(),
        restored.head.note()
    );
    match &restored.replaced {
        Replaced::Nothing => text.push_str("there was no ledger before\n"),
        Replaced::Kept { at, .. } => {
            writeln!(text, "the ledger that was there is kept as {}", at.display()).unwrap_or_default();
        }
    }
    if restored.outbox.again > 0 {
        writeln!(
            text,
            "{} notifications that waited in the backup may have been told since; in 15 minutes what still stands of it \
             is told as that",
            restored.outbox.again
        )
        .unwrap_or_default();
    }
    text.push_str(
        "`tallyd poll` lists what was created since the backup, then sweeps everything for what else happened\n",
    );
    text
}

fn json_text(restored: &Restored) -> Result<String, Failure> {
    let (kept, taken_over) = match &restored.replaced {
        Replaced::Nothing => (None, Some(0)),
        Replaced::Kept { at, stops: Stops::TakenOver(count) } => (Some(at), Some(*count)),
        Replaced::Kept { at, stops: Stops::Unread(_) } => (Some(at), None),
    };
    to_json(&json!({
        "epoch": restored.epoch,
        "from": restored.from.note(),
        "head": restored.head.note(),
        "kept_as": kept.map(|path| path.display().to_string()),
        "stops_taken_over": taken_over,
        "notifications_ended": restored.outbox.ended,
        "notifications_again": restored.outbox.again,
    }))
}
