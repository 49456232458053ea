//! A page whose rows are still text.
//!
//! A row that was read before, byte for byte, need not be read again: whoever knows its fingerprint can
//! pass over it, which costs a tenth of reading it. Nor need it be judged again to be JSON. So a page may be cut
//! into rows at a glance: where every fingerprint is known, the cuts were right, and what is around the rows is
//! judged in any case. Where one is not, the page is judged as a whole.

use std::ops::Range;
use std::sync::OnceLock;

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
    fingerprints: OnceLock<Vec<Fingerprint>>,
    list_bytes: usize,
    cut: Cut,
}

/// How a page was cut into rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// All of it was judged to be JSON.
    Judged,
    /// By what rows look like.
    AtAGlance,
}

/// What follows the rows of a page is no longer than this, or the page is not cut at a glance.
const MAX_TAIL_BYTES: usize = 16 * 1024;

impl UnreadPage {
    /// Takes the body of an answer at a glance where it looks as usual, and judges it otherwise. See
    /// [`judged`](Self::judged).
    pub(super) fn glance(mut text: Text, server_date: Option<Timestamp>) -> Result<Self, BodyError> {
        let list_bytes = text.len();
        drop_repetition(&mut text);
        match cut_at_a_glance(&text) {
            Some((rows, next)) => {
                let fingerprints = OnceLock::new();
                Ok(Self { next, server_date, text, rows, fingerprints, list_bytes, cut: Cut::AtAGlance })
            }
            None => Self::judge(text, list_bytes, server_date),
        }
    }

    /// Takes the body of an answer: `{"items": [...], "next_page_cursor": "..."}`, the older
    /// `orchestrations` where `items` is absent or empty. `{}` is [`BodyError::SaysNothing`].
    pub(super) fn parse(mut text: Text, server_date: Option<Timestamp>) -> Result<Self, BodyError> {
        let list_bytes = text.len();
        drop_repetition(&mut text);
        Self::judge(text, list_bytes, server_date)
    }

    fn judge(text: Text, list_bytes: usize, server_date: Option<Timestamp>) -> Result<Self, BodyError> {
        let envelope = Envelope::parse(&text, "orchestrations")?;
        let next = envelope.cursor()?;
        let rows = match (envelope.items, envelope.older_items) {
            (Some(items), Some(older)) if items.is_empty() => older,
            (Some(items), _) => items,
            (None, Some(older)) => older,
            (None, None) if envelope.members == 0 => return Err(BodyError::SaysNothing),
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
        let fingerprints = OnceLock::new();
        Ok(Self { next, server_date, text, rows, fingerprints, list_bytes, cut: Cut::Judged })
    }

    /// An empty last page.
    pub(super) fn empty(server_date: Option<Timestamp>) -> Self {
        Self {
            next: None,
            server_date,
            text: Text::new(String::new()),
            rows: Vec::new(),
            fingerprints: OnceLock::new(),
            list_bytes: 0,
            cut: Cut::Judged,
        }
    }

    /// Whether the rows may be read. Otherwise only those are rows whose fingerprints are known, and only where
    /// all of them are.
    pub fn is_judged(&self) -> bool {
        self.cut == Cut::Judged
    }

    /// The same page, judged as a whole.
    pub fn judged(self) -> Result<Self, BodyError> {
        match self.cut {
            Cut::Judged => Ok(self),
            Cut::AtAGlance => Self::judge(self.text, self.list_bytes, self.server_date),
        }
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
    pub fn fingerprints(&self) -> &[Fingerprint] {
        self.fingerprints
            .get_or_init(|| self.rows.iter().map(|row| Fingerprint::of(self.text(row))).collect())
    }

    /// The mark of all rows together.
    pub fn mark(&self) -> Fingerprint {
        let rows = self.rows.first().zip(self.rows.last());
        Fingerprint::of(rows.map_or("", |(first, last)| self.text(&(first.start..last.end))))
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

/// Cuts a page into its rows by how the first one begins, and reads where the next page begins. `None` where
/// that cannot be.
fn cut_at_a_glance(text: &str) -> Option<(Vec<Range<usize>>, Option<Cursor>)> {
    const ITEMS: &str = "{\"items\":[";
    let rest = text.strip_prefix(ITEMS)?;
    let opening = rest.get(..=memchr::memchr(b':', rest.as_bytes())?)?;
    if !opening.starts_with("{\"") {
        return None;
    }
    let ends_at = memmem::rfind(rest.as_bytes(), b"}]")? + 1;
    let tail = rest.get(ends_at..).filter(|tail| tail.len() <= MAX_TAIL_BYTES)?;
    let around = format!("{ITEMS}{tail}");
    let envelope = Envelope::parse(&around, "orchestrations").ok()?;
    if !envelope.items.as_ref().is_some_and(Vec::is_empty) || envelope.older_items.is_some() {
        return None;
    }
    let next = envelope.cursor().ok()?;
    let mut rows = Vec::with_capacity(MOST_ROWS);
    let mut begins_at = 0;
    for at in memmem::find_iter(rest.get(..ends_at)?.as_bytes(), format!("}},{opening}").as_bytes()) {
        rows.push(ITEMS.len() + begins_at..ITEMS.len() + at + 1);
        begins_at = at + 2;
    }
    rows.push(ITEMS.len() + begins_at..ITEMS.len() + ends_at);
    Some((rows, next))
}

/// How many rows are asked for at most.
const MOST_ROWS: usize = 1000;

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

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = r#"{"id":"a","status":"PENDING","created_at":"2026-03-02T10:00:00Z"}"#;
    const OTHER: &str = r#"{"id":"b","metadata":{"a":"}]"},"legs":[{"n":1},{"n":2}]}"#;

    fn text(body: &str) -> Text {
        Text::new(body.to_owned())
    }

    fn both(body: &str) -> (UnreadPage, UnreadPage) {
        (UnreadPage::glance(text(body), None).unwrap(), UnreadPage::parse(text(body), None).unwrap())
    }

    #[test]
    fn what_looks_as_usual_is_cut_as_judging_cuts_it() {
        for body in [
            format!(r#"{{"items":[{ROW},{OTHER},{ROW}],"next_page_cursor":"more"}}"#),
            format!(
                r#"{{"items":[{ROW},{OTHER}],"orchestrations":[{ROW},{OTHER}],"next_page_cursor":"more"}}"#
            ),
            format!(r#"{{"items":[{OTHER}]}}"#),
            format!(r#"{{"items":[{ROW}],"next_page_cursor":null}} "#),
        ] {
            let (glanced, parsed) = both(&body);
            assert!(!glanced.is_judged() && parsed.is_judged(), "{body}");
            assert_eq!(glanced.fingerprints(), parsed.fingerprints(), "{body}");
            assert_eq!((&glanced.next, glanced.mark()), (&parsed.next, parsed.mark()), "{body}");
        }
    }

    /// Catches: a page that is taken for what it only looks like.
    #[test]
    fn what_does_not_is_judged() {
        for body in [
            r#"{"items":[],"next_page_cursor":"more"}"#.to_owned(),
            format!(r#"{{"orchestrations":[{ROW}]}}"#),
            format!(r#"{{"items":[{ROW}],"orchestrations":[{OTHER}]}}"#),
            format!(r#"{{"items":[{ROW}],"items":[{OTHER}]}}"#),
        ] {
            let (glanced, parsed) = both(&body);
            assert_eq!(glanced.is_judged(), glanced.fingerprints() == parsed.fingerprints(), "{body}");
            assert_eq!(glanced.judged().unwrap().fingerprints(), parsed.fingerprints(), "{body}");
        }
    }

    /// Catches: rows that are cut where an object within a row begins like one; damage that nobody sees.
    #[test]
    fn what_was_cut_wrongly_is_known_by_no_fingerprint_and_judged_in_the_end() {
        let nested = r#"{"id":"a","legs":[{"id":"x"},{"id":"y"}]}"#;
        let (glanced, parsed) = both(&format!(r#"{{"items":[{nested},{ROW}]}}"#));
        assert!(glanced.fingerprints().iter().any(|mark| !parsed.fingerprints().contains(mark)));
        assert_eq!(glanced.judged().unwrap().fingerprints(), parsed.fingerprints());

        let damaged = format!(r#"{{"items":[{{"id":"a","amount":}},{ROW}]}}"#);
        let glanced = UnreadPage::glance(text(&damaged), None).unwrap();
        assert!(glanced.judged().is_err());
        for damaged in [format!(r#"{{"items":[{ROW}]"#), format!(r#"{{"items":[{ROW}],}}"#)] {
            assert!(UnreadPage::glance(text(&damaged), None).is_err(), "{damaged}");
        }
    }
}
