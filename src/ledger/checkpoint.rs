//! The checkpoint that pruning leaves: where the journal begins since, and the floor below which nothing
//! is listed again.
//!
//! The row of `checkpoint` is held against the last `pruned` entry of the journal, which the chain proves.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};

use crate::model::Timestamp;

use super::Problem;
use super::digest::Digest;
use super::journal::{self, Body, Entry, EntryKind, JournalHead, StoredBody, hex};

/// The journal's beginning in a ledger that was pruned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last batch that is gone; the chain goes on from its head.
    pub head: JournalHead,
    /// Nothing that was created before this instant is listed again.
    pub floor: Timestamp,
    /// When it was pruned, by the local clock.
    pub pruned_at: Timestamp,
}

/// What one pruning removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PrunedCounts {
    /// Orchestrations.
    pub rows: u64,
    /// Entries of the journal.
    pub entries: u64,
    /// Polls.
    pub polls: u64,
}

/// The checkpoint; `None` for a ledger that was never pruned.
pub(super) fn find(connection: &Connection) -> Result<Option<Checkpoint>, Problem> {
    Ok(connection
        .query_row("SELECT batch, seq, head, floor, pruned_at FROM checkpoint", [], |row| {
            Ok(Checkpoint {
                head: JournalHead { batch: row.get(0)?, seq: row.get(1)?, hash: row.get(2)? },
                floor: row.get(3)?,
                pruned_at: row.get(4)?,
            })
        })
        .optional()?)
}

/// Puts the checkpoint in the place of a former one.
pub(super) fn keep(connection: &Connection, checkpoint: &Checkpoint) -> Result<(), Problem> {
    let Checkpoint { head, floor, pruned_at } = checkpoint;
    connection.execute(
        "INSERT OR REPLACE INTO checkpoint (only, batch, seq, head, floor, pruned_at)
         VALUES (1, ?1, ?2, ?3, ?4, ?5)",
        params![head.batch, head.seq, head.hash, floor, pruned_at],
    )?;
    Ok(())
}

/// The entry that tells of a pruning.
pub(super) fn entry(
    connection: &Connection,
    checkpoint: &Checkpoint,
    counts: PrunedCounts,
) -> Result<Entry, Problem> {
    let mut body = proof(connection, checkpoint)?;
    if let Value::Object(body) = &mut body {
        body.extend([
            ("rows".to_owned(), counts.rows.into()),
            ("entries".to_owned(), counts.entries.into()),
            ("polls".to_owned(), counts.polls.into()),
        ]);
    }
    Ok(Entry { kind: EntryKind::Pruned, orchestration: None, body: Body::Json(body.to_string()) })
}

/// Since when a row is missing, and the poll that found it out.
pub(super) type Missing = (Timestamp, i64);

/// The body of an entry that carries a row.
pub(super) fn carrying(digest: Digest, missing: Option<Missing>) -> Body {
    let Some((since, poll)) = missing else { return Body::Digest(digest) };
    let mut body = digest.to_vec();
    let json = json!({ "missing_since": since.to_rfc3339(), "missing_poll": poll });
    body.extend_from_slice(json.to_string().as_bytes());
    Body::DigestAndJson(body)
}

/// What such a body says.
pub(super) fn carried(body: &StoredBody) -> Option<(Digest, Option<Missing>)> {
    let (digest, json) = body.digest_and_json()?;
    if json.is_empty() {
        return Some((digest, None));
    }
    let json: Value = serde_json::from_str(json).ok()?;
    let since = Timestamp::parse_rfc3339(json.get("missing_since")?.as_str()?).ok()?;
    Some((digest, Some((since, json.get("missing_poll")?.as_i64()?))))
}

/// The batch of the last `pruned` entry, where that tells of this checkpoint and of this ledger.
pub(super) fn proven_by(connection: &Connection, checkpoint: &Checkpoint) -> Result<Option<i64>, Problem> {
    let told = connection
        .query_row(
            "SELECT batch, body FROM journal_entry WHERE kind = ?1 ORDER BY seq DESC LIMIT 1",
            [EntryKind::Pruned.number()],
            |row| Ok((row.get(0)?, row.get::<_, StoredBody>(1)?)),
        )
        .optional()?;
    let Some((batch, body)) = told else { return Ok(None) };
    let Some(body) = body.text().and_then(|text| serde_json::from_str::<Value>(text).ok()) else {
        return Ok(None);
    };
    let Value::Object(expected) = proof(connection, checkpoint)? else { return Ok(None) };
    let is_told = expected.iter().all(|(key, value)| body.get(key) == Some(value));
    Ok(is_told.then_some(batch))
}

/// What the journal tells of a checkpoint. The head of an empty journal is in it because the chain does
/// not prove any more to which ledger it belongs.
fn proof(connection: &Connection, checkpoint: &Checkpoint) -> Result<Value, Problem> {
    Ok(json!({
        "before": checkpoint.floor.to_rfc3339(),
        "pruned_at": checkpoint.pruned_at.to_rfc3339(),
        "checkpoint": checkpoint.head.note(),
        "seq": checkpoint.head.seq,
        "genesis": hex(&journal::genesis_of(connection)?.hash),
    }))
}
