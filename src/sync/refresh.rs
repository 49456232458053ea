//! Looking again at every orchestration that the ledger holds as open, whatever its age.
//!
//! Owns the two ways to ask (by id, by status) and what was answered. What becomes of those that were not
//! is for `missing`.

mod plan;

use std::collections::HashSet;
use std::sync::Arc;

use plan::{Demand, IDS_A_REQUEST, Plan};

use super::failure::{of_ledger, of_walk};
use super::missing::{self, MAX_FAILURES_RUNNING};
use super::tally::Tally;
use super::visit::Visit;
use crate::ledger::{KnownRow, Moment, OpenRow, Reach};
use crate::model::{FailureKind, Identifier, PollFailure, Shortfall, Status};
use crate::paxos::{ListQuery, Order, Page, PageGuard, Row};

/// Looks again at the open orchestrations of a profile. `met` are those that this poll has met already.
pub(super) async fn run(
    visit: &Visit<'_>,
    met: HashSet<Identifier>,
    tally: &mut Tally,
) -> Result<(), PollFailure> {
    let open = visit.poller.ledger.open_rows(visit.key).await.map_err(|error| of_ledger(&error))?;
    let listed = open.iter().filter(|row| row.reach == Reach::ByStatus).count();
    let mut refresh = Refresh { visit, wanted: open, seen: met, stale: Vec::new(), ended: 0 };
    refresh.drop_seen();
    if refresh.wanted.is_empty() {
        return Ok(());
    }
    let window = refresh.wanted.iter().filter(|row| row.reach != Reach::Missing).count();
    let plan = refresh.choose(listed);
    if plan == Plan::ByStatus {
        refresh.ask_by_status(tally).await?;
    }
    let unanswered = refresh.ask_by_id(tally).await?;
    if plan == Plan::ById {
        visit.poller.leavers().insert(visit.key, refresh.ended);
    }
    visit.look_up(&refresh.stale, tally).await?;
    missing::settle(visit, &unanswered, window, tally).await?;
    Ok(())
}

/// A refresh under way.
struct Refresh<'a> {
    visit: &'a Visit<'a>,
    /// What is still to be looked at.
    wanted: Vec<OpenRow>,
    /// What this poll has met.
    seen: HashSet<Identifier>,
    /// What was listed in an older state than the ledger's.
    stale: Vec<Identifier>,
    /// How many were listed in a final status.
    ended: usize,
}

impl Refresh<'_> {
    fn drop_seen(&mut self) {
        self.wanted.retain(|row| !self.seen.contains(&row.row.id));
    }

    fn count(&self, reach: Reach) -> usize {
        self.wanted.iter().filter(|row| row.reach == reach).count()
    }

    fn choose(&self, listed: usize) -> Plan {
        let wanted = self.count(Reach::ByStatus);
        let left_last_time = self.visit.poller.leavers().get(&self.visit.key).copied().unwrap_or(0);
        plan::choose(Demand { listed, wanted, only_by_id: self.wanted.len() - wanted, left_last_time })
    }

    /// Lists all that is open upstream. Where that list cannot be trusted to its end, what it has not
    /// shown is asked for by id like everything else that it has not shown.
    async fn ask_by_status(&mut self, tally: &mut Tally) -> Result<(), PollFailure> {
        match self.list_open(tally).await {
            Ok(()) => {
                self.drop_seen();
                let left = self.count(Reach::ByStatus);
                self.visit.poller.leavers().insert(self.visit.key, left);
                Ok(())
            }
            Err(failure) if failure.kind == FailureKind::Protocol => {
                tracing::debug!(
                    profile = %self.visit.profile.id,
                    reason = %failure.message,
                    "the open orchestrations could not be listed; asking for each by its id"
                );
                self.drop_seen();
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    async fn list_open(&mut self, tally: &mut Tally) -> Result<(), PollFailure> {
        let query = ListQuery {
            profile_ids: vec![self.visit.profile.id.clone()],
            statuses: vec![Status::Pending, Status::Processing],
            ..ListQuery::default()
        };
        let mut guard = PageGuard::new(query.order);
        let mut cursor = None;
        loop {
            // The semaphore is never closed; an error could only mean that there is no limit any more.
            let room = Arc::clone(&self.visit.poller.room).acquire_owned().await.ok();
            let (page, asked_at) = self.visit.list(&query, cursor.as_ref()).await?;
            guard.check(&page).map_err(|error| of_walk(&error))?;
            let next = page.next.clone();
            self.take(page, asked_at, tally).await?;
            drop(room);
            match next {
                Some(next) => cursor = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// Asks for everything that is left by id, and says what was not answered and is not missing already.
    /// A request that fails alone leaves the others going.
    async fn ask_by_id(&mut self, tally: &mut Tally) -> Result<Vec<KnownRow>, PollFailure> {
        let mut unanswered = Vec::new();
        let mut unknown = 0;
        let mut failures = 0;
        let mut failed = None;
        for rows in std::mem::take(&mut self.wanted).chunks(IDS_A_REQUEST) {
            let asked = if failures < MAX_FAILURES_RUNNING {
                self.list_ids(rows, tally).await
            } else {
                Ok(Asked::Not)
            };
            let left = rows.iter().filter(|row| !self.seen.contains(&row.row.id));
            match asked {
                Ok(Asked::All) => {
                    failures = 0;
                    let left = left.filter(|row| row.reach != Reach::Missing);
                    unanswered.extend(left.map(|row| row.row.clone()));
                }
                Ok(Asked::Not) => unknown += left.count(),
                Err(failure) if failure.kind == FailureKind::Protocol => {
                    failures += 1;
                    unknown += left.count();
                    failed = failed.or(Some(failure));
                }
                Err(failure) => return Err(failure),
            }
        }
        if unknown > 0 {
            tally.doubts.push(Shortfall::Unanswered(unknown as u64));
        }
        tally.doubts.extend(failed.map(Shortfall::CutShort));
        Ok(unanswered)
    }

    /// Lists the rows with these ids. No profile is named: a row may be listed under another one by now.
    async fn list_ids(&mut self, rows: &[OpenRow], tally: &mut Tally) -> Result<Asked, PollFailure> {
        let ids = rows.iter().map(|row| row.row.id.clone()).collect();
        let query = ListQuery { orchestration_ids: ids, ..ListQuery::default() };
        let mut guard = PageGuard::new(Order::Ascending);
        let mut cursor = None;
        let mut answered = 0;
        loop {
            let (page, asked_at) = self.visit.list(&query, cursor.as_ref()).await?;
            guard.check(&page).map_err(|error| of_walk(&error))?;
            answered += page.rows.len();
            if answered > rows.len() {
                return Err(more_than_asked(rows.len()));
            }
            let next = page.next.clone();
            self.take(page, asked_at, tally).await?;
            match next {
                Some(next) => cursor = Some(next),
                None => return Ok(Asked::All),
            }
        }
    }

    async fn take(&mut self, page: Page, asked_at: Moment, tally: &mut Tally) -> Result<(), PollFailure> {
        let is_final = |row: &&Row| matches!(row, Row::Readable(row) if row.orchestration.status.is_final());
        self.ended += page.rows.iter().filter(is_final).count();
        let ids: Vec<_> = page.rows.iter().filter_map(|row| row.id().cloned()).collect();
        self.stale.extend(self.visit.commit_refreshed(page, asked_at, tally).await?);
        // What was not committed was not seen.
        self.seen.extend(ids);
        Ok(())
    }
}

/// Whether ids were asked for to the last page of the answer.
enum Asked {
    All,
    Not,
}

/// A filter that is not heeded would list the whole account.
fn more_than_asked(ids: usize) -> PollFailure {
    PollFailure {
        kind: FailureKind::Protocol,
        message: format!(
            "failed to list orchestrations by id: {ids} were asked for and more were answered; try again, and \
             tell Paxos support if it stays"
        ),
    }
}
