//! Time zones, and which instant a time on their wall clock is.

use std::fmt;

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, Offset as _, TimeZone as _};
use chrono_tz::{GapInfo, TZ_VARIANTS, Tz};

use super::error::shown;
use crate::model::{Timestamp, nearest};

/// A time zone of the IANA database, in the edition that was compiled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Zone(Tz);

/// A text that names no time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an IANA time zone such as \"Europe/Berlin\" or \"UTC\", found {found:?}")]
pub struct UnknownZone {
    /// What was given, cut to a length fit for a message.
    pub found: String,
    /// The zone that was probably meant.
    pub meant: Option<&'static str>,
}

impl Zone {
    /// Coordinated Universal Time.
    pub const UTC: Self = Self(Tz::UTC);

    /// The zone of a name, as the database spells it.
    ///
    /// # Errors
    ///
    /// For any other text. The name that was probably meant comes with the error: guessing would give a
    /// schedule that runs at another hour than its author believes.
    pub fn parse(name: &str) -> Result<Self, UnknownZone> {
        name.parse().map(Self).map_err(|_| UnknownZone { found: shown(name), meant: meant(name) })
    }

    /// The zone's name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// What the zone's clocks show at an instant; `None` beyond what can be expressed.
    pub(super) fn wall_clock(self, at: Timestamp) -> Option<NaiveDateTime> {
        let utc = DateTime::from_timestamp_micros(at.as_micros())?.naive_utc();
        utc.checked_add_offset(self.0.offset_from_utc_datetime(&utc).fix())
    }

    /// The instant at which the zone's clocks show a time for the first time, or the first one at which
    /// they show a later one, where they skip it.
    pub(super) fn instant(self, wall: NaiveDateTime) -> Option<Timestamp> {
        let found = match self.0.from_local_datetime(&wall) {
            MappedLocalTime::Single(only) => Some(only),
            MappedLocalTime::Ambiguous(first, _) => Some(first),
            // A gap has an end: the last rule of a zone holds for ever.
            MappedLocalTime::None => GapInfo::new(&wall, &self.0).and_then(|gap| gap.end),
        };
        found.map(|found| Timestamp::from_micros(found.timestamp_micros()))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

fn meant(name: &str) -> Option<&'static str> {
    let all = || TZ_VARIANTS.iter().map(|zone| zone.name());
    // Many write the city alone.
    let city = |zone: &'static str| zone.rsplit('/').next().unwrap_or(zone);
    nearest(name, all()).or_else(|| {
        let nearest_city = nearest(name, all().map(city))?;
        all().find(|zone| city(zone) == nearest_city)
    })
}
