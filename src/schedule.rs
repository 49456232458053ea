//! When something that recurs is due, and when business days are over.
//!
//! Values to values: it reads no clock and waits for nothing. Schedules are crontab(5) in a time zone: walking
//! them is left to the `cron` crate, whose own language is not crontab's; `crontab` translates. `business`
//! counts the days that a business works. Days and hours are counted on the wall clock of the zone, and
//! `zone` says which instant a time on that clock is.

mod business;
mod crontab;
mod error;
mod field;
mod period;
mod zone;

use std::fmt;

use chrono::{NaiveDateTime, Timelike as _};

use self::crontab::Crontab;
use crate::model::Timestamp;

pub use self::business::{Calendar, Day, InvalidDay, RunningOut, Weekend, business_days};
pub use self::error::{Expected, ScheduleError};
pub use self::field::CrontabField;
pub use self::period::{InvalidPeriod, Period, PeriodKind, WhichPeriod};
pub use self::zone::{UnknownZone, Zone};

/// A crontab(5) schedule in a time zone.
///
/// A time that daylight saving skips runs at the first moment after the gap; one that comes twice runs
/// once, the first time. Times that thus fall on one instant are one run.
///
/// That holds for every schedule. Vixie's cron makes an exception of those with `*` in the hour and lets
/// them run in the repeated hour too: here an hourly schedule pauses for that hour. UTC has no such hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    crontab: Crontab,
    zone: Zone,
}

impl Schedule {
    /// Reads the five fields of crontab(5) or one of its `@` words.
    ///
    /// # Errors
    ///
    /// The first thing that crontab(5) does not allow, with its field; `@reboot`; and a date that never
    /// comes.
    pub fn parse(text: &str, zone: Zone) -> Result<Self, ScheduleError> {
        Ok(Self { crontab: Crontab::parse(text)?, zone })
    }

    /// The first run strictly after an instant, and no earlier than 1970.
    ///
    /// `None` only where there is none up to the end of the year 2100, where the calendar of the `cron`
    /// crate ends.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let after = after.max(Timestamp::EPOCH);
        // Later on the wall clock is never earlier in time, so no run after the instant lies before what
        // the clock shows then. Where it shows a time for the second time, what follows was run the first
        // time, and the search goes past it.
        let shown = minute_of(self.zone.wall_clock(after)?)?;
        std::iter::successors(self.crontab.next_after(shown), |wall| self.crontab.next_after(*wall))
            .filter_map(|wall| self.zone.instant(wall))
            .find(|instant| *instant > after)
    }

    /// Whether a run was due after the last one, up to and with now: however many were missed, it is
    /// made up by one.
    ///
    /// `last` is any instant up to which the runs are done, such as the beginning of the last run.
    pub fn missed(&self, last: Timestamp, now: Timestamp) -> bool {
        self.next_after(last).is_some_and(|due| due <= now)
    }
}

/// The text, with single blanks, and the zone, as in `17 * * * * (UTC)`.
impl fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.crontab.text(), self.zone)
    }
}

/// The beginning of the minute: schedules know nothing shorter.
fn minute_of(wall: NaiveDateTime) -> Option<NaiveDateTime> {
    wall.with_second(0)?.with_nanosecond(0)
}
