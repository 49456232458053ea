//! Which fields a change touched, as evidence.

use crate::model::{Change, Difference, Evidence, Field, LegSide, Standing};

/// The fields in which a value was replaced or taken away. One that was filled in was missing before, which is
/// no other value.
pub(super) fn replaced(changes: &[Change]) -> Vec<Difference> {
    let mut fields: Vec<Difference> = changes.iter().filter_map(replaced_by).collect();
    fields.sort_by_key(|difference| difference.field);
    fields
}

fn replaced_by(change: &Change) -> Option<Difference> {
    let difference = |field, old: &dyn ToString, new: &dyn ToString| Difference {
        field,
        old: Some(old.to_string()),
        new: Some(new.to_string()),
    };
    match change {
        Change::StatusMoved { from, to } => Some(difference(Field::Status, from, to)),
        Change::LegMoved { leg: LegSide::Source, from, to } => {
            Some(difference(Field::SourceTransferStatus, from, to))
        }
        Change::LegMoved { leg: LegSide::Destination, from, to } => {
            Some(difference(Field::DestinationTransferStatus, from, to))
        }
        Change::FieldChanged { field, old, new } => {
            Some(Difference { field: *field, old: Some(old.clone()), new: new.clone() })
        }
        Change::Appeared
        | Change::FilledIn { .. }
        | Change::WentBackInTime { .. }
        | Change::WentMissing
        | Change::Reappeared => None,
    }
}

/// The evidence with what a break rests on already: of each field the first value and the last.
pub(super) fn added_to(standing: Option<&Standing>, new: Vec<Difference>) -> Evidence {
    let Some(Evidence::Differs { fields: known }) = standing.map(|standing| &standing.evidence) else {
        return Evidence::Differs { fields: new };
    };
    let mut fields = known.clone();
    for difference in new {
        match fields.iter_mut().find(|known| known.field == difference.field) {
            Some(known) => known.new = difference.new,
            None => fields.push(difference),
        }
    }
    fields.sort_by_key(|difference| difference.field);
    Evidence::Differs { fields }
}
