//! A break in a few plain words, for tables, for `show` and for pages.

use super::numbers::age;
use crate::ledger::BreakState;
use crate::model::{
    Amount, Audience, BreakRecord, Certainty, Difference, Evidence, Leg, LegSide, LegStatus, Profile, Since,
    Subject, Timestamp, TransferFacts, plain,
};

/// Since when the trouble lasts; where nothing tells it, it was there when the break opened.
pub fn since(record: &BreakRecord) -> Since {
    let standing = &record.standing;
    standing.evidence.since().unwrap_or(Since { at: standing.opened_at, certainty: Certainty::AtLatest })
}

/// How long it lasts, or lasted: `at least 3h 2m`.
pub fn lasting(record: &BreakRecord, now: Timestamp) -> String {
    let Since { at, certainty } = since(record);
    let end = record.resolved.as_ref().map_or(now, |resolved| resolved.at);
    match certainty {
        Certainty::Exactly => age(end, at),
        Certainty::AtLatest => format!("at least {}", age(end, at)),
    }
}

/// The state, and whether it is of history.
pub fn state(record: &BreakRecord) -> String {
    let state = BreakState::of(record).as_str();
    match record.standing.audience {
        Audience::Everybody => state.to_owned(),
        Audience::Nobody => format!("{state}, history"),
    }
}

/// What it is about: an id, why profiles are not polled, or the name of a report.
pub fn subject(record: &BreakRecord) -> String {
    match &record.standing.subject {
        Subject::Orchestration(id) | Subject::Profile(id) => plain(&id.to_string()),
        Subject::Cause(cause) => cause.to_string(),
        Subject::Report(name) => plain(name),
    }
}

/// What is taken and what is delivered: `250.00 USD → 249.5 USDG`; empty where it is not known.
pub fn amounts(record: &BreakRecord) -> String {
    let Some(row) = &record.orchestration else { return String::new() };
    let amount = |amount: Option<&str>, asset: Option<&str>| {
        let parts: Vec<_> = [amount, asset].into_iter().flatten().collect();
        plain(&parts.join(" "))
    };
    let source = amount(row.source_amount.as_ref().map(Amount::as_str), row.source_asset.as_deref());
    let destination =
        amount(row.destination_amount.as_ref().map(Amount::as_str), row.destination_asset.as_deref());
    match (source.is_empty(), destination.is_empty()) {
        (_, true) => source,
        (true, false) => format!("? → {destination}"),
        (false, false) => format!("{source} → {destination}"),
    }
}

/// A leg with its transfer: `COMPLETED, transfer 4f…`; empty where nothing is known of it.
pub fn leg(leg: &Leg) -> String {
    let status = leg.status.as_ref().map(ToString::to_string);
    let transfer = leg.transfer_id.as_ref().map(|id| format!("transfer {id}"));
    let parts: Vec<_> = [status, transfer].into_iter().flatten().collect();
    plain(&parts.join(", "))
}

/// What the break rests on, as names and values.
pub fn evidence(evidence: &Evidence) -> Vec<(&'static str, String)> {
    let seconds = Timestamp::to_rfc3339_seconds;
    let lines = match evidence {
        Evidence::HeldUp { leg, limit, passed_at, .. } => {
            let by = match leg {
                Some(LegSide::Source) => "the source leg",
                Some(LegSide::Destination) => "the destination leg",
                None => "its legs do not say",
            };
            vec![
                ("held up by", by.to_owned()),
                ("limit", format!("{limit}, passed on {}", seconds(*passed_at))),
            ]
        }
        Evidence::Ended { at, reason } => {
            let reason = reason.as_ref().map_or("none given", String::as_str);
            vec![("ended", format!("on {} or before", seconds(*at))), ("reason", reason.to_owned())]
        }
        Evidence::Differs { fields } => {
            fields.iter().map(|difference| ("differs", differs(difference))).collect()
        }
        Evidence::Legs { source, destination, .. } => {
            let status = |leg: &Option<LegStatus>| {
                leg.as_ref().map_or_else(|| "not given".to_owned(), ToString::to_string)
            };
            vec![("legs", format!("source {}, destination {}", status(source), status(destination)))]
        }
        Evidence::Gone { at, met_again_at } => {
            let mut lines =
                vec![("gone", format!("found out on {}: Paxos answers 404 for it", seconds(*at)))];
            lines.extend(met_again_at.map(|at| ("met again", format!("on {}", seconds(at)))));
            lines
        }
        Evidence::ManyGone { missing, of } => {
            vec![("gone", format!("{missing} of {of} at once: the account or the credentials are in doubt"))]
        }
        Evidence::SameAs { others } => others.iter().map(|id| ("the same as", id.to_string())).collect(),
        Evidence::UnknownStatus { status } => {
            vec![("status", format!("{status}, which this version does not know"))]
        }
        Evidence::Unreadable { problem } => vec![("unreadable", problem.clone())],
        Evidence::Unpolled { profiles, reason } => {
            let of_profile = |(profile, since): &(Profile, Timestamp)| {
                ("not polled", format!("{} since {}", profile.label(), seconds(*since)))
            };
            profiles.iter().map(of_profile).chain([("reason", reason.clone())]).collect()
        }
        Evidence::NotMade { period, due_at, reason } => vec![
            ("period", period.clone()),
            ("due", format!("on {}", seconds(*due_at))),
            ("reason", reason.clone()),
        ],
    };
    lines.into_iter().map(|(name, value)| (name, plain(&value))).collect()
}

fn differs(difference: &Difference) -> String {
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "(missing)".to_owned());
    format!("{}: {} → {}", difference.field, shown(&difference.old), shown(&difference.new))
}

/// What Paxos said of a transfer, on one line; `None` where it said nothing.
pub fn transfer(facts: &TransferFacts) -> Option<String> {
    let failed = |id: &String| format!("no answer, give Paxos support the request_id {id}");
    let parts = [
        facts.secondary_status.clone(),
        facts.network.as_ref().map(|network| format!("on {network}")),
        facts.transaction_hash.as_ref().map(|hash| format!("transaction {hash}")),
        facts.request_id.as_ref().map(failed),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().map(|part| plain(&part)).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// The name of what is known of a leg's transfer.
pub const fn side(side: LegSide) -> &'static str {
    match side {
        LegSide::Source => "source transfer",
        LegSide::Destination => "destination transfer",
    }
}
