//! The pauses that Paxos asked for, kept over a restart.

use std::path::Path;

use rusqlite::{Connection, params};

use crate::model::Timestamp;

use super::{LedgerError, Problem, open};

/// A pause of all requests to one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredStop {
    /// The host, as `host:port`.
    pub host: String,
    /// When requests may go out again.
    pub until: Timestamp,
    /// Why, for people.
    pub reason: String,
}

/// Keeps a pause in the ledger at `path` from beside its writer, if there is one.
///
/// This is safe without the writer's lock: it is one statement, so one transaction, on a table of which the
/// writer remembers nothing, and neither loses the other's row, since of two pauses the longer one holds.
///
/// # Errors
///
/// Where there is no ledger, it may not be written, or another transaction holds SQLite's lock for 5 s.
pub fn keep_stop_beside(path: &Path, stop: &StoredStop) -> Result<(), LedgerError> {
    open::for_writing_beside(path)
        .and_then(|connection| keep(&connection, stop))
        .map_err(|problem| problem.of(path))
}

/// Keeps a pause; of two for one host the longer one holds.
pub(super) fn keep(connection: &Connection, stop: &StoredStop) -> Result<(), Problem> {
    connection.execute(
        "INSERT INTO stop (host, until, reason) VALUES (?1, ?2, ?3)
         ON CONFLICT (host) DO UPDATE SET until = excluded.until, reason = excluded.reason
         WHERE excluded.until > until",
        params![stop.host, stop.until, stop.reason],
    )?;
    Ok(())
}

/// The pauses that have not ended at `now`.
pub(super) fn in_force(connection: &Connection, now: Timestamp) -> Result<Vec<StoredStop>, Problem> {
    Ok(connection
        .prepare("SELECT host, until, reason FROM stop WHERE until > ?1 ORDER BY host")?
        .query_map([now], |row| {
            Ok(StoredStop { host: row.get(0)?, until: row.get(1)?, reason: row.get(2)? })
        })?
        .collect::<Result<_, _>>()?)
}
