//! An orchestration as one JSON object in the API's shape, with everything that was received.

use serde_json::{Map, Value, json};

use crate::ledger::{LedgerError, Reader};
use crate::model::{Field, Identifier, Orchestration, Profile, Timestamp, Tracked, UnreadableRow};

/// What the ledger has of one id.
#[derive(Debug)]
pub struct Known {
    /// The orchestration as it was last read.
    pub tracked: Option<Tracked>,
    /// Its last row, where that could not be read.
    pub unreadable: Option<UnreadableRow>,
    /// Since when Paxos no longer knows it; `None` where it does.
    pub missing_since: Option<Timestamp>,
    /// The profiles that list it, the one that listed it first in front.
    pub listed_under: Vec<Profile>,
}

impl Known {
    /// Reads it.
    pub fn read(reader: &Reader, id: &Identifier) -> Result<Self, LedgerError> {
        Ok(Self {
            tracked: reader.orchestration(id)?,
            unreadable: reader.unreadable(id)?,
            missing_since: reader.missing_since(id)?,
            listed_under: reader.listed_under(id)?,
        })
    }

    /// Whether the ledger has anything of the id.
    pub fn is_anything(&self) -> bool {
        self.tracked.is_some() || self.unreadable.is_some()
    }

    /// All of it.
    pub fn document(&self) -> Value {
        let tracked = self.tracked.as_ref();
        json!({
            "orchestration": tracked.map(|tracked| of(&tracked.orchestration)),
            "status_since": tracked.map(|tracked| tracked.status_since.to_rfc3339()),
            "listed_under": self.listed_under.iter().map(|profile| profile.id.to_string()).collect::<Vec<_>>(),
            "missing_since": self.missing_since.map(Timestamp::to_rfc3339),
            "unreadable": self.unreadable.as_ref().map(|row| json!({ "raw": &*row.raw, "problem": row.problem })),
        })
    }
}

/// The orchestration in the API's shape. Amounts keep the spelling in which they are kept; times are
/// RFC 3339 in UTC with six decimals, or as they came where that had more.
pub fn of(orchestration: &Orchestration) -> Value {
    let mut document = Map::new();
    document.insert("id".to_owned(), Value::from(orchestration.id.to_string()));
    for field in Field::ALL {
        let Some(value) = orchestration.value(field) else { continue };
        match field {
            Field::Remainder => {}
            Field::Metadata => put(&mut document, field.path(), parsed(&value.to_string())),
            _ => put(&mut document, field.path(), Value::from(value.to_string())),
        }
    }
    let mut document = Value::Object(document);
    if let Some(remainder) = &orchestration.remainder {
        merge(&mut document, parsed(remainder));
    }
    document
}

fn parsed(text: &str) -> Value {
    // Only valid JSON is kept in these fields; should it ever not be, show what is there.
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

fn put(document: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            document.insert(path.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = document.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// Puts `more` over `document`, object by object.
fn merge(document: &mut Value, more: Value) {
    match (document, more) {
        (Value::Object(document), Value::Object(more)) => {
            for (key, value) in more {
                merge(document.entry(key).or_insert(Value::Null), value);
            }
        }
        (place, value) => *place = value,
    }
}
