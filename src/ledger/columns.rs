//! How single values of the domain are stored in a column.

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use uuid::Uuid;

use crate::model::{Amount, Identifier, LegStatus, Status, Timestamp};

impl ToSql for Identifier {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Uuid(uuid) => ValueRef::Blob(uuid.as_bytes()),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

impl FromSql for Identifier {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Blob(bytes) => {
                Uuid::from_slice(bytes).map(Self::Uuid).map_err(|error| FromSqlError::Other(Box::new(error)))
            }
            text => Ok(Self::Text(text.as_str()?.into())),
        }
    }
}

impl ToSql for Timestamp {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.as_micros()))
    }
}

impl FromSql for Timestamp {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self::from_micros)
    }
}

impl ToSql for Amount {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.as_str()))
    }
}

impl FromSql for Amount {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::parse(value.as_str()?).map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

/// Statuses by their number in a column. `schema.sql` and the views depend on it: append, never
/// renumber.
pub(super) const STATUS_NUMBERS: [(Status, i64); 5] = [
    (Status::Pending, 1),
    (Status::Processing, 2),
    (Status::Completed, 3),
    (Status::Failed, 4),
    (Status::Rejected, 5),
];

/// Leg statuses by their number in a column; the same words have the same numbers.
pub(super) const LEG_STATUS_NUMBERS: [(LegStatus, i64); 4] =
    [(LegStatus::Pending, 1), (LegStatus::Processing, 2), (LegStatus::Completed, 3), (LegStatus::Failed, 4)];

impl ToSql for Status {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(to_column(self, &STATUS_NUMBERS, self.as_str()))
    }
}

impl FromSql for Status {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        from_column(value, &STATUS_NUMBERS, |text| Self::Unknown(text.into()))
    }
}

impl ToSql for LegStatus {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(to_column(self, &LEG_STATUS_NUMBERS, self.as_str()))
    }
}

impl FromSql for LegStatus {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        from_column(value, &LEG_STATUS_NUMBERS, |text| Self::Unknown(text.into()))
    }
}

fn to_column<'a, T: PartialEq>(value: &T, numbers: &[(T, i64)], text: &'a str) -> ToSqlOutput<'a> {
    match numbers.iter().find(|(known, _)| known == value) {
        Some(&(_, number)) => ToSqlOutput::from(number),
        None => ToSqlOutput::from(text),
    }
}

fn from_column<T: Clone>(
    value: ValueRef<'_>,
    numbers: &[(T, i64)],
    unknown: impl Fn(&str) -> T,
) -> FromSqlResult<T> {
    let ValueRef::Integer(stored) = value else { return value.as_str().map(unknown) };
    let known = numbers.iter().find(|&&(_, number)| number == stored);
    known.map(|(status, _)| status.clone()).ok_or(FromSqlError::OutOfRange(stored))
}
