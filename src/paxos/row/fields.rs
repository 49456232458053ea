//! The fields of a row, each read as what it should be.
//!
//! Owns what counts as missing (`null`, `""`, `{}`) and how a field that cannot be taken is named.

use std::borrow::Cow;
use std::fmt;

use crate::model::{Amount, Identifier, Timestamp};
use crate::paxos::json::{Json, Member};
use crate::paxos::remainder::Remainder;

/// Room for the members of any nested object that is documented today.
const USUAL_PARTS: usize = 4;

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

/// Reads the object that `member` holds by its members; none where it is missing. What `read` puts
/// into its remainder goes under the same key into `rest`.
pub(super) fn nested<'a, T>(
    member: &Member<'a>,
    rest: &mut Remainder,
    read: impl FnOnce(&[Member<'a>], &mut Remainder) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let members = object(member)?.map(|object| object.members(USUAL_PARTS)).unwrap_or_default();
    let mut left_over = Remainder::default();
    let value = read(&members, &mut left_over).map_err(|problem| problem.under(&member.key))?;
    rest.add_nested(member, left_over);
    Ok(value)
}

pub(super) fn object<'a>(member: &Member<'a>) -> Result<Option<Json<'a>>, Problem> {
    member.value.object().map_err(|kind| Problem::wrong_kind(&member.key, kind, "an object"))
}

pub(super) fn text<'a>(member: &Member<'a>) -> Result<Option<Cow<'a, str>>, Problem> {
    member.value.text().map_err(|kind| Problem::wrong_kind(&member.key, kind, "a text"))
}

pub(super) fn boxed(member: &Member<'_>) -> Result<Option<Box<str>>, Problem> {
    Ok(text(member)?.map(Into::into))
}

pub(super) fn identifier(member: &Member<'_>) -> Result<Option<Identifier>, Problem> {
    Ok(text(member)?.map(|text| Identifier::new(&text)))
}

pub(super) fn amount(member: &Member<'_>) -> Result<Option<Amount>, Problem> {
    let Some(text) = text(member)? else { return Ok(None) };
    Amount::parse(&text).map(Some).map_err(|error| Problem::new(&member.key, error))
}

/// Reads an instant. Where microseconds cannot hold it, its text stays in the remainder as well.
pub(super) fn time(member: &Member<'_>, rest: &mut Remainder) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = text(member)? else { return Ok(None) };
    let time = Timestamp::parse_rfc3339(&text).map_err(|error| Problem::new(&member.key, error))?;
    if !Timestamp::is_whole_micros(&text) {
        rest.add(member);
    }
    Ok(Some(time))
}
