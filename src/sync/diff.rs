//! What is different between a received orchestration and the known one.
//!
//! A pure function: values in, a [`Verdict`] out. Fields compare by meaning (amounts as decimals,
//! times as instants, missing as null), so another spelling of the same thing is no change.

use crate::model::{Change, Field, LegSide, LegStatus, Orchestration, Timestamp, Tracked, Trust, Verdict};

/// Compares an orchestration that was received at `seen_at` (server time) with the known one.
///
/// An answer whose `updated_at` is older than the known one's is [`Verdict::Stale`], unless it is
/// [`Trust::Confirmed`]. The same or a missing `updated_at` with other content is a change.
pub fn compare(before: Option<&Tracked>, now: &Orchestration, seen_at: Timestamp, trust: Trust) -> Verdict {
    let Some(before) = before else {
        return Verdict::Appeared { status_since: now.updated_at.unwrap_or(seen_at) };
    };
    let known = &before.orchestration;
    if known == now {
        return Verdict::Unchanged;
    }
    let goes_back = known.updated_at.zip(now.updated_at).filter(|(known, now)| now < known);
    if goes_back.is_some() && trust == Trust::Listed {
        return Verdict::Stale;
    }
    let mut changes: Vec<Change> =
        Field::ALL.into_iter().filter_map(|field| change_of(field, known, now)).collect();
    if changes.is_empty() {
        return Verdict::Unchanged;
    }
    if let Some((from, to)) = goes_back {
        changes.push(Change::WentBackInTime { from, to });
    }
    let entered = now.updated_at.unwrap_or(seen_at);
    let status_since = if known.status == now.status { before.status_since.min(entered) } else { entered };
    Verdict::Changed {
        kept: Box::new(Tracked { orchestration: keep_spelling(known, now), status_since }),
        changes,
    }
}

/// What one field went through; `None` where it still means the same.
fn change_of(field: Field, known: &Orchestration, now: &Orchestration) -> Option<Change> {
    let (old, new) = match (known.value(field), now.value(field)) {
        (None, None) => return None,
        (Some(old), Some(new)) if old.means_the_same(&new) => return None,
        (None, Some(new)) => return Some(Change::FilledIn { field, new: new.to_string() }),
        (Some(old), new) => (old, new),
    };
    let leg = |leg, from: &Option<LegStatus>, to: &Option<LegStatus>| match (from, to) {
        (Some(from), Some(to)) => Some(Change::LegMoved { leg, from: from.clone(), to: to.clone() }),
        _ => None,
    };
    let moved = match field {
        Field::Status => Some(Change::StatusMoved { from: known.status.clone(), to: now.status.clone() }),
        Field::SourceTransferStatus => {
            leg(LegSide::Source, &known.source_transfer.status, &now.source_transfer.status)
        }
        Field::DestinationTransferStatus => {
            leg(LegSide::Destination, &known.destination_transfer.status, &now.destination_transfer.status)
        }
        _ => None,
    };
    Some(moved.unwrap_or_else(|| Change::FieldChanged {
        field,
        old: old.to_string(),
        new: new.map(|new| new.to_string()),
    }))
}

/// The new state, in the known spelling wherever a field still means the same. Undoing the journalled
/// changes then gives back exactly what was kept before.
fn keep_spelling(known: &Orchestration, now: &Orchestration) -> Orchestration {
    let unchanged = |field| change_of(field, known, now).is_none();
    let mut kept = now.clone();
    if unchanged(Field::SourceAmount) {
        kept.source_amount.clone_from(&known.source_amount);
    }
    if unchanged(Field::DestinationAmount) {
        kept.destination_amount.clone_from(&known.destination_amount);
    }
    if unchanged(Field::Metadata) {
        kept.metadata.clone_from(&known.metadata);
    }
    if unchanged(Field::Remainder) {
        kept.remainder.clone_from(&known.remainder);
    }
    kept
}
