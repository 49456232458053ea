//! `history`: what the journal knows of one orchestration, as a timeline.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::failure::Failure;
use super::poll::to_json;
use super::terminal::{Paint, Terminal, plain, span};
use super::{Common, Exit, session, show};
use crate::display::history::{details, document, headline};
use crate::ledger::{Beginning, Event, History, Reader};
use crate::model::{Field, Route};

/// What `history` takes.
#[derive(Debug, clap::Args)]
pub(super) struct HistoryArguments {
    /// The orchestration's id, or its `ref_id`
    #[arg(value_name = "ID")]
    id: String,
    /// Show it as JSON
    #[arg(long)]
    json: bool,
}

/// Shows the story of one orchestration.
pub(super) fn run(common: &Common, wanted: &HistoryArguments, terminal: Terminal) -> Result<Exit, Failure> {
    let config = session::load_for_reading(common, terminal)?;
    let reader = Reader::open(&session::ledger_path(&config))?;
    let id = show::resolve(&reader, &wanted.id)?;
    let Some(history) = reader.history(&id)? else {
        let pruned = match reader.checkpoint()? {
            None => String::new(),
            Some(checkpoint) => format!(
                ", and what was final and created before {} was pruned",
                checkpoint.floor.to_rfc3339_seconds()
            ),
        };
        let problem = anyhow::anyhow!(
            "the journal knows nothing of the id or ref_id {}; `tallyd poll` brings the ledger up to date{pruned}",
            wanted.id
        );
        return Err(problem.into());
    };
    let text = if wanted.json { to_json(&document(&history))? } else { text(&history, terminal) };
    terminal.print(&text)?;
    Ok(Exit::Fine)
}

/// The story for people: one block an observation, what changed below its time.
pub(super) fn text(history: &History, terminal: Terminal) -> String {
    let mut text = terminal.paint(&history.id.to_string(), Paint::Heading);
    text.push('\n');
    if let Some(now) = &history.now {
        let asset = now.source_asset.as_deref().unwrap_or_default();
        let amount = now.source_amount.as_ref().map(|amount| format!(", {amount} {asset}"));
        let amount = amount.unwrap_or_default();
        let ref_id = now
            .ref_id
            .as_ref()
            .map(|ref_id| format!(", ref_id {}", plain(&ref_id.to_string())))
            .unwrap_or_default();
        writeln!(text, "{}{amount}{ref_id}", Route::of(now)).unwrap_or_default();
    }
    if let Beginning::Pruned { at, values } = &history.beginning {
        writeln!(text, "\nearlier history was pruned on {}{}", at.to_rfc3339_seconds(), status_of(values))
            .unwrap_or_default();
    }
    let mut before: Option<&Event> = None;
    for event in &history.events {
        let later =
            before.map(|before| format!("  (+{})", span(event.at.since(before.at)))).unwrap_or_default();
        let time = terminal.paint(&event.at.to_rfc3339_seconds(), Paint::Heading);
        writeln!(text, "\n{time}  {}{}", headline(event), terminal.paint(&later, Paint::Faint))
            .unwrap_or_default();
        for line in details(event) {
            writeln!(text, "  {}", plain(&line)).unwrap_or_default();
        }
        before = Some(event);
    }
    if let Some(now) = &history.now {
        writeln!(text, "\nnow {}", now.status).unwrap_or_default();
    }
    text
}

fn status_of(values: &BTreeMap<Field, String>) -> String {
    values.get(&Field::Status).map(|status| format!("; what is left begins at {status}")).unwrap_or_default()
}
