//! What a page came to, for whoever counts it.

use crate::ledger::Problem;
use crate::ledger::observer::{self, Completion, PageNews};
use crate::model::{Change, Route, Status, Timestamp};

use super::{Desk, Weighed};

impl Desk<'_> {
    /// What the page came to, beside its counts.
    pub(super) fn news(&self) -> Result<Option<PageNews>, Problem> {
        let page = self.page;
        let Some((profile, lane, polled_since)) =
            observer::page_of(self.connection, page.profile, page.poll, page.seen_at)?
        else {
            return Ok(None);
        };
        let count = |wanted: fn(&Change) -> bool| {
            self.weighed.iter().flat_map(|row| &row.changes).filter(|change| wanted(change)).count() as u64
        };
        Ok(Some(PageNews {
            profile,
            lane,
            went_missing: count(|change| matches!(change, Change::WentMissing)),
            reappeared: count(|change| matches!(change, Change::Reappeared)),
            went_back: count(|change| matches!(change, Change::WentBackInTime { .. })),
            open: self
                .weighed
                .iter()
                .filter_map(|row| row.now().filter(|now| !now.status.is_final()))
                .map(Route::of)
                .collect(),
            completed: self
                .weighed
                .iter()
                .filter_map(|row| row.completion(polled_since, page.seen_at))
                .collect(),
        }))
    }
}

impl Weighed<'_> {
    /// That it completed, where this page shows it for the first time and it is no history.
    fn completion(&self, polled_since: Timestamp, seen_at: Timestamp) -> Option<Completion> {
        if self.changes.is_empty() {
            return None;
        }
        let now = self.now().filter(|now| now.status == Status::Completed)?;
        let ended_at = now.completed_at.or(now.updated_at);
        let ended_at = match &self.before {
            // An older state that was taken is no news of an end.
            Some(_) if self.changes.iter().any(|change| matches!(change, Change::WentBackInTime { .. })) => {
                None
            }
            Some(before) if before.orchestration.status == Status::Completed => None,
            Some(_) => Some(ended_at.unwrap_or(seen_at)),
            // One that does not say when it ended may be history.
            None => ended_at.filter(|ended_at| *ended_at >= polled_since),
        }?;
        Some(Completion { route: Route::of(now), took: ended_at.since(now.created_at) })
    }
}
