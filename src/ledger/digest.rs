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
    let mut encoded = begin(&row.id);
    for field in Field::ALL {
        match row.value(field) {
            None => {}
            Some(FieldValue::Time(time)) => add_time(&mut encoded, field, time),
            Some(FieldValue::Text(text) | FieldValue::Json(text)) => {
                add(&mut encoded, field, text.as_bytes());
            }
            Some(FieldValue::Amount(amount)) => add(&mut encoded, field, amount.as_str().as_bytes()),
            Some(FieldValue::Id(id)) => add_id(&mut encoded, field, id),
        }
    }
    Sha256::digest(&encoded).into()
}

/// The digest of an orchestration as it was: the present row with `old` in the place of its values.
/// `None` where `old` holds a time that is none.
pub(super) fn digest_with(row: &Orchestration, old: &OldValues) -> Option<Digest> {
    if old.is_empty() {
        return Some(digest(row));
    }
    let mut encoded = begin(&row.id);
    for field in Field::ALL {
        let value = match old.get(&field) {
            Some(value) => value.clone(),
            None => row.value(field).map(|value| value.to_string()),
        };
        match (field, value) {
            (_, None) => {}
            (Field::CreatedAt | Field::UpdatedAt | Field::CompletedAt, Some(text)) => {
                add_time(&mut encoded, field, Timestamp::parse_rfc3339(&text).ok()?);
            }
            (_, Some(text)) => add(&mut encoded, field, text.as_bytes()),
        }
    }
    Some(Sha256::digest(&encoded).into())
}

/// The usual length of an encoded orchestration and some.
const USUAL_BYTES: usize = 1024;

/// Begins the encoding, which is hashed as a whole: many small pieces would cost as much as the hash.
fn begin(id: &Identifier) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(USUAL_BYTES);
    with_text(id, |text| {
        encoded.extend_from_slice(&length(text));
        encoded.extend_from_slice(text);
    });
    encoded
}

fn add(encoded: &mut Vec<u8>, field: Field, bytes: &[u8]) {
    encoded.push(field.number());
    encoded.extend_from_slice(&length(bytes));
    encoded.extend_from_slice(bytes);
}

fn add_time(encoded: &mut Vec<u8>, field: Field, time: Timestamp) {
    add(encoded, field, &time.as_micros().to_le_bytes());
}

fn add_id(encoded: &mut Vec<u8>, field: Field, id: &Identifier) {
    with_text(id, |text| add(encoded, field, text));
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
