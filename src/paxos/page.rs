//! One page of List Orchestrations.
//!
//! Owns the envelope: under which name the rows come, and what counts as a last page. A body that has
//! no rows to show and does not say so is an error, never an empty page.

use std::fmt;
use std::str::Utf8Error;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::body::Text;
use super::json::Json;
use super::{Row, UnreadPage};
use crate::model::Timestamp;

/// One page of List Orchestrations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The rows, in the order in which they came.
    pub rows: Vec<Row>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<Cursor>,
    /// The server's clock when it sent this page, where it said so.
    pub server_date: Option<Timestamp>,
    /// The length of the body in bytes, decompressed.
    pub list_bytes: usize,
}

/// A place in a listing, in the API's own words: opaque, and of no use but to go on from.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Cursor(Box<str>);

impl Cursor {
    /// A cursor that was kept.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text, to be kept.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Hides the text: cursors may hold what was asked, and are never logged.
impl fmt::Debug for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Cursor({} bytes)", self.0.len())
    }
}

/// Why a body cannot be taken as a page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is not JSON.
    #[error("not JSON: {detail}")]
    NotJson {
        /// What the parser says; never what the body holds.
        detail: String,
    },
    /// It is `{}`: how an empty page may look, and what is left of one that lost its rows.
    #[error("an empty object, which may be an empty page or none at all")]
    SaysNothing,
    /// It is JSON of another shape.
    #[error("of an unexpected shape: {what}")]
    UnexpectedShape {
        /// What is missing or wrong.
        what: &'static str,
    },
}

impl From<Utf8Error> for BodyError {
    fn from(error: Utf8Error) -> Self {
        Self::NotJson { detail: format!("not UTF-8 after byte {}", error.valid_up_to()) }
    }
}

impl Page {
    /// Takes the body of an answer and reads all of it; see [`UnreadPage`].
    pub fn parse(body: &[u8], server_date: Option<Timestamp>) -> Result<Self, BodyError> {
        let text = Text::new(utf8(body)?.to_owned());
        Ok(UnreadPage::parse(text, server_date)?.read())
    }
}

/// A list answer, its rows still text.
pub(super) struct Envelope<'a> {
    /// The list `items`, where it is there and not null.
    pub(super) items: Option<Vec<&'a RawValue>>,
    /// The list under its older name; not read where `items` came before it and holds something.
    pub(super) older_items: Option<Vec<&'a RawValue>>,
    /// How many members the object has, whatever their names.
    pub(super) members: usize,
    next_page_cursor: Option<Json<'a>>,
    next_page: Option<Json<'a>>,
}

impl<'a> Envelope<'a> {
    pub(super) fn parse(text: &'a str, older_name: &'static str) -> Result<Self, BodyError> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let read = deserializer.deserialize_map(EnvelopeVisitor { older_name });
        read.and_then(|envelope| deserializer.end().map(|()| envelope)).map_err(|error| {
            // Errors of the first kind repeat what they met.
            if error.is_data() {
                BodyError::UnexpectedShape { what: "not an object whose rows are a list" }
            } else {
                BodyError::NotJson { detail: error.to_string() }
            }
        })
    }

    /// Where the next page begins. List Profiles calls it `next_page` in one place of its documentation.
    pub(super) fn cursor(&self) -> Result<Option<Cursor>, BodyError> {
        for raw in [self.next_page_cursor, self.next_page].into_iter().flatten() {
            let text = raw
                .text()
                .map_err(|_| BodyError::UnexpectedShape { what: "a next page cursor that is not a text" })?;
            if let Some(text) = text {
                return Ok(Some(Cursor::new(&text)));
            }
        }
        Ok(None)
    }
}

/// The body as text. JSON is UTF-8 (RFC 8259, 8.1).
pub(super) fn utf8(body: &[u8]) -> Result<&str, BodyError> {
    std::str::from_utf8(body).map_err(BodyError::from)
}

struct EnvelopeVisitor {
    older_name: &'static str,
}

impl<'a> Visitor<'a> for EnvelopeVisitor {
    type Value = Envelope<'a>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut envelope =
            Envelope { items: None, older_items: None, members: 0, next_page_cursor: None, next_page: None };
        while let Some(key) = map.next_key::<String>()? {
            envelope.members += 1;
            match key.as_str() {
                "items" => envelope.items = map.next_value()?,
                name if name == self.older_name && envelope.items.as_ref().is_none_or(Vec::is_empty) => {
                    envelope.older_items = map.next_value()?;
                }
                "next_page_cursor" => envelope.next_page_cursor = Some(map.next_value::<&RawValue>()?.into()),
                "next_page" => envelope.next_page = Some(map.next_value::<&RawValue>()?.into()),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(envelope)
    }
}
