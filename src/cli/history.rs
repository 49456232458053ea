//! `history`: what the journal knows of one orchestration, as a timeline.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::poll::to_json;
use super::terminal::{Paint, Terminal, plain, span};
use super::{Common, Exit, session, show};
use crate::ledger::{Beginning, BreakEvent, BreakStep, Event, EventKind, History, Reader, Was};
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

fn headline(event: &Event) -> String {
    match &event.kind {
        EventKind::Appeared(values) => {
            let status = values.get(&Field::Status).map_or("?", String::as_str);
            format!("first seen, {status}")
        }
        EventKind::Changed(changes) => match changes.iter().find(|was| was.field == Field::Status) {
            Some(was) => format!("{} → {}", shown(was.old.as_ref()), shown(was.new.as_ref())),
            None => "changed".to_owned(),
        },
        EventKind::WentBackInTime(_) => "went back to an older state, which Paxos confirmed".to_owned(),
        EventKind::Unreadable(problem) => format!("came as a row that could not be read: {problem}"),
        EventKind::ReadableAgain => "could be read again".to_owned(),
        EventKind::Merged => "a second row of it was merged into this one".to_owned(),
        EventKind::WentMissing => {
            "went missing: Paxos answers that there is no such orchestration (404)".to_owned()
        }
        EventKind::Reappeared => "reappeared".to_owned(),
        EventKind::Break(event) => plain(&break_headline(event)),
    }
}

fn details(event: &Event) -> Vec<String> {
    match &event.kind {
        EventKind::Appeared(values) => {
            [Field::CreatedAt, Field::SourceTransferStatus, Field::DestinationTransferStatus]
                .into_iter()
                .filter_map(|field| Some(format!("{field}: {}", values.get(&field)?)))
                .collect()
        }
        // The status is the headline.
        EventKind::Changed(changes) => {
            changes.iter().filter(|was| was.field != Field::Status).map(difference).collect()
        }
        EventKind::WentBackInTime(changes) => changes.iter().map(difference).collect(),
        EventKind::Unreadable(_)
        | EventKind::ReadableAgain
        | EventKind::Merged
        | EventKind::WentMissing
        | EventKind::Reappeared => Vec::new(),
        EventKind::Break(event) => break_details(&event.step),
    }
}

/// The reasons that people gave.
pub(super) fn break_details(step: &BreakStep) -> Vec<String> {
    match step {
        BreakStep::Acknowledged { why, until, .. } => {
            let until = until.as_ref().map(|until| format!("until: {until}"));
            [Some(format!("why: {why}")), until].into_iter().flatten().collect()
        }
        BreakStep::Resolved { why, .. } => vec![format!("why: {why}")],
        BreakStep::Opened(_) | BreakStep::Revised(_) | BreakStep::Unacknowledged { .. } => Vec::new(),
    }
}

/// What became of a break, in one line.
pub(super) fn break_headline(event: &BreakEvent) -> String {
    let name = format!("break {} ({})", event.number, event.kind);
    match &event.step {
        BreakStep::Opened(severity) => format!("{name} opened, {severity}"),
        BreakStep::Revised(severity) => format!("{name} stands otherwise, {severity}"),
        BreakStep::Acknowledged { by, .. } => format!("{name} was acknowledged by {by}"),
        BreakStep::Unacknowledged { by: Some(by) } => format!("{name}: {by} took the acknowledgement back"),
        BreakStep::Unacknowledged { by: None } => format!("{name}: the acknowledgement is over"),
        BreakStep::Resolved { by: Some(by), .. } => format!("{name} was resolved by {by}"),
        BreakStep::Resolved { by: None, .. } => format!("{name} resolved"),
    }
}

/// `updated_at` moves with every change: what it became says when Paxos made it.
fn difference(was: &Was) -> String {
    match (was.field, &was.new) {
        (Field::UpdatedAt, Some(new)) => format!("updated_at: {new}"),
        _ => format!("{}: {} → {}", was.field, shown(was.old.as_ref()), shown(was.new.as_ref())),
    }
}

fn shown(value: Option<&String>) -> &str {
    value.map_or("(missing)", String::as_str)
}

/// The story as JSON, version 1.
fn document(history: &History) -> Value {
    let events: Vec<Value> = history.events.iter().map(event_document).collect();
    let pruned = match &history.beginning {
        Beginning::Whole => Value::Null,
        Beginning::Pruned { at, values } => json!({ "at": at.to_rfc3339(), "values": first(values) }),
    };
    json!({
        "id": history.id.to_string(),
        "pruned": pruned,
        "status": history.now.as_ref().map(|now| now.status.as_str()),
        "events": events,
    })
}

fn event_document(event: &Event) -> Value {
    let (kind, detail) = match &event.kind {
        EventKind::Appeared(values) => ("appeared", first(values)),
        EventKind::Changed(changes) => ("changed", differences(changes)),
        EventKind::WentBackInTime(changes) => ("went_back_in_time", differences(changes)),
        EventKind::Unreadable(problem) => ("unreadable", json!({ "problem": problem })),
        EventKind::ReadableAgain => ("readable_again", json!({})),
        EventKind::Merged => ("merged", json!({})),
        EventKind::WentMissing => ("went_missing", json!({})),
        EventKind::Reappeared => ("reappeared", json!({})),
        EventKind::Break(event) => break_document(event),
    };
    json!({ "seq": event.seq, "at": event.at.to_rfc3339(), "poll": event.poll, "kind": kind, "detail": detail })
}

/// What became of a break, as JSON: its kind and the rest.
pub(super) fn break_document(event: &BreakEvent) -> (&'static str, Value) {
    let (kind, rest) = match &event.step {
        BreakStep::Opened(severity) => ("break_opened", json!({ "severity": severity })),
        BreakStep::Revised(severity) => ("break_revised", json!({ "severity": severity })),
        BreakStep::Acknowledged { by, why, until } => {
            ("break_acknowledged", json!({ "by": by, "why": why, "until": until }))
        }
        BreakStep::Unacknowledged { by } => ("break_unacknowledged", json!({ "by": by })),
        BreakStep::Resolved { by, why } => ("break_resolved", json!({ "by": by, "why": why })),
    };
    let mut detail = json!({ "break": event.number, "kind": event.kind });
    if let (Value::Object(detail), Value::Object(rest)) = (&mut detail, rest) {
        detail.extend(rest);
    }
    (kind, detail)
}

fn first(values: &BTreeMap<Field, String>) -> Value {
    let values = values.iter().map(|(field, value)| (field.path().to_owned(), Value::from(value.as_str())));
    Value::Object(values.collect::<Map<_, _>>())
}

fn differences(changes: &[Was]) -> Value {
    let changes =
        changes.iter().map(|was| (was.field.path().to_owned(), json!({ "old": was.old, "new": was.new })));
    Value::Object(changes.collect::<Map<_, _>>())
}
