//! The rules under which a world is judged, and what kills from inside: a poll while a page is judged, while a
//! notice is written, or when a page was committed; a delivery while a sink has a message, or before it is noted that it
//! took it. It also keeps count of what was judged.
//!
//! The rules are tallyd's own, under limits that are short beside the time that goes by in a world. A panic without
//! a message ends the thread or the task at exactly that place, as a killed process would. The count is kept in the
//! ledger, with the page: what a transaction that was rolled back had judged was not judged.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tallyd::alerts::{Attempt, Observer};
use tallyd::breaks::limits::{Allowance, Settings};
use tallyd::breaks::{self, History, Limits};
use tallyd::ledger::Rules;
use tallyd::model::{Change, Observation, PageFacts, SinkName, Step};
use tallyd::sync::{self, Event, Watch};
use tokio::task::AbortHandle;

use super::op::Parting;
use crate::harness::note;

/// How long an orchestration may be PROCESSING.
pub(super) const PROCESSING: Duration = Duration::from_secs(1200);
/// How long the destination leg may take.
pub(super) const BETWEEN_LEGS: Duration = Duration::from_secs(300);
/// How long an approval may take.
pub(super) const PENDING: Duration = Duration::from_secs(2700);
/// How long legs may contradict the status.
pub(super) const INCONSISTENT_LEGS: Duration = Duration::from_secs(450);
/// For how long a profile may go without a complete poll.
pub(super) const PROFILE_UNPOLLED: Duration = Duration::from_secs(900);

/// Where everything is told.
pub(super) const SINKS: [&str; 2] = ["pager", "archive"];

/// What such a panic carries.
#[derive(Debug)]
pub(super) struct Killed;

/// Counts down to the page at which to kill; zero is never.
#[derive(Debug, Default)]
pub(super) struct Killer {
    judging: AtomicU64,
    committed: AtomicU64,
    telling: AtomicU64,
    unread: AtomicU64,
    unanswered: AtomicU64,
    unnoted: AtomicU64,
    /// Ends the delivery under way.
    delivery: Mutex<Option<AbortHandle>>,
    judged: AtomicU64,
}

impl Killer {
    pub(super) fn kill_while_judging(&self, nth: u8) {
        self.judging.store(nth.into(), Ordering::SeqCst);
    }

    pub(super) fn kill_when_committed(&self, nth: u8) {
        self.committed.store(nth.into(), Ordering::SeqCst);
    }

    pub(super) fn kill_while_telling(&self, nth: u8) {
        self.telling.store(nth.into(), Ordering::SeqCst);
    }

    pub(super) fn kill_in_delivery(&self, moment: Parting, delivery: AbortHandle) {
        let (counter, nth) = match moment {
            Parting::Unread(nth) => (&self.unread, nth),
            Parting::Unanswered(nth) => (&self.unanswered, nth),
            Parting::Unnoted(nth) => (&self.unnoted, nth),
        };
        counter.store(nth.into(), Ordering::SeqCst);
        *self.delivery.lock().unwrap() = Some(delivery);
    }

    pub(super) fn disarm(&self) {
        let [judging, committed, telling] = [&self.judging, &self.committed, &self.telling];
        for counter in [judging, committed, telling, &self.unread, &self.unanswered, &self.unnoted] {
            counter.store(0, Ordering::SeqCst);
        }
    }

    /// Whether the process ends now that a sink was sent something.
    pub(super) fn ends_unread(&self) -> bool {
        counts_down_to_zero(&self.unread) && self.end_delivery()
    }

    /// Whether the process ends now that a sink has read something.
    pub(super) fn ends_unanswered(&self) -> bool {
        counts_down_to_zero(&self.unanswered) && self.end_delivery()
    }

    fn end_delivery(&self) -> bool {
        let delivery = self.delivery.lock().unwrap().take();
        delivery.inspect(AbortHandle::abort).is_some()
    }

    /// The rules of tallyd, under which each change has a note as well, whose key no other has: what is judged
    /// twice, or twice kept, is there twice.
    pub(super) fn rules(self: &Arc<Self>) -> Rules {
        let (judging, telling) = (Arc::clone(self), Arc::clone(self));
        let (of_rows, of_polls) = (limits(), limits());
        Rules {
            judge: Arc::new(move |facts| {
                let notes = judging.judge(facts);
                let mut steps = breaks::judge(&of_rows, History::Recorded, facts);
                steps.extend(notes);
                steps
            }),
            judge_polls: Arc::new(move |facts| breaks::judge_polls(&of_polls, facts)),
            route: Arc::new(move |_| telling.tell()),
            ..sync::rules()
        }
    }

    pub(super) fn watch(self: &Arc<Self>) -> Watch {
        let killer = Arc::clone(self);
        Arc::new(move |event| {
            if matches!(event, Event::PageCommitted { .. }) && counts_down_to_zero(&killer.committed) {
                resume_unwind(Box::new(Killed));
            }
        })
    }

    fn tell(&self) -> Vec<SinkName> {
        if counts_down_to_zero(&self.telling) {
            resume_unwind(Box::new(Killed));
        }
        SINKS.map(|sink| SinkName(sink.to_owned())).into()
    }

    /// Notes what was shown.
    fn judge(&self, facts: &PageFacts<'_>) -> Vec<Step> {
        if counts_down_to_zero(&self.judging) {
            // The writer's thread ends here, in the middle of the transaction.
            resume_unwind(Box::new(Killed));
        }
        let changed = facts.observations.iter().flat_map(|observation| {
            let Observation::Row { now, changes, .. } = observation else { return Vec::new() };
            // The journal has an entry of its own for whether a row is there at all.
            let about_presence =
                |change: &&Change| matches!(change, Change::WentMissing | Change::Reappeared);
            let presence = changes.iter().filter(about_presence).count();
            let entries = presence + usize::from(changes.len() > presence);
            vec![now.id.to_string(); entries]
        });
        let note_of = |id: String| note(&self.judged.fetch_add(1, Ordering::SeqCst).to_string(), &id);
        changed.map(note_of).collect()
    }
}

impl Observer for Killer {
    fn delivered(&self, _sink: &SinkName, attempt: Attempt) {
        if attempt == Attempt::Sent && counts_down_to_zero(&self.unnoted) {
            resume_unwind(Box::new(Killed));
        }
    }
}

fn limits() -> Limits {
    let elapsed = |limit| Some(Allowance::Elapsed(limit));
    Limits {
        defaults: Settings {
            processing: elapsed(PROCESSING),
            between_legs: elapsed(BETWEEN_LEGS),
            pending: elapsed(PENDING),
            inconsistent_legs: elapsed(INCONSISTENT_LEGS),
            ..Settings::default()
        },
        profile_unpolled: PROFILE_UNPOLLED,
        ..Limits::default()
    }
}

fn counts_down_to_zero(counter: &AtomicU64) -> bool {
    counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) == Ok(1)
}
