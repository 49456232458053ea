//! What became of reports that are made by schedule, for judging and for the outbox.

use super::{NoticeNumber, Standing};
use crate::model::{MadeReport, Timestamp};

/// That a report could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFailure {
    /// The name of its period.
    pub period: String,
    /// When it was due.
    pub due_at: Timestamp,
    /// Why.
    pub reason: String,
}

/// What became of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportFate {
    /// It was made.
    Made {
        /// The name of its period.
        period: String,
    },
    /// It could not be made.
    Failed(ReportFailure),
    /// It is no longer in the configuration.
    Removed,
}

/// What became of a report, for judging.
#[derive(Clone, Copy, Debug)]
pub struct ReportFacts<'a> {
    /// Its name.
    pub report: &'a str,
    /// What became of it.
    pub fate: &'a ReportFate,
    /// The break that stands for it.
    pub standing: Option<&'a Standing>,
}

/// A report that waits for a sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedReport {
    /// The number of its notice.
    pub number: NoticeNumber,
    /// The report.
    pub report: MadeReport,
    /// When it was made, by the local clock.
    pub at: Timestamp,
    /// How often sending it was tried.
    pub attempts: u32,
}
