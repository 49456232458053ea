//! One poll of one profile: going on with what was cut short, listing what is new, then the refresh.

use std::collections::HashSet;
use std::time::Duration;

use super::choose::{Standing, unlisted};
use super::failure::{of_ledger, of_walk};
use super::listing::{Found, Walk};
use super::progress::Event;
use super::tally::Tally;
use super::visit::Visit;
use super::{Pace, Poller, refresh, transfers};
use crate::ledger::{Listing, PollNumber, ProfileKey};
use crate::model::{
    Counts, Coverage, FailureKind, Identifier, Lane, PollFailure, PollResult, Profile, ProfilePoll,
    Shortfall, Timestamp,
};
use crate::paxos::{ListQuery, Order, PageGuard, Row};

/// How many of the newest rows are asked for where only their time is wanted: a few may be unreadable.
const NEWEST_ROWS: u16 = 10;

/// What a `Date` in whole seconds may lag behind another one.
const DATE_GRAIN: Duration = Duration::from_secs(5);

/// Notes that a profile could not be polled, for a reason that concerns the whole account. `began` is the local
/// clock's monotonic reading when the whole poll began.
pub(super) async fn fail_profile(
    poller: &Poller,
    profile: Profile,
    failure: &PollFailure,
    began: Duration,
) -> ProfilePoll {
    let now = poller.server_now();
    let mut poll = ProfilePoll {
        profile: profile.clone(),
        lane: Lane::Discover,
        began_at: now,
        ended_at: now,
        took: poller.clock.monotonic().saturating_sub(began),
        result: PollResult::Failed(failure.clone()),
        counts: Counts::default(),
        coverage: None,
        compared_since: None,
    };
    let noted = async {
        let state = poller.ledger.open_profile(profile, now).await?;
        poll.coverage = state.coverage;
        let number = poller.ledger.begin_poll(state.key, Lane::Discover, now, None).await?;
        poller.ledger.end_poll(number, now, poll.result.clone()).await
    };
    if let Err(error) = noted.await {
        tracing::error!(error = %error, "a failed poll could not be noted in the ledger");
    }
    poll
}

/// Polls one profile. `began` is the local clock's monotonic reading when the whole poll began.
pub(super) async fn poll_profile(
    poller: &Poller,
    profile: Profile,
    standing: Standing,
    pace: Pace,
    began: Duration,
) -> ProfilePoll {
    let began_at = poller.server_now();
    let mut round = Round {
        poller,
        former: None,
        profile: &profile,
        standing,
        pace,
        began,
        began_at,
        lane: Lane::Discover,
        met: HashSet::new(),
    };
    let mut tally = Tally::default();
    if let Err(failure) = round.run(&mut tally).await {
        tally.failure = Some(failure);
    }
    let result = tally.result();
    let poll = ProfilePoll {
        lane: round.lane,
        profile: profile.clone(),
        began_at: round.began_at,
        ended_at: poller.server_now(),
        took: poller.clock.monotonic().saturating_sub(began),
        result,
        counts: tally.counts,
        coverage: tally.coverage,
        compared_since: None,
    };
    (poller.watch)(Event::ProfileEnded(Box::new(poll.clone())));
    poll
}

/// One poll of one profile, under way.
struct Round<'a> {
    poller: &'a Poller,
    /// The round's poll that was begun last.
    former: Option<PollNumber>,
    profile: &'a Profile,
    standing: Standing,
    pace: Pace,
    began: Duration,
    began_at: Timestamp,
    lane: Lane,
    /// Open orchestrations that were listed.
    met: HashSet<Identifier>,
}

impl Round<'_> {
    async fn run(&mut self, tally: &mut Tally) -> Result<(), PollFailure> {
        let ledger = &self.poller.ledger;
        // Before anything is noted: what the notes say of time is the server's.
        let now = self.server_time().await;
        self.began_at = self.poller.server_now();
        let state = ledger
            .open_profile(self.profile.clone(), self.began_at)
            .await
            .map_err(|error| of_ledger(&error))?;
        tally.coverage = state.coverage;
        if let Standing::Unlisted { others } = self.standing {
            let failure = unlisted(self.profile, others);
            let poll = self.begin_poll(state.key, None).await?;
            self.end_poll(poll, tally, Some(&failure)).await?;
            return Err(failure);
        }
        if let Some(listing) = state.listing {
            self.lane = listing.lane;
            let poll = self.begin_poll(state.key, Some(listing.ceiling)).await?;
            match self.list(state.key, poll, listing, tally).await {
                Ok(()) => self.end_poll(poll, tally, None).await?,
                outcome => return self.refresh_and_end(state.key, poll, outcome, tally).await,
            }
        }
        self.lane = self.lane_for(tally.coverage);
        let (ceiling, is_known) = match now {
            Ok(Some(ceiling)) => (ceiling, state.newest.is_some()),
            // No row and no clock: there is nothing to claim, and nothing to list.
            Ok(None) => {
                let poll = self.begin_poll(state.key, None).await?;
                self.confirm(state.newest.is_some(), tally);
                return self.refresh_and_end(state.key, poll, Ok(()), tally).await;
            }
            Err(failure) => {
                let poll = self.begin_poll(state.key, None).await?;
                return self.refresh_and_end(state.key, poll, Err(failure), tally).await;
            }
        };
        let begins_at = self.begins_at(ceiling, state.newest, state.floor, tally);
        let listing = ledger
            .begin_listing(state.key, self.lane, self.began_at, begins_at, ceiling)
            .await
            .map_err(|error| of_ledger(&error))?;
        let poll = self.begin_poll(state.key, Some(ceiling)).await?;
        let outcome = self.list(state.key, poll, listing, tally).await;
        self.confirm(is_known, tally);
        self.refresh_and_end(state.key, poll, outcome, tally).await
    }

    /// Looks again at what is open, and ends the poll. A listing that cannot be understood holds that up
    /// no more than one that is complete; what else went wrong would go wrong again.
    async fn refresh_and_end(
        &mut self,
        key: ProfileKey,
        poll: PollNumber,
        discovered: Result<(), PollFailure>,
        tally: &mut Tally,
    ) -> Result<(), PollFailure> {
        let outcome = match discovered {
            Err(failure) if failure.kind != FailureKind::Protocol => Err(failure),
            discovered => {
                let met = std::mem::take(&mut self.met);
                let visit = Visit { lane: Lane::Refresh, ..self.visit(key, poll) };
                match (discovered, refresh::run(&visit, met, tally).await) {
                    (Err(first), Err(second)) => {
                        tally.doubts.push(Shortfall::CutShort(second));
                        Err(first)
                    }
                    (discovered, refreshed) => discovered.and(refreshed),
                }
            }
        };
        if outcome.is_ok() {
            transfers::look_up(self.poller, key).await;
        }
        self.end_poll(poll, tally, outcome.as_ref().err()).await?;
        outcome
    }

    fn visit(&self, key: ProfileKey, poll: PollNumber) -> Visit<'_> {
        Visit { poller: self.poller, profile: self.profile, key, poll, lane: self.lane }
    }

    /// An empty listing of a profile that nobody vouches for may be that of a mistyped id.
    fn confirm(&self, is_known: bool, tally: &mut Tally) {
        if self.standing == Standing::NotAsked && !is_known && tally.counts.rows == 0 {
            tally.doubts.push(Shortfall::Unconfirmed);
        }
    }

    /// Where the listing begins: an overlap before the watermark. A watermark ahead of the server's clock
    /// was set by a wrong `Date` and is not to be relied on: the newest row known is.
    fn begins_at(
        &self,
        ceiling: Timestamp,
        newest: Option<Timestamp>,
        floor: Option<Timestamp>,
        tally: &mut Tally,
    ) -> Timestamp {
        let known_to = match tally.coverage {
            None => None,
            Some(coverage) if coverage.to <= ceiling.plus(DATE_GRAIN) => Some(coverage.to),
            Some(coverage) => {
                tally.doubts.push(Shortfall::WatermarkAhead(coverage.to));
                newest
            }
        };
        let Some(known_to) = known_to.map(|known_to| known_to.min(ceiling)) else {
            return floor.map_or(Timestamp::EPOCH, |floor| floor.min(ceiling));
        };
        let begins_at = known_to.minus(self.poller.settings.overlap);
        // What was pruned must not come back. What was never listed was not pruned.
        floor.map_or(begins_at, |floor| begins_at.max(floor.min(known_to)))
    }

    /// The first discovery of a profile and the one after a long gap are backfills.
    fn lane_for(&self, coverage: Option<Coverage>) -> Lane {
        let gap = coverage.map_or(Duration::MAX, |coverage| self.began_at.since(coverage.to));
        match self.pace {
            Pace::Backfill => Lane::Backfill,
            Pace::ByGap if gap > self.poller.settings.backfill_after => Lane::Backfill,
            Pace::ByGap => Lane::Discover,
        }
    }

    /// Up to where to list: a `Date` that this poll has seen, else the newest `created_at` there is. `None`
    /// where there is neither.
    async fn server_time(&self) -> Result<Option<Timestamp>, PollFailure> {
        let clock = self.poller.client.server_clock();
        match clock.date.filter(|_| clock.received >= self.began) {
            Some(date) => Ok(Some(date)),
            None => self.newest().await,
        }
    }

    /// Asks for the newest row: its answer carries a `Date`, or else the row itself tells the time. `None`
    /// only where the list is empty to its end.
    async fn newest(&self) -> Result<Option<Timestamp>, PollFailure> {
        let query = ListQuery {
            profile_ids: vec![self.profile.id.clone()],
            order: Order::Descending,
            limit: NEWEST_ROWS,
            ..ListQuery::default()
        };
        let mut guard = PageGuard::new(query.order);
        let mut cursor = None;
        let mut rows = 0;
        loop {
            let listed = self.poller.client.list(self.lane, &query, cursor.as_ref());
            let page = self.poller.stopping.or_answer(listed).await?;
            guard.check(&page).map_err(|error| of_walk(&error))?;
            let newest = page.rows.iter().find_map(|row| match row {
                Row::Readable(row) => Some(row.orchestration.created_at),
                Row::Unreadable(_) | Row::WithoutId { .. } => None,
            });
            let found = page.server_date.or(newest);
            rows += page.rows.len();
            match (found, &page.next) {
                (None, None) if rows > 0 => return Err(self.timeless()),
                (None, Some(_)) => cursor = page.next,
                (found, _) => return Ok(found),
            }
        }
    }

    fn timeless(&self) -> PollFailure {
        PollFailure {
            kind: FailureKind::Protocol,
            message: format!(
                "no answer carries a Date, and no row of profile {} can be read, so nothing tells the time; \
                 tell Paxos support if it stays",
                self.profile.id
            ),
        }
    }

    /// Lists what is left of a listing and moves the watermark if all of it could be.
    async fn list(
        &mut self,
        key: ProfileKey,
        poll: PollNumber,
        listing: Listing,
        tally: &mut Tally,
    ) -> Result<(), PollFailure> {
        let ceiling = listing.ceiling;
        // What the pages before a restart lacked is lacking still.
        tally.counts.stale += listing.stale;
        tally.counts.without_id += listing.without_id;
        let Found { counts, stale, met, failure, earliest_date } =
            Walk::run(self.poller, self.profile, key, poll, listing).await;
        tally.counts.add(&counts);
        self.met.extend(met);
        if let Some(failure) = failure {
            return Err(failure);
        }
        // A page can only show what was there when it was made, whatever an earlier `Date` promised.
        let watermark = earliest_date.map_or(ceiling, |date| date.min(ceiling));
        let completed = self.poller.ledger.complete_listing(key, watermark).await;
        let coverage = completed.map_err(|error| of_ledger(&error))?;
        tally.coverage = coverage;
        self.visit(key, poll).look_up(&stale, tally).await
    }

    async fn begin_poll(
        &mut self,
        key: ProfileKey,
        ceiling: Option<Timestamp>,
    ) -> Result<PollNumber, PollFailure> {
        let (ledger, lane, began_at) = (&self.poller.ledger, self.lane, self.began_at);
        let begun = match self.former {
            Some(former) => ledger.begin_next_poll(key, former, lane, began_at, ceiling).await,
            None => ledger.begin_poll(key, lane, began_at, ceiling).await,
        };
        let poll = begun.map_err(|error| of_ledger(&error))?;
        self.former = Some(poll);
        Ok(poll)
    }

    async fn end_poll(
        &self,
        poll: PollNumber,
        tally: &Tally,
        failure: Option<&PollFailure>,
    ) -> Result<(), PollFailure> {
        let so_far = Tally { failure: failure.cloned(), ..tally.clone() };
        let ended_at = self.poller.server_now();
        self.poller.ledger.end_poll(poll, ended_at, so_far.result()).await.map_err(|error| of_ledger(&error))
    }
}
