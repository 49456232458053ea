//! Listing one window of one profile: its slices side by side, page by page into the ledger.

use std::collections::HashSet;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::task::JoinSet;

use super::Poller;
use super::board::Board;
use super::failure::{of_ledger, of_walk};
use super::progress::Event;
use crate::ledger::{Listing, Moment, PageCommit, PollNumber, ProfileKey, Progress, Slice, SliceKey};
use crate::model::{
    Counts, FailureKind, Identifier, Lane, PollFailure, Profile, Received, Timestamp, UnreadableRow,
};
use crate::paxos::{CreatedRange, Cursor, ListQuery, Page, PageGuard, Row, WalkError};

/// How often a slice is listed again from its position without getting any further.
const ATTEMPTS: u32 = 3;

/// The most slices that are listed side by side: each may hold two pages of a few MiB.
const MAX_PARALLEL: u32 = 16;

/// The time that an answer is taken to need before any was measured.
const ASSUMED_LATENCY: Duration = Duration::from_millis(100);

/// One listing under way.
pub(super) struct Walk {
    poller: Poller,
    profile: Profile,
    key: ProfileKey,
    poll: PollNumber,
    lane: Lane,
    ceiling: Timestamp,
    board: Mutex<Board>,
    found: Mutex<Found>,
    /// Rung after each page: a slice may be worth cutting now.
    page_committed: Notify,
}

/// What a listing met.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// Pages, rows and what they came to.
    pub(super) counts: Counts,
    /// Rows that were listed in an older state than the ledger's.
    pub(super) stale: Vec<Identifier>,
    /// Rows that were listed as open.
    pub(super) met: HashSet<Identifier>,
    /// Why a part of the window was not listed.
    pub(super) failure: Option<PollFailure>,
    /// The earliest `Date` on any page: what was created later may not have been there to be listed.
    pub(super) earliest_date: Option<Timestamp>,
}

/// A page in memory, and its room there.
struct HeldPage {
    page: Page,
    /// What the ledger had taken in when the page was asked for.
    asked_at: Moment,
    room: Room,
}

/// Room for a page, until it is dropped.
struct Room {
    _permits: [Option<OwnedSemaphorePermit>; 2],
}

impl Room {
    async fn take(poller: &Poller, lane: Lane) -> Self {
        // No semaphore is ever closed; an error could only mean that there is no limit any more.
        let of_backfills = match lane {
            Lane::Backfill => Arc::clone(&poller.backfill_room).acquire_owned().await.ok(),
            Lane::Refresh | Lane::Discover | Lane::Sweep => None,
        };
        let of_all = Arc::clone(&poller.room).acquire_owned().await.ok();
        Self { _permits: [of_backfills, of_all] }
    }
}

/// Why a slice was not listed to its end.
enum Cut {
    /// No use going on with this profile now.
    Fatal(PollFailure),
    /// What came cannot be trusted; listing again from the last committed position may help.
    Doubtful(PollFailure),
}

impl Walk {
    /// Lists everything that is left of a listing.
    pub(super) async fn run(
        poller: &Poller,
        profile: &Profile,
        key: ProfileKey,
        poll: PollNumber,
        listing: Listing,
    ) -> Found {
        let mut board = Board::default();
        listing.slices.iter().for_each(|slice| board.add(slice));
        let walk = Arc::new(Self {
            poller: poller.clone(),
            profile: profile.clone(),
            key,
            poll,
            lane: listing.lane,
            ceiling: listing.ceiling,
            board: Mutex::new(board),
            found: Mutex::default(),
            page_committed: Notify::new(),
        });
        (walk.poller.watch)(Event::ListingBegan { profile: profile.clone(), lane: listing.lane });
        if let Err(failure) = Arc::clone(&walk).run_slices(listing.slices).await {
            walk.lock_found().failure = Some(failure);
        }
        std::mem::take(&mut *walk.lock_found())
    }

    /// Runs as many slices side by side as the rate allows, cutting the largest while there is room.
    /// An error of one slice leaves the others going; a fatal one ends them at their last page.
    async fn run_slices(self: Arc<Self>, slices: Vec<Slice>) -> Result<(), PollFailure> {
        let mut waiting = slices.into_iter();
        let mut running: JoinSet<Result<(), Cut>> = JoinSet::new();
        let mut left = None;
        loop {
            while running.len() < self.parallel() {
                let next = match waiting.next() {
                    Some(slice) => slice,
                    None if left.is_some() || self.lane != Lane::Backfill => break,
                    None => match self.cut_largest().await? {
                        Some(slice) => slice,
                        None => break,
                    },
                };
                running.spawn(Arc::clone(&self).run_slice(next.key));
            }
            tokio::select! {
                ended = running.join_next() => match ended {
                    None => return left.map_or(Ok(()), Err),
                    Some(Ok(Ok(()))) => {}
                    // The others stop by themselves, each when the page that it writes is written.
                    Some(Ok(Err(Cut::Fatal(failure)))) if failure.kind == FailureKind::Stopped => {
                        left = Some(failure);
                    }
                    Some(Ok(Err(Cut::Fatal(failure)))) => return Err(failure),
                    Some(Ok(Err(Cut::Doubtful(failure)))) => left = Some(failure),
                    Some(Err(error)) => match error.try_into_panic() {
                        Ok(panic) => std::panic::resume_unwind(panic),
                        // Nothing but dropping the set cancels its tasks, and it is still here.
                        Err(error) => return Err(PollFailure {
                            kind: FailureKind::Protocol,
                            message: format!("a slice was cancelled: {error}"),
                        }),
                    },
                },
                () = self.page_committed.notified() => {}
            }
        }
    }

    /// How many slices to list side by side: enough that the rate limit is the bound and not the time
    /// that an answer needs.
    fn parallel(&self) -> usize {
        if self.lane != Lane::Backfill {
            return 1;
        }
        let latency = self.poller.client.mean_latency().unwrap_or(ASSUMED_LATENCY);
        let rate = u128::from(self.poller.settings.backfill_requests_per_second.get());
        // A quarter more, so that an answer that takes longer leaves no permit unused.
        let needed = (rate * latency.as_micros() * 5 / 4).div_ceil(1_000_000) + 1;
        usize::try_from(needed.clamp(2, u128::from(MAX_PARALLEL))).unwrap_or(2)
    }

    async fn cut_largest(&self) -> Result<Option<Slice>, PollFailure> {
        let Some((slice, at)) = self.lock_board().choose_split() else { return Ok(None) };
        // The ledger first: were the board told before, a slice could end at a cut that is not kept.
        let new = self.poller.ledger.split_slice(slice, at).await.map_err(|error| of_ledger(&error))?;
        self.lock_board().split(slice, &new);
        Ok(Some(new))
    }

    /// Lists a slice to its end; again from its position where what came is doubtful.
    async fn run_slice(self: Arc<Self>, slice: SliceKey) -> Result<(), Cut> {
        let mut attempts = 0;
        let mut furthest = None;
        loop {
            let position = self.lock_board().place(slice).map(|(position, _)| position);
            // A position that went back and forth again is no progress.
            if position > furthest {
                attempts = 0;
                furthest = position;
            }
            attempts += 1;
            match self.walk(slice).await {
                Err(Cut::Doubtful(failure)) if attempts < ATTEMPTS => {
                    tracing::debug!(
                        profile = %self.profile.id,
                        reason = %failure.message,
                        attempt = attempts,
                        "listing again from the last committed position"
                    );
                }
                end => return end,
            }
        }
    }

    /// Lists a slice from its position to its end. While a page is written, the next one is fetched.
    async fn walk(&self, slice: SliceKey) -> Result<(), Cut> {
        let Some((position, ends_at)) = self.begin_walk(slice) else { return Ok(()) };
        let query = self.query(position, ends_at);
        let mut guard = PageGuard::new(query.order);
        let mut held = self.fetch(&query, None).await?;
        loop {
            let HeldPage { page, asked_at, room } = held;
            if let Err(error) = guard.check(&page) {
                if let WalkError::OutOfOrder { found, .. } = error {
                    self.rewind(slice, found).await?;
                }
                return Err(Cut::Doubtful(of_walk(&error)));
            }
            let next = page.next.clone();
            let commit = self.prepare(slice, page, asked_at);
            let (Some(rest), Progress::Reached(..)) = (next, commit.progress) else {
                return self.commit(slice, commit, room).await;
            };
            let (committed, fetched) =
                tokio::join!(self.commit(slice, commit, room), self.fetch(&query, Some(&rest)));
            committed?;
            held = fetched?;
        }
    }

    /// Where to begin: what a former walk reached past what is confirmed does not count.
    fn begin_walk(&self, slice: SliceKey) -> Option<(Timestamp, Timestamp)> {
        let mut board = self.lock_board();
        let (position, _) = board.place(slice)?;
        board.rewind(slice, position);
        board.place(slice)
    }

    /// Takes the slice back to where its pages were surely in order, in the ledger too: after a kill the
    /// next start would go on behind the disorder.
    async fn rewind(&self, slice: SliceKey, to: Timestamp) -> Result<(), Cut> {
        let Some(position) = self.lock_board().rewind(slice, to) else { return Ok(()) };
        let rewound = self.poller.ledger.rewind_slice(slice, position).await;
        rewound.map_err(|error| Cut::Fatal(of_ledger(&error)))
    }

    fn query(&self, position: Timestamp, ends_at: Timestamp) -> ListQuery {
        let from = if position == Timestamp::EPOCH { Bound::Unbounded } else { Bound::Included(position) };
        // The end of a slice belongs to the next one; the ceiling has no next one.
        let to = if ends_at == self.ceiling { Bound::Included(ends_at) } else { Bound::Excluded(ends_at) };
        ListQuery {
            profile_ids: vec![self.profile.id.clone()],
            created: CreatedRange { from, to },
            ..ListQuery::default()
        }
    }

    /// Fetches a page once there is room for it. The room is given back when the page is committed.
    async fn fetch(&self, query: &ListQuery, cursor: Option<&Cursor>) -> Result<HeldPage, Cut> {
        let room = Room::take(&self.poller, self.lane).await;
        let asked_at = self.poller.ledger.moment();
        let page = self.fetch_now(query, cursor).await?;
        Ok(HeldPage { page, asked_at, room })
    }

    async fn fetch_now(&self, query: &ListQuery, cursor: Option<&Cursor>) -> Result<Page, Cut> {
        let listed = self.poller.client.list(self.lane, query, cursor);
        self.poller.stopping.or_answer(listed).await.map_err(|failure| {
            // A cursor may have expired, a body may be damaged: the position is still good.
            if failure.kind == FailureKind::Protocol { Cut::Doubtful(failure) } else { Cut::Fatal(failure) }
        })
    }

    /// Sorts a page's rows and says how far the slice is with them.
    fn prepare(&self, slice: SliceKey, page: Page, asked_at: Moment) -> PageCommit {
        let is_last = page.next.is_none();
        let sorted = SortedRows::of(page.rows);
        {
            let mut found = self.lock_found();
            if let Some(date) = page.server_date {
                found.earliest_date = Some(found.earliest_date.map_or(date, |earliest| earliest.min(date)));
            }
            let open = sorted.rows.iter().map(|row| &row.orchestration).filter(|row| !row.status.is_final());
            found.met.extend(open.map(|row| row.id.clone()));
        }
        let times = || sorted.rows.iter().map(|row| row.orchestration.created_at);
        let mut board = self.lock_board();
        let begins_at = board.place(slice).map_or(Timestamp::EPOCH, |(position, _)| position);
        if let (Some(lowest), Some(highest)) = (times().min(), times().max()) {
            board.reached(slice, lowest, highest, sorted.rows.len() as u64);
        }
        let progress = match board.place(slice) {
            _ if is_last => Progress::Finished(slice),
            // The slice was cut while it was listed, and its pages surely reach past its new end.
            Some((position, ends_at)) if ends_at < self.ceiling && position >= ends_at => {
                Progress::Finished(slice)
            }
            Some((position, _)) => Progress::Reached(slice, position),
            None => Progress::None,
        };
        PageCommit {
            poll: self.poll,
            profile: self.key,
            seen_at: page.server_date.unwrap_or_else(|| self.poller.server_now()),
            asked_at,
            rows: sorted.rows,
            unreadable: sorted.unreadable,
            without_id: sorted.without_id,
            begins_at,
            progress,
        }
    }

    async fn commit(&self, slice: SliceKey, page: PageCommit, room: Room) -> Result<(), Cut> {
        let progress = page.progress;
        let committed =
            self.poller.ledger.commit_page(page).await.map_err(|error| Cut::Fatal(of_ledger(&error)))?;
        drop(room);
        let span = {
            let mut board = self.lock_board();
            if let Progress::Finished(_) = progress {
                board.finished(slice);
            }
            board.span()
        };
        {
            let mut found = self.lock_found();
            found.counts.add(&committed.counts);
            found.stale.extend(committed.stale);
        }
        (self.poller.watch)(Event::PageCommitted {
            profile: self.profile.clone(),
            counts: committed.counts,
            span,
        });
        self.page_committed.notify_one();
        Ok(())
    }

    fn lock_board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rows of a page by what they are.
#[derive(Default)]
pub(super) struct SortedRows {
    /// Those that could be read.
    pub(super) rows: Vec<Received>,
    /// Those that could not.
    pub(super) unreadable: Vec<UnreadableRow>,
    /// How many had no id.
    pub(super) without_id: u64,
}

impl SortedRows {
    /// Sorts rows; those without an id are logged, since nothing else can be done with them.
    pub(super) fn of(rows: Vec<Row>) -> Self {
        let mut sorted = Self { rows: Vec::with_capacity(rows.len()), ..Self::default() };
        for row in rows {
            match row {
                Row::Readable(row) => sorted.rows.push(row),
                Row::Unreadable(row) => sorted.unreadable.push(row),
                Row::WithoutId { problem, .. } => {
                    tracing::debug!(problem, "a row came without an id and cannot be kept");
                    sorted.without_id += 1;
                }
            }
        }
        sorted
    }
}
