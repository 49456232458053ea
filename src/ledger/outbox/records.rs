//! Reading breaks with everything that is known of them.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::ledger::breaks::standing::{self, standing_columns};
use crate::ledger::{Problem, rows};
use crate::model::{BreakNumber, BreakRecord, Profile, Resolution, Resolved, Timestamp};

/// A break with what else its row says.
struct Found {
    record: BreakRecord,
    orchestration: Option<i64>,
    profile: Option<i64>,
}

const QUERY: &str = concat!(
    "SELECT ",
    standing_columns!(),
    ", former, orchestration, profile, resolved_at, resolved_by, resolved_why FROM break "
);

/// A break.
pub(super) fn of(connection: &Connection, number: BreakNumber) -> Result<BreakRecord, Problem> {
    let found = connection
        .prepare_cached(&format!("{QUERY} WHERE number = ?1"))?
        .query_row([number], read)
        .optional()?
        .ok_or_else(|| Problem::Inconsistent(format!("break {number} is not in the ledger")))?;
    complete(connection, found)
}

/// The breaks that people were told of and that are unresolved, or were resolved after a time.
pub(super) fn told(
    connection: &Connection,
    resolved_after: Timestamp,
    most: usize,
) -> Result<Vec<BreakRecord>, Problem> {
    let query = format!(
        "{QUERY} WHERE told > 0 AND history = 0 AND (resolved_at IS NULL OR resolved_at > ?1)
         ORDER BY resolved_at IS NOT NULL, severity DESC, number DESC LIMIT ?2"
    );
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let found: Vec<Found> = connection
        .prepare_cached(&query)?
        .query_map(params![resolved_after, most], read)?
        .collect::<Result<_, _>>()?;
    found.into_iter().map(|found| complete(connection, found)).collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Found> {
    let at = |offset: usize| standing::COLUMNS + offset;
    let resolved_at: Option<Timestamp> = row.get(at(3))?;
    let by: Option<String> = row.get(at(4))?;
    let why: Option<String> = row.get(at(5))?;
    let resolved = resolved_at.map(|at| Resolved { at, why: resolution(by, why.unwrap_or_default()) });
    Ok(Found {
        record: BreakRecord {
            standing: standing::read(row, 0)?,
            former: row.get(at(0))?,
            profile: None,
            orchestration: None,
            resolved,
        },
        orchestration: row.get(at(1))?,
        profile: row.get(at(2))?,
    })
}

fn resolution(by: Option<String>, why: String) -> Resolution {
    if let Some(by) = by {
        return Resolution::Person { by, why };
    }
    let plain = [Resolution::LimitChanged, Resolution::ProfileRemoved];
    plain.into_iter().find(|known| known.to_string() == why).unwrap_or(Resolution::Over(why))
}

fn complete(connection: &Connection, found: Found) -> Result<BreakRecord, Problem> {
    let Found { mut record, orchestration, profile } = found;
    if let Some(key) = orchestration {
        record.orchestration = rows::find_by_key(connection, key)?.map(|stored| stored.tracked.orchestration);
    }
    if let Some(key) = profile {
        record.profile = connection
            .prepare_cached("SELECT id, name FROM profile WHERE key = ?1")?
            .query_row([key], |row| Ok(Profile { id: row.get(0)?, name: row.get(1)? }))
            .optional()?;
    }
    Ok(record)
}
