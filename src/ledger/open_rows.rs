//! The orchestrations that the ledger holds as open, for a refresh to ask about.

use rusqlite::{Connection, Row};

use crate::model::{Identifier, Timestamp};

use super::{OrchestrationKey, Problem, ProfileKey};

/// What identifies an orchestration to those who ask Paxos about it. A few bytes each: there may be many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownRow {
    /// Its key.
    pub key: OrchestrationKey,
    /// Its id.
    pub id: Identifier,
    /// When it was created.
    pub created_at: Timestamp,
}

/// An open orchestration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRow {
    /// Which.
    pub row: KnownRow,
    /// How it can be asked for.
    pub reach: Reach,
}

/// How an open orchestration can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// By its status, `PENDING` or `PROCESSING`, or by its id.
    ByStatus,
    /// By its id: its status is none that is documented.
    ById,
    /// By its id, in case it comes back: it is missing.
    Missing,
}

/// Every open orchestration that the profile lists, oldest first; and those that are COMPLETED while a leg is not,
/// for a week: nobody else would look whether the leg follows.
pub(super) fn of_profile(connection: &Connection, profile: ProfileKey) -> Result<Vec<OpenRow>, Problem> {
    // Those of other profiles are few among the open ones, and many among all that the profile lists too.
    let mut statement = connection.prepare_cached(
        "SELECT o.key, o.id, o.created_at, typeof(o.status) = 'text',
             EXISTS (SELECT 1 FROM missing AS m WHERE m.orchestration = o.key)
         FROM orchestration AS o
         WHERE o.status <> 3 AND o.status <> 4 AND o.status <> 5 AND o.listed_by = ?1
         UNION ALL
         SELECT o.key, o.id, o.created_at, typeof(o.status) = 'text',
             EXISTS (SELECT 1 FROM missing AS m WHERE m.orchestration = o.key)
         FROM orchestration AS o
         WHERE o.status <> 3 AND o.status <> 4 AND o.status <> 5 AND o.listed_by <> ?1
             AND EXISTS (SELECT 1 FROM also_listed WHERE profile = ?1)
             AND EXISTS (SELECT 1 FROM also_listed AS a WHERE a.profile = ?1 AND a.orchestration = o.key)
         UNION ALL
         SELECT o.key, o.id, o.created_at, 1, EXISTS (SELECT 1 FROM missing AS m WHERE m.orchestration = o.key)
         FROM orchestration AS o
         WHERE o.status = 3 AND (o.source_transfer_status <> 3 OR o.destination_transfer_status <> 3)
             AND o.listed_by = ?1
             AND o.status_since > (SELECT max(began_at) - 604800000000 FROM poll WHERE profile = ?1)
         ORDER BY 3, 1",
    )?;
    Ok(statement.query_map([profile.0], read)?.collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<OpenRow> {
    let reach = match (row.get(4)?, row.get(3)?) {
        (true, _) => Reach::Missing,
        (false, true) => Reach::ById,
        (false, false) => Reach::ByStatus,
    };
    let known = KnownRow { key: OrchestrationKey(row.get(0)?), id: row.get(1)?, created_at: row.get(2)? };
    Ok(OpenRow { row: known, reach })
}
