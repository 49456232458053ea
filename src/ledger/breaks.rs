//! Breaks as they are kept: what stands, and the steps that are taken in the transaction of what was
//! observed.
//!
//! Which steps those are is decided by functions that are handed in; see [`Rules`](super::Rules). What waits
//! to be told is in the same tables, and is passed on by whoever delivers it.

pub(super) mod alone;
pub(super) mod carried;
pub(super) mod evidence;
pub(super) mod filter;
pub(super) mod leg_times;
pub(super) mod people;
pub(super) mod polls;
pub(super) mod reading;
pub(super) mod reports;
pub(super) mod restored;
pub(super) mod standing;
mod steps;
pub(super) mod story;
pub(super) mod twins;

pub(super) use steps::{Scene, take};

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, Type, ValueRef};
use rusqlite::{Connection, Row, ToSql};

use crate::model::{BreakKind, BreakNumber, Cause, Identifier, Occasion, Severity, Subject};

use super::{Problem, schema};

/// Whether any break is unresolved.
pub(super) fn any(connection: &Connection) -> Result<bool, Problem> {
    Ok(connection.prepare_cached("SELECT 1 FROM break WHERE resolved_at IS NULL")?.exists([])?)
}

/// The format since which a ledger keeps breaks.
const SINCE_FORMAT: i64 = 2;

/// Whether this ledger keeps breaks: one of an older tallyd does not, until one that writes has opened it.
pub(super) fn are_kept(connection: &Connection) -> Result<bool, Problem> {
    Ok(schema::user_version(connection)? >= SINCE_FORMAT)
}

/// The format since which a ledger tells by which listing its rows came.
const REPLAYED_SINCE_FORMAT: i64 = 3;

/// Refuses a ledger that keeps none.
pub(super) fn require(connection: &Connection) -> Result<(), Problem> {
    require_format(connection, SINCE_FORMAT)
}

/// Refuses a ledger whose breaks cannot be judged again.
pub(super) fn require_replayable(connection: &Connection) -> Result<(), Problem> {
    require_format(connection, REPLAYED_SINCE_FORMAT)
}

fn require_format(connection: &Connection, wanted: i64) -> Result<(), Problem> {
    match schema::user_version(connection)? {
        found if found < wanted => Err(Problem::Older { found, wanted }),
        _ => Ok(()),
    }
}

/// The numbers in `break.scope`; the view depends on them.
const SCOPE_ORCHESTRATION: i64 = 1;
const SCOPE_PROFILE: i64 = 2;
const SCOPE_CAUSE: i64 = 3;
const SCOPE_REPORT: i64 = 4;

/// What a subject is, in a word.
pub(super) fn about(subject: &Subject) -> &'static str {
    match subject {
        Subject::Orchestration(_) => "orchestration",
        Subject::Profile(_) => "profile",
        Subject::Cause(_) => "cause",
        Subject::Report(_) => "report",
    }
}

/// A subject as two columns.
pub(super) fn columns(subject: &Subject) -> (i64, Identifier) {
    match subject {
        Subject::Orchestration(id) => (SCOPE_ORCHESTRATION, id.clone()),
        Subject::Profile(id) => (SCOPE_PROFILE, id.clone()),
        Subject::Cause(cause) => (SCOPE_CAUSE, Identifier::new(cause.as_str())),
        Subject::Report(name) => (SCOPE_REPORT, Identifier::new(name)),
    }
}

/// The subject in two columns.
fn subject(scope: i64, id: Identifier) -> FromSqlResult<Subject> {
    match scope {
        SCOPE_ORCHESTRATION => Ok(Subject::Orchestration(id)),
        SCOPE_PROFILE => Ok(Subject::Profile(id)),
        SCOPE_CAUSE => Cause::from_name(&id.to_string()).map(Subject::Cause).ok_or(FromSqlError::InvalidType),
        SCOPE_REPORT => Ok(Subject::Report(id.to_string())),
        other => Err(FromSqlError::OutOfRange(other)),
    }
}

/// The subject in the two columns of a row that begin at `first`.
pub(super) fn subject_at(row: &Row<'_>, first: usize) -> rusqlite::Result<Subject> {
    subject(row.get(first)?, row.get(first + 1)?)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(first + 1, Type::Text, Box::new(error)))
}

impl ToSql for BreakNumber {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0))
    }
}

impl FromSql for BreakNumber {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self)
    }
}

impl ToSql for BreakKind {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.as_str()))
    }
}

impl FromSql for BreakKind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::from_name(value.as_str()?).ok_or(FromSqlError::InvalidType)
    }
}

impl ToSql for Occasion {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.as_str()))
    }
}

impl FromSql for Occasion {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::from_name(value.as_str()?).ok_or(FromSqlError::InvalidType)
    }
}

impl ToSql for Severity {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(match self {
            Self::Warning => 1_i64,
            Self::Critical => 2,
        }))
    }
}

impl FromSql for Severity {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_i64()? {
            1 => Ok(Self::Warning),
            2 => Ok(Self::Critical),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}
