//! Rows that go missing and are met again, in the transaction of the page that says so.

use crate::ledger::journal::{self, EntryKind};
use crate::ledger::rows::Stored;
use crate::ledger::{Problem, missing};
use crate::model::Change;

use super::{Desk, Weighed};

impl Desk<'_> {
    /// What is met is not missing, in whatever state it is met.
    pub(super) fn find_again(&mut self, stored: &Stored) -> Result<Option<Change>, Problem> {
        if !self.has_missing || !missing::forget(self.connection, stored.key)? {
            return Ok(None);
        }
        let row = &stored.tracked.orchestration;
        self.entries.push(journal::presence(EntryKind::Reappeared, stored.key, row));
        Ok(Some(Change::Reappeared))
    }

    /// Notes that Paxos no longer knows a row. One that is missing already stays so.
    pub(in crate::ledger) fn lose(&mut self, stored: Stored) -> Result<(), Problem> {
        if missing::note(self.connection, stored.key, self.page)? {
            let row = &stored.tracked.orchestration;
            self.entries.push(journal::presence(EntryKind::WentMissing, stored.key, row));
            self.weigh_presence(stored, Change::WentMissing);
        }
        Ok(())
    }

    /// Notes for judging that a row went missing or reappeared; it stays as it was last seen.
    pub(super) fn weigh_presence(&mut self, stored: Stored, change: Change) {
        self.weighed.push(Weighed {
            key: stored.key,
            status_since: stored.tracked.status_since,
            before: Some(stored.tracked),
            received: None,
            kept: None,
            changes: vec![change],
        });
    }
}
