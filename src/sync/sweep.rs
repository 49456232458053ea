//! Listing a window of a profile again and comparing every row with the ledger's.
//!
//! A sweep finds what changed after it was final, came late, or vanished. It runs side by side with polls,
//! page by page from the oldest row to the newest, with two pages in memory; rows that are as the ledger holds
//! them are neither read nor written. One that is cut short goes on where it stopped.

mod compare;
mod strays;

use std::collections::HashSet;
use std::ops::Bound;

use compare::{Compared, compare, created_at, guess_span};
pub(super) use strays::find as find_strays;

use super::board::Span;
use super::choose::{Standing, unlisted};
use super::failure::{of_body, of_ledger, of_walk};
use super::listing::SortedRows;
use super::progress::Event;
use super::tally::Tally;
use super::visit::Visit;
use super::{Poller, missing};
use crate::ledger::{Moment, OrchestrationKey, PageCommit, Progress, Sweep, SweepStep, SweptRow};
use crate::model::{
    FailureKind, Fingerprint, Identifier, Lane, PollFailure, PollResult, Profile, ProfilePoll, SweepWindow,
    Timestamp,
};
use crate::paxos::{CreatedRange, Cursor, ListQuery, PageGuard, UnreadPage, WalkError};

/// How often a window is listed again from its position without getting any further.
const ATTEMPTS: u32 = 3;

/// Sweeps one profile.
pub(super) async fn sweep_profile(
    poller: &Poller,
    profile: Profile,
    standing: Standing,
    window: SweepWindow,
    listed: &mut ListedPages,
) -> ProfilePoll {
    let (began, began_at) = (poller.clock.monotonic(), poller.server_now());
    let mut tally = Tally::default();
    if let Err(failure) = run(poller, &profile, standing, window, listed, &mut tally).await {
        tally.failure = Some(failure);
    }
    let poll = ProfilePoll {
        lane: Lane::Sweep,
        profile,
        began_at,
        ended_at: poller.server_now(),
        took: poller.clock.monotonic().saturating_sub(began),
        result: tally.result(),
        counts: tally.counts,
        coverage: tally.coverage,
        compared_since: tally.compared_since,
    };
    (poller.watch)(Event::ProfileEnded(Box::new(poll.clone())));
    poll
}

async fn run(
    poller: &Poller,
    profile: &Profile,
    standing: Standing,
    window: SweepWindow,
    listed: &mut ListedPages,
    tally: &mut Tally,
) -> Result<(), PollFailure> {
    let ledger = &poller.ledger;
    let now = poller.server_now();
    let state = ledger.open_profile(profile.clone(), now).await.map_err(|error| of_ledger(&error))?;
    tally.coverage = state.coverage;
    if let Standing::Unlisted { others } = standing {
        let failure = unlisted(profile, others);
        let poll = ledger.begin_poll(state.key, Lane::Sweep, now, None).await;
        let poll = poll.map_err(|error| of_ledger(&error))?;
        tally.failure = Some(failure.clone());
        ledger.end_poll(poll, now, tally.result()).await.map_err(|error| of_ledger(&error))?;
        return Err(failure);
    }
    let begins_at = window.begins_at(now).max(state.sweeps_from());
    let sweep = ledger
        .begin_sweep(state.key, window, now, begins_at, now.minus(poller.resumed_within))
        .await
        .map_err(|error| of_ledger(&error))?;
    tally.compared_since = Some(sweep.began_at);
    let poll = ledger.begin_sweep_poll(state.key, now, &sweep).await.map_err(|error| of_ledger(&error))?;
    (poller.watch)(Event::ListingBegan { profile: profile.clone(), lane: Lane::Sweep });
    if sweep.position > sweep.begins_at {
        tracing::info!(
            profile = %profile.id,
            began_at = %sweep.began_at,
            position = %sweep.position,
            "going on with a sweep that was cut short: what was created before its position was compared since it began"
        );
    }
    let visit = Visit { poller, profile, key: state.key, poll, lane: Lane::Sweep };
    // What the pages before a restart lacked is lacking still.
    tally.counts.stale += sweep.stale;
    tally.counts.without_id += sweep.without_id;
    let mut round = Round { visit, window, sweep, earliest: None, listed, tally, stale: Vec::new() };
    let outcome = round.run().await;
    let tally = round.tally;
    let so_far = Tally { failure: outcome.as_ref().err().cloned(), ..tally.clone() };
    let ended = ledger.end_poll(poll, poller.server_now(), so_far.result()).await;
    ended.map_err(|error| of_ledger(&error))?;
    outcome
}

/// The pages that profiles' own lists showed in a sweep, by their marks: a few bytes each.
#[derive(Debug, Default)]
pub(super) struct ListedPages(HashSet<Fingerprint>);

impl ListedPages {
    fn add(&mut self, page: Fingerprint) {
        self.0.insert(page);
    }

    fn has(&self, page: Fingerprint) -> bool {
        self.0.contains(&page)
    }
}

/// Why a window was not listed to its end.
enum Cut {
    /// No use going on with this profile now.
    Fatal(PollFailure),
    /// What came cannot be trusted; listing again from the position may help.
    Doubtful(PollFailure),
}

/// One sweep of one profile, under way.
struct Round<'a> {
    visit: Visit<'a>,
    window: SweepWindow,
    sweep: Sweep,
    /// The earliest `created_at` met. A window may begin long before the first row.
    earliest: Option<Timestamp>,
    listed: &'a mut ListedPages,
    tally: &'a mut Tally,
    stale: Vec<Identifier>,
}

/// A page and the place in the journal at which it was asked for.
struct Fetched {
    page: UnreadPage,
    asked_at: Moment,
}

impl Round<'_> {
    async fn run(&mut self) -> Result<(), PollFailure> {
        self.list().await?;
        let (unmet, window) =
            self.visit.poller.ledger.unmet(self.sweep.key).await.map_err(|error| of_ledger(&error))?;
        let stale = std::mem::take(&mut self.stale);
        self.visit.look_up(&stale, self.tally).await?;
        let window = usize::try_from(window).unwrap_or(usize::MAX);
        let elsewhere = missing::settle(&self.visit, &unmet, window, self.tally).await?;
        let ledger = &self.visit.poller.ledger;
        let ended = ledger.end_sweep(self.visit.key, self.sweep.key, elsewhere).await;
        ended.map_err(|error| of_ledger(&error))?;
        if self.window == SweepWindow::Everything && self.tally.result() == PollResult::Complete {
            ledger.settle_sweep(self.visit.key).await.map_err(|error| of_ledger(&error))?;
        }
        Ok(())
    }

    /// Lists what is left of the window; again from the position where what came is doubtful.
    async fn list(&mut self) -> Result<(), PollFailure> {
        let mut attempts = 0;
        let mut furthest = None;
        loop {
            self.rewind(self.sweep.position).await?;
            // A position that went back and forth again is no progress.
            if Some(self.sweep.position) > furthest {
                attempts = 0;
                furthest = Some(self.sweep.position);
            }
            attempts += 1;
            match self.walk().await {
                Ok(()) => return Ok(()),
                Err(Cut::Doubtful(failure)) if attempts < ATTEMPTS => {
                    tracing::debug!(
                        profile = %self.visit.profile.id,
                        reason = %failure.message,
                        attempt = attempts,
                        "sweeping again from the last committed position"
                    );
                }
                Err(Cut::Doubtful(failure) | Cut::Fatal(failure)) => return Err(failure),
            }
        }
    }

    async fn rewind(&mut self, to: Timestamp) -> Result<(), PollFailure> {
        let rewound = self.visit.poller.ledger.rewind_sweep(self.sweep.key, to).await;
        self.sweep.position = rewound.map_err(|error| of_ledger(&error))?;
        Ok(())
    }

    /// Lists from the position to the end of the window. While a page is compared, the next one is fetched.
    async fn walk(&mut self) -> Result<(), Cut> {
        let position = self.sweep.position;
        let from = if position == Timestamp::EPOCH { Bound::Unbounded } else { Bound::Included(position) };
        let query = ListQuery {
            profile_ids: vec![self.visit.profile.id.clone()],
            created: CreatedRange { from, to: Bound::Included(self.sweep.ceiling) },
            ..ListQuery::default()
        };
        let mut guard = PageGuard::new(query.order);
        let mut edge = Edge { at: position, met: HashSet::new(), taken: HashSet::new() };
        let visit = self.visit;
        let mut fetched = fetch(visit, &query, None).await?;
        loop {
            let Some(next) = fetched.page.next.clone() else {
                return self.take(&mut guard, &mut edge, fetched).await;
            };
            let (taken, following) =
                tokio::join!(self.take(&mut guard, &mut edge, fetched), fetch(visit, &query, Some(&next)));
            taken?;
            fetched = following?;
        }
    }

    /// Compares a page with the ledger and commits what differs.
    async fn take(&mut self, guard: &mut PageGuard, edge: &mut Edge, fetched: Fetched) -> Result<(), Cut> {
        let Fetched { mut page, asked_at } = fetched;
        let is_last = page.next.is_none();
        let seen_at = page.server_date.unwrap_or_else(|| self.visit.poller.server_now());
        let mut to = if is_last { Some(self.sweep.ceiling) } else { guess_span(&page).map(|(_, last)| last) };
        let mut known = self.known(edge.at, to).await?;
        let mut compared = compare(&page, &known);
        if !compared.differing.is_empty() && !page.is_judged() {
            page = judged(page).map_err(Cut::Doubtful)?;
            if !is_last {
                to = guess_span(&page).map(|(_, last)| last);
            }
            known = self.known(edge.at, to).await?;
            compared = compare(&page, &known);
        }
        let (first, last) = compared.span.unzip();
        self.earliest = self.earliest.or(first);
        if last > to {
            // The page is out of order within and reaches further than its ends tell.
            to = last;
            known = self.known(edge.at, to).await?;
            compared = compare(&page, &known);
        }
        let mark = page.mark();
        if let Err(error) = guard.check_unread(&page, compared.span) {
            if let WalkError::OutOfOrder { found, .. } = error {
                self.rewind(found.min(edge.at)).await.map_err(Cut::Fatal)?;
            }
            return Err(Cut::Doubtful(of_walk(&error)));
        }
        let rows = page.len();
        drop(page);
        let unmet = Self::unmet(&known, &compared, edge, to, is_last, asked_at);
        // The page itself counts only once the next one goes on after it: it may have come in another's place.
        let position = edge.at;
        if let Some(at) = to.filter(|_| !is_last) {
            edge.move_to(at, &known, &compared);
        }
        let unchanged = (rows - compared.differing.len()) as u64;
        let step = SweepStep { sweep: self.sweep.key, position, unchanged, unmet };
        self.commit(compared, step, seen_at, asked_at).await?;
        self.listed.add(mark);
        Ok(())
    }

    async fn known(&self, from: Timestamp, to: Option<Timestamp>) -> Result<Vec<SweptRow>, Cut> {
        let Some(to) = to else { return Ok(Vec::new()) };
        let known = self.visit.poller.ledger.swept_rows(Some(self.visit.key), from, to).await;
        known.map_err(|error| Cut::Fatal(of_ledger(&error)))
    }

    /// The known rows that this page should have shown and did not. Those of its last instant may be on the
    /// next page, and what the ledger took in since the page was asked for need not be on it.
    fn unmet(
        known: &[SweptRow],
        compared: &Compared,
        edge: &Edge,
        to: Option<Timestamp>,
        is_last: bool,
        asked_at: Moment,
    ) -> Vec<OrchestrationKey> {
        let is_due = |row: &SweptRow| is_last || to.is_some_and(|to| row.row.created_at < to);
        let unmet = known.iter().zip(&compared.met).filter(|(_, met)| !**met).map(|(row, _)| row);
        let gone = unmet.filter(|row| {
            is_due(row)
                && !edge.met.contains(&row.row.key)
                && !edge.taken.contains(&row.row.id)
                && !asked_at.is_before(row.row.key)
        });
        gone.map(|row| row.row.key).collect()
    }

    async fn commit(
        &mut self,
        compared: Compared,
        step: SweepStep,
        seen_at: Timestamp,
        asked_at: Moment,
    ) -> Result<(), Cut> {
        let visit = self.visit;
        let SortedRows { rows, unreadable, without_id } = SortedRows::of(compared.differing);
        let page = PageCommit {
            poll: visit.poll,
            profile: visit.key,
            seen_at,
            asked_at,
            rows,
            unreadable,
            without_id,
            begins_at: step.position,
            progress: Progress::None,
        };
        let position = step.position;
        let committed = visit.poller.ledger.commit_sweep_page(page, step).await;
        let committed = committed.map_err(|error| Cut::Fatal(of_ledger(&error)))?;
        self.tally.counts.add(&committed.counts);
        self.stale.extend(committed.stale);
        self.sweep.position = self.sweep.position.max(position);
        (visit.poller.watch)(Event::PageCommitted {
            profile: visit.profile.clone(),
            counts: committed.counts,
            span: self.span(),
        });
        Ok(())
    }

    fn span(&self) -> Span {
        let micros =
            |from: Timestamp, to: Timestamp| u64::try_from(to.since(from).as_micros()).unwrap_or(u64::MAX);
        let from = self.earliest.unwrap_or(self.sweep.begins_at);
        Span { done: micros(from, self.sweep.position), all: micros(from, self.sweep.ceiling) }
    }
}

/// The last instant of the page before, whose rows may go on on this one, and which of them were met.
struct Edge {
    at: Timestamp,
    met: HashSet<OrchestrationKey>,
    /// Those that were not as the ledger held them. The profile may not have listed them before.
    taken: HashSet<Identifier>,
}

impl Edge {
    fn move_to(&mut self, at: Timestamp, known: &[SweptRow], compared: &Compared) {
        if at > self.at {
            self.at = at;
            self.met.clear();
            self.taken.clear();
        }
        let met = known.iter().zip(&compared.met).filter(|(row, met)| **met && row.row.created_at == at);
        self.met.extend(met.map(|(row, _)| row.row.key));
        let taken = compared.differing.iter().filter(|row| created_at(row) == Some(at));
        self.taken.extend(taken.filter_map(|row| row.id().cloned()));
    }
}

fn judged(page: UnreadPage) -> Result<UnreadPage, PollFailure> {
    page.judged().map_err(|error| of_body(&error))
}

async fn fetch(visit: Visit<'_>, query: &ListQuery, cursor: Option<&Cursor>) -> Result<Fetched, Cut> {
    let asked_at = visit.poller.ledger.moment();
    let page = visit.poller.client.list_unread(visit.lane, query, cursor);
    let page = visit.poller.stopping.or_answer(page).await.map_err(|failure| {
        // A cursor may have expired, a body may be damaged: the position is still good.
        if failure.kind == FailureKind::Protocol { Cut::Doubtful(failure) } else { Cut::Fatal(failure) }
    })?;
    Ok(Fetched { page, asked_at })
}
