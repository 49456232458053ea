//! What is known of a break, name by name: for `breaks show` and for its page.

use super::words;
use crate::ledger::StoryDelivery;
use crate::model::{BreakRecord, Mute, Profile, Route, Timestamp, plain};

/// What is known of a break, as names and values.
pub fn of_break(record: &BreakRecord, now: Timestamp) -> Vec<(&'static str, String)> {
    let standing = &record.standing;
    let seconds = Timestamp::to_rfc3339_seconds;
    let mut facts = vec![
        ("about", words::subject(record)),
        ("lasts", format!("{}, since {}", words::lasting(record, now), seconds(words::since(record).at))),
        ("opened", format!("{}, episode {}", seconds(standing.opened_at), standing.episode)),
    ];
    facts.extend(record.profile.as_ref().map(|profile| ("profile", plain(&Profile::label(profile)))));
    facts.extend(words::evidence(&standing.evidence));
    if let Some(row) = &record.orchestration {
        facts.push(("amount", words::amounts(record)));
        facts.push(("route", plain(&Route::of(row).to_string())));
        facts.push(("status now", row.status.to_string()));
        facts.push(("source leg", words::leg(&row.source_transfer)));
        facts.push(("destination leg", words::leg(&row.destination_transfer)));
        for transfer in &record.transfers {
            facts.extend(words::transfer(transfer).map(|text| (words::side(transfer.side), text)));
        }
        facts.extend(row.ref_id.as_ref().map(|ref_id| ("ref_id", plain(&ref_id.to_string()))));
    }
    if let Mute::On(by) = &standing.mute {
        let until = match by.until {
            Some(until) if until <= now => format!("until {}, which is over", seconds(until)),
            Some(until) => format!("until {}", seconds(until)),
            None => "until it resolves".to_owned(),
        };
        facts.push(("acknowledged", plain(&format!("by {}, {until}: {}", by.by, by.why))));
    }
    if let Some(resolved) = &record.resolved {
        facts.push(("resolved", format!("{}: {}", seconds(resolved.at), plain(&resolved.why.to_string()))));
    }
    facts.retain(|(_, value)| !value.is_empty());
    facts
}

/// What came of telling it to one sink: `slack dead after 3 tries: ...`.
pub fn delivery(delivery: &StoryDelivery) -> String {
    let StoryDelivery { sink, state, attempts, error, .. } = delivery;
    let error = error.as_ref().map(|error| format!(": {}", plain(error))).unwrap_or_default();
    match attempts {
        0 | 1 => format!("{sink} {state}{error}"),
        tries => format!("{sink} {state} after {tries} tries{error}"),
    }
}
