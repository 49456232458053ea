//! Which orchestrations Paxos no longer knows.
//!
//! Only the table; that it is what the journal says is checked by `verify`.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, params};

use crate::model::Timestamp;

use super::Problem;
use super::page::PageCommit;

/// Whether any is missing.
pub(super) fn any(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM missing")?.exists([])
}

/// Notes that one went missing; says whether it was there before.
pub(super) fn note(connection: &Connection, key: i64, page: &PageCommit) -> Result<bool, Problem> {
    let noted = connection
        .prepare_cached("INSERT OR IGNORE INTO missing (orchestration, since, poll) VALUES (?1, ?2, ?3)")?
        .execute(params![key, page.seen_at, page.poll.get()])?;
    Ok(noted > 0)
}

/// Notes that one is there; says whether it was missing.
pub(super) fn forget(connection: &Connection, key: i64) -> Result<bool, Problem> {
    let forgotten =
        connection.prepare_cached("DELETE FROM missing WHERE orchestration = ?1")?.execute([key])?;
    Ok(forgotten > 0)
}

/// Since when one is missing; `None` for one that is there.
pub(super) fn since(connection: &Connection, key: i64) -> Result<Option<Timestamp>, Problem> {
    Ok(connection
        .prepare_cached("SELECT since FROM missing WHERE orchestration = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?)
}

/// The keys of all that are missing.
pub(super) fn keys(connection: &Connection) -> Result<HashSet<i64>, Problem> {
    let mut statement = connection.prepare("SELECT orchestration FROM missing")?;
    Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// How many of those that the profile listed first are missing.
pub(super) fn count(connection: &Connection, profile: i64) -> Result<u64, Problem> {
    Ok(connection
        .prepare_cached(
            "SELECT count(*) FROM missing AS m CROSS JOIN orchestration AS o ON o.key = m.orchestration
             WHERE o.listed_by = ?1",
        )?
        .query_row([profile], |row| row.get(0))?)
}
