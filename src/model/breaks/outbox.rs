//! What waits for a sink, and what became of it.

use std::fmt;

use super::{BreakRecord, Notice, QueuedReport, SinkName};
use crate::model::Timestamp;

/// Names a notice in one ledger: about a break, or that a report was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NoticeNumber(pub i64);

impl fmt::Display for NoticeNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

/// A notice that waits for a sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its number.
    pub number: NoticeNumber,
    /// What is to be told.
    pub notice: Notice,
    /// How often that was tried.
    pub attempts: u32,
    /// The first of the notices with which it is told as one, itself where it is told alone; `None` while that is not fixed.
    pub batch: Option<NoticeNumber>,
}

/// A notice that waits for a sink, with everything that is known of its break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The notice.
    pub queued: Queued,
    /// Its break as it stands now.
    pub record: BreakRecord,
}

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The sink has taken it.
    Delivered,
    /// It is tried again.
    TryAgain {
        /// When.
        at: Timestamp,
        /// What went wrong.
        error: String,
    },
    /// It is given up.
    Dead {
        /// What went wrong.
        error: String,
    },
}

/// What of one sink was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkBacklog {
    /// Which sink.
    pub sink: SinkName,
    /// How many notices wait.
    pub waiting: u64,
    /// When the oldest of them came about.
    pub oldest_waiting_at: Option<Timestamp>,
    /// When it is tried again: the earliest of all that wait and were tried before.
    pub next_at: Option<Timestamp>,
    /// How many were given up.
    pub dead: u64,
    /// When the last of them was.
    pub last_dead_at: Option<Timestamp>,
    /// What went wrong last.
    pub error: Option<String>,
}

/// One delivery that is waiting or was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// To which sink.
    pub sink: SinkName,
    /// What was to be told.
    pub item: UndeliveredItem,
    /// Whether it still waits.
    pub state: DeliveryState,
    /// What went wrong last.
    pub error: Option<String>,
}

/// What was to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UndeliveredItem {
    /// A notice about a break.
    Break(Queued),
    /// A report.
    Report(Box<QueuedReport>),
}

/// Where a delivery stands that did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is tried, not before this time; one that was never tried, at once.
    Waiting(Timestamp),
    /// It was given up then.
    Dead(Timestamp),
}
