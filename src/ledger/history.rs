//! What the journal tells of one orchestration, from its first sighting to now.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use serde_json::Value;

use crate::model::{Field, Identifier, Orchestration, Timestamp};

use super::digest::OldValues;
use super::journal::{EntryKind, StoredBody};
use super::{Problem, rows};

/// The story of one orchestration.
#[derive(Clone, Debug)]
pub struct History {
    /// Its id.
    pub id: Identifier,
    /// The orchestration now; `None` for a row that could never be read.
    pub now: Option<Orchestration>,
    /// What was before the first event.
    pub beginning: Beginning,
    /// What was observed, oldest first.
    pub events: Vec<Event>,
}

/// What was before the first event of a story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// Nothing: the whole story is there.
    Whole,
    /// More, which was pruned.
    Pruned {
        /// When it was pruned, by the local clock.
        at: Timestamp,
        /// The values then known of the time before the first event.
        values: BTreeMap<Field, String>,
    },
}

/// One thing that was observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, by the server's clock.
    pub at: Timestamp,
    /// In which poll; 0 for upkeep outside of any poll.
    pub poll: i64,
    /// Its place in the journal.
    pub seq: i64,
    /// What.
    pub kind: EventKind,
}

/// What was observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It was seen for the first time, with these values.
    Appeared(BTreeMap<Field, String>),
    /// It changed.
    Changed(Vec<Was>),
    /// An older state was confirmed and taken.
    WentBackInTime(Vec<Was>),
    /// It came as a row that could not be read, for this reason.
    Unreadable(String),
    /// It could be read again.
    ReadableAgain,
    /// A second row of it was merged into this one.
    Merged,
    /// Paxos no longer listed it and answered 404 for it.
    WentMissing,
    /// It was met again.
    Reappeared,
    /// Something became of a break about it.
    Break(BreakEvent),
}

/// What became of a break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakEvent {
    /// Its number.
    pub number: i64,
    /// Its kind.
    pub kind: String,
    /// What became of it.
    pub step: BreakStep,
}

/// One step in the life of a break, as the journal tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BreakStep {
    /// It opened, with this severity.
    Opened(String),
    /// It has this severity since, and what it rests on may be another thing.
    Revised(String),
    /// Somebody acknowledged it.
    Acknowledged {
        /// Who.
        by: String,
        /// Why.
        why: String,
        /// Until when, RFC 3339; `None` where it holds until the break resolves.
        until: Option<String>,
    },
    /// The acknowledgement is over.
    Unacknowledged {
        /// Who ended it; `None` where its time had come.
        by: Option<String>,
    },
    /// It resolved.
    Resolved {
        /// Who did; `None` where it resolved by itself.
        by: Option<String>,
        /// Why.
        why: String,
    },
}

/// What a field was and what it became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Was {
    /// The field.
    pub field: Field,
    /// Its value before; `None` where it was missing.
    pub old: Option<String>,
    /// Its value after; `None` where it is missing.
    pub new: Option<String>,
}

struct StoredEntry {
    at: Timestamp,
    poll: i64,
    seq: i64,
    kind: i64,
    body: StoredBody,
}

/// The story of the orchestration with this id.
pub(super) fn of(connection: &Connection, id: &Identifier) -> Result<Option<History>, Problem> {
    let stored = rows::find_by_id(connection, id)?;
    let key = stored.as_ref().map(|stored| stored.key);
    let mut entries = entries(connection, key, id)?;
    if stored.is_none() && entries.is_empty() {
        return Ok(None);
    }
    let now = stored.map(|stored| stored.tracked.orchestration);
    // Backwards: the present values are known, and each entry holds what was before it.
    let mut values: OldValues = Field::ALL
        .into_iter()
        .map(|field| (field, now.as_ref().and_then(|now| now.value(field)).map(|value| value.to_string())))
        .collect();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.seq));
    let mut events = Vec::with_capacity(entries.len());
    let mut pruned_at = None;
    for entry in entries {
        if [EntryKind::Carried, EntryKind::BreakCarried].map(EntryKind::number).contains(&entry.kind) {
            // The last one comes first: it is of the pruning that holds.
            pruned_at.get_or_insert(entry.at);
            continue;
        }
        let kind = tell(&entry, &mut values)
            .ok_or_else(|| Problem::Inconsistent(format!("journal entry {} cannot be read", entry.seq)))?;
        events.push(Event { at: entry.at, poll: entry.poll, seq: entry.seq, kind });
    }
    events.reverse();
    let beginning = match pruned_at {
        None => Beginning::Whole,
        Some(at) => Beginning::Pruned { at, values: present(&values) },
    };
    Ok(Some(History { id: id.clone(), now, beginning, events }))
}

fn present(values: &OldValues) -> BTreeMap<Field, String> {
    values.iter().filter_map(|(&field, value)| Some((field, value.clone()?))).collect()
}

/// What an entry tells; moves `values` to the state before it.
fn tell(entry: &StoredEntry, values: &mut OldValues) -> Option<EventKind> {
    Some(match EntryKind::from_number(entry.kind)? {
        EntryKind::Appeared => EventKind::Appeared(present(values)),
        EntryKind::Changed => EventKind::Changed(undo(entry, values)?),
        EntryKind::WentBackInTime => EventKind::WentBackInTime(undo(entry, values)?),
        EntryKind::Unreadable => {
            let body: Value = serde_json::from_str(entry.body.text()?).ok()?;
            EventKind::Unreadable(body.get("problem")?.as_str()?.to_owned())
        }
        EntryKind::ReadableAgain => EventKind::ReadableAgain,
        EntryKind::Merged => EventKind::Merged,
        EntryKind::WentMissing => EventKind::WentMissing,
        EntryKind::Reappeared => EventKind::Reappeared,
        kind @ (EntryKind::BreakOpened
        | EntryKind::BreakRevised
        | EntryKind::BreakAcknowledged
        | EntryKind::BreakUnacknowledged
        | EntryKind::BreakResolved) => EventKind::Break(of_break(kind, &entry.body)?),
        // None of them is about a single orchestration's change.
        EntryKind::Restored | EntryKind::Pruned | EntryKind::Carried | EntryKind::BreakCarried => {
            return None;
        }
    })
}

pub(super) fn of_break(kind: EntryKind, body: &StoredBody) -> Option<BreakEvent> {
    let body: Value = serde_json::from_str(body.text()?).ok()?;
    let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
    let step = match kind {
        EntryKind::BreakOpened => BreakStep::Opened(text("severity")?),
        EntryKind::BreakRevised => BreakStep::Revised(text("severity")?),
        EntryKind::BreakAcknowledged => {
            BreakStep::Acknowledged { by: text("by")?, why: text("why")?, until: text("until") }
        }
        EntryKind::BreakUnacknowledged => BreakStep::Unacknowledged { by: text("by") },
        _ => BreakStep::Resolved { by: text("by"), why: text("why")? },
    };
    Some(BreakEvent { number: body.get("break")?.as_i64()?, kind: text("kind")?, step })
}

fn undo(entry: &StoredEntry, values: &mut OldValues) -> Option<Vec<Was>> {
    let (_, old) = entry.body.change()?;
    let mut changes = Vec::with_capacity(old.len());
    for (field, old) in old {
        let new = values.insert(field, old.clone()).flatten();
        changes.push(Was { field, old, new });
    }
    Some(changes)
}

fn entries(connection: &Connection, key: Option<i64>, id: &Identifier) -> Result<Vec<StoredEntry>, Problem> {
    // Entries about rows that could not be read may have no key; the index finds those few.
    let mut statement = connection.prepare(
        "SELECT b.at, b.poll, e.seq, e.kind, e.body
         FROM journal_entry AS e JOIN journal_batch AS b ON b.number = e.batch
         WHERE e.seq = ?1 AND e.kind = 1
         UNION ALL
         SELECT b.at, b.poll, e.seq, e.kind, e.body
         FROM journal_entry AS e JOIN journal_batch AS b ON b.number = e.batch
         WHERE e.orchestration = ?1 AND e.kind <> 1
         UNION ALL
         SELECT b.at, b.poll, e.seq, e.kind, e.body
         FROM journal_entry AS e JOIN journal_batch AS b ON b.number = e.batch
         WHERE e.orchestration IS NULL AND e.kind <> 1 AND e.body ->> 'id' = ?2
         UNION ALL
         SELECT b.at, b.poll, e.seq, e.kind, e.body
         FROM journal_entry AS e JOIN journal_batch AS b ON b.number = e.batch
         WHERE e.kind = 6 AND e.body ->> 'into' = ?1",
    )?;
    let mut found = statement.query(params![key, id.to_string()])?;
    let mut entries = Vec::new();
    while let Some(row) = found.next()? {
        entries.push(StoredEntry {
            at: row.get(0)?,
            poll: row.get(1)?,
            seq: row.get(2)?,
            kind: row.get(3)?,
            body: row.get(4)?,
        });
    }
    Ok(entries)
}
