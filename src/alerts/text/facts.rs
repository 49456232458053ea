//! The facts of a break, by name.

use super::{Fact, Telling, told, told_of};
use crate::model::{
    BreakRecord, Evidence, Leg, LegSide, Mute, Orchestration, Profile, Route, Subject, Timestamp,
    TransferFacts, cut,
};

/// The most fields or ids that are listed.
const MAX_LISTED: usize = 10;

/// The longest list, in characters.
const MAX_LIST: usize = 800;

/// The facts, those that matter most first.
pub(super) fn of(telling: &Telling<'_>) -> Vec<Fact> {
    let record = telling.record;
    let standing = &record.standing;
    let mut facts = vec![
        Fact { name: "kind", value: standing.kind.to_string() },
        Fact { name: "severity", value: telling.severity.to_string() },
    ];
    let mut add = |name, value: Option<String>| facts.extend(value.map(|value| Fact { name, value }));
    add("profile", record.profile.as_ref().map(profile));
    if let Some(orchestration) = &record.orchestration {
        add("amount", amount(orchestration));
        add("delivers", delivered(orchestration));
        add("route", Some(told_of(&Route::of(orchestration))));
        add("status", Some(told(orchestration.status.as_str())));
    }
    for (name, value) in evidence(&standing.evidence) {
        add(name, Some(value));
    }
    if let Subject::Orchestration(id) = &standing.subject {
        add("orchestration", Some(told_of(id)));
    }
    if let Subject::Report(name) = &standing.subject {
        add("report", Some(told(name)));
    }
    if let Some(orchestration) = &record.orchestration {
        add("ref_id", orchestration.ref_id.as_ref().map(told_of));
        add("source transfer", leg(&orchestration.source_transfer));
        add("destination transfer", leg(&orchestration.destination_transfer));
        add("created", Some(orchestration.created_at.to_rfc3339_seconds()));
    }
    for transfer in telling.transfers {
        for (name, value) in of_transfer(transfer) {
            add(name, Some(value));
        }
    }
    if let Mute::On(acknowledgement) = &standing.mute {
        let until = acknowledgement.until.map_or("it resolves".to_owned(), Timestamp::to_rfc3339_seconds);
        let (by, why) = (told(&acknowledgement.by), told(&acknowledgement.why));
        add("acknowledged", Some(format!("by {by} until {until}: {why}")));
    }
    add("break", Some(number(record)));
    facts
}

/// What is taken, with its asset.
pub(super) fn amount(orchestration: &Orchestration) -> Option<String> {
    let asset = orchestration.source_asset.as_deref().map(told);
    let amount = orchestration.source_amount.as_ref().map(told_of)?;
    Some(asset.map_or(amount.clone(), |asset| format!("{amount} {asset}")))
}

fn delivered(orchestration: &Orchestration) -> Option<String> {
    let asset = orchestration.destination_asset.as_deref().map(told);
    let amount = orchestration.destination_amount.as_ref().map(told_of)?;
    Some(asset.map_or(amount.clone(), |asset| format!("{amount} {asset}")))
}

fn profile(profile: &Profile) -> String {
    let id = told_of(&profile.id);
    profile.name.as_ref().map_or(id.clone(), |name| format!("{} ({id})", told(name)))
}

fn leg(leg: &Leg) -> Option<String> {
    let status = leg.status.as_ref().map(|status| told(status.as_str()));
    let id = leg.transfer_id.as_ref().map(told_of);
    match (id, status) {
        (None, None) => None,
        (Some(id), Some(status)) => Some(format!("{id}, {status}")),
        (Some(id), None) => Some(id),
        (None, Some(status)) => Some(format!("no id yet, {status}")),
    }
}

/// The name of a leg.
pub(super) const fn side(side: LegSide) -> &'static str {
    match side {
        LegSide::Source => "source leg",
        LegSide::Destination => "destination leg",
    }
}

/// The first of several, and how many more there are.
fn list(items: impl ExactSizeIterator<Item = String>) -> String {
    let more = items.len().saturating_sub(MAX_LISTED);
    let mut text = cut(&items.take(MAX_LISTED).collect::<Vec<_>>().join("; "), MAX_LIST);
    if more > 0 {
        text.push_str(&format!("; and {more} more"));
    }
    text
}

fn evidence(evidence: &Evidence) -> Vec<(&'static str, String)> {
    match evidence {
        Evidence::HeldUp { limit, passed_at, .. } => {
            vec![("limit", format!("{}, passed {}", told(limit), passed_at.to_rfc3339_seconds()))]
        }
        Evidence::Ended { reason, .. } => {
            let reason = reason.as_deref().map_or("Paxos gives none".to_owned(), told);
            vec![("reason", reason)]
        }
        Evidence::Differs { fields } => {
            let value = |value: &Option<String>| value.as_deref().map_or("nothing".to_owned(), told);
            let lines = fields
                .iter()
                .map(|field| format!("{}: {} → {}", field.field, value(&field.old), value(&field.new)));
            vec![("changed", list(lines))]
        }
        Evidence::SameAs { others } => vec![("the same as", list(others.iter().map(told_of)))],
        Evidence::Unreadable { problem } => vec![("problem", told(problem))],
        Evidence::Unpolled { profiles, reason } => {
            let lines = profiles
                .iter()
                .map(|(one, since)| format!("{} since {}", profile(one), since.to_rfc3339_seconds()));
            vec![("profiles", list(lines)), ("reason", told(reason))]
        }
        Evidence::NotMade { period, due_at, reason } => {
            vec![("period", told(period)), ("due", due_at.to_rfc3339_seconds()), ("reason", told(reason))]
        }
        Evidence::Legs { .. }
        | Evidence::Gone { .. }
        | Evidence::ManyGone { .. }
        | Evidence::UnknownStatus { .. } => Vec::new(),
    }
}

fn of_transfer(transfer: &TransferFacts) -> Vec<(&'static str, String)> {
    let text = |value: &Option<String>| value.as_deref().map(told);
    let names = match transfer.side {
        LegSide::Source => ["source waits for", "source network", "source transaction", "source request_id"],
        LegSide::Destination => [
            "destination waits for",
            "destination network",
            "destination transaction",
            "destination request_id",
        ],
    };
    let values = [
        text(&transfer.secondary_status),
        text(&transfer.network),
        text(&transfer.transaction_hash),
        text(&transfer.request_id),
    ];
    names.into_iter().zip(values).filter_map(|(name, value)| Some((name, value?))).collect()
}

fn number(record: &BreakRecord) -> String {
    let (number, episode) = (record.standing.number, record.standing.episode);
    match record.former {
        Some(former) => format!("{number}, episode {episode}, after {former}"),
        None => number.to_string(),
    }
}
