//! What the log says of polls and sweeps. Each outcome is logged here and nowhere else.

use std::mem::Discriminant;
use std::sync::{Mutex, PoisonError};

use super::streaks::{Streaks, Word};
use crate::model::{FailureKind, MAX_SKEW_MICROS, PollOutcome, PollResult, ProfilePoll, Shortfall};

/// Logs outcomes, and the same trouble not every time.
#[derive(Debug, Default)]
pub(super) struct Report {
    profiles: Mutex<Streaks<Trouble>>,
    clock: Mutex<Streaks<()>>,
}

/// What is wrong with a poll, without what differs from one to the next.
#[derive(Debug, PartialEq)]
struct Trouble {
    result: &'static str,
    shortfalls: Vec<Discriminant<Shortfall>>,
    failures: Vec<FailureKind>,
}

impl Report {
    /// Logs the outcome of a poll or of a sweep, which is told by `what`.
    pub(super) fn outcome(&self, what: &'static str, outcome: &PollOutcome) {
        self.skew(outcome.clock_skew_micros);
        let account = outcome.account_failure.as_ref();
        let trouble = account.map(|failure| Trouble {
            result: "failed",
            shortfalls: Vec::new(),
            failures: vec![failure.kind],
        });
        if account.is_some_and(|failure| failure.kind == FailureKind::Stopped) {
            return;
        }
        // No profile has that for an id: identifiers have no blanks.
        match (self.note(&format!("{what} of the account"), trouble), account) {
            (Word::New, Some(failure)) => {
                tracing::warn!(
                    reason = failure.message,
                    "nothing was polled: the account's profiles are not known"
                );
            }
            (Word::GoesOn(polls), Some(failure)) => {
                tracing::warn!(
                    polls,
                    reason = failure.message,
                    "still nothing is polled: the account's profiles are not known"
                );
            }
            (Word::Recovered(polls), _) => {
                tracing::info!(polls, "the account's profiles are known again");
            }
            _ => {}
        }
        if account.is_none() {
            for poll in &outcome.profiles {
                self.profile(what, poll);
            }
        }
    }

    fn profile(&self, what: &'static str, poll: &ProfilePoll) {
        let profile = poll.profile.id.to_string();
        if poll.result.failures().any(|failure| failure.kind == FailureKind::Stopped) {
            tracing::info!(profile, lane = %poll.lane, rows = poll.counts.rows, "{what} stopped; what was committed is kept");
            return;
        }
        let trouble = (poll.result != PollResult::Complete).then(|| Trouble {
            result: poll.result.as_str(),
            shortfalls: match &poll.result {
                PollResult::Partial(shortfalls) => shortfalls.iter().map(std::mem::discriminant).collect(),
                PollResult::Complete | PollResult::Failed(_) => Vec::new(),
            },
            failures: poll.result.failures().map(|failure| failure.kind).collect(),
        });
        let word = self.note(&format!("{what} {profile}"), trouble);
        let (name, lane, result) = (poll.profile.label(), poll.lane.as_str(), poll.result.as_str());
        let (rows, appeared, changed) = (poll.counts.rows, poll.counts.appeared, poll.counts.changed);
        let duration = poll.ended_at.since(poll.began_at).as_millis();
        let duration_ms = u64::try_from(duration).unwrap_or(u64::MAX);
        let reason = poll.result.reason().unwrap_or_default();
        let news = appeared + changed + poll.counts.unreadable > 0;
        match word {
            Word::Recovered(polls) => {
                tracing::info!(
                    profile,
                    name,
                    lane,
                    result,
                    rows,
                    appeared,
                    changed,
                    duration_ms,
                    polls,
                    "{what} complete again"
                );
            }
            Word::Well if news => {
                tracing::info!(
                    profile,
                    name,
                    lane,
                    result,
                    rows,
                    appeared,
                    changed,
                    duration_ms,
                    "{what} complete"
                );
            }
            Word::Well => {
                tracing::debug!(
                    profile,
                    name,
                    lane,
                    result,
                    rows,
                    duration_ms,
                    "{what} complete, nothing new"
                );
            }
            Word::New => {
                tracing::warn!(
                    profile,
                    name,
                    lane,
                    result,
                    rows,
                    appeared,
                    changed,
                    duration_ms,
                    reason,
                    "{what} not complete"
                );
            }
            Word::GoesOn(polls) => {
                tracing::warn!(
                    profile,
                    name,
                    lane,
                    result,
                    rows,
                    appeared,
                    changed,
                    duration_ms,
                    polls,
                    reason,
                    "{what} still not complete"
                );
            }
            // What it found is told though its trouble is known.
            Word::Known if news => {
                tracing::info!(
                    profile,
                    name,
                    lane,
                    result,
                    rows,
                    appeared,
                    changed,
                    duration_ms,
                    "{what} not complete, with news"
                );
            }
            Word::Known => {
                tracing::debug!(
                    profile,
                    name,
                    lane,
                    result,
                    rows,
                    duration_ms,
                    reason,
                    "{what} not complete"
                );
            }
        }
    }

    fn skew(&self, skew_micros: Option<i64>) {
        let Some(skew_micros) = skew_micros else { return };
        let off = (skew_micros.abs() > MAX_SKEW_MICROS).then_some(());
        let word = self.clock.lock().unwrap_or_else(PoisonError::into_inner).note("clock", off);
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

    fn note(&self, subject: &str, trouble: Option<Trouble>) -> Word {
        self.profiles.lock().unwrap_or_else(PoisonError::into_inner).note(subject, trouble)
    }
}
