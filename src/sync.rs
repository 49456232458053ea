//! Brings the ledger up to what Paxos shows.
//!
//! The one room that sees both sides: it asks `paxos`, compares with [`diff`] and hands pages to
//! `ledger`. A poll goes over profiles side by side and ends in a [`PollOutcome`], a plain value that
//! logs, `status` and exit codes read.

mod board;
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
mod visit;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::clock::SharedClock;
use crate::ledger::{ClockSkew, Ledger, ProfileKey};
use crate::model::{
    FailureKind, Lane, PollFailure, PollOutcome, PollResult, Profile, ProfilePoll, ProfileSelection,
    Shortfall, SweepWindow, Timestamp,
};
use crate::paxos::Client;

pub use board::Span;
pub use progress::{Event, Watch, unwatched};
pub use stopping::{Stopper, Stopping};

/// The most pages in memory: one of 1000 rows takes some 3 MiB, body and rows together.
const MAX_PAGES: usize = 16;

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

/// What the account says of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It lists it.
    Listed,
    /// It lists this many others. Asking for such a profile may be answered with an empty list, which
    /// would pass for "all is well".
    Unlisted {
        /// How many it lists.
        others: usize,
    },
    /// It could not be asked.
    NotAsked,
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
    /// Room for pages in memory, for all profiles together.
    room: Arc<Semaphore>,
    /// How many open rows had left their statuses when a refresh last asked for those, by profile.
    leavers: Arc<Mutex<HashMap<ProfileKey, usize>>>,
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
        let (stopping, leavers) = (Stopping::never(), Arc::default());
        Self { client, ledger, clock, settings, watch, stopping, room, leavers }
    }

    /// The same poller, whose polls end at their next page boundary once `stopping` is given.
    #[must_use]
    pub fn with_stopping(self, stopping: Stopping) -> Self {
        Self { stopping, ..self }
    }

    /// Polls every selected profile once, side by side. A profile that fails holds up no other.
    pub async fn poll(&self, selection: &ProfileSelection, pace: Pace) -> PollOutcome {
        let began = self.clock.monotonic();
        let mut outcome =
            PollOutcome { profiles: Vec::new(), account_failure: None, clock_skew_micros: None, requests: 0 };
        let requests_before = self.client.requests_sent();
        match self.profiles(selection).await {
            Ok(profiles) => outcome.profiles = self.poll_all(profiles, pace, began).await,
            Err(failure) => {
                outcome.profiles = self.fail_known(&failure, began).await;
                outcome.account_failure = Some(failure);
            }
        }
        // Building takes a while; the next poll does it as well.
        if outcome.account_failure.is_none() && !self.stopping.is_given() {
            self.build_indexes(&mut outcome).await;
        }
        outcome.clock_skew_micros = self.client.server_clock().skew_micros();
        self.keep_skew().await;
        outcome.requests = self.client.requests_sent() - requests_before;
        outcome
    }

    /// Sweeps every selected profile, one after the other: lists a window again and compares every row. Runs
    /// beside polls, and gives way to them at the limiter. What a former sweep of such a window left is gone
    /// on with.
    ///
    /// Where every profile is selected, the account is listed too, for rows of profiles that it does not list.
    pub async fn sweep(&self, selection: &ProfileSelection, window: SweepWindow) -> PollOutcome {
        let mut outcome =
            PollOutcome { profiles: Vec::new(), account_failure: None, clock_skew_micros: None, requests: 0 };
        let requests_before = self.client.requests_sent();
        match self.profiles(selection).await {
            Ok(profiles) => {
                for (profile, standing) in profiles {
                    outcome.profiles.push(self.sweep_profile(profile, standing, window).await);
                }
                if *selection == ProfileSelection::All {
                    self.sweep_strays(window, &mut outcome).await;
                }
            }
            Err(failure) => outcome.account_failure = Some(failure),
        }
        outcome.clock_skew_micros = self.client.server_clock().skew_micros();
        outcome.requests = self.client.requests_sent() - requests_before;
        outcome
    }

    /// Sweeps everything of those profiles of a poll that owe it, because a backup was restored, and adds
    /// what that came to. One whose poll failed is left for the next time.
    ///
    /// [`Ledger::owed_sweeps`] tells which profiles owe one; any complete sweep of everything settles it.
    pub async fn sweep_owed(&self, outcome: &mut PollOutcome) {
        let owed = match self.ledger.owed_sweeps().await {
            Ok(owed) => owed,
            Err(error) => return cut_short(outcome, &failure::of_ledger(&error)),
        };
        let requests_before = self.client.requests_sent();
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
            let sweep = self.sweep_profile(profile, Standing::Listed, SweepWindow::Everything);
            outcome.profiles.push(sweep.await);
        }
        outcome.requests += self.client.requests_sent() - requests_before;
    }

    async fn sweep_profile(&self, profile: Profile, standing: Standing, window: SweepWindow) -> ProfilePoll {
        // Two pages in flight make it large.
        Box::pin(sweep::sweep_profile(self, profile, standing, window)).await
    }

    async fn sweep_strays(&self, window: SweepWindow, outcome: &mut PollOutcome) {
        match Box::pin(sweep::find_strays(self, window, &outcome.profiles)).await {
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

    /// The profiles to poll, and what the account says of each. Those of the configuration take their
    /// names from the account where they have none of their own.
    async fn profiles(&self, selection: &ProfileSelection) -> Result<Vec<(Profile, Standing)>, PollFailure> {
        let listed = self.stopping.or_answer(self.client.profiles(Lane::Discover)).await;
        match (selection, listed) {
            (ProfileSelection::All, Ok(listed)) => self.all_profiles(listed).await,
            (ProfileSelection::All, Err(failure)) => Err(failure),
            (ProfileSelection::Listed(wanted), Ok(listed)) => {
                let find = |wanted: &Profile| match listed.iter().find(|listed| listed.id == wanted.id) {
                    Some(same) => {
                        let name = wanted.name.clone().or_else(|| same.name.clone());
                        (Profile { id: wanted.id.clone(), name }, Standing::Listed)
                    }
                    None => (wanted.clone(), Standing::Unlisted { others: listed.len() }),
                };
                Ok(once_each(wanted.iter().map(find).collect()))
            }
            // Names are a convenience, for which the credentials need a scope of its own.
            (ProfileSelection::Listed(wanted), Err(failure)) => {
                tracing::debug!(error = %failure.message, "the account's profiles could not be listed; going on without their names");
                Ok(once_each(wanted.iter().map(|profile| (profile.clone(), Standing::NotAsked)).collect()))
            }
        }
    }

    /// What the account lists, and what it listed once: a profile that is no longer listed may have open
    /// orchestrations still.
    async fn all_profiles(&self, listed: Vec<Profile>) -> Result<Vec<(Profile, Standing)>, PollFailure> {
        let known = self.ledger.profiles().await.map_err(|error| failure::of_ledger(&error))?;
        if listed.is_empty() && known.is_empty() {
            return Err(PollFailure {
                kind: FailureKind::Profile,
                message: "the account lists no profile, so there is nothing to poll; check that these are \
                          the right credentials, or name profiles under [[profiles]]"
                    .to_owned(),
            });
        }
        let all = listed.into_iter().chain(known);
        Ok(once_each(all.map(|profile| (profile, Standing::Listed)).collect()))
    }

    /// Notes in the ledger that no known profile could be polled.
    async fn fail_known(&self, failure: &PollFailure, began: Duration) -> Vec<ProfilePoll> {
        let mut failed = Vec::new();
        for profile in self.ledger.profiles().await.unwrap_or_default() {
            failed.push(discover::fail_profile(self, profile, failure, began).await);
        }
        failed
    }

    async fn poll_all(
        &self,
        profiles: Vec<(Profile, Standing)>,
        pace: Pace,
        began: Duration,
    ) -> Vec<ProfilePoll> {
        let mut running = JoinSet::new();
        for (index, (profile, standing)) in profiles.into_iter().enumerate() {
            let poller = self.clone();
            running.spawn(async move {
                (index, discover::poll_profile(&poller, profile, standing, pace, began).await)
            });
        }
        let mut polls = running.join_all().await;
        polls.sort_by_key(|(index, _)| *index);
        polls.into_iter().map(|(_, poll)| poll).collect()
    }

    fn leavers(&self) -> MutexGuard<'_, HashMap<ProfileKey, usize>> {
        self.leavers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server's time: its last `Date` and what went by since. Before any came, the local clock.
    fn server_now(&self) -> Timestamp {
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

    /// Builds the indexes that wait for the first backfill. Failing to is the ledger's failure, and the
    /// poll was not complete without it.
    async fn build_indexes(&self, outcome: &mut PollOutcome) {
        if outcome.profiles.iter().any(|poll| poll.lane == Lane::Backfill && poll.counts.pages > 0) {
            (self.watch)(Event::BuildingIndexes);
        }
        let polled = outcome.profiles.iter().map(|poll| poll.profile.id.clone()).collect();
        let Err(error) = self.ledger.build_indexes(polled, self.server_now()).await else { return };
        cut_short(outcome, &failure::of_ledger(&error));
    }
}

/// No poll was complete if what belongs to all of them failed.
fn cut_short(outcome: &mut PollOutcome, failure: &PollFailure) {
    for poll in &mut outcome.profiles {
        if poll.result == PollResult::Complete {
            poll.result = PollResult::Partial(vec![Shortfall::CutShort(failure.clone())]);
        }
    }
}

/// Why a profile that the account does not list is not asked for.
fn unlisted(profile: &Profile, others: usize) -> PollFailure {
    let others = if others == 1 { "the one profile".to_owned() } else { format!("the {others} profiles") };
    PollFailure {
        kind: FailureKind::Profile,
        message: format!(
            "profile {} is not among {others} of this account; correct its id under [[profiles]], or leave \
             [[profiles]] out to poll every profile",
            profile.id
        ),
    }
}

/// Each profile once, as it came first: two polls of one profile would be in each other's way.
fn once_each(profiles: Vec<(Profile, Standing)>) -> Vec<(Profile, Standing)> {
    let mut seen = HashSet::new();
    profiles.into_iter().filter(|(profile, _)| seen.insert(profile.id.clone())).collect()
}

/// Rules by which the ledger compares pages, and under which nothing follows from them.
pub fn rules() -> crate::ledger::Rules {
    crate::ledger::Rules::without_breaks(diff::compare)
}
