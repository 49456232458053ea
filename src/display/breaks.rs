//! A break as JSON, version 1; see `docs/breaks.md`.

use serde_json::{Value, json};

use super::history::break_document;
use super::{orchestration, words};
use crate::ledger::{BreakState, BreakStory, BreakTotal, evidence_text};
use crate::model::{
    Audience, BreakRecord, Certainty, LegSide, Mute, Resolution, Route, Subject, Timestamp, Told,
    TransferFacts,
};

/// A list.
pub fn list(total: BreakTotal, records: &[BreakRecord]) -> Value {
    json!({
        "total": total.all,
        "open": total.open,
        "breaks": records.iter().map(of).collect::<Vec<_>>(),
    })
}

/// One break.
pub fn of(record: &BreakRecord) -> Value {
    let standing = &record.standing;
    let (about, subject) = match &standing.subject {
        Subject::Orchestration(id) => ("orchestration", id.to_string()),
        Subject::Profile(id) => ("profile", id.to_string()),
        Subject::Cause(cause) => ("cause", cause.to_string()),
        Subject::Report(name) => ("report", name.clone()),
    };
    let since = words::since(record);
    let acknowledged = match &standing.mute {
        Mute::Off => Value::Null,
        Mute::On(by) => json!({
            "by": by.by,
            "why": by.why,
            "at": by.at.to_rfc3339(),
            "until": by.until.map(Timestamp::to_rfc3339),
            "severity": by.severity.as_str(),
        }),
    };
    let resolved = record.resolved.as_ref().map(|resolved| {
        let (by, why) = match &resolved.why {
            Resolution::Person { by, why } => (Some(by.as_str()), why.clone()),
            other => (None, other.to_string()),
        };
        json!({ "at": resolved.at.to_rfc3339(), "by": by, "why": why })
    });
    let mut document = json!({
        "number": standing.number.0,
        "kind": standing.kind.as_str(),
        "severity": standing.severity.as_str(),
        "state": BreakState::of(record).as_str(),
        "about": about,
        "subject": subject,
        "profile_id": record.profile.as_ref().map(|profile| profile.id.to_string()),
        "profile_name": record.profile.as_ref().and_then(|profile| profile.name.as_deref()),
        "episode": standing.episode,
        "former": record.former.map(|number| number.0),
        "history": standing.audience == Audience::Nobody,
        "opened_at": standing.opened_at.to_rfc3339(),
        "since": since.at.to_rfc3339(),
        "since_is_at_latest": since.certainty == Certainty::AtLatest,
        "told": match standing.told {
            Told::Nothing => None,
            Told::As(severity) => Some(severity.as_str()),
        },
        "evidence": serde_json::from_str::<Value>(&evidence_text(&standing.evidence)).unwrap_or_default(),
        "acknowledged": acknowledged,
        "resolved": resolved,
        "transfers": record.transfers.iter().map(transfer).collect::<Vec<_>>(),
        "route": record.orchestration.as_ref().map(|row| Route::of(row).to_string()),
    });
    // Put in as it is: the macro copies.
    document["orchestration"] = record.orchestration.as_ref().map_or(Value::Null, orchestration::of);
    document
}

fn transfer(facts: &TransferFacts) -> Value {
    json!({
        "leg": match facts.side {
            LegSide::Source => "source",
            LegSide::Destination => "destination",
        },
        "id": facts.id.to_string(),
        "secondary_status": facts.secondary_status,
        "network": facts.network,
        "transaction_hash": facts.transaction_hash,
        "request_id": facts.request_id,
    })
}

/// One break with its whole story.
pub fn story(story: &BreakStory) -> Value {
    let episodes = story.episodes.iter().map(|record| {
        json!({
            "number": record.standing.number.0,
            "episode": record.standing.episode,
            "opened_at": record.standing.opened_at.to_rfc3339(),
            "resolved_at": record.resolved.as_ref().map(|resolved| resolved.at.to_rfc3339()),
        })
    });
    let steps = story.steps.iter().map(|step| {
        let (kind, detail) = break_document(&step.event);
        json!({ "seq": step.seq, "at": step.at.to_rfc3339(), "poll": step.poll, "kind": kind, "detail": detail })
    });
    let notices = story.notices.iter().map(|notice| {
        let deliveries = notice.deliveries.iter().map(|delivery| {
            json!({
                "sink": delivery.sink.0,
                "state": delivery.state,
                "attempts": delivery.attempts,
                "error": delivery.error,
                "ended_at": delivery.ended_at.map(Timestamp::to_rfc3339),
            })
        });
        json!({
            "occasion": notice.occasion.as_str(),
            "severity": notice.severity.as_str(),
            "at": notice.at.to_rfc3339(),
            "deliveries": deliveries.collect::<Vec<_>>(),
        })
    });
    let mut document = of(&story.record);
    if let Some(document) = document.as_object_mut() {
        document.insert("episodes".to_owned(), episodes.collect());
        document.insert("pruned_at".to_owned(), story.pruned_at.map(Timestamp::to_rfc3339).into());
        document.insert("steps".to_owned(), steps.collect());
        document.insert("notices".to_owned(), notices.collect());
    }
    document
}
