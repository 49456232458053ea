//! What happened, as a title and as sentences that know the legs.

use super::facts::{amount, side};
use super::{Telling, told, told_of};
use crate::model::{
    BreakKind, Certainty, Evidence, Leg, LegSide, LegStatus, Mute, Occasion, Orchestration, Rail, Resolution,
    Since, Status, Timestamp, span,
};

/// All of it in one line.
pub(super) fn title(telling: &Telling<'_>) -> String {
    let record = telling.record;
    let kind = record.standing.kind;
    let whose = record.profile.as_ref().map(|profile| told(&profile.label()));
    let money = record.orchestration.as_ref().and_then(amount);
    let subject: Vec<String> = [whose, money].into_iter().flatten().collect();
    let lead = if subject.is_empty() { String::new() } else { format!("{}: ", subject.join(", ")) };
    match telling.occasion {
        Occasion::Opened => format!("{lead}{}", headline(telling)),
        Occasion::Worsened => format!("Now {}: {lead}{}", telling.severity, headline(telling)),
        Occasion::Reminded => format!("Still open: {lead}{}", headline(telling)),
        Occasion::Acknowledged => format!("Acknowledged: {lead}{}", headline(telling)),
        Occasion::Resolved => {
            let why = record.resolved.as_ref().map(|resolved| why(&resolved.why));
            format!("Resolved: {lead}{kind} ({})", why.unwrap_or("it is over".to_owned()))
        }
    }
}

/// What happened, in sentences.
pub(super) fn sentences(telling: &Telling<'_>) -> Vec<String> {
    let record = telling.record;
    let mut sentences = Vec::new();
    if let Some(resolved) = &record.resolved {
        let at = resolved.at.to_rfc3339_seconds();
        sentences.push(format!("Resolved at {at}: {}.", why(&resolved.why)));
    }
    if let (Occasion::Acknowledged, Mute::On(by)) = (telling.occasion, &record.standing.mute) {
        sentences.push(format!("{} looks after it: {}.", told(&by.by), told(&by.why)));
    }
    sentences.extend(details(telling));
    sentences.extend(telling.transfers.iter().filter_map(|transfer| {
        let status = transfer.secondary_status.as_deref()?;
        Some(format!(
            "Paxos says that the transfer of the {} waits for {}.",
            side(transfer.side),
            told(status)
        ))
    }));
    sentences.extend(telling.transfers.iter().filter_map(|transfer| {
        let id = transfer.request_id.as_deref()?;
        Some(format!(
            "Paxos did not answer when it was last asked about the transfer of the {}: give the request_id {} to Paxos support.",
            side(transfer.side),
            told(id)
        ))
    }));
    if let Some(former) = record.former {
        sentences.push(format!(
            "It was there before: this is episode {}, the former one is break {former}.",
            record.standing.episode
        ));
    }
    sentences
}

fn headline(telling: &Telling<'_>) -> String {
    let standing = &telling.record.standing;
    let orchestration = telling.record.orchestration.as_ref();
    match &standing.evidence {
        Evidence::HeldUp { leg, since, .. } => {
            let how_long = how_long(*since, telling);
            match standing.kind {
                BreakKind::StuckPending => format!("waiting for approval for {how_long}"),
                BreakKind::StuckBetweenLegs => {
                    let rail = rail(orchestration, LegSide::Destination);
                    format!("left, and not arrived for {how_long}, at the destination leg{rail}")
                }
                _ => {
                    let at =
                        leg.map(|leg| format!(", held up at the {}{}", side(leg), rail(orchestration, leg)));
                    format!("PROCESSING for {how_long}{}", at.unwrap_or_default())
                }
            }
        }
        Evidence::Ended { reason, .. } => {
            let what = if standing.kind == BreakKind::Rejected { "REJECTED" } else { "FAILED" };
            match reason {
                Some(reason) => format!("{what}: {}", told(reason)),
                None => format!("{what}, without a reason"),
            }
        }
        Evidence::Differs { fields } => {
            let names: Vec<&str> = fields.iter().map(|field| field.field.path()).collect();
            match standing.kind {
                BreakKind::ChangedAfterFinal => format!("changed after it was final: {}", names.join(", ")),
                _ => format!("took a value that it cannot take: {}", names.join(", ")),
            }
        }
        Evidence::Legs { source, destination, .. } => {
            let status = orchestration.map_or("its status", |row| row.status.as_str());
            format!("{}, but its legs say {}", told(status), legs(source.as_ref(), destination.as_ref()))
        }
        Evidence::Gone { met_again_at: None, .. } => "gone: Paxos knows no such orchestration".to_owned(),
        Evidence::Gone { .. } => "was gone at Paxos, and is there again".to_owned(),
        Evidence::ManyGone { missing, of } => {
            format!("{missing} of {of} orchestrations gone at once; the account or credentials are in doubt")
        }
        Evidence::SameAs { others } => match standing.kind {
            BreakKind::PossibleDuplicate => {
                format!("perhaps sent twice: the same as {}", count(others.len()))
            }
            _ => format!("the same ref_id as {}", count(others.len())),
        },
        Evidence::UnknownStatus { status } => format!("unknown status {}", told(status)),
        Evidence::Unreadable { .. } => "a row that cannot be read".to_owned(),
        Evidence::Unpolled { profiles, .. } => {
            let for_long =
                standing.evidence.since().map(|since| format!(" for {}", how_long(since, telling)));
            let what = match profiles.as_slice() {
                [(only, _)] => format!("{} was not completely polled", told(&only.label())),
                several => format!("{} profiles were not completely polled", several.len()),
            };
            format!("{what}{} ({})", for_long.unwrap_or_default(), standing.subject)
        }
        Evidence::NotMade { period, reason, .. } => {
            let report = told_of(&standing.subject);
            format!("the report {report} of {} could not be made: {}", told(period), told(reason))
        }
    }
}

fn details(telling: &Telling<'_>) -> Vec<String> {
    let standing = &telling.record.standing;
    let orchestration = telling.record.orchestration.as_ref();
    match &standing.evidence {
        Evidence::HeldUp { leg, since, .. } => held_up(telling, *leg, *since),
        Evidence::Ended { at, .. } => {
            let what = match (standing.kind, orchestration.map(|row| &row.status)) {
                (BreakKind::Rejected, _) => "Its approval was refused",
                (_, Some(Status::Failed) | None) => "It failed",
                _ => "It ended without success",
            };
            let mut sentences = vec![format!("{what}, at the latest at {}.", at.to_rfc3339_seconds())];
            sentences.extend(orchestration.and_then(where_money_is));
            sentences
        }
        Evidence::Differs { fields } => {
            let what = if standing.kind == BreakKind::ChangedAfterFinal {
                "It was final, and took another value since"
            } else {
                "It took a value that cannot follow from what it was before"
            };
            vec![format!("{what}: {} field(s), old and new are below.", fields.len())]
        }
        Evidence::Legs { source, destination, since } => {
            let status = orchestration.map_or("not known", |row| row.status.as_str());
            let legs = legs(source.as_ref(), destination.as_ref());
            vec![format!(
                "Its status is {}, but its legs say {legs}, {}.",
                told(status),
                since_when(*since, telling)
            )]
        }
        Evidence::Gone { at, met_again_at } => {
            let mut sentences = vec![format!(
                "Get Orchestration answered 404 for it at {}; it was there before.",
                at.to_rfc3339_seconds()
            )];
            sentences
                .extend(met_again_at.map(|at| format!("It was met again at {}.", at.to_rfc3339_seconds())));
            sentences
        }
        Evidence::ManyGone { missing, of } => vec![format!(
            "{missing} of {of} orchestrations that were looked for did not come. None of them is called missing \
             before it is known whether account and credentials are the right ones."
        )],
        Evidence::SameAs { others } => {
            let what = match standing.kind {
                BreakKind::PossibleDuplicate => "has the same destination, assets and amount as",
                _ => "has the same ref_id in the same profile as",
            };
            vec![format!("It {what} {}, listed below.", count(others.len()))]
        }
        Evidence::UnknownStatus { status } => vec![format!(
            "Paxos reports the status {}, which this version of tallyd does not know. It counts as open.",
            told(status)
        )],
        Evidence::Unreadable { .. } => {
            vec!["What Paxos sent under this id cannot be read. It is kept as it came.".to_owned()]
        }
        Evidence::Unpolled { .. } => {
            vec![format!("{}. What happens there meanwhile is not seen.", capital(&headline(telling)))]
        }
        Evidence::NotMade { due_at, .. } => vec![format!(
            "It was due at {} and could not be made. It is tried again until it is, at least once an hour; nothing \
             of it is lost, since it is made from the ledger.",
            due_at.to_rfc3339_seconds()
        )],
    }
}

fn held_up(telling: &Telling<'_>, leg: Option<LegSide>, since: Since) -> Vec<String> {
    let orchestration = telling.record.orchestration.as_ref();
    let since = since_when(since, telling);
    let mut sentences = match telling.record.standing.kind {
        BreakKind::StuckPending => vec![format!("It waits for approval {since}.")],
        BreakKind::StuckBetweenLegs => vec![format!(
            "The source leg is COMPLETED, the destination leg is not, {since}: the money has left and not arrived."
        )],
        _ => vec![format!("It is PROCESSING {since}.")],
    };
    if let Some(leg) = leg {
        let transfer = orchestration.map(|row| transfer_of(row, leg));
        let status = transfer.and_then(|leg| leg.status.as_ref());
        let status = status.map_or(String::new(), |status| format!(", {}", told(status.as_str())));
        let id = transfer.and_then(|leg| leg.transfer_id.as_ref());
        let id =
            id.map_or("a transfer that has no id yet".to_owned(), |id| format!("transfer {}", told_of(id)));
        sentences.push(format!("The {}{} holds it up: {id}{status}.", side(leg), rail(orchestration, leg)));
    } else if telling.record.standing.kind == BreakKind::StuckProcessing {
        sentences.push("Its legs do not say which of them holds it up.".to_owned());
    }
    sentences
}

/// Where the money of one that ended stands, as far as its legs tell.
fn where_money_is(orchestration: &Orchestration) -> Option<String> {
    let source = orchestration.source_transfer.status.as_ref()?;
    let text = match source {
        LegStatus::Completed => "The source leg is COMPLETED: the money had been taken.",
        LegStatus::Failed => "The source leg FAILED: the money was not taken.",
        _ => "The source leg had not ended.",
    };
    Some(text.to_owned())
}

fn transfer_of(orchestration: &Orchestration, leg: LegSide) -> &Leg {
    match leg {
        LegSide::Source => &orchestration.source_transfer,
        LegSide::Destination => &orchestration.destination_transfer,
    }
}

/// The rail of a leg, in brackets, where it is known.
fn rail(orchestration: Option<&Orchestration>, leg: LegSide) -> String {
    let end = orchestration.and_then(|row| match leg {
        LegSide::Source => row.source.as_ref(),
        LegSide::Destination => row.destination.as_ref(),
    });
    match Rail::of(end) {
        Rail::Unknown => String::new(),
        rail => format!(" ({})", told_of(&rail)),
    }
}

fn legs(source: Option<&LegStatus>, destination: Option<&LegStatus>) -> String {
    let say =
        |status: Option<&LegStatus>| status.map_or("nothing".to_owned(), |status| told(status.as_str()));
    format!("{} (source) and {} (destination)", say(source), say(destination))
}

/// Until when something lasted: to its end, else to now.
fn until(telling: &Telling<'_>) -> Timestamp {
    telling.record.resolved.as_ref().map_or(telling.now, |resolved| resolved.at)
}

fn how_long(since: Since, telling: &Telling<'_>) -> String {
    let span = span(until(telling).since(since.at));
    match since.certainty {
        Certainty::Exactly => span,
        Certainty::AtLatest => format!("at least {span}"),
    }
}

fn since_when(since: Since, telling: &Telling<'_>) -> String {
    let at = since.at.to_rfc3339_seconds();
    let how_long = how_long(since, telling);
    match since.certainty {
        Certainty::Exactly => format!("since {at} ({how_long})"),
        Certainty::AtLatest => format!("since {at} or earlier ({how_long})"),
    }
}

fn why(resolution: &Resolution) -> String {
    match resolution {
        Resolution::Person { by, why } => format!("closed by {}: {}", told(by), told(why)),
        other => told_of(other),
    }
}

fn count(others: usize) -> String {
    if others == 1 { "another one".to_owned() } else { format!("{others} others") }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}
