//! Page cursors: opaque texts that say where the next page begins.
//!
//! A cursor holds a place in the order, not a number of rows, so a page costs what a page costs, and
//! rows that come and go do not shift the others. It belongs to the query that it was made for.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::row::{Position, RowId};

/// Where a page begins and ends, and what comes after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) fingerprint: u64,
    /// When it was made, in microseconds.
    pub(super) issued: i64,
    /// The page holds what lies after this; `None` begins at the beginning.
    pub(super) after: Option<Position>,
    /// ... up to and including this; `None` goes on to the end.
    pub(super) until: Option<Position>,
    pub(super) then: Then,
    pub(super) before: Before,
    /// How many rows the pages before held.
    pub(super) passed: usize,
}

/// What follows when a page has reached the end of its cursor's span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing: it was the last page.
    Nothing,
    /// What lies after this place: the page was swapped with another.
    Jump(Position),
}

/// Where the page before began, to serve it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// There was none.
    Nothing,
    /// At the very beginning.
    Beginning,
    /// After this place.
    After(Position),
}

/// What stands in the text. Short names: it travels in every URL.
#[derive(Serialize, Deserialize)]
struct Wire {
    f: u64,
    t: i64,
    /// Makes every cursor a text of its own, as far as the client can see.
    n: u64,
    a: Option<(i64, String)>,
    u: Option<(i64, String)>,
    j: Option<(i64, String)>,
    b: Option<WireBefore>,
    #[serde(default)]
    o: usize,
}

#[derive(Serialize, Deserialize)]
enum WireBefore {
    #[serde(rename = "0")]
    Beginning,
    #[serde(rename = "a")]
    After((i64, String)),
}

impl Cursor {
    /// The place where a list begins.
    pub(super) fn beginning(fingerprint: u64, now: i64) -> Self {
        Self {
            fingerprint,
            issued: now,
            after: None,
            until: None,
            then: Then::Nothing,
            before: Before::Nothing,
            passed: 0,
        }
    }

    /// The cursor for the page after this one, whose last row is `last`.
    pub(super) fn onward(&self, last: Position) -> Self {
        let before = self.after.clone().map_or(Before::Beginning, Before::After);
        Self { after: Some(last), before, ..self.clone() }
    }

    /// Its text, unlike any that was made with another `nonce`.
    pub(super) fn encode(&self, now: i64, nonce: u64) -> String {
        let wire = Wire {
            f: self.fingerprint,
            t: now,
            n: nonce,
            a: self.after.as_ref().map(pair),
            u: self.until.as_ref().map(pair),
            j: match &self.then {
                Then::Nothing => None,
                Then::Jump(place) => Some(pair(place)),
            },
            b: match &self.before {
                Before::Nothing => None,
                Before::Beginning => Some(WireBefore::Beginning),
                Before::After(place) => Some(WireBefore::After(pair(place))),
            },
            o: self.passed,
        };
        to_hex(&serde_json::to_vec(&wire).unwrap_or_default())
    }

    /// Reads a text; `None` where it is no cursor of ours.
    pub(super) fn decode(text: &str) -> Option<Self> {
        let wire: Wire = serde_json::from_slice(&from_hex(text)?).ok()?;
        Some(Self {
            fingerprint: wire.f,
            issued: wire.t,
            after: wire.a.map(place),
            until: wire.u.map(place),
            then: wire.j.map_or(Then::Nothing, |jump| Then::Jump(place(jump))),
            before: match wire.b {
                None => Before::Nothing,
                Some(WireBefore::Beginning) => Before::Beginning,
                Some(WireBefore::After(before)) => Before::After(place(before)),
            },
            passed: wire.o,
        })
    }
}

fn pair(place: &Position) -> (i64, String) {
    (place.created, place.id.to_text())
}

fn place((created, id): (i64, String)) -> Position {
    Position { created, id: RowId::of(&id) }
}

pub(super) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back() {
        let at = |created, id: &str| Position { created, id: RowId::of(id) };
        let mut cursor = Cursor::beginning(u64::MAX, 5);
        for next in [at(-3, "orch_x\"ä"), at(9, "7f0c9a52-33d1-4c1f-9a75-0f2f7a1d6b10")] {
            cursor = cursor.onward(next.clone());
            cursor.until = Some(next.clone());
            cursor.then = Then::Jump(next);
            cursor.passed += 3;
            assert_eq!(Cursor::decode(&cursor.encode(5, 1)), Some(cursor.clone()));
        }
        assert_ne!(cursor.encode(5, 1), cursor.encode(5, 2));
    }

    #[test]
    fn the_beginning_before_a_page_is_not_nothing_before_it() {
        let cursor = Cursor::beginning(1, 1).onward(Position { created: 1, id: RowId::of("a") });
        assert_eq!(Cursor::decode(&cursor.encode(1, 1)).unwrap().before, Before::Beginning);
    }

    #[test]
    fn other_texts_are_no_cursors() {
        for text in ["", "0", "zz", "7b7d", "é0"] {
            assert_eq!(Cursor::decode(text), None, "{text}");
        }
    }
}
