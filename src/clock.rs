//! Wall time, handed in.
//!
//! The one place that reads the system's clock. Everything else is given a [`Clock`], so that tests
//! and the demo decide what time it is. Waiting is not its business: that is `tokio::time`.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use crate::model::Timestamp;

/// Tells the wall time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The wall time now, in UTC.
    fn now(&self) -> Timestamp;
}

/// A clock as it is passed around.
pub type SharedClock = Arc<dyn Clock>;

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(chrono::Utc::now().timestamp_micros())
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock {
    micros: AtomicI64,
}

impl ManualClock {
    /// A clock that shows `start`.
    pub fn at(start: Timestamp) -> Self {
        Self { micros: AtomicI64::new(start.as_micros()) }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.micros.fetch_add(by, Ordering::SeqCst);
    }

    /// Sets the clock, backwards too.
    pub fn set(&self, to: Timestamp) {
        self.micros.store(to.as_micros(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros.load(Ordering::SeqCst))
    }
}

/// A clock that runs a whole number of times faster than real time.
#[derive(Debug)]
pub struct FastClock {
    began: Instant,
    start: Timestamp,
    factor: u32,
}

impl FastClock {
    /// A clock that shows `start` now and then runs `factor` times as fast as real time.
    pub fn starting_at(start: Timestamp, factor: u32) -> Self {
        Self { began: Instant::now(), start, factor }
    }
}

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        self.start.plus(self.began.elapsed().saturating_mul(self.factor))
    }
}
