//! Business days: a calendar of the days off in a time zone, and when a number of business days is over.
//!
//! Owns how business days are counted and when a calendar runs out of days off. Which limits are meant in
//! business days is for others.

use std::fmt;

use chrono::{Datelike as _, NaiveDate, NaiveTime, Weekday};

use super::error::shown;
use super::zone::Zone;
use crate::model::Timestamp;

/// How far ahead the last day off of a calendar must lie, in days. Holidays are published a year ahead and
/// more: two months are time enough to add them.
const AMPLE_DAYS: i64 = 60;

/// The years in which a day off may lie. Any other is a typing error.
const YEARS: std::ops::RangeInclusive<i32> = 2000..=2100;

const WEEK: [Weekday; 7] =
    [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];

/// The number in a text such as `"1 business day"` or `"2 business days"`; `None` for any other text.
pub fn business_days(text: &str) -> Option<u32> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [number, "business", "day" | "days"] = words.as_slice() else { return None };
    // The library would take a sign too.
    number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok()).flatten()
}

/// A date of a calendar, as in `2026-12-25`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(NaiveDate);

/// A text that is no date.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a date of the years 2000 to 2100 such as \"2026-12-25\", found {found:?}")]
pub struct InvalidDay {
    /// What was given, cut to a length fit for a message.
    pub found: String,
}

impl Day {
    /// Reads `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Result<Self, InvalidDay> {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(Self);
        // The library would take signs and leave out zeros.
        date.filter(|Self(date)| YEARS.contains(&date.year()))
            .filter(|day| day.to_string() == text)
            .ok_or_else(|| InvalidDay { found: shown(text) })
    }
}

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0.format("%Y-%m-%d"))
    }
}

/// The days of the week on which no business is done; never all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Weekend([bool; 7]);

impl Weekend {
    /// Saturday and Sunday.
    pub const SATURDAY_AND_SUNDAY: Self = Self([false, false, false, false, false, true, true]);

    /// No day of the week.
    pub const NONE: Self = Self([false; 7]);

    /// This weekend with one more day, by its English name, whole or the first three letters of it; `None` for
    /// any other text.
    #[must_use]
    pub fn with(self, name: &str) -> Option<Self> {
        let day: Weekday = name.parse().ok()?;
        let Self(mut days) = self;
        *days.get_mut(place_in_week(day))? = true;
        Some(Self(days))
    }

    /// Whether any day of the week is left for business.
    pub fn leaves_a_day(self) -> bool {
        self.0.contains(&false)
    }

    fn holds(self, day: Weekday) -> bool {
        self.0.get(place_in_week(day)).copied().unwrap_or(false)
    }
}

/// The days' names from Monday on, as in `Saturday, Sunday`; `none` without any.
impl fmt::Display for Weekend {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |day: Weekday| match day {
            Weekday::Mon => "Monday",
            Weekday::Tue => "Tuesday",
            Weekday::Wed => "Wednesday",
            Weekday::Thu => "Thursday",
            Weekday::Fri => "Friday",
            Weekday::Sat => "Saturday",
            Weekday::Sun => "Sunday",
        };
        let names: Vec<_> = WEEK.into_iter().filter(|day| self.holds(*day)).map(name).collect();
        if names.is_empty() { formatter.pad("none") } else { formatter.pad(&names.join(", ")) }
    }
}

fn place_in_week(day: Weekday) -> usize {
    day.num_days_from_monday() as usize
}

/// Which days are business days: all in a time zone but weekends and days off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    name: String,
    zone: Zone,
    weekend: Weekend,
    /// Ascending, each once.
    days_off: Vec<Day>,
}

impl Calendar {
    /// The calendar with this name. A weekend that takes the whole week leaves no business day: then days are
    /// counted as if it took none.
    pub fn new(name: &str, zone: Zone, weekend: Weekend, mut days_off: Vec<Day>) -> Self {
        days_off.sort_unstable();
        days_off.dedup();
        let weekend = if weekend.leaves_a_day() { weekend } else { Weekend::NONE };
        Self { name: name.to_owned(), zone, weekend, days_off }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When a number of business days is over that count from an instant: so many business days later at the
    /// same time of day, on the zone's clocks. What began on a day off counts from the beginning of the next
    /// business day.
    ///
    /// A time that daylight saving skips is the first moment after the gap, one that comes twice the first of
    /// the two. Beyond what a calendar can express it is never over.
    pub fn after(&self, since: Timestamp, days: u32) -> Timestamp {
        self.counted(since, days).map_or(Timestamp::from_micros(i64::MAX), |end| end.max(since))
    }

    fn counted(&self, since: Timestamp, days: u32) -> Option<Timestamp> {
        let wall = self.zone.wall_clock(since)?;
        let (mut date, mut time) = (wall.date(), wall.time());
        if self.is_off(date) {
            (date, time) = (self.next_business_day(date)?, NaiveTime::MIN);
        }
        for _ in 0..days {
            date = self.next_business_day(date)?;
        }
        self.zone.instant(date.and_time(time))
    }

    /// The first business day after a date.
    fn next_business_day(&self, date: NaiveDate) -> Option<NaiveDate> {
        std::iter::successors(date.succ_opt(), NaiveDate::succ_opt).find(|date| !self.is_off(*date))
    }

    fn is_off(&self, date: NaiveDate) -> bool {
        self.weekend.holds(date.weekday()) || self.days_off.binary_search(&Day(date)).is_ok()
    }

    /// That the last day off lies less than 60 days ahead, or in the past: from there on holidays would be
    /// counted as business days. `None` where it lies further ahead, and of a calendar that has no days off.
    pub fn running_out(&self, now: Timestamp) -> Option<RunningOut> {
        let last = *self.days_off.last()?;
        let today = self.zone.wall_clock(now)?.date();
        let days_ahead = last.0.signed_duration_since(today).num_days();
        (days_ahead < AMPLE_DAYS).then(|| RunningOut { calendar: self.name.clone(), last, days_ahead })
    }
}

/// As in `us-banks: America/New_York, weekend Saturday, Sunday, 11 days off up to 2026-12-25`.
impl fmt::Display for Calendar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, zone, weekend, days_off } = self;
        write!(formatter, "{name}: {zone}, weekend {weekend}, ")?;
        match days_off.as_slice() {
            [] => formatter.write_str("no days off"),
            [only] => write!(formatter, "1 day off, {only}"),
            [.., last] => write!(formatter, "{} days off up to {last}", days_off.len()),
        }
    }
}

/// A calendar whose days off end soon, or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningOut {
    /// Its name.
    pub calendar: String,
    /// The last day off in it.
    pub last: Day,
    /// How many days ahead that is in its zone; negative where it is past.
    pub days_ahead: i64,
}

impl fmt::Display for RunningOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { calendar, last, days_ahead } = self;
        let plural = if days_ahead.abs() == 1 { "" } else { "s" };
        let place = match days_ahead {
            0 => "today".to_owned(),
            1.. => format!("{days_ahead} day{plural} ahead"),
            _ => format!("{} day{plural} ago", days_ahead.abs()),
        };
        write!(
            formatter,
            "the calendar {calendar:?} runs out: its last day off is {last}, {place}; add the days off that \
             follow, or they count as business days"
        )
    }
}
