//! How many orchestrations and breaks there are, by what they are.
//!
//! The counts are kept beside the rows and change with them: by triggers, and where rows are added by whoever adds them.
//! A ledger of a former format has none, and is counted row by row.

use rusqlite::{Connection, params};

use crate::model::Status;

use super::{Problem, schema};

/// The format since which counts are kept.
const SINCE_FORMAT: i64 = 6;

/// The orchestrations that a profile listed first and that have one status.
#[derive(Clone, Debug)]
pub(super) struct OrchestrationCount {
    /// The profile's key.
    pub(super) listed_by: i64,
    /// The status.
    pub(super) status: Status,
    /// How many there are; never none.
    pub(super) count: u64,
}

/// How many orchestrations there are, by status.
pub(super) fn orchestrations(connection: &Connection) -> Result<Vec<OrchestrationCount>, Problem> {
    let query = if are_kept(connection)? {
        "SELECT listed_by, status, count FROM orchestration_count WHERE count > 0 ORDER BY status, listed_by"
    } else {
        "SELECT listed_by, status, count(*) FROM orchestration GROUP BY listed_by, status ORDER BY status, listed_by"
    };
    Ok(connection
        .prepare_cached(query)?
        .query_map([], |row| {
            Ok(OrchestrationCount { listed_by: row.get(0)?, status: row.get(1)?, count: row.get(2)? })
        })?
        .collect::<Result<_, _>>()?)
}

/// Those of statuses from which one goes on.
pub(super) fn open(counts: &[OrchestrationCount]) -> impl Iterator<Item = &OrchestrationCount> {
    counts.iter().filter(|known| !known.status.is_final())
}

/// How many are open in each status, by status.
pub(super) fn open_by_status(counts: &[OrchestrationCount]) -> Vec<(Status, u64)> {
    let mut by_status: Vec<(Status, u64)> = Vec::new();
    for OrchestrationCount { status, count, .. } in open(counts) {
        match by_status.iter_mut().find(|(known, _)| known == status) {
            Some((_, sum)) => *sum += count,
            None => by_status.push((status.clone(), *count)),
        }
    }
    by_status
}

/// Counts orchestrations that were added, by their statuses.
pub(super) fn added<'a>(
    connection: &Connection,
    listed_by: i64,
    statuses: impl Iterator<Item = &'a Status>,
) -> rusqlite::Result<()> {
    let mut counts: Vec<(&Status, u64)> = Vec::new();
    for status in statuses {
        match counts.iter_mut().find(|(known, _)| *known == status) {
            Some((_, count)) => *count += 1,
            None => counts.push((status, 1)),
        }
    }
    let mut statement = connection.prepare_cached(
        "INSERT INTO orchestration_count VALUES (?1, ?2, ?3)
         ON CONFLICT (listed_by, status) DO UPDATE SET count = count + excluded.count",
    )?;
    for (status, count) in counts {
        statement.execute(params![listed_by, status, count])?;
    }
    Ok(())
}

/// Where breaks are counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct BreaksCounted {
    /// What to select from, as `k`. It has the columns `resolved_at` and `muted_at`, which tell no more than whether
    /// they are null, `history`, `severity`, `kind` and `profile`.
    pub(super) from: &'static str,
    /// How many breaks a group of its rows stands for.
    pub(super) sum: &'static str,
}

/// Where breaks are counted by what is in the counts.
pub(super) fn breaks(connection: &Connection) -> Result<BreaksCounted, Problem> {
    Ok(if are_kept(connection)? {
        BreaksCounted {
            from: "(SELECT CASE state WHEN 2 THEN 0 END AS resolved_at, CASE state WHEN 1 THEN 0 END AS muted_at, \
                   history, severity, kind, nullif(profile, 0) AS profile, count FROM break_count WHERE count > 0) AS k",
            sum: "sum(k.count)",
        }
    } else {
        BreaksCounted { from: "break AS k", sum: "count(*)" }
    })
}

fn are_kept(connection: &Connection) -> Result<bool, Problem> {
    Ok(schema::user_version(connection)? >= SINCE_FORMAT)
}

/// A count that is not what the rows come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongCount {
    /// Of orchestrations.
    Orchestrations,
    /// Of breaks.
    Breaks,
}

/// The counts that are not what the rows come to.
pub(super) fn wrong(connection: &Connection) -> Result<Vec<WrongCount>, Problem> {
    if !are_kept(connection)? {
        return Ok(Vec::new());
    }
    let differ = |kept: &str, counted: &str| {
        connection.query_row(
            &format!(
                "SELECT EXISTS (SELECT * FROM ({kept}) EXCEPT SELECT * FROM ({counted}))
                 OR EXISTS (SELECT * FROM ({counted}) EXCEPT SELECT * FROM ({kept}))"
            ),
            [],
            |row| row.get::<_, bool>(0),
        )
    };
    let mut wrong = Vec::new();
    if differ(
        "SELECT listed_by, status, count FROM orchestration_count WHERE count <> 0",
        "SELECT listed_by, status, count(*) FROM orchestration GROUP BY listed_by, status",
    )? {
        wrong.push(WrongCount::Orchestrations);
    }
    if differ(
        "SELECT state, history, severity, kind, profile, count FROM break_count WHERE count <> 0",
        "SELECT CASE WHEN resolved_at IS NOT NULL THEN 2 ELSE muted_at IS NOT NULL END AS state, history, severity, kind,
             coalesce(profile, 0) AS of_profile, count(*)
         FROM break GROUP BY state, history, severity, kind, of_profile",
    )? {
        wrong.push(WrongCount::Breaks);
    }
    Ok(wrong)
}
