//! The digest of an orchestration, which the journal keeps of every new row.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::model::{Field, FieldValue, Identifier, Orchestration, Timestamp};

/// A SHA-256.
pub(super) type Digest = [u8; 32];

/// Values that stand in for those of the present row: what it held before its changes.
pub(super) type OldValues = BTreeMap<Field, Option<String>>;

/// The digest of an orchestration as it is.
pub(super) fn digest(row: &Orchestration) -> Digest {
    let mut hasher = begin(&row.id);
    for field in Field::ALL {
        match row.value(field) {
            None => {}
            Some(FieldValue::Time(time)) => add_time(&mut hasher, field, time),
            Some(FieldValue::Text(text) | FieldValue::Json(text)) => add(&mut hasher, field, text.as_bytes()),
            Some(FieldValue::Amount(amount)) => add(&mut hasher, field, amount.as_str().as_bytes()),
            Some(FieldValue::Id(id)) => add_id(&mut hasher, field, id),
        }
    }
    hasher.finalize().into()
}

/// The digest of an orchestration as it was: the present row with `old` in the place of its values.
/// `None` where `old` holds a time that is none.
pub(super) fn digest_with(row: &Orchestration, old: &OldValues) -> Option<Digest> {
    if old.is_empty() {
        return Some(digest(row));
    }
    let mut hasher = begin(&row.id);
    for field in Field::ALL {
        let value = match old.get(&field) {
            Some(value) => value.clone(),
            None => row.value(field).map(|value| value.to_string()),
        };
        match (field, value) {
            (_, None) => {}
            (Field::CreatedAt | Field::UpdatedAt | Field::CompletedAt, Some(text)) => {
                add_time(&mut hasher, field, Timestamp::parse_rfc3339(&text).ok()?);
            }
            (_, Some(text)) => add(&mut hasher, field, text.as_bytes()),
        }
    }
    Some(hasher.finalize().into())
}

fn begin(id: &Identifier) -> Sha256 {
    let mut hasher = Sha256::new();
    with_text(id, |text| {
        hasher.update(length(text));
        hasher.update(text);
    });
    hasher
}

fn add(hasher: &mut Sha256, field: Field, bytes: &[u8]) {
    hasher.update([field.number()]);
    hasher.update(length(bytes));
    hasher.update(bytes);
}

fn add_time(hasher: &mut Sha256, field: Field, time: Timestamp) {
    add(hasher, field, &time.as_micros().to_le_bytes());
}

fn add_id(hasher: &mut Sha256, field: Field, id: &Identifier) {
    with_text(id, |text| add(hasher, field, text));
}

fn with_text(id: &Identifier, then: impl FnOnce(&[u8])) {
    match id {
        Identifier::Uuid(uuid) => then(uuid.hyphenated().encode_lower(&mut [0; 36]).as_bytes()),
        Identifier::Text(text) => then(text.as_bytes()),
    }
}

fn length(bytes: &[u8]) -> [u8; 8] {
    (bytes.len() as u64).to_le_bytes()
}
