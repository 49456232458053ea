//! What a poll of one profile has met so far, and the result that it makes.

use crate::model::{Counts, Coverage, PollFailure, PollResult, Shortfall, Timestamp};

/// What a poll of one profile has met so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Pages, rows and what they came to.
    pub(super) counts: Counts,
    /// What is covered.
    pub(super) coverage: Option<Coverage>,
    /// Since when a sweep compares.
    pub(super) compared_since: Option<Timestamp>,
    /// Why it could not go on.
    pub(super) failure: Option<PollFailure>,
    /// What else it fell short of.
    pub(super) doubts: Vec<Shortfall>,
}

impl Tally {
    /// How the poll ended. Nothing rounds it up.
    pub(super) fn result(&self) -> PollResult {
        let mut shortfalls = self.doubts.clone();
        if self.counts.stale > 0 {
            shortfalls.push(Shortfall::StaleRows(self.counts.stale));
        }
        if self.counts.without_id > 0 {
            shortfalls.push(Shortfall::RowsWithoutId(self.counts.without_id));
        }
        match &self.failure {
            Some(failure) if self.counts.pages == 0 => PollResult::Failed(failure.clone()),
            Some(failure) => {
                shortfalls.push(Shortfall::CutShort(failure.clone()));
                PollResult::Partial(shortfalls)
            }
            None if shortfalls.is_empty() => PollResult::Complete,
            None => PollResult::Partial(shortfalls),
        }
    }
}
