//! What the log says of polls and sweeps. Each outcome is logged here and nowhere else. The messages say who and
//! why by themselves: the journal shows them without their fields.

use std::mem::Discriminant;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Wanted;
use super::service::Service;
use super::streaks::{Streaks, Word};
use crate::model::{
    FailureKind, Lane, MAX_SKEW_MICROS, PollFailure, PollOutcome, PollResult, Profile, ProfilePoll, Shortfall,
};
use crate::sync::{Event, Watch};

/// Logs what takes long when it begins: hours may go by before there is an outcome. Tells `service` of polls that
/// ask Paxos nothing more.
pub(super) fn watch(service: Arc<Service>) -> Watch {
    Arc::new(move |event| match event {
        Event::ListingBegan { profile, lane: Lane::Backfill } => {
            let name = profile.label();
            tracing::info!(profile = %profile.id, name, "a backfill begins or goes on: {name}");
        }
        Event::ProfileEnded(poll) if poll.lane != Lane::Sweep => service.asked_all(&poll.profile.id),
        _ => {}
    })
}

/// Logs outcomes, and the same trouble not every time.
#[derive(Debug, Default)]
pub(super) struct Report {
    profiles: Mutex<Streaks<Trouble>>,
    left: Mutex<Streaks<()>>,
    clock: Mutex<Streaks<()>>,
}

/// What is wrong with a poll, without what differs from one to the next.
#[derive(Debug, PartialEq)]
struct Trouble {
    result: &'static str,
    shortfalls: Vec<Discriminant<Shortfall>>,
    failures: Vec<FailureKind>,
}

impl Trouble {
    /// What is wrong, where something is.
    fn of(result: &PollResult) -> Option<Self> {
        let shortfalls = match result {
            PollResult::Complete => return None,
            PollResult::Partial(shortfalls) => shortfalls.iter().map(std::mem::discriminant).collect(),
            PollResult::Failed(_) => Vec::new(),
        };
        let failures = result.failures().map(|failure| failure.kind).collect();
        Some(Self { result: result.as_str(), shortfalls, failures })
    }
}

impl Report {
    /// Logs the outcome of what was wanted. `now` is the clock's monotonic reading.
    pub(super) fn outcome(&self, wanted: &Wanted, outcome: &PollOutcome, now: Duration) {
        self.skew(outcome.clock_skew_micros, now);
        let failure = outcome.account_failure.as_ref();
        let lacking = match (wanted, outcome.profiles.as_slice()) {
            (Wanted::Sweep(..), [_, ..]) => {
                "rows of profiles that the account does not list could not be swept".to_owned()
            }
            _ => format!("nothing was {}: the account's profiles are not known", wanted.done()),
        };
        self.account(wanted, &lacking, failure, now);
        // A poll without the account's profiles has failed for each one that is known, for that reason.
        if failure.is_none() || matches!(wanted, Wanted::Sweep(..)) {
            for poll in &outcome.profiles {
                self.profile(wanted, poll, now);
            }
        }
    }

    fn account(&self, wanted: &Wanted, lacking: &str, failure: Option<&PollFailure>, now: Duration) {
        if failure.is_some_and(|failure| failure.kind == FailureKind::Stopped) {
            return;
        }
        let trouble = failure.map(|failure| Trouble {
            result: "failed",
            shortfalls: Vec::new(),
            failures: vec![failure.kind],
        });
        // No profile has that for an id: identifiers have no blanks.
        let word = self.note(&format!("{} of the account", subject(wanted)), trouble, now);
        let what = wanted.kind();
        let reason = failure.map_or("", |failure| failure.message.as_str());
        match word {
            Word::New => tracing::warn!("{lacking}: {reason}"),
            Word::GoesOn(times) => tracing::warn!(times, "still the same: {lacking}: {reason}"),
            Word::Recovered(times) => tracing::info!(times, "{what} knows the account's profiles again"),
            Word::Well | Word::Known => {}
        }
    }

    /// Logs that a round leaves a profile to the poll of it that is under way. One that takes a little longer
    /// than the interval is nothing to tell; one that takes many of them is.
    pub(super) fn left(&self, profile: &Profile, now: Duration) {
        let (id, name) = (profile.id.to_string(), profile.label());
        let word = self.left.lock().unwrap_or_else(PoisonError::into_inner).note(&id, Some(()), now);
        let text = "still being polled; this round leaves the profile to the poll that is under way";
        match word {
            Word::GoesOn(rounds) => tracing::info!(profile = id, name, rounds, "{text}"),
            Word::New | Word::Known | Word::Well | Word::Recovered(_) => {
                tracing::debug!(profile = id, name, "{text}");
            }
        }
    }

    /// Logs how a poll or a sweep of a profile went.
    pub(super) fn profile(&self, wanted: &Wanted, poll: &ProfilePoll, now: Duration) {
        let what = wanted.kind();
        let profile = poll.profile.id.to_string();
        let (name, lane, result) = (poll.profile.label(), poll.lane.as_str(), poll.result.as_str());
        let (rows, appeared, changed) = (poll.counts.rows, poll.counts.appeared, poll.counts.changed);
        let duration_ms = u64::try_from(poll.took.as_millis()).unwrap_or(u64::MAX);
        /// A line with what every line of a profile has, and more.
        macro_rules! line {
            ($level:ident, $($more:ident,)* $text:literal) => {
                tracing::$level!(
                    profile, name, lane, result, rows, appeared, changed, duration_ms, $($more,)* $text
                )
            };
        }
        if poll.result.failures().any(|failure| failure.kind == FailureKind::Stopped) {
            line!(info, "{what} stopped: {name}; what was committed is kept");
            return;
        }
        let word = self.note(&format!("{} {profile}", subject(wanted)), Trouble::of(&poll.result), now);
        let reason = poll.result.reason().unwrap_or_default();
        if !matches!(wanted, Wanted::Sweep(..)) {
            self.left.lock().unwrap_or_else(PoisonError::into_inner).note(&profile, None, now);
        }
        let has_news = appeared + changed + poll.counts.unreadable > 0;
        match word {
            Word::Recovered(times) => line!(info, times, "{what} complete again: {name}"),
            Word::Well if has_news => line!(info, "{what} complete: {name}"),
            Word::Well => line!(debug, "{what} complete, nothing new: {name}"),
            Word::New => line!(warn, "{what} not complete: {name}: {reason}"),
            Word::GoesOn(times) => line!(warn, times, "{what} still not complete: {name}: {reason}"),
            // What it found is told though its trouble is known.
            Word::Known if has_news => line!(info, "{what} not complete, with news: {name}"),
            Word::Known => line!(debug, "{what} not complete: {name}: {reason}"),
        }
    }

    fn skew(&self, skew_micros: Option<i64>, now: Duration) {
        let Some(skew_micros) = skew_micros else { return };
        let off = (skew_micros.abs() > MAX_SKEW_MICROS).then_some(());
        let word = self.clock.lock().unwrap_or_else(PoisonError::into_inner).note("clock", off, now);
        let skew_ms = skew_micros / 1_000;
        match word {
            Word::New | Word::GoesOn(_) => {
                tracing::warn!(
                    skew_ms,
                    "the local clock differs from Paxos's; check its time synchronisation"
                );
            }
            Word::Recovered(_) => tracing::info!(skew_ms, "the local clock agrees with Paxos's again"),
            Word::Well | Word::Known => {}
        }
    }

    fn note(&self, subject: &str, trouble: Option<Trouble>, now: Duration) -> Word {
        self.profiles.lock().unwrap_or_else(PoisonError::into_inner).note(subject, trouble, now)
    }
}

/// What is counted by itself: the hourly sweep may be well while the nightly one is in trouble.
fn subject(wanted: &Wanted) -> String {
    match wanted {
        Wanted::Poll(_) | Wanted::Backfill(_) => wanted.kind().to_owned(),
        Wanted::Sweep(_, window, _) => format!("sweep of {window}"),
    }
}
