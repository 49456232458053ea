//! Time, handed in: what the clock on the wall shows, and how much went by.
//!
//! The one place that reads the system's clock. Everything else is given a [`Clock`], so that tests
//! and the demo decide what time it is. Waiting is not its business: that is `tokio::time`.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use crate::model::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The wall time now, in UTC: for what is stored and shown. It may be set while the program runs.
    fn now(&self) -> Timestamp;

    /// How much time went by since some fixed moment, to measure spans with: nobody can set it. The time
    /// that a machine sleeps may not count.
    fn monotonic(&self) -> Duration;
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

    fn monotonic(&self) -> Duration {
        /// One for the whole process, so that every copy of this clock measures from the same moment.
        static FIRST_READING: LazyLock<Instant> = LazyLock::new(Instant::now);
        FIRST_READING.elapsed()
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock {
    micros: AtomicI64,
    /// Microseconds by which it was advanced.
    gone_by: AtomicU64,
}

impl ManualClock {
    /// A clock that shows `start`.
    pub fn at(start: Timestamp) -> Self {
        Self { micros: AtomicI64::new(start.as_micros()), gone_by: AtomicU64::new(0) }
    }

    /// Lets time go by.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.micros.fetch_add(micros, Ordering::SeqCst);
        self.gone_by.fetch_add(micros.unsigned_abs(), Ordering::SeqCst);
    }

    /// Sets the wall time, backwards too. No time goes by.
    pub fn set(&self, to: Timestamp) {
        self.micros.store(to.as_micros(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.gone_by.load(Ordering::SeqCst))
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
        self.start.plus(self.monotonic())
    }

    fn monotonic(&self) -> Duration {
        self.began.elapsed().saturating_mul(self.factor)
    }
}
