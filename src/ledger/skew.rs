//! How far the local clock was off, as the last poll saw it.

use rusqlite::{Connection, OptionalExtension, params};

use crate::model::Timestamp;

use super::Problem;

/// How far the local clock was off when Paxos's was last seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockSkew {
    /// The local clock less Paxos's, in microseconds; good to about a second.
    pub micros: i64,
    /// When that was, by Paxos's clock.
    pub seen_at: Timestamp,
}

impl ClockSkew {
    /// What Paxos's clock shows when the local one shows `local`, unless that was set since.
    #[must_use]
    pub fn correct(self, local: Timestamp) -> Timestamp {
        Timestamp::from_micros(local.as_micros().saturating_sub(self.micros))
    }
}

/// Keeps a skew in the place of the one before.
pub(super) fn keep(connection: &Connection, skew: ClockSkew) -> Result<(), Problem> {
    connection.execute(
        "INSERT OR REPLACE INTO clock_skew (only, micros, seen_at) VALUES (1, ?1, ?2)",
        params![skew.micros, skew.seen_at],
    )?;
    Ok(())
}

/// The skew that was kept last.
pub(super) fn last(connection: &Connection) -> Result<Option<ClockSkew>, Problem> {
    Ok(connection
        .query_row("SELECT micros, seen_at FROM clock_skew", [], |row| {
            Ok(ClockSkew { micros: row.get(0)?, seen_at: row.get(1)? })
        })
        .optional()?)
}
