//! How long something may take, and how many times that is critical.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bigdecimal::{BigDecimal, ToPrimitive as _};

use crate::model::{Amount, Timestamp, in_words};
use crate::schedule::Calendar;

/// How long something may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// A time by the clock.
    Elapsed(Duration),
    /// A number of business days.
    Business {
        /// How many.
        days: u32,
        /// Which days those are.
        calendar: Arc<Calendar>,
    },
}

impl Allowance {
    /// When it is used up that counts from an instant.
    pub fn ends_at(&self, since: Timestamp) -> Timestamp {
        match self {
            Self::Elapsed(duration) => since.plus(*duration),
            Self::Business { days, calendar } => calendar.after(since, *days),
        }
    }

    /// This so many times: exact for a time by the clock, rounded up to whole business days.
    #[must_use]
    pub fn times(&self, multiple: Multiple) -> Self {
        let thousandths = u128::from(multiple.thousandths);
        match self {
            Self::Elapsed(duration) => {
                let nanos = (duration.as_nanos() * thousandths).div_ceil(1000);
                let seconds = u64::try_from(nanos / NANOS_A_SECOND).unwrap_or(u64::MAX);
                let rest = u32::try_from(nanos % NANOS_A_SECOND).unwrap_or(0);
                Self::Elapsed(Duration::new(seconds, rest))
            }
            Self::Business { days, calendar } => Self::Business {
                days: u32::try_from((u128::from(*days) * thousandths).div_ceil(1000)).unwrap_or(u32::MAX),
                calendar: Arc::clone(calendar),
            },
        }
    }
}

const NANOS_A_SECOND: u128 = 1_000_000_000;

/// As in `4h` and `2 business days`.
impl fmt::Display for Allowance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elapsed(duration) => formatter.pad(&in_words(*duration)),
            Self::Business { days: 1, .. } => formatter.pad("1 business day"),
            Self::Business { days, .. } => formatter.pad(&format!("{days} business days")),
        }
    }
}

/// How many times a limit: a decimal from 1 to 100 with at most three places, exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Multiple {
    thousandths: u32,
}

/// A decimal that is no [`Multiple`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMultiple {
    /// Below one.
    #[error("critical would come before the warning")]
    BelowOne,
    /// Above a hundred.
    #[error("nothing would ever be critical")]
    TooLarge,
    /// More than three places.
    #[error("that is finer than anybody needs")]
    TooFine,
}

impl Multiple {
    /// A whole number of times; at least one.
    pub const fn whole(times: u8) -> Self {
        let times = if times == 0 { 1 } else { times };
        Self { thousandths: times as u32 * 1000 }
    }

    /// The multiple that a decimal is.
    pub fn new(decimal: &Amount) -> Result<Self, InvalidMultiple> {
        let thousandths = decimal.decimal() * BigDecimal::from(1000);
        if thousandths < 1000 {
            return Err(InvalidMultiple::BelowOne);
        }
        if thousandths > 100_000 {
            return Err(InvalidMultiple::TooLarge);
        }
        let whole = thousandths.to_u32().filter(|whole| thousandths == *whole);
        whole.map(|thousandths| Self { thousandths }).ok_or(InvalidMultiple::TooFine)
    }
}

/// As in `3` and `1.5`.
impl fmt::Display for Multiple {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.thousandths / 1000, self.thousandths % 1000);
        if rest == 0 {
            return write!(formatter, "{whole}");
        }
        let places = format!("{rest:03}");
        write!(formatter, "{whole}.{}", places.trim_end_matches('0'))
    }
}
