//! A page whose rows are still text.
//!
//! A row that was read before, byte for byte, need not be read again: whoever knows its fingerprint can
//! pass over it, which costs a tenth of reading it.

use std::ops::Range;

use memchr::memmem;

use super::body::Text;
use super::json::Json;
use super::page::{Envelope, Page};
use super::{BodyError, Cursor, Row};
use crate::model::{Fingerprint, Timestamp};

/// One page of List Orchestrations, its rows not read yet.
#[derive(Debug)]
pub struct UnreadPage {
    /// Where the next page begins; `None` on the last one.
    pub next: Option<Cursor>,
    /// The server's clock when it sent this page, where it said so.
    pub server_date: Option<Timestamp>,
    text: Text,
    rows: Vec<Range<usize>>,
    list_bytes: usize,
}

impl UnreadPage {
    /// Takes the body of an answer: `{"items": [...], "next_page_cursor": "..."}`, the older
    /// `orchestrations` where `items` is absent or empty, or `{}` for an empty last page.
    pub(super) fn parse(mut text: Text, server_date: Option<Timestamp>) -> Result<Self, BodyError> {
        let list_bytes = text.len();
        drop_repetition(&mut text);
        let envelope = Envelope::parse(&text, "orchestrations")?;
        let next = envelope.cursor()?;
        let rows = match (envelope.items, envelope.older_items) {
            (Some(items), Some(older)) if items.is_empty() => older,
            (Some(items), _) => items,
            (None, Some(older)) => older,
            (None, None) if envelope.members == 0 => Vec::new(),
            (None, None) => {
                return Err(BodyError::UnexpectedShape {
                    what: "neither a list `items` nor a list `orchestrations`",
                });
            }
        };
        let place = |row: &str| {
            let begins_at = row.as_ptr().addr() - text.as_ptr().addr();
            begins_at..begins_at + row.len()
        };
        let rows = rows.into_iter().map(|row| place(row.get())).collect();
        Ok(Self { next, server_date, text, rows, list_bytes })
    }

    /// How many rows the page has.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The marks of the rows, in the order in which they came.
    pub fn fingerprints(&self) -> impl Iterator<Item = Fingerprint> {
        self.rows.iter().map(|row| Fingerprint::of(self.text(row)))
    }

    /// Reads the row at a place; `None` where there is none.
    pub fn row(&self, index: usize) -> Option<Row> {
        self.rows.get(index).map(|row| self.read_row(row))
    }

    /// Reads all rows.
    pub fn read(self) -> Page {
        Page {
            rows: self.rows.iter().map(|row| self.read_row(row)).collect(),
            next: self.next,
            server_date: self.server_date,
            list_bytes: self.list_bytes,
        }
    }

    fn read_row(&self, row: &Range<usize>) -> Row {
        Row::take(Json::judged(self.text(row)))
    }

    /// The range was cut from this text, which has not changed since.
    fn text(&self, row: &Range<usize>) -> &str {
        self.text.get(row.clone()).unwrap_or_default()
    }
}

/// Takes the older list out where it repeats `items` byte for byte, as it does in every answer: finding
/// that out costs a tenth of judging it. What is left is judged as a whole.
fn drop_repetition(text: &mut Text) {
    const ITEMS: &str = "{\"items\":";
    const OLDER: &str = ",\"orchestrations\":";
    let Some(rest) = text.strip_prefix(ITEMS) else { return };
    let Some(at) = memmem::find(rest.as_bytes(), OLDER.as_bytes()) else { return };
    let (items, older) = (&rest[..at], &rest[at + OLDER.len()..]);
    if items.len() > "[]".len() && items.ends_with(']') && older.starts_with(items) {
        let begins_at = ITEMS.len() + at;
        let ends_at = begins_at + OLDER.len() + items.len();
        text.remove(begins_at..ends_at);
    }
}
