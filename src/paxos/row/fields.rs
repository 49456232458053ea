//! The fields of a row, each read as what it should be.
//!
//! Owns what counts as missing (`null`, `""`, `{}`) and how a field that cannot be taken is named.

use std::borrow::Cow;
use std::fmt;

use crate::model::{Amount, Identifier, Timestamp};
use crate::paxos::json::{self, Member};
use crate::paxos::remainder::Remainder;

/// Why a row cannot be taken: the field, and what is wrong with it.
#[derive(Debug)]
pub(super) struct Problem {
    path: String,
    what: String,
}

impl Problem {
    pub(super) fn missing(field: &str) -> Self {
        Self::new(field, "missing")
    }

    pub(super) fn broken(error: &serde_json::Error) -> Self {
        Self::new("the row", format_args!("not a JSON object: {error}"))
    }

    pub(super) fn new(field: &str, what: impl fmt::Display) -> Self {
        Self { path: field.to_owned(), what: what.to_string() }
    }

    fn wrong_kind(field: &str, found: &str, wanted: &str) -> Self {
        Self::new(field, format_args!("{found} where {wanted} belongs"))
    }

    /// The same problem, seen from the object around it.
    fn under(mut self, parent: &str) -> Self {
        self.path.insert(0, '.');
        self.path.insert_str(0, parent);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.path, self.what)
    }
}

/// Reads the object under `key` by its members; none where it is missing. What `read` puts into its
/// remainder goes under `key` into `rest`.
pub(super) fn nested<'a, T>(
    key: &str,
    raw: &'a str,
    rest: &mut Remainder,
    read: impl FnOnce(&[Member<'a>], &mut Remainder) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let mut members = Vec::new();
    if let Some(object) = object(key, raw)? {
        json::members(object, &mut members).map_err(|error| Problem::new(key, error))?;
    }
    let mut left_over = Remainder::default();
    let value = read(&members, &mut left_over).map_err(|problem| problem.under(key))?;
    rest.add_nested(key, left_over);
    Ok(value)
}

pub(super) fn object<'a>(key: &str, raw: &'a str) -> Result<Option<&'a str>, Problem> {
    json::object(raw).map_err(|kind| Problem::wrong_kind(key, kind, "an object"))
}

pub(super) fn text<'a>(key: &str, raw: &'a str) -> Result<Option<Cow<'a, str>>, Problem> {
    json::text(raw).map_err(|kind| Problem::wrong_kind(key, kind, "a text"))
}

pub(super) fn boxed(key: &str, raw: &str) -> Result<Option<Box<str>>, Problem> {
    Ok(text(key, raw)?.map(Into::into))
}

pub(super) fn identifier(key: &str, raw: &str) -> Result<Option<Identifier>, Problem> {
    Ok(text(key, raw)?.map(|text| Identifier::new(&text)))
}

pub(super) fn amount(key: &str, raw: &str) -> Result<Option<Amount>, Problem> {
    let Some(text) = text(key, raw)? else { return Ok(None) };
    Amount::parse(&text).map(Some).map_err(|error| Problem::new(key, error))
}

/// Reads an instant. Where microseconds cannot hold it, its text stays in the remainder as well.
pub(super) fn time(key: &str, raw: &str, rest: &mut Remainder) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = text(key, raw)? else { return Ok(None) };
    let time = Timestamp::parse_rfc3339(&text).map_err(|error| Problem::new(key, error))?;
    if !Timestamp::is_whole_micros(&text) {
        rest.add(key, raw);
    }
    Ok(Some(time))
}
