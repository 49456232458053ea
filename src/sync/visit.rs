//! One poll of one profile, as those see it who ask and commit for it.
//!
//! Owns how an answer becomes a commit, and the look-ups of rows that were listed in an older state. What
//! is asked for, and what follows from it, is for `discover`, `refresh` and `missing`.

use super::Poller;
use super::failure::of_ledger;
use super::listing::SortedRows;
use super::tally::Tally;
use crate::ledger::{Moment, PageCommit, PageCommitted, PollNumber, ProfileKey, Progress};
use crate::model::{Identifier, Lane, PollFailure, Profile, Timestamp};
use crate::paxos::{Cursor, Got, ListQuery, Page, Row};

/// How many rows that were listed in an older state are looked up in one lane of one poll.
const MAX_LOOKUPS: usize = 100;

/// One poll of one profile, and the lane in which it asks.
#[derive(Clone, Copy)]
pub(super) struct Visit<'a> {
    pub(super) poller: &'a Poller,
    pub(super) profile: &'a Profile,
    pub(super) key: ProfileKey,
    pub(super) poll: PollNumber,
    pub(super) lane: Lane,
}

impl Visit<'_> {
    /// Lists one page.
    pub(super) async fn list(
        &self,
        query: &ListQuery,
        cursor: Option<&Cursor>,
    ) -> Result<(Page, Moment), PollFailure> {
        let asked_at = self.poller.ledger.moment();
        let page = self.poller.stopping.or_answer(self.poller.client.list(self.lane, query, cursor)).await?;
        Ok((page, asked_at))
    }

    /// Asks about one orchestration.
    pub(super) async fn get(&self, id: &Identifier) -> Result<(Got, Moment), PollFailure> {
        let asked_at = self.poller.ledger.moment();
        let got = self.poller.stopping.or_answer(self.poller.client.get(self.lane, id)).await?;
        Ok((got, asked_at))
    }

    /// Commits a page of a refresh. Rows that are older than the ledger's are returned.
    pub(super) async fn commit_refreshed(
        &self,
        page: Page,
        asked_at: Moment,
        tally: &mut Tally,
    ) -> Result<Vec<Identifier>, PollFailure> {
        let seen_at = page.server_date.unwrap_or_else(|| self.poller.server_now());
        let commit = self.commit_of(page.rows, seen_at, asked_at, Progress::Refresh);
        let committed = self.poller.ledger.commit_page(commit).await.map_err(|error| of_ledger(&error))?;
        tally.counts.add(&committed.counts);
        Ok(committed.stale)
    }

    /// Asks about rows that were listed in an older state than the ledger's, and commits the answers.
    pub(super) async fn look_up(&self, stale: &[Identifier], tally: &mut Tally) -> Result<(), PollFailure> {
        for id in stale.iter().take(MAX_LOOKUPS) {
            // Whether it is gone is for those to say who missed it in a list.
            let (Got::Found(row), asked_at) = self.get(id).await? else { continue };
            // An id in another spelling would come in as another orchestration.
            if row.id() == Some(id) {
                let page = self.commit_of(vec![*row], self.poller.server_now(), asked_at, Progress::None);
                let committed = self.poller.ledger.commit_lookup(page).await;
                tally.counts.add(&committed.map_err(|error| of_ledger(&error))?.counts);
            }
        }
        Ok(())
    }

    /// Commits what Get Orchestration answered about a row that no list has answered about.
    pub(super) async fn commit_found(
        &self,
        row: Row,
        asked_at: Moment,
    ) -> Result<PageCommitted, PollFailure> {
        let page = self.commit_of(vec![row], self.poller.server_now(), asked_at, Progress::None);
        self.poller.ledger.commit_found(page).await.map_err(|error| of_ledger(&error))
    }

    fn commit_of(
        &self,
        rows: Vec<Row>,
        seen_at: Timestamp,
        asked_at: Moment,
        progress: Progress,
    ) -> PageCommit {
        let SortedRows { rows, unreadable, without_id } = SortedRows::of(rows);
        PageCommit {
            poll: self.poll,
            profile: self.key,
            seen_at,
            asked_at,
            rows,
            unreadable,
            without_id,
            // Nothing of a listing depends on these pages.
            begins_at: seen_at,
            progress,
        }
    }
}
