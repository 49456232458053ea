//! The pauses that Paxos asked for, kept over a restart.

use rusqlite::{Connection, params};

use crate::model::Timestamp;

use super::Problem;

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
