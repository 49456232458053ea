//! Where a list goes on, as a text that clients hand back as it is.
//!
//! It names the last row that was shown, so that rows which come and go meanwhile neither hide nor repeat others. It is
//! no secret and opens nothing: a forged one is a place like any other.

use std::fmt::Write as _;

use twox_hash::XxHash3_64;

use crate::ledger::{BreakPlace, OrchestrationPlace};
use crate::model::{BreakNumber, Identifier, Severity, Timestamp};

/// What is said to one that cannot be read.
const NOT_ONE: &str =
    "this is no cursor of this list; take next_page_cursor as it came, with the same filters";

/// A place in a list.
pub(super) trait Place: Sized {
    fn write(&self) -> String;
    fn read(text: &str) -> Option<Self>;
}

/// The cursor of a place in the list that `mark` stands for.
pub(super) fn write(place: &impl Place, mark: u64) -> String {
    let text = place.write();
    let mut cursor = String::with_capacity(text.len() * 2 + 16);
    for byte in text.bytes() {
        write!(cursor, "{byte:02x}").unwrap_or_default();
    }
    write!(cursor, "{:016x}", check(&text, mark)).unwrap_or_default();
    cursor
}

/// The place.
///
/// # Errors
///
/// It is no cursor, or one of another list.
pub(super) fn read<P: Place>(cursor: &str, mark: u64) -> Result<P, String> {
    let place = || {
        let bytes = from_hex(cursor)?;
        let (text, checked) = bytes.split_last_chunk::<8>()?;
        let text = std::str::from_utf8(text).ok()?;
        (u64::from_be_bytes(*checked) == check(text, mark)).then(|| P::read(text))?
    };
    place().ok_or_else(|| NOT_ONE.to_owned())
}

fn check(text: &str, mark: u64) -> u64 {
    XxHash3_64::oneshot_with_seed(mark, text.as_bytes())
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = pairs.iter().map(|&[high, low]| Some(digit(high)? * 16 + digit(low)?));
    if rest.is_empty() { bytes.collect() } else { None }
}

impl Place for OrchestrationPlace {
    fn write(&self) -> String {
        format!("{} {}", self.created_at.as_micros(), self.id)
    }

    fn read(text: &str) -> Option<Self> {
        let (micros, id) = text.split_once(' ')?;
        Some(Self { created_at: Timestamp::from_micros(micros.parse().ok()?), id: Identifier::new(id) })
    }
}

impl Place for BreakPlace {
    fn write(&self) -> String {
        let resolved_at = self.resolved_at.map_or_else(|| "-".to_owned(), |at| at.as_micros().to_string());
        let (muted, history) = (u8::from(self.is_muted), u8::from(self.is_history));
        let (severity, since, number) = (self.severity, self.since.as_micros(), self.number);
        format!("{resolved_at} {muted} {severity} {history} {since} {number}")
    }

    fn read(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(' ').collect();
        let &[resolved_at, muted, severity, history, since, number] = parts.as_slice() else { return None };
        let time = |text: &str| Some(Timestamp::from_micros(text.parse().ok()?));
        Some(Self {
            resolved_at: if resolved_at == "-" { None } else { Some(time(resolved_at)?) },
            is_muted: muted == "1",
            severity: Severity::from_name(severity)?,
            is_history: history == "1",
            since: time(since)?,
            number: BreakNumber(number.parse().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_place_comes_back_from_its_cursor(micros: i64, id in ".*", mark: u64) {
            let place = OrchestrationPlace { created_at: Timestamp::from_micros(micros), id: Identifier::new(&id) };
            let cursor = write(&place, mark);
            prop_assert_eq!(read::<OrchestrationPlace>(&cursor, mark), Ok(place));
            prop_assert!(read::<OrchestrationPlace>(&cursor, mark ^ 1).is_err());
        }

        #[test]
        fn any_other_text_is_refused(text in ".*") {
            prop_assert!(read::<OrchestrationPlace>(&text, 0).is_err());
            prop_assert!(read::<BreakPlace>(&text, 0).is_err());
        }
    }
}
