//! Sweeps under way: how far a window is compared, and which rows it did not meet.
//!
//! Owns their state and the reading of what there is to compare with. What was listed comes in as pages
//! like any other; what becomes of the rows that were not met is for `sync`.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::model::{Counts, Fingerprint, Identifier, SweepWindow, Timestamp};

use super::listing;
use super::open_rows::KnownRow;
use super::page::{self, PageCommit, PageCommitted};
use super::rules::Rules;
use super::{OrchestrationKey, Problem, ProfileKey};

/// A sweep of one profile under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// Its key.
    pub key: SweepKey,
    /// When it began, by the server's clock.
    pub began_at: Timestamp,
    /// The beginning of its window.
    pub begins_at: Timestamp,
    /// The end of its window, frozen when it began.
    pub ceiling: Timestamp,
    /// Everything before this instant is compared.
    pub position: Timestamp,
    /// Stale rows that its pages held so far.
    pub stale: u64,
    /// Rows without an id that its pages held so far.
    pub without_id: u64,
}

/// Names a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SweepKey(i64);

/// An orchestration of the ledger as a sweep compares it. A few bytes each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweptRow {
    /// Which.
    pub row: KnownRow,
    /// The mark of the text that it was read from last.
    pub fingerprint: Fingerprint,
}

/// How far a sweep is with a page.
#[derive(Debug)]
pub struct SweepStep {
    /// Which sweep.
    pub sweep: SweepKey,
    /// Everything before this instant is compared and stays so, even if this page changed places with the
    /// next one.
    pub position: Timestamp,
    /// How many rows of the page are as the ledger holds them.
    pub unchanged: u64,
    /// Orchestrations that the page should have shown and did not.
    pub unmet: Vec<OrchestrationKey>,
}

/// Finds the profile's sweep of such a window that was not finished, if it began after `not_before`; else
/// begins one. A window of another profile or length is another sweep.
pub(super) fn begin(
    connection: &Connection,
    profile: ProfileKey,
    window: SweepWindow,
    now: Timestamp,
    begins_at: Timestamp,
    not_before: Timestamp,
) -> Result<Sweep, Problem> {
    let window = window.to_string();
    connection.execute(
        "DELETE FROM sweep WHERE profile = ?1 AND window = ?2 AND began_at < ?3",
        params![profile.0, window, not_before],
    )?;
    let unfinished = connection
        .query_row(
            "SELECT key, began_at, begins_at, ceiling, position, stale, without_id FROM sweep
             WHERE profile = ?1 AND window = ?2",
            params![profile.0, window],
            read_sweep,
        )
        .optional()?;
    if let Some(unfinished) = unfinished {
        return Ok(unfinished);
    }
    Ok(connection.query_row(
        "INSERT INTO sweep (profile, window, began_at, begins_at, ceiling, position)
         VALUES (?1, ?2, ?3, ?4, ?3, ?4)
         RETURNING key, began_at, begins_at, ceiling, position, stale, without_id",
        params![profile.0, window, now, begins_at],
        read_sweep,
    )?)
}

fn read_sweep(row: &Row<'_>) -> rusqlite::Result<Sweep> {
    Ok(Sweep {
        key: SweepKey(row.get(0)?),
        began_at: row.get(1)?,
        begins_at: row.get(2)?,
        ceiling: row.get(3)?,
        position: row.get(4)?,
        stale: row.get(5)?,
        without_id: row.get(6)?,
    })
}

/// The rows that the profile lists (any profile, where none is given) and that were created from `from` to
/// `to`, both included. Those that are missing are left out: what is met again of them is to be read.
pub(super) fn known(
    connection: &Connection,
    profile: Option<ProfileKey>,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<SweptRow>, Problem> {
    let mut statement = connection.prepare_cached(
        "SELECT o.key, o.id, o.created_at, o.fingerprint FROM orchestration AS o
         WHERE o.created_at >= ?1 AND o.created_at <= ?2
             AND (?3 IS NULL OR o.listed_by = ?3 OR EXISTS (
                 SELECT 1 FROM also_listed AS a WHERE a.profile = ?3 AND a.orchestration = o.key))
             AND NOT EXISTS (SELECT 1 FROM missing AS m WHERE m.orchestration = o.key)
         ORDER BY o.created_at, o.id",
    )?;
    let read = |row: &Row<'_>| {
        Ok(SweptRow { row: read_known(row)?, fingerprint: Fingerprint::from_number(row.get(3)?) })
    };
    Ok(statement
        .query_map(params![from, to, profile.map(|profile| profile.0)], read)?
        .collect::<Result<_, _>>()?)
}

fn read_known(row: &Row<'_>) -> rusqlite::Result<KnownRow> {
    Ok(KnownRow { key: OrchestrationKey(row.get(0)?), id: row.get(1)?, created_at: row.get(2)? })
}

/// Which of these orchestrations, by id and `created_at`, the ledger does not hold.
pub(super) fn unknown(
    connection: &Connection,
    rows: Vec<(Identifier, Timestamp)>,
) -> Result<HashSet<Identifier>, Problem> {
    // By both, since the index on ids alone may not be there yet.
    let mut find =
        connection.prepare_cached("SELECT 1 FROM orchestration WHERE id = ?1 AND created_at = ?2")?;
    let mut unknown = HashSet::new();
    for (id, created_at) in rows {
        if !find.exists(params![id, created_at])? {
            unknown.insert(id);
        }
    }
    Ok(unknown)
}

/// Writes what differs on a page, and how far the sweep is with it.
pub(super) fn commit(
    connection: &Connection,
    rules: &Rules,
    page: &PageCommit,
    step: &SweepStep,
) -> Result<PageCommitted, Problem> {
    let mut committed = page::commit(connection, rules, page)?;
    let unchanged = Counts { rows: step.unchanged, ..Counts::default() };
    listing::count(connection, page.poll, &unchanged)?;
    committed.counts.add(&unchanged);
    connection
        .prepare_cached(
            "UPDATE sweep SET position = max(position, ?2), stale = stale + ?3, without_id = without_id + ?4
             WHERE key = ?1",
        )?
        .execute(params![step.sweep.0, step.position, committed.counts.stale, committed.counts.without_id])?;
    let mut insert =
        connection.prepare_cached("INSERT OR IGNORE INTO unmet (sweep, orchestration) VALUES (?1, ?2)")?;
    for key in &step.unmet {
        insert.execute(params![step.sweep.0, key.0])?;
    }
    Ok(committed)
}

/// Takes a sweep back to `to`, if that is before its position, and forgets what it did not meet from there
/// on: it is about to look again. Returns the position.
pub(super) fn rewind(connection: &Connection, sweep: SweepKey, to: Timestamp) -> Result<Timestamp, Problem> {
    let position = connection
        .prepare_cached(
            "UPDATE sweep SET position = min(position, max(begins_at, ?2)) WHERE key = ?1 RETURNING position",
        )?
        .query_row(params![sweep.0, to], |row| row.get::<_, Timestamp>(0))?;
    connection
        .prepare_cached(
            "DELETE FROM unmet WHERE sweep = ?1 AND orchestration IN (
                 SELECT u.orchestration FROM unmet AS u JOIN orchestration AS o ON o.key = u.orchestration
                 WHERE u.sweep = ?1 AND o.created_at >= ?2)",
        )?
        .execute(params![sweep.0, position])?;
    Ok(position)
}

/// The rows that a sweep did not meet, oldest first, and of how many.
pub(super) fn unmet(connection: &Connection, sweep: SweepKey) -> Result<(Vec<KnownRow>, u64), Problem> {
    let rows = connection
        .prepare_cached(
            "SELECT o.key, o.id, o.created_at FROM unmet AS u JOIN orchestration AS o ON o.key = u.orchestration
             WHERE u.sweep = ?1 ORDER BY o.created_at, o.id",
        )?
        .query_map([sweep.0], read_known)?
        .collect::<Result<Vec<_>, _>>()?;
    let window = connection
        .prepare_cached(
            "SELECT count(*) FROM sweep AS s JOIN orchestration AS o
                 ON o.created_at >= s.begins_at AND o.created_at <= s.ceiling
             WHERE s.key = ?1 AND (o.listed_by = s.profile OR EXISTS (
                 SELECT 1 FROM also_listed AS a WHERE a.profile = s.profile AND a.orchestration = o.key))",
        )?
        .query_row([sweep.0], |row| row.get(0))?;
    Ok((rows, window))
}

/// Ends a sweep that has compared its whole window. Rows in `elsewhere` are there, but the profile no longer
/// lists them: one that another profile lists is that one's from now on.
pub(super) fn end(
    connection: &Connection,
    profile: ProfileKey,
    sweep: SweepKey,
    elsewhere: &[OrchestrationKey],
) -> Result<(), Problem> {
    for key in elsewhere {
        leave(connection, profile, *key)?;
    }
    connection.execute("DELETE FROM sweep WHERE key = ?1", [sweep.0])?;
    Ok(())
}

/// Takes what is before the floor out of the sweeps under way: it was pruned. They look no further back than
/// [`sweeps_from`](super::ProfileState::sweeps_from) from now on; one with nothing left of its window ends.
/// What they did not meet is still to be asked about.
pub(super) fn keep_above(connection: &Connection, floor: Timestamp) -> Result<(), Problem> {
    connection.execute(
        "UPDATE sweep SET begins_at = max(begins_at, p.sweeps_from), position = max(position, p.sweeps_from)
         FROM (SELECT key, min(?1, coalesce(covered_from, ?1)) AS sweeps_from FROM profile) AS p
         WHERE p.key = sweep.profile",
        [floor],
    )?;
    // Foreign keys may be off while pruning.
    connection.execute_batch(
        "DELETE FROM unmet WHERE sweep IN (SELECT key FROM sweep WHERE begins_at > ceiling);
         DELETE FROM sweep WHERE begins_at > ceiling;",
    )?;
    Ok(())
}

/// Forgets the sweeps under way: what they compared was another ledger.
pub(super) fn forget(connection: &Connection) -> Result<(), Problem> {
    connection.execute("DELETE FROM sweep", [])?;
    Ok(())
}

fn leave(connection: &Connection, profile: ProfileKey, key: OrchestrationKey) -> Result<(), Problem> {
    connection
        .prepare_cached("DELETE FROM also_listed WHERE profile = ?1 AND orchestration = ?2")?
        .execute(params![profile.0, key.0])?;
    // The one that takes it over was beside it until now.
    let heir: Option<i64> = connection
        .prepare_cached(
            "SELECT min(a.profile) FROM also_listed AS a JOIN orchestration AS o ON o.key = a.orchestration
             WHERE a.orchestration = ?2 AND o.listed_by = ?1",
        )?
        .query_row(params![profile.0, key.0], |row| row.get(0))?;
    let Some(heir) = heir else { return Ok(()) };
    connection
        .prepare_cached("UPDATE orchestration SET listed_by = ?2 WHERE key = ?1")?
        .execute(params![key.0, heir])?;
    connection
        .prepare_cached("DELETE FROM also_listed WHERE profile = ?2 AND orchestration = ?1")?
        .execute(params![key.0, heir])?;
    Ok(())
}
