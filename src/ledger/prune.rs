//! Removing what is old: orchestrations that are final, their story, and polls.
//!
//! All of it is one transaction, so that the chain is whole before and after it. What was removed is not
//! held in memory: rows and entries are streamed, and the changed pages go to the write-ahead log.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::model::{Identifier, Timestamp};

use super::checkpoint::{self, Checkpoint, PrunedCounts};
use super::digest::OldValues;
use super::journal::{self, Batch, Body, Entry, EntryKind, JournalHead, hex};
use super::take_over::take_over;
use super::verify::stories::{self, End, Stories};
use super::{LedgerError, Problem, Role, breaks, open, rows, sweep, verify};

/// What is younger than this is never pruned, in days.
const LEAST_DAYS: u64 = 7;

/// Whether pruning is meant, or only what it would come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Do it.
    Prune,
    /// Say what it would come to, and leave everything as it is.
    DryRun,
}

/// What pruning came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pruning {
    /// Something was removed, or would be.
    Done(Pruned),
    /// There is nothing that may be removed.
    Nothing(NothingToPrune),
}

/// Why there is nothing to prune.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NothingToPrune {
    /// Nothing was observed before that time.
    JournalBegins(Timestamp),
    /// It was pruned up to this instant already.
    AlreadyUpTo(Timestamp),
}

/// What was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// Where the journal begins since.
    pub checkpoint: Checkpoint,
    /// How much was removed.
    pub counts: PrunedCounts,
    /// Rows that stay although the beginning of their story is gone.
    pub carried: u64,
    /// The journal's head since.
    pub head: JournalHead,
}

/// Removes what is final, was created before `before`, and of which nothing was observed since then. Needs
/// that nobody else writes to the ledger. `now` is by the local clock.
pub fn prune(
    ledger: &Path,
    api_url: &str,
    before: Timestamp,
    now: Timestamp,
    intent: Intent,
) -> Result<Pruning, LedgerError> {
    run(ledger, api_url, before, now, intent).map_err(|problem| problem.of(ledger))
}

fn run(
    ledger: &Path,
    api_url: &str,
    before: Timestamp,
    now: Timestamp,
    intent: Intent,
) -> Result<Pruning, Problem> {
    let path = open::existing(ledger)?;
    let (lock, mut connection) = take_over(&path, Role::Command, api_url, now)?;
    check_age(&connection, before, now)?;
    // Without an index on the rows that refer to it, each row's removal would read all of them. All of
    // them are checked at the end.
    connection.pragma_update(None, "foreign_keys", false)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let pruning = prune_in(&transaction, before, now)?;
    match (intent, &pruning) {
        (Intent::Prune, Pruning::Done(_)) => transaction.commit()?,
        (Intent::DryRun, _) | (_, Pruning::Nothing(_)) => transaction.rollback()?,
    }
    connection.close().map_err(|(_, error)| Problem::from(error))?;
    drop(lock);
    Ok(pruning)
}

/// What is young may still change or come late. What "young" is, is told by the last poll: the local clock
/// may be wrong, and a daemon may have been down for long.
fn check_age(connection: &Connection, before: Timestamp, now: Timestamp) -> Result<(), Problem> {
    let last_poll: Option<Timestamp> =
        connection.query_row("SELECT max(began_at) FROM poll", [], |row| row.get(0))?;
    let latest = last_poll.map_or(now, |poll| poll.min(now)).minus(Duration::from_secs(LEAST_DAYS * 86_400));
    if before > latest { Err(Problem::TooYoungToPrune { before, latest }) } else { Ok(()) }
}

fn prune_in(connection: &Connection, floor: Timestamp, now: Timestamp) -> Result<Pruning, Problem> {
    if let Some(finding) = verify::verify(connection, None)?.findings.first() {
        return Err(Problem::NotSound { finding: finding.to_string() });
    }
    let former = checkpoint::find(connection)?;
    let Some(head) = last_head_before(connection, floor)? else {
        return Ok(Pruning::Nothing(match former {
            Some(former) => NothingToPrune::AlreadyUpTo(former.floor),
            None => NothingToPrune::JournalBegins(journal_begins(connection)?.unwrap_or(now)),
        }));
    };
    let checkpoint = Checkpoint { head, floor, pruned_at: now };
    let end = journal::head(connection)?;
    let mut batch = Batch::begin(connection, &end, now, 0)?;
    choose(connection, &checkpoint)?;
    breaks::carried::resolve_history(connection, &mut batch)?;
    let counts = remove(connection, &checkpoint)?;
    batch.add(&checkpoint::entry(connection, &checkpoint, counts)?)?;
    let carried = carry_rows(connection, &mut batch, &checkpoint, end.seq)?;
    carry_unreadable(connection, &mut batch, &checkpoint)?;
    breaks::carried::carry(connection, &mut batch)?;
    let head = batch.finish()?;
    checkpoint::keep(connection, &checkpoint)?;
    if connection.prepare("PRAGMA foreign_key_check")?.exists([])? {
        return Err(Problem::Inconsistent("a row that was to be pruned is still referred to".to_owned()));
    }
    connection.execute_batch("DROP TABLE temp.doomed; DROP TABLE temp.told_later; DROP TABLE temp.reach")?;
    Ok(Pruning::Done(Pruned { checkpoint, counts, carried, head }))
}

/// The head of the last batch before `floor` and before the first one that is not.
fn last_head_before(connection: &Connection, floor: Timestamp) -> Result<Option<JournalHead>, Problem> {
    let mut last: Option<i64> = connection.query_row(
        "SELECT coalesce((SELECT min(number) - 1 FROM journal_batch WHERE at >= ?1), max(number))
         FROM journal_batch",
        [floor],
        |row| row.get(0),
    )?;
    // The story of a row that was merged stays whole: nothing is left of it to carry.
    while let Some(batch) = last {
        let earlier: Option<i64> = connection.query_row(
            "SELECT min(story.batch) - 1 FROM journal_entry AS merged
             JOIN journal_entry AS story ON story.orchestration = merged.orchestration
             WHERE merged.kind = 6 AND merged.batch > ?1 AND story.batch <= ?1",
            [batch],
            |row| row.get(0),
        )?;
        if earlier.is_none() {
            break;
        }
        last = earlier;
    }
    Ok(connection
        .query_row("SELECT number, last_seq, head FROM journal_batch WHERE number = ?1", [last], |row| {
            Ok(JournalHead { batch: row.get(0)?, seq: row.get(1)?, hash: row.get(2)? })
        })
        .optional()?)
}

fn journal_begins(connection: &Connection) -> Result<Option<Timestamp>, Problem> {
    Ok(connection.query_row("SELECT min(at) FROM journal_batch", [], |row| row.get(0))?)
}

/// Notes what is to be removed, in tables that go with the connection.
///
/// What was not completely listed of a profile stays: the next poll lists it, and would bring it back.
fn choose(connection: &Connection, checkpoint: &Checkpoint) -> Result<(), Problem> {
    connection.execute_batch(
        "CREATE TEMP TABLE reach (profile INTEGER PRIMARY KEY, until INTEGER NOT NULL);
         CREATE TEMP TABLE told_later (key INTEGER PRIMARY KEY);
         CREATE TEMP TABLE doomed (key INTEGER PRIMARY KEY);",
    )?;
    connection.execute(
        "INSERT INTO temp.reach
         SELECT p.key, CASE WHEN p.watermark <= ?2 THEN min(?1, p.watermark, coalesce(l.begins_at, ?1)) ELSE ?3 END
         FROM profile AS p LEFT JOIN listing AS l ON l.profile = p.key",
        params![checkpoint.floor, checkpoint.pruned_at, i64::MIN],
    )?;
    connection.execute(
        "INSERT OR IGNORE INTO temp.told_later SELECT orchestration FROM journal_entry
         WHERE seq > ?1 AND orchestration IS NOT NULL AND kind <> 9
         UNION SELECT body ->> 'into' FROM journal_entry WHERE seq > ?1 AND kind = 6",
        [checkpoint.head.seq],
    )?;
    connection.execute(
        "INSERT INTO temp.doomed
         SELECT o.key FROM orchestration AS o JOIN temp.reach AS r ON r.profile = o.listed_by
         WHERE o.status IN (3, 4, 5) AND o.created_at < r.until
         AND o.key NOT IN (SELECT key FROM temp.told_later)
         AND o.key NOT IN (SELECT a.orchestration FROM also_listed AS a
             JOIN temp.reach AS other ON other.profile = a.profile
             JOIN orchestration AS listed ON listed.key = a.orchestration
             WHERE listed.created_at >= other.until)
         AND o.id NOT IN (SELECT id FROM unreadable)
         AND o.key NOT IN (SELECT orchestration FROM missing)
         AND o.key NOT IN (SELECT orchestration FROM unmet)
         AND o.id NOT IN (SELECT subject FROM break WHERE resolved_at IS NULL AND NOT history)",
        [],
    )?;
    Ok(())
}

/// Removes what was chosen, the journal up to the checkpoint, and polls that nothing refers to.
fn remove(connection: &Connection, checkpoint: &Checkpoint) -> Result<PrunedCounts, Problem> {
    connection.execute_batch(
        "DELETE FROM unjudged WHERE orchestration IN (SELECT key FROM temp.doomed);
         DELETE FROM also_listed WHERE orchestration IN (SELECT key FROM temp.doomed);
         DELETE FROM stale_sighting WHERE orchestration IN (SELECT key FROM temp.doomed);
         DELETE FROM delivery WHERE notice IN (SELECT n.number FROM notice AS n JOIN break AS b ON b.number = n.break
             WHERE b.orchestration IN (SELECT key FROM temp.doomed));
         DELETE FROM notice WHERE break IN
             (SELECT number FROM break WHERE orchestration IN (SELECT key FROM temp.doomed));
         DELETE FROM transfer_seen WHERE break IN
             (SELECT number FROM break WHERE orchestration IN (SELECT key FROM temp.doomed));
         DELETE FROM break WHERE orchestration IN (SELECT key FROM temp.doomed);",
    )?;
    let rows =
        connection.execute("DELETE FROM orchestration WHERE key IN (SELECT key FROM temp.doomed)", [])?;
    let entries = connection.execute("DELETE FROM journal_entry WHERE seq <= ?1", [checkpoint.head.seq])?;
    connection.execute("DELETE FROM journal_batch WHERE number <= ?1", [checkpoint.head.batch])?;
    // The last poll of each profile is what `status` shows, and keeps its number from being given again. The last
    // complete one before the floor says what was covered when a report begins there.
    let polls = connection.execute(
        "DELETE FROM poll WHERE began_at < ?1 AND result <> 'running'
         AND number NOT IN (SELECT poll FROM journal_batch)
         AND number NOT IN (SELECT last_poll FROM stale_sighting)
         AND number NOT IN (SELECT poll FROM missing)
         AND number NOT IN (SELECT max(number) FROM poll GROUP BY profile)
         AND number NOT IN (SELECT max(number) FROM poll WHERE began_at < ?1 AND result = 'complete'
             AND lane <> 'sweep' GROUP BY profile)",
        [checkpoint.floor],
    )?;
    connection.execute(
        "UPDATE profile SET covered_from = max(covered_from, r.until) FROM temp.reach AS r
         WHERE r.profile = profile.key AND covered_from IS NOT NULL",
        [],
    )?;
    sweep::keep_above(connection, checkpoint.floor)?;
    Ok(PrunedCounts { rows: rows as u64, entries: entries as u64, polls: polls as u64 })
}

/// Writes for every row whose beginning is gone what it was at the checkpoint; the answer is how many.
fn carry_rows(
    connection: &Connection,
    batch: &mut Batch<'_>,
    checkpoint: &Checkpoint,
    end: i64,
) -> Result<u64, Problem> {
    // Only up to the journal's former end: what is carried here may turn up in the query otherwise.
    let mut statement = connection.prepare(stories::ALL)?;
    let mut missing = connection.prepare(
        "SELECT since, poll FROM missing WHERE orchestration = ?1 AND NOT EXISTS (SELECT 1 FROM journal_entry
         WHERE orchestration = ?1 AND kind IN (10, 11) AND kind <> 1 AND seq > ?2)",
    )?;
    let mut told = Stories::begin(statement.query([checkpoint.head.seq + 1, end])?)?;
    let mut carried = 0;
    rows::by_key(connection, |key, row| {
        while told.next_if(|other| other < key)?.is_some() {}
        let story = told.next_if(|other| other == key)?.unwrap_or_default();
        match stories::end_of(&row?.tracked.orchestration, OldValues::new(), &story) {
            End::Appeared => Ok(()),
            End::Before(digest) => {
                carried += 1;
                let mark = missing
                    .query_row([key, checkpoint.head.seq], |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()?;
                let body = checkpoint::carrying(digest, mark);
                batch.add(&Entry { kind: EntryKind::Carried, orchestration: Some(key), body })
            }
            End::Altered => Err(Problem::Inconsistent(format!(
                "the orchestration with key {key} is not what the journal says of it"
            ))),
        }
    })?;
    Ok(carried)
}

/// Writes the same for rows that could not be read.
fn carry_unreadable(
    connection: &Connection,
    batch: &mut Batch<'_>,
    checkpoint: &Checkpoint,
) -> Result<(), Problem> {
    let mut statement = connection.prepare("SELECT id, problem, raw FROM unreadable ORDER BY id")?;
    let mut told_later = connection
        .prepare("SELECT 1 FROM journal_entry WHERE kind = 4 AND seq > ?1 AND body ->> 'id' = ?2")?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let (id, problem, raw): (Identifier, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if told_later.exists(params![checkpoint.head.seq, id.to_string()])? {
            continue;
        }
        let body = json!({
            "id": id.to_string(),
            "problem": problem,
            "raw_sha256": hex(&Sha256::digest(raw.as_bytes())),
        });
        batch.add(&Entry {
            kind: EntryKind::Carried,
            orchestration: None,
            body: Body::Json(body.to_string()),
        })?;
    }
    Ok(())
}
