//! `ledger verify`: proving that nobody edited the ledger.

use std::fmt::Write as _;

use serde_json::json;

use crate::cli::Exit;
use crate::cli::failure::Failure;
use crate::cli::poll::to_json;
use crate::cli::session;
use crate::cli::terminal::{Paint, Terminal, thousands};
use crate::config::Config;
use crate::ledger::{Reader, Verification};

/// What `ledger verify` takes.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct VerifyArguments {
    /// A journal head that was noted elsewhere, as `status` shows it; at least the first 12 digits of its hash.
    /// Without one, a ledger whose whole chain was computed anew passes
    #[arg(long, value_name = "BATCH:HASH", value_parser = parse_head)]
    head: Option<(i64, String)>,
    /// Show the result as JSON
    #[arg(long)]
    json: bool,
}

/// As many digits of a hash as the metrics tell of it. Fewer would be too easy to meet.
const LEAST_DIGITS: usize = 12;

fn parse_head(text: &str) -> Result<(i64, String), String> {
    let expected =
        "expected BATCH:HASH, as `tallyd status` shows the journal head, or at least 12 digits of the hash";
    let (batch, hash) = text.split_once(':').ok_or(expected)?;
    let batch = batch.parse().map_err(|_| expected)?;
    let is_hash =
        (LEAST_DIGITS..=64).contains(&hash.len()) && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { Ok((batch, hash.to_ascii_lowercase())) } else { Err(expected.to_owned()) }
}

/// Verifies the ledger and shows what was found.
pub(super) fn run(config: &Config, wanted: &VerifyArguments, terminal: Terminal) -> Result<Exit, Failure> {
    let reader = Reader::open(&session::ledger_path(config))?;
    let noted = wanted.head.as_ref().map(|(batch, hash)| (*batch, hash.as_str()));
    let verification = reader.verify(noted)?;
    let text = if wanted.json { json_text(&verification)? } else { text(&verification, terminal) };
    terminal.print(&text)?;
    Ok(if verification.findings.is_empty() { Exit::Fine } else { Exit::Failed })
}

fn text(verification: &Verification, terminal: Terminal) -> String {
    let mut text = format!(
        "{} orchestrations and {} journal entries in {} batches checked\njournal head {}\n",
        thousands(verification.orchestrations),
        thousands(verification.entries),
        thousands(verification.batches),
        verification.head.note()
    );
    if verification.findings.is_empty() {
        writeln!(text, "{}", terminal.paint("sound", Paint::Good)).unwrap_or_default();
    }
    for finding in &verification.findings {
        writeln!(text, "{}", terminal.paint(&finding.to_string(), Paint::Bad)).unwrap_or_default();
    }
    text
}

fn json_text(verification: &Verification) -> Result<String, Failure> {
    to_json(&json!({
        "sound": verification.findings.is_empty(),
        "orchestrations": verification.orchestrations,
        "entries": verification.entries,
        "batches": verification.batches,
        "head": verification.head.note(),
        "findings": verification.findings.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }))
}
