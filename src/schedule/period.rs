//! Calendar periods in a time zone: days, weeks from Monday on, and months, from one midnight to another.
//!
//! Owns where periods begin and end and what they are called. Which period a report is about is for others.

use std::fmt;

use chrono::{Datelike as _, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, Timelike as _};

use super::error::shown;
use super::zone::Zone;
use crate::model::Timestamp;

/// The years in which a period may lie. Any other is a typing error.
const YEARS: std::ops::RangeInclusive<i32> = 2000..=2100;

/// How long a calendar period is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PeriodKind {
    /// A day.
    Day,
    /// Seven days, from Monday on.
    Week,
    /// A month.
    Month,
}

impl PeriodKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The kind of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The first day of the period in which a day lies.
    fn first_day(self, day: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Day => Some(day),
            Self::Week => day.checked_sub_days(Days::new(day.weekday().num_days_from_monday().into())),
            Self::Month => day.with_day(1),
        }
    }

    fn day_after(self, first: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Day => first.checked_add_days(Days::new(1)),
            Self::Week => first.checked_add_days(Days::new(7)),
            Self::Month => first.checked_add_months(Months::new(1)),
        }
    }

    /// The name of the period that begins on a day: `2026-10-05`, `2026-W41`, `2026-10`.
    fn name(self, first: NaiveDate) -> String {
        match self {
            Self::Day => first.format("%Y-%m-%d").to_string(),
            Self::Week => first.format("%G-W%V").to_string(),
            Self::Month => first.format("%Y-%m").to_string(),
        }
    }
}

/// A span of time, its beginning included and its end not, as a zone's clocks show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first instant.
    pub from: Timestamp,
    /// The first instant after it.
    pub to: Timestamp,
    /// By which clocks.
    pub zone: Zone,
    /// Which calendar period it is; `None` of any other span.
    pub kind: Option<PeriodKind>,
}

/// Why there is no such period.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPeriod {
    /// The text is no period.
    #[error(
        "expected day, week or month for the last one that is over, or a day such as 2026-10-05, a week such as 2026-W41, or a month such as 2026-10, found {0:?}"
    )]
    Unreadable(String),
    /// The text is no instant.
    #[error("expected a day such as 2026-10-01, or a time such as 2026-10-01T12:00:00Z, found {0:?}")]
    NoInstant(String),
    /// It ends before it begins, or where it begins.
    #[error("the period ends at {to}, which is not after its beginning, {from}; give a later end")]
    Reversed {
        /// Where it begins.
        from: String,
        /// Where it ends.
        to: String,
    },
}

/// Which period is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhichPeriod {
    /// The last one that is over.
    Last(PeriodKind),
    /// The one that begins on this day.
    Named(PeriodKind, NaiveDate),
}

impl WhichPeriod {
    /// Reads `day`, `week`, `month`, or the name of a day, a week or a month.
    ///
    /// # Errors
    ///
    /// For any other text.
    pub fn parse(text: &str) -> Result<Self, InvalidPeriod> {
        let last = PeriodKind::parse(text).map(Self::Last);
        let day = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
        let week = || {
            let (year, week) = text.split_once("-W")?;
            NaiveDate::from_isoywd_opt(year.parse().ok()?, week.parse().ok()?, chrono::Weekday::Mon)
        };
        let named = || {
            let found = [
                (PeriodKind::Day, day(text)),
                (PeriodKind::Week, week()),
                (PeriodKind::Month, day(&format!("{text}-01"))),
            ];
            // The library would take signs and leave out zeros: only the one spelling counts.
            found.into_iter().find_map(|(kind, first)| {
                let first = first.filter(|first| YEARS.contains(&first.year()))?;
                (kind.name(first) == text).then_some(Self::Named(kind, first))
            })
        };
        last.or_else(named).ok_or_else(|| InvalidPeriod::Unreadable(shown(text)))
    }

    /// The period, when it is `now`. `None` only where the calendar ends.
    pub fn of(self, zone: Zone, now: Timestamp) -> Option<Period> {
        match self {
            Self::Last(kind) => {
                let current = Period::containing(kind, zone, now)?;
                Period::containing(
                    kind,
                    zone,
                    Timestamp::from_micros(current.from.as_micros().saturating_sub(1)),
                )
            }
            Self::Named(kind, first) => Period::beginning_on(kind, zone, first),
        }
    }
}

impl Period {
    /// The calendar period in which an instant lies. `None` only where the calendar ends.
    pub fn containing(kind: PeriodKind, zone: Zone, at: Timestamp) -> Option<Self> {
        let found = Self::beginning_on(kind, zone, kind.first_day(zone.wall_clock(at)?.date())?)?;
        if found.from <= at && at < found.to {
            return Some(found);
        }
        // Clocks that are set back over midnight show the day before for a second time.
        let next = if at < found.from { found.former() } else { found.next() };
        next.filter(|next| next.from <= at && at < next.to)
    }

    /// The span from one instant to another.
    ///
    /// # Errors
    ///
    /// Where the end is not after the beginning.
    pub fn between(from: Timestamp, to: Timestamp, zone: Zone) -> Result<Self, InvalidPeriod> {
        if to <= from {
            return Err(InvalidPeriod::Reversed { from: zone.show(from), to: zone.show(to) });
        }
        let same = |kind: &PeriodKind| {
            Self::containing(*kind, zone, from).is_some_and(|period| period.from == from && period.to == to)
        };
        Ok(Self { from, to, zone, kind: PeriodKind::ALL.into_iter().find(same) })
    }

    /// The period of the same kind that follows; `None` for a span of another kind.
    pub fn next(&self) -> Option<Self> {
        Self::beginning_on(self.kind?, self.zone, self.kind?.day_after(self.first_day()?)?)
    }

    /// The period of the same kind before; `None` for a span of another kind.
    pub fn former(&self) -> Option<Self> {
        let kind = self.kind?;
        Self::beginning_on(kind, self.zone, kind.first_day(self.first_day()?.pred_opt()?)?)
    }

    /// Whether an instant lies in it.
    pub fn has(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    /// What it is called: `2026-10`, or for a span that is no calendar period its two ends.
    pub fn name(&self) -> String {
        match (self.kind, self.first_day()) {
            (Some(kind), Some(first)) => kind.name(first),
            _ => format!("{}_{}", compact(self.zone, self.from), compact(self.zone, self.to)),
        }
    }

    fn first_day(&self) -> Option<NaiveDate> {
        // A midnight that is skipped begins the day later; clocks show that day all the same.
        Some(self.zone.wall_clock(self.from)?.date())
    }

    fn beginning_on(kind: PeriodKind, zone: Zone, first: NaiveDate) -> Option<Self> {
        let midnight = |day: NaiveDate| zone.instant(NaiveDateTime::new(day, NaiveTime::MIN));
        Some(Self { from: midnight(first)?, to: midnight(kind.day_after(first)?)?, zone, kind: Some(kind) })
    }
}

impl fmt::Display for Period {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} to {} ({})", self.zone.show(self.from), self.zone.show(self.to), self.zone)
    }
}

/// A time in a file's name.
fn compact(zone: Zone, at: Timestamp) -> String {
    zone.show(at).replace([':'], "").replace(' ', "T")
}

impl Zone {
    /// What the zone's clocks show at an instant: `2026-10-05 12:00`, with seconds where there are any.
    pub fn show(self, at: Timestamp) -> String {
        let Some(wall) = self.wall_clock(at) else { return at.to_rfc3339() };
        let pattern = match (wall.second(), wall.nanosecond()) {
            (0, 0) => "%Y-%m-%d %H:%M",
            (_, 0) => "%Y-%m-%d %H:%M:%S",
            _ => "%Y-%m-%d %H:%M:%S%.6f",
        };
        wall.format(pattern).to_string()
    }

    /// Reads a day, which begins at its midnight, or an RFC 3339 time.
    ///
    /// # Errors
    ///
    /// For any other text.
    pub fn read(self, text: &str) -> Result<Timestamp, InvalidPeriod> {
        let day = || match WhichPeriod::parse(text) {
            Ok(WhichPeriod::Named(PeriodKind::Day, day)) => {
                self.instant(NaiveDateTime::new(day, NaiveTime::MIN))
            }
            _ => None,
        };
        let read = Timestamp::parse_rfc3339(text).ok().or_else(day);
        read.ok_or_else(|| InvalidPeriod::NoInstant(shown(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    fn bounds(which: &str, zone: &str, now: &str) -> [String; 3] {
        let zone = Zone::parse(zone).unwrap();
        let period = WhichPeriod::parse(which).unwrap().of(zone, time(now)).unwrap();
        [period.name(), period.from.to_rfc3339_seconds(), period.to.to_rfc3339_seconds()]
    }

    #[test]
    fn the_last_period_is_the_one_that_is_over() {
        let now = "2026-11-01T00:30:00Z";
        assert_eq!(bounds("month", "UTC", now), ["2026-10", "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"]);
        // In New York it is still October, and summer time ends later that night.
        assert_eq!(
            bounds("month", "America/New_York", now),
            ["2026-09", "2026-09-01T04:00:00Z", "2026-10-01T04:00:00Z"]
        );
        assert_eq!(
            bounds("2026-11-01", "America/New_York", now),
            ["2026-11-01", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"]
        );
        assert_eq!(
            bounds("week", "Europe/Berlin", now),
            ["2026-W43", "2026-10-18T22:00:00Z", "2026-10-25T23:00:00Z"]
        );
        assert_eq!(bounds("2027-W01", "UTC", now)[1], "2027-01-04T00:00:00Z");
        assert_eq!(bounds("2028-02", "UTC", now)[2], "2028-03-01T00:00:00Z");
    }

    #[test]
    fn periods_follow_each_other_without_a_gap_in_any_zone() {
        // Lord Howe moves by half an hour, Cairo and Beirut skip midnights, Apia skipped a whole day.
        for name in
            ["Australia/Lord_Howe", "Africa/Cairo", "Asia/Beirut", "America/Havana", "Pacific/Chatham"]
        {
            let zone = Zone::parse(name).unwrap();
            for kind in PeriodKind::ALL {
                let mut period = Period::containing(kind, zone, time("2025-12-30T11:00:00Z")).unwrap();
                while period.from < time("2027-01-03T00:00:00Z") {
                    let next = period.next().unwrap();
                    assert_eq!(period.to, next.from, "{name} {period}");
                    assert_eq!(next.former().as_ref(), Some(&period), "{name}");
                    for at in [period.from, Timestamp::from_micros(period.to.as_micros() - 1)] {
                        assert_eq!(Period::containing(kind, zone, at).as_ref(), Some(&period), "{name} {at}");
                    }
                    period = next;
                }
            }
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "",
            "year",
            "2026",
            "2026-13",
            "2026-1",
            "2026-W54",
            "2026-W1",
            "+2026-01",
            "2026-02-30",
            "1999-01",
        ] {
            assert!(WhichPeriod::parse(text).is_err(), "{text}");
        }
    }
}
