//! Instants as people type them: a day, a time, or how long ago or ahead.

use std::time::Duration;

use crate::model::Timestamp;

/// An instant, as it was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At this time.
    Time(Timestamp),
    /// So long before or after now.
    Span(Duration),
}

impl When {
    /// The instant, where a span is one of the past.
    pub fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Time(time) => time,
            Self::Span(age) => now.minus(age),
        }
    }

    /// The instant, where a span is one of the future.
    pub fn after(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Time(time) => time,
            Self::Span(duration) => now.plus(duration),
        }
    }
}

/// Reads an instant of the past.
pub fn past(text: &str) -> Result<When, String> {
    let expected =
        "expected a day such as 2026-01-31, a time such as 2026-01-31T12:00:00Z, or an age such as 400d";
    read(text).ok_or_else(|| expected.to_owned())
}

/// Reads an instant of the distant past: minutes and seconds are no ages there, and `3m` may be meant as months.
pub fn distant_past(text: &str) -> Result<When, String> {
    let when = past(text)?;
    match when {
        When::Span(_) if text.contains(['m', 's']) => {
            Err("expected an age in days or weeks such as 400d, or a day such as 2026-01-31".to_owned())
        }
        When::Span(_) | When::Time(_) => Ok(when),
    }
}

/// Reads an instant of the future.
pub fn future(text: &str) -> Result<When, String> {
    let expected = "expected a duration such as 36h or 5d, a day such as 2026-01-31, or a time such as 2026-01-31T12:00:00Z";
    read(text).ok_or_else(|| expected.to_owned())
}

fn read(text: &str) -> Option<When> {
    let day = || Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z"));
    if let Ok(time) = Timestamp::parse_rfc3339(text).or_else(|_| day()) {
        return Some(When::Time(time));
    }
    // To the library `M` is a month and `m` a minute, and there are months and years of its own length.
    let mut units = text.split(|letter: char| !letter.is_alphabetic());
    let is_known = units.all(|unit| matches!(unit, "" | "s" | "m" | "h" | "d" | "w"));
    let span = humantime::parse_duration(text).ok().filter(|_| is_known)?;
    Some(When::Span(span))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_times_and_spans_are_read_and_months_are_not() {
        let day = Timestamp::parse_rfc3339("2026-01-31T00:00:00Z").unwrap();
        assert_eq!(past("2026-01-31"), Ok(When::Time(day)));
        assert_eq!(past("2026-01-31T01:00:00+01:00"), Ok(When::Time(day)));
        assert_eq!(future("1d 12h").unwrap().after(day), day.plus(Duration::from_secs(36 * 3600)));
        assert_eq!(past("90m").unwrap().before(day), day.minus(Duration::from_secs(5400)));
        for refused in ["", "2M", "1y", "3 days", "yesterday", "12", "2026-02-30"] {
            assert!(past(refused).is_err(), "{refused}");
        }
        for (text, is_read) in
            [("400d", true), ("3w", true), ("2026-01-31", true), ("3m", false), ("90s", false)]
        {
            assert_eq!(distant_past(text).is_ok(), is_read, "{text}");
        }
    }
}
