//! Reading the breaks that are not resolved.

use rusqlite::types::Type;
use rusqlite::{Connection, Row, ToSql, params};

use crate::ledger::Problem;
use crate::model::{
    Acknowledgement, Audience, BreakKind, Closing, Identifier, Mute, Severity, Standing, Timestamp, Told,
};

use super::{evidence, subject_at};

/// The columns of `break` that [`read`] reads, from the first one on.
macro_rules! standing_columns {
    () => {
        "number, kind, scope, subject, episode, severity, evidence, opened_at, history, told, muted_at, \
         muted_by, muted_why, muted_until, muted_as"
    };
}
pub(in crate::ledger) use standing_columns;

/// How many columns that are.
pub(in crate::ledger) const COLUMNS: usize = 15;

/// The unresolved breaks of an orchestration, of a row that cannot be read, or of a profile.
pub(in crate::ledger) fn of_id(connection: &Connection, id: &Identifier) -> Result<Vec<Standing>, Problem> {
    let query = concat!(
        "SELECT ",
        standing_columns!(),
        " FROM break WHERE subject = ?1 AND resolved_at IS NULL ORDER BY number"
    );
    all(connection, query, [id])
}

/// The unresolved breaks that are about no single orchestration.
pub(in crate::ledger) fn of_profiles(connection: &Connection) -> Result<Vec<Standing>, Problem> {
    let query = concat!(
        "SELECT ",
        standing_columns!(),
        " FROM break WHERE scope > 1 AND resolved_at IS NULL ORDER BY number"
    );
    all(connection, query, [])
}

/// The unresolved breaks of a profile's orchestrations that resolve by themselves.
pub(in crate::ledger) fn of_removed(connection: &Connection, profile: i64) -> Result<Vec<Standing>, Problem> {
    let query = concat!(
        "SELECT ",
        standing_columns!(),
        " FROM break WHERE profile = ?1 AND kind = ?2 AND scope = 1 AND resolved_at IS NULL ORDER BY number"
    );
    let mut found = Vec::new();
    for kind in BreakKind::ALL.into_iter().filter(|kind| kind.closing() == Closing::ByItself) {
        found.extend(
            connection
                .prepare_cached(query)?
                .query_map(params![profile, kind], |row| read(row, 0))?
                .collect::<Result<Vec<_>, _>>()?,
        );
    }
    Ok(found)
}

/// The unresolved breaks that were muted until a time that has come.
pub(in crate::ledger) fn mute_ended(
    connection: &Connection,
    now: Timestamp,
) -> Result<Vec<Standing>, Problem> {
    let query = concat!(
        "SELECT ",
        standing_columns!(),
        " FROM break WHERE muted_until <= ?1 AND resolved_at IS NULL ORDER BY number"
    );
    all(connection, query, [now])
}

fn all<const N: usize, T: ToSql>(
    connection: &Connection,
    query: &str,
    parameters: [T; N],
) -> Result<Vec<Standing>, Problem>
where
    [T; N]: rusqlite::Params,
{
    Ok(connection
        .prepare_cached(query)?
        .query_map(parameters, |row| read(row, 0))?
        .collect::<Result<_, _>>()?)
}

/// Reads a break from the columns that begin at `first`.
pub(in crate::ledger) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Standing> {
    let column = |offset: usize| first + offset;
    let subject = subject_at(row, column(2))?;
    let text: String = row.get(column(6))?;
    let evidence = evidence::from_text(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column(6), Type::Text, Box::new(error)))?;
    let mute = match row.get::<_, Option<Timestamp>>(column(10))? {
        None => Mute::Off,
        Some(at) => Mute::On(Acknowledgement {
            by: row.get(column(11))?,
            why: row.get(column(12))?,
            at,
            until: row.get(column(13))?,
            severity: row.get(column(14))?,
        }),
    };
    let told = match row.get::<_, i64>(column(9))? {
        0 => Told::Nothing,
        _ => Told::As(row.get::<_, Severity>(column(9))?),
    };
    Ok(Standing {
        number: row.get(column(0))?,
        kind: row.get(column(1))?,
        subject,
        episode: row.get(column(4))?,
        severity: row.get(column(5))?,
        evidence,
        opened_at: row.get(column(7))?,
        audience: if row.get(column(8))? { Audience::Nobody } else { Audience::Everybody },
        told,
        mute,
    })
}
