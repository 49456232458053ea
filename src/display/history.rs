//! What the journal tells of one orchestration: each observation as a headline with details, and all of it as JSON,
//! version 1.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::ledger::{Beginning, BreakEvent, BreakStep, Event, EventKind, History, Was};
use crate::model::{Field, plain};

/// What was observed, in one line.
pub fn headline(event: &Event) -> String {
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

/// What is to be said of it beside its headline, line by line.
pub fn details(event: &Event) -> Vec<String> {
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
pub fn break_details(step: &BreakStep) -> Vec<String> {
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
pub fn break_headline(event: &BreakEvent) -> String {
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
pub fn document(history: &History) -> Value {
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
pub fn break_document(event: &BreakEvent) -> (&'static str, Value) {
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
