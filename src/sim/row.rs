//! One orchestration as the world holds it: its place in the order, when it can be seen, its content.

use std::cmp::Ordering;
use std::sync::Arc;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::plan::Plan;

/// An orchestration's id. UUIDs in their usual spelling are kept as numbers: a million of them are
/// held and compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum RowId {
    Uuid(u128),
    Text(Arc<str>),
}

/// Room for a UUID's text.
pub(super) type IdBuffer = [u8; uuid::fmt::Hyphenated::LENGTH];

pub(super) const EMPTY_BUFFER: IdBuffer = [0; uuid::fmt::Hyphenated::LENGTH];

impl RowId {
    /// Reads any text; one id has one form only.
    pub(super) fn of(text: &str) -> Self {
        if let Ok(uuid) = Uuid::try_parse(text)
            && uuid.hyphenated().encode_lower(&mut { EMPTY_BUFFER }) == text
        {
            return Self::Uuid(uuid.as_u128());
        }
        Self::Text(text.into())
    }

    /// Its text, written into `buffer` where it is not kept as one.
    pub(super) fn text<'a>(&'a self, buffer: &'a mut IdBuffer) -> &'a str {
        match self {
            Self::Uuid(number) => Uuid::from_u128(*number).hyphenated().encode_lower(buffer),
            Self::Text(text) => text,
        }
    }

    pub(super) fn to_text(&self) -> String {
        self.text(&mut { EMPTY_BUFFER }).to_owned()
    }
}

impl Ord for RowId {
    fn cmp(&self, other: &Self) -> Ordering {
        if let (Self::Uuid(left), Self::Uuid(right)) = (self, other) {
            // Lower-case hexadecimal digits sort as the number does.
            return left.cmp(right);
        }
        self.text(&mut { EMPTY_BUFFER }).cmp(other.text(&mut { EMPTY_BUFFER }))
    }
}

impl PartialOrd for RowId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A place in the order of the list: after `created_at`, then after the id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) created: i64,
    pub(super) id: RowId,
}

/// One orchestration.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) place: Position,
    /// The profiles that list it: its own, and the other end where both list it.
    pub(super) listed_under: [Option<u16>; 2],
    /// From when on it can be seen.
    pub(super) visible_at: i64,
    /// From when on it is gone.
    pub(super) gone_at: i64,
    pub(super) content: Content,
}

/// What an orchestration shows.
#[derive(Debug)]
pub(super) enum Content {
    /// Out of the seed, details included.
    Seeded(Plan),
    /// Created through the API: the request's own fields, and a life out of the seed.
    Created(Box<Map<String, Value>>, Plan),
    /// Put in by hand, shown as it is.
    Verbatim(Box<Value>),
}

impl Row {
    pub(super) fn shows_at(&self, time: i64) -> bool {
        self.visible_at <= time && time < self.gone_at
    }
}

/// Fields of a row that were set by hand, from an instant on.
#[derive(Debug)]
pub(super) struct Patch {
    pub(super) since: i64,
    pub(super) set: Map<String, Value>,
    pub(super) removed: Vec<String>,
}

impl Patch {
    /// What must be done to `before` to get `after`; nothing where they are the same.
    pub(super) fn between(before: &Map<String, Value>, after: Map<String, Value>, since: i64) -> Self {
        let removed = before.keys().filter(|key| !after.contains_key(*key)).cloned().collect();
        let set = after.into_iter().filter(|(key, value)| before.get(key) != Some(value)).collect();
        Self { since, set, removed }
    }

    pub(super) fn apply(&self, fields: &mut Map<String, Value>) {
        for name in &self.removed {
            fields.remove(name);
        }
        fields.extend(self.set.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
}

/// Which answers a pinned row is stale in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinScope {
    /// In lists alone: Get tells the truth.
    List,
    /// In lists and in Get.
    Everywhere,
}
