//! Ages in a few bands, by which reports and pages tell what is open.

use std::time::Duration;

/// An age in words, by which those that are open are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgeBand {
    /// Up to an hour.
    Hour,
    /// Up to a day.
    Day,
    /// Up to three days.
    ThreeDays,
    /// Up to seven days.
    Week,
    /// Up to thirty days.
    Month,
    /// Older.
    Older,
}

impl AgeBand {
    /// Every band, the youngest first.
    pub const ALL: [Self; 6] = [Self::Hour, Self::Day, Self::ThreeDays, Self::Week, Self::Month, Self::Older];

    /// The band of an age.
    pub fn of(age: Duration) -> Self {
        const HOUR: u64 = 3600;
        match age.as_secs() {
            seconds if seconds < HOUR => Self::Hour,
            seconds if seconds < 24 * HOUR => Self::Day,
            seconds if seconds < 3 * 24 * HOUR => Self::ThreeDays,
            seconds if seconds < 7 * 24 * HOUR => Self::Week,
            seconds if seconds < 30 * 24 * HOUR => Self::Month,
            _ => Self::Older,
        }
    }

    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "under 1 hour",
            Self::Day => "1 to 24 hours",
            Self::ThreeDays => "1 to 3 days",
            Self::Week => "3 to 7 days",
            Self::Month => "7 to 30 days",
            Self::Older => "30 days and more",
        }
    }
}
