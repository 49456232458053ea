//! An instant in UTC.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Datelike as _, SecondsFormat, Utc};

/// How much of a text that is no time is shown.
const MAX_SHOWN: usize = 100;

/// An instant in UTC, in whole microseconds since 1970-01-01.
///
/// Shown as RFC 3339 with six decimals, the form the API uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text that is not an RFC 3339 instant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an RFC 3339 time such as 2026-04-20T12:30:01.397730Z")]
pub struct InvalidTimestamp {
    /// What was given, cut to a length fit for a message.
    pub text: String,
}

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// The instant that is `micros` microseconds after 1970-01-01T00:00:00Z.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339 in any offset. Digits past the microsecond are cut off; see
    /// [`is_whole_micros`](Self::is_whole_micros).
    pub fn parse_rfc3339(text: &str) -> Result<Self, InvalidTimestamp> {
        if let Some(fast) = parse_canonical(text.as_bytes()) {
            return Ok(fast);
        }
        DateTime::parse_from_rfc3339(text)
            .map(|time| time.to_utc())
            .ok()
            // With an offset, a text of the year 9999 can mean one that has no such text.
            .filter(|time| (0..=9999).contains(&time.year()))
            .map(|time| Self(time.timestamp_micros()))
            .ok_or_else(|| InvalidTimestamp { text: text.chars().take(MAX_SHOWN).collect() })
    }

    /// Whether a text that [`parse_rfc3339`](Self::parse_rfc3339) takes loses nothing by it.
    pub fn is_whole_micros(text: &str) -> bool {
        let Some((_, fraction)) = text.split_once('.') else { return true };
        let digits = fraction.bytes().take_while(u8::is_ascii_digit);
        digits.skip(6).all(|digit| digit == b'0')
    }

    /// RFC 3339 in UTC with exactly six decimals.
    pub fn to_rfc3339(self) -> String {
        self.with_format(SecondsFormat::Micros)
    }

    /// RFC 3339 in UTC without decimals, for people.
    pub fn to_rfc3339_seconds(self) -> String {
        self.with_format(SecondsFormat::Secs)
    }

    fn with_format(self, format: SecondsFormat) -> String {
        match DateTime::<Utc>::from_timestamp_micros(self.0) {
            Some(time) => time.to_rfc3339_opts(format, true),
            // Beyond the years that chrono knows; still say which instant is meant.
            None => format!("{}us", self.0),
        }
    }

    /// This instant moved later, at most to the end of what can be expressed.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(micros(by)))
    }

    /// This instant moved earlier, at most to the beginning of what can be expressed.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(micros(by)))
    }

    /// The time from `earlier` to this instant; zero where `earlier` is the later one.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Reads the one form that the API sends, `YYYY-MM-DDTHH:MM:SS[.ffffff]Z`, about ten times faster
/// than the general parser; `None` for anything else.
fn parse_canonical(text: &[u8]) -> Option<Timestamp> {
    let number = |from: usize, to: usize| -> Option<i64> {
        text.get(from..to)?
            .iter()
            .try_fold(0_i64, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
    };
    let fraction = match text.len() {
        20 => 0,
        27 if text[19] == b'.' => number(20, 26)?,
        _ => return None,
    };
    let punctuation = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if text.last() != Some(&b'Z') || punctuation.iter().any(|&(at, byte)| text[at] != byte) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let date = chrono::NaiveDate::from_ymd_opt(
        i32::try_from(year).ok()?,
        u32::try_from(month).ok()?,
        u32::try_from(day).ok()?,
    )?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = date.signed_duration_since(chrono::NaiveDate::default()).num_days();
    Some(Timestamp((days * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000_000 + fraction))
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_rfc3339())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_and_back(micros in 0_i64..4_102_444_800_000_000) {
            let time = Timestamp::from_micros(micros);
            prop_assert_eq!(Timestamp::parse_rfc3339(&time.to_rfc3339()), Ok(time));
        }

        #[test]
        fn the_fast_reader_agrees_with_the_general_one(micros in 0_i64..4_102_444_800_000_000) {
            let text = Timestamp::from_micros(micros).to_rfc3339();
            let general = DateTime::parse_from_rfc3339(&text).unwrap().timestamp_micros();
            prop_assert_eq!(parse_canonical(text.as_bytes()), Some(Timestamp(general)));
        }
    }

    #[test]
    fn one_instant_has_many_texts() {
        let expected = Timestamp::parse_rfc3339("2026-04-20T12:30:01.500000Z").unwrap();
        for text in
            ["2026-04-20T12:30:01.5Z", "2026-04-20T14:30:01.500+02:00", "2026-04-20t12:30:01.500000000z"]
        {
            assert_eq!(Timestamp::parse_rfc3339(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused_and_named() {
        for text in [
            "",
            "yesterday",
            "2026-02-30T00:00:00Z",
            "2026-04-20 12:30:01",
            "2026-04-20T24:00:00Z",
            "9999-12-31T23:59:59-01:00",
        ] {
            let error = Timestamp::parse_rfc3339(text).unwrap_err();
            assert!(error.to_string().contains(text));
        }
    }

    #[test]
    fn digits_past_the_microsecond_are_noticed() {
        assert!(Timestamp::is_whole_micros("2026-04-20T12:30:01Z"));
        assert!(Timestamp::is_whole_micros("2026-04-20T12:30:01.123456000Z"));
        assert!(!Timestamp::is_whole_micros("2026-04-20T12:30:01.123456789Z"));
    }
}
