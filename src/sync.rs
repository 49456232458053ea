//! Brings the ledger up to what Paxos shows.
//!
//! The one room that sees both sides: it asks `paxos`, compares with [`diff`] and hands pages to
//! `ledger`. A poll goes over profiles side by side and ends in a [`PollOutcome`], a plain value that
//! logs, `status` and exit codes read.

mod board;
mod choose;
pub mod diff;
mod discover;
mod failure;
mod listing;
mod missing;
mod progress;
mod refresh;
mod stopping;
mod sweep;
mod tally;
mod transfers;
mod turns;
mod visit;

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::clock::SharedClock;
use crate::ledger::{ClockSkew, Ledger, ProfileKey};
use crate::model::{
    Counts, FailureKind, Identifier, Lane, PollFailure, PollOutcome, PollResult, Profile, ProfilePoll,
    ProfileSelection, Shortfall, SweepWindow, Timestamp,
};
use crate::paxos::Client;

pub use board::Span;
pub use choose::Chosen;
pub use progress::{Event, Watch, unwatched};
pub use stopping::{Stopper, Stopping};
pub use turns::Turns;

use choose::Standing;
use sweep::ListedPages;
use turns::Turn;

/// The most pages in memory: one of 1000 rows takes some 3 MiB, body and rows together.
const MAX_PAGES: usize = 16;

/// The most of them that backfills have. Pages that are late hold their room, and polls need some meanwhile.
const MAX_BACKFILL_PAGES: usize = MAX_PAGES - 4;

/// A sweep that was cut short longer ago than this begins anew: what it compared is too old to build on.
const RESUMED_WITHIN: Duration = Duration::from_secs(24 * 3600);

/// What a poller has to be told.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How far before the watermark a discovery begins, for rows that become visible a little late.
    pub overlap: Duration,
    /// A gap since the watermark that is longer than this is closed by a backfill.
    pub backfill_after: Duration,
    /// The rate at which backfills run; it decides how many slices are listed side by side.
    pub backfill_requests_per_second: NonZeroU32,
}

/// Which lane a poll takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// A backfill where the profile is new or the gap is long, else a discovery.
    ByGap,
    /// A backfill in any case.
    Backfill,
}

/// Who is polled in a round, before any of them is.
#[derive(Debug)]
pub struct Choice {
    /// Those who are.
    pub chosen: Vec<Chosen>,
    /// What is known of the account by now; where its profiles could not be told, the failed polls of those
    /// that are known.
    pub account: PollOutcome,
}

/// What comes of beginning a poll.
pub enum Begun {
    /// It is the profile's turn; waits for the end of its poll.
    Poll(BoxFuture<'static, ProfilePoll>),
    /// The profile is being polled already.
    Busy(Chosen),
}

impl fmt::Debug for Begun {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Poll(_) => formatter.debug_tuple("Poll").finish_non_exhaustive(),
            Self::Busy(chosen) => formatter.debug_tuple("Busy").field(chosen).finish(),
        }
    }
}

/// Polls profiles into a ledger. Cheap to clone.
#[derive(Clone)]
pub struct Poller {
    client: Client,
    ledger: Ledger,
    clock: SharedClock,
    settings: Settings,
    watch: Watch,
    stopping: Stopping,
    resumed_within: Duration,
    turns: Turns,
    /// Room for pages in memory, for all profiles together.
    room: Arc<Semaphore>,
    /// How much of that backfills may take.
    backfill_room: Arc<Semaphore>,
    /// How many open rows had left their statuses when a refresh last asked for those, by profile.
    leavers: Arc<Mutex<HashMap<ProfileKey, usize>>>,
    /// Whether it was said that the scope for looking up transfers is missing.
    told_of_scope: Arc<AtomicBool>,
}

impl fmt::Debug for Poller {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Poller").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Poller {
    /// A poller that tells `watch` what happens.
    pub fn new(client: Client, ledger: Ledger, clock: SharedClock, settings: Settings, watch: Watch) -> Self {
        let room = Arc::new(Semaphore::new(MAX_PAGES));
        let backfill_room = Arc::new(Semaphore::new(MAX_BACKFILL_PAGES));
        let (stopping, turns, leavers) = (Stopping::never(), Turns::default(), Arc::default());
        Self {
            client,
            ledger,
            clock,
            settings,
            watch,
            stopping,
            resumed_within: RESUMED_WITHIN,
            turns,
            room,
            backfill_room,
            leavers,
            told_of_scope: Arc::default(),
        }
    }

    /// The same poller, whose polls end at their next page boundary once `stopping` is given.
    #[must_use]
    pub fn with_stopping(self, stopping: Stopping) -> Self {
        Self { stopping, ..self }
    }

    /// The same poller, whose sweeps go on only with those cut short that began so long ago at most.
    #[must_use]
    pub fn resuming_within(self, resumed_within: Duration) -> Self {
        Self { resumed_within, ..self }
    }

    /// The same poller, which shares its turns with whoever else has these.
    #[must_use]
    pub fn with_turns(self, turns: Turns) -> Self {
        Self { turns, ..self }
    }

    /// Polls every selected profile once, side by side, each when its turn comes. A profile that fails holds up
    /// no other.
    pub async fn poll(&self, selection: &ProfileSelection, pace: Pace) -> PollOutcome {
        let poller = self.counted_apart();
        let Choice { chosen, account: mut outcome } = Box::pin(poller.choose(selection)).await;
        let mut running = JoinSet::new();
        for (index, chosen) in chosen.into_iter().enumerate() {
            let poller = poller.clone();
            running.spawn(async move { (index, poller.poll_in_turn(chosen, pace).await) });
        }
        let mut polls = running.join_all().await;
        polls.sort_by_key(|(index, _)| *index);
        outcome.profiles.extend(polls.into_iter().map(|(_, poll)| poll));
        poller.note_account(&mut outcome).await;
        outcome
    }

    /// Chooses who is to be polled now, as [`poll`](Self::poll) does, for a caller that waits for nobody.
    pub async fn choose(&self, selection: &ProfileSelection) -> Choice {
        let began = self.clock.monotonic();
        let poller = self.counted_apart();
        let mut account = no_outcome();
        let chosen = match choose::choose(&poller, selection, began).await {
            Ok(chosen) => chosen,
            Err(failure) => {
                account.profiles = choose::fail_known(&poller, &failure, began).await;
                account.account_failure = Some(failure);
                Vec::new()
            }
        };
        poller.note_account(&mut account).await;
        Choice { chosen, account }
    }

    /// Begins to poll a profile, unless it is being polled. Its requests are this poller's.
    pub fn begin(&self, chosen: Chosen) -> Begun {
        let Some(turn) = self.turns.try_take(&chosen.profile.id) else { return Begun::Busy(chosen) };
        let poller = self.clone();
        Begun::Poll(Box::pin(async move { poller.poll_now(turn, chosen, Pace::ByGap).await }))
    }

    /// The same for one that could not be begun when it was chosen.
    pub fn begin_late(&self, chosen: Chosen) -> Begun {
        self.begin(Chosen { began: self.clock.monotonic(), ..chosen })
    }

    /// Sweeps every selected profile, one after the other: lists a window again and compares every row. Runs
    /// beside polls, and gives way to them at the limiter. A sweep of such a window that was cut short less than
    /// a day ago is gone on with.
    ///
    /// Where every profile is selected, the account is listed too, for rows of profiles that it does not list.
    pub async fn sweep(&self, selection: &ProfileSelection, window: SweepWindow) -> PollOutcome {
        let poller = self.counted_apart();
        let mut outcome = no_outcome();
        match choose::choose(&poller, selection, self.clock.monotonic()).await {
            Ok(all) => {
                let mut listed = ListedPages::default();
                for Chosen { profile, standing, .. } in all {
                    outcome.profiles.push(poller.sweep_profile(profile, standing, window, &mut listed).await);
                }
                if *selection == ProfileSelection::All {
                    poller.sweep_strays(window, &listed, &mut outcome).await;
                }
            }
            Err(failure) => outcome.account_failure = Some(failure),
        }
        outcome.clock_skew_micros = poller.client.server_clock().skew_micros();
        outcome.requests = poller.client.requests_sent();
        outcome
    }

    /// Sweeps everything of those profiles of a poll that owe it, because a backup was restored, and adds
    /// what that came to. One whose poll failed is left for the next time.
    ///
    /// [`Ledger::owed_sweeps`] tells which profiles owe one; any complete sweep of everything settles it.
    pub async fn sweep_owed(&self, outcome: &mut PollOutcome) {
        let poller = self.counted_apart();
        let owed = match self.ledger.owed_sweeps().await {
            Ok(owed) => owed,
            Err(error) => {
                let failure = failure::of_ledger(&error);
                return outcome.profiles.iter_mut().for_each(|poll| cut_short(poll, &failure));
            }
        };
        let is_due = |poll: &&ProfilePoll| {
            !matches!(poll.result, PollResult::Failed(_))
                && owed.iter().any(|owed| owed.profile.id == poll.profile.id)
        };
        let due: Vec<_> = outcome.profiles.iter().filter(is_due).map(|poll| poll.profile.clone()).collect();
        for profile in due {
            if self.stopping.is_given() {
                break;
            }
            // The poll asked the account, and would have failed otherwise.
            let mut listed = ListedPages::default();
            let window = SweepWindow::Everything;
            let sweep = poller.sweep_profile(profile, Standing::Listed, window, &mut listed);
            outcome.profiles.push(sweep.await);
        }
        outcome.requests += poller.client.requests_sent();
    }

    async fn sweep_profile(
        &self,
        profile: Profile,
        standing: Standing,
        window: SweepWindow,
        listed: &mut ListedPages,
    ) -> ProfilePoll {
        // Two pages in flight make it large.
        Box::pin(sweep::sweep_profile(self, profile, standing, window, listed)).await
    }

    async fn sweep_strays(&self, window: SweepWindow, listed: &ListedPages, outcome: &mut PollOutcome) {
        match Box::pin(sweep::find_strays(self, window, &outcome.profiles, listed)).await {
            Ok(0) => {}
            Ok(rows) => {
                outcome.account_failure = Some(PollFailure {
                    kind: FailureKind::Protocol,
                    message: format!(
                        "{rows} orchestrations that no profile lists name no profile to keep them under; tell \
                         Paxos support if it stays"
                    ),
                });
            }
            Err(failure) => outcome.account_failure = Some(failure),
        }
    }

    /// Polls a profile when its turn comes.
    async fn poll_in_turn(&self, chosen: Chosen, pace: Pace) -> ProfilePoll {
        if let Some(turn) = self.turns.try_take(&chosen.profile.id) {
            return self.poll_now(turn, chosen, pace).await;
        }
        tokio::select! {
            biased;
            () = self.stopping.given() => self.not_begun(chosen.profile),
            turn = self.turns.take(&chosen.profile.id) => {
                let began = self.clock.monotonic();
                self.poll_now(turn, Chosen { began, ..chosen }, pace).await
            }
        }
    }

    async fn poll_now(&self, _turn: Turn, chosen: Chosen, pace: Pace) -> ProfilePoll {
        let Chosen { profile, standing, all, began } = chosen;
        let mut poll = discover::poll_profile(self, profile, standing, pace, began).await;
        // Building takes a while; the next poll does it as well.
        if !self.stopping.is_given() {
            self.build_indexes(&all, &mut poll).await;
        }
        poll
    }

    /// A poll whose turn did not come before tallyd stops.
    fn not_begun(&self, profile: Profile) -> ProfilePoll {
        let now = self.server_now();
        ProfilePoll {
            profile,
            lane: Lane::Discover,
            began_at: now,
            ended_at: now,
            took: Duration::ZERO,
            result: PollResult::Failed(stopping::shutting_down()),
            counts: Counts::default(),
            coverage: None,
            compared_since: None,
        }
    }

    /// The same poller, whose requests are counted apart from those of others.
    #[must_use]
    pub fn counted_apart(&self) -> Self {
        Self { client: self.client.counted_apart(), ..self.clone() }
    }

    /// How many requests it sent, but for what is [counted apart](Self::counted_apart).
    pub fn requests_sent(&self) -> u64 {
        self.client.requests_sent()
    }

    /// Adds what was learnt of the account by now.
    async fn note_account(&self, outcome: &mut PollOutcome) {
        outcome.clock_skew_micros = self.client.server_clock().skew_micros();
        self.keep_skew().await;
        outcome.requests += self.client.requests_sent();
    }

    fn leavers(&self) -> MutexGuard<'_, HashMap<ProfileKey, usize>> {
        self.leavers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server's time: its last `Date` and what went by since. Before any came, the local clock.
    pub fn server_now(&self) -> Timestamp {
        let clock = self.client.server_clock();
        let since = self.clock.monotonic().saturating_sub(clock.received);
        clock.date.map_or_else(|| self.clock.now(), |date| date.plus(since))
    }

    /// Keeps how far the local clock is off, for those who tell ages without asking Paxos.
    async fn keep_skew(&self) {
        let clock = self.client.server_clock();
        let (Some(micros), Some(seen_at)) = (clock.skew_micros(), clock.date) else { return };
        if let Err(error) = self.ledger.keep_skew(ClockSkew { micros, seen_at }).await {
            // A poll that cannot write says so in its outcome.
            tracing::debug!(error = %error, "how far the local clock is off could not be kept");
        }
    }

    /// Builds the indexes that wait for the first backfill, unless one of these profiles, or of those that are
    /// being polled, is in the middle of one. Failing to is the ledger's failure, and the poll was not
    /// complete without it.
    async fn build_indexes(&self, all: &[Identifier], poll: &mut ProfilePoll) {
        let busy = self.turns.busy();
        if poll.lane == Lane::Backfill && poll.counts.pages > 0 && busy == [poll.profile.id.clone()] {
            (self.watch)(Event::BuildingIndexes);
        }
        let polled = all.iter().cloned().chain(busy).collect();
        if let Err(error) = self.ledger.build_indexes(polled, self.server_now()).await {
            cut_short(poll, &failure::of_ledger(&error));
        }
    }
}

fn no_outcome() -> PollOutcome {
    PollOutcome { profiles: Vec::new(), account_failure: None, clock_skew_micros: None, requests: 0 }
}

/// A poll was not complete if what belongs to it failed.
fn cut_short(poll: &mut ProfilePoll, failure: &PollFailure) {
    if poll.result == PollResult::Complete {
        poll.result = PollResult::Partial(vec![Shortfall::CutShort(failure.clone())]);
    }
}

/// Rules by which the ledger compares pages, and under which nothing follows from them.
pub fn rules() -> crate::ledger::Rules {
    crate::ledger::Rules::without_breaks(diff::compare)
}
