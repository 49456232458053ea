//! One field of a crontab line: from its text to the values that it allows.

use std::fmt;

use super::error::{Expected, ScheduleError, shown};

/// A field of a crontab line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrontabField {
    /// The minute of the hour.
    Minute,
    /// The hour of the day.
    Hour,
    /// The day of the month.
    DayOfMonth,
    /// The month of the year.
    Month,
    /// The day of the week; Sunday is 0 and 7.
    DayOfWeek,
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl CrontabField {
    pub(super) const fn low(self) -> u8 {
        match self {
            Self::Minute | Self::Hour | Self::DayOfWeek => 0,
            Self::DayOfMonth | Self::Month => 1,
        }
    }

    pub(super) const fn high(self) -> u8 {
        match self {
            Self::Minute => 59,
            Self::Hour => 23,
            Self::DayOfMonth => 31,
            Self::Month => 12,
            Self::DayOfWeek => 7,
        }
    }

    /// The names of the values, from the lowest on.
    pub(super) const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Minute | Self::Hour | Self::DayOfMonth => &[],
            Self::Month => &MONTHS,
            Self::DayOfWeek => &DAYS,
        }
    }
}

impl fmt::Display for CrontabField {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day-of-month",
            Self::Month => "month",
            Self::DayOfWeek => "day-of-week",
        })
    }
}

/// Whether a day field decides alone, as crontab(5) sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Restriction {
    /// The field begins with `*`.
    Star,
    Restricted,
}

/// The values that a field allows: ascending, each once, Sunday as 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Values {
    pub(super) allowed: Vec<u8>,
    pub(super) restriction: Restriction,
}

impl Values {
    /// Reads lists of values, ranges and steps.
    pub(super) fn parse(field: CrontabField, text: &str) -> Result<Self, ScheduleError> {
        let mut allowed = Vec::new();
        for part in text.split(',') {
            let complain = |expected| ScheduleError::Field { field, found: shown(part), expected };
            allowed.extend(part_values(field, part).map_err(complain)?);
        }
        if field == CrontabField::DayOfWeek {
            for day in &mut allowed {
                *day %= 7;
            }
        }
        allowed.sort_unstable();
        allowed.dedup();
        let restriction = if text.starts_with('*') { Restriction::Star } else { Restriction::Restricted };
        Ok(Self { allowed, restriction })
    }
}

/// The values of one part of a list: a value, a range, or a range with a step.
fn part_values(field: CrontabField, part: &str) -> Result<Vec<u8>, Expected> {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (part, None),
    };
    let (first, last) = if range == "*" {
        (field.low(), field.high())
    } else if let Some((first, last)) = range.split_once('-') {
        rising(field, first, last)?
    } else {
        let only = value(field, range)?;
        // crontab(5) knows steps after ranges alone, and other crons take this for different things.
        if step.is_some() {
            return Err(Expected::RangeBeforeStep);
        }
        (only, only)
    };
    let step = step.map_or(Ok(1), |step| {
        number(step).filter(|step| (1..=field.high()).contains(step)).ok_or(Expected::Step)
    })?;
    Ok((first..=last).step_by(usize::from(step)).collect())
}

fn rising(field: CrontabField, first: &str, last: &str) -> Result<(u8, u8), Expected> {
    let (begin, end) = (value(field, first)?, value(field, last)?);
    if begin <= end {
        return Ok((begin, end));
    }
    // "fri-sun" can only mean one thing.
    let ends_on_sunday = field == CrontabField::DayOfWeek && last.eq_ignore_ascii_case(DAYS[0]);
    if ends_on_sunday { Ok((begin, field.high())) } else { Err(Expected::RisingRange) }
}

fn value(field: CrontabField, text: &str) -> Result<u8, Expected> {
    let named = (field.low()..).zip(field.names()).find(|(_, name)| name.eq_ignore_ascii_case(text));
    named
        .map(|(value, _)| value)
        .or_else(|| number(text))
        .filter(|value| (field.low()..=field.high()).contains(value))
        .ok_or(Expected::Value)
}

/// A whole number. The library would take a sign too.
fn number(text: &str) -> Option<u8> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
