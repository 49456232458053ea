//! `breaks list`: breaks as a table, as JSON or as CSV.

use super::csv;
use super::filters::FilterArguments;
use crate::cli::Exit;
use crate::cli::failure::Failure;
use crate::cli::poll::to_json;
use crate::cli::session;
use crate::cli::terminal::{Paint, Terminal, render, table, thousands};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::display::{breaks, words};
use crate::ledger::{BreakTotal, Reader};
use crate::model::{BreakRecord, Mute, Profile, Severity, Timestamp};

/// How many breaks a table shows, where no limit is given.
const PAGE: u64 = 50;

/// What `breaks list` takes.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ListArguments {
    #[command(flatten)]
    filters: FilterArguments,
    /// Show at most so many [default: 50, and all with --json and --csv]
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u64>,
    /// Show them as JSON
    #[arg(long)]
    json: bool,
    /// Write them as CSV, for spreadsheets
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Exit with 3 if any of those that are meant is open: neither acknowledged nor resolved
    #[arg(long)]
    exit_code: bool,
}

/// Lists breaks.
pub(super) fn run(config: &Config, wanted: &ListArguments, terminal: Terminal) -> Result<Exit, Failure> {
    let reader = Reader::open(&session::ledger_path(config))?;
    let now = session::by_paxos(&reader, SystemClock.now())?;
    let filter = wanted.filters.filter(config, &reader, now)?;
    let everything = u64::from(u32::MAX);
    let limit = wanted.limit.unwrap_or(if wanted.json || wanted.csv { everything } else { PAGE });
    let (total, records) = reader.breaks(&filter, limit.min(everything))?;
    terminal.print(&if wanted.json {
        to_json(&breaks::list(total, &records))?
    } else if wanted.csv {
        csv::of(&records)?
    } else {
        text(total, &records, now, terminal)
    })?;
    Ok(if wanted.exit_code && total.open > 0 { Exit::BreaksOpen } else { Exit::Fine })
}

fn text(total: BreakTotal, records: &[BreakRecord], now: Timestamp, terminal: Terminal) -> String {
    if total.all == 0 {
        return "no breaks\n".to_owned();
    }
    let mut list = table(&["NO", "SEVERITY", "KIND", "STATE", "LASTS", "AMOUNT", "PROFILE", "ABOUT"]);
    for record in records {
        let standing = &record.standing;
        let paint = match (&record.resolved, &standing.mute, standing.severity) {
            (Some(_), ..) | (None, Mute::On(_), _) => Paint::Faint,
            (None, Mute::Off, Severity::Critical) => Paint::Bad,
            (None, Mute::Off, Severity::Warning) => Paint::Warning,
        };
        list.add_row([
            standing.number.to_string(),
            terminal.paint(standing.severity.as_str(), paint),
            standing.kind.to_string(),
            words::state(record),
            words::lasting(record, now),
            words::amounts(record),
            record.profile.as_ref().map(Profile::label).unwrap_or_default(),
            words::subject(record),
        ]);
    }
    let shown = records.len() as u64;
    let mut text = render(&list);
    text.push_str(&if shown < total.all {
        format!("{} of {} breaks; --limit shows more\n", thousands(shown), thousands(total.all))
    } else {
        format!("{} breaks, {} of them open\n", thousands(total.all), thousands(total.open))
    });
    text
}
