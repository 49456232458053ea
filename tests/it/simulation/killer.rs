//! What kills a poll from inside: while a page is judged, or when one was committed. It also keeps count of what
//! was judged.
//!
//! A panic without a message ends the thread or the task at exactly that place, as a killed process would.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tallyd::ledger::Rules;
use tallyd::model::{Change, Observation, PageFacts, Step};
use tallyd::sync::{self, Event, Watch};

use crate::harness::note;

/// What such a panic carries.
#[derive(Debug)]
pub(super) struct Killed;

/// Counts down to the page at which to kill; zero is never.
#[derive(Debug, Default)]
pub(super) struct Killer {
    judging: AtomicU64,
    committed: AtomicU64,
    judged: AtomicU64,
}

impl Killer {
    pub(super) fn kill_while_judging(&self, nth: u8) {
        self.judging.store(nth.into(), Ordering::SeqCst);
    }

    pub(super) fn kill_when_committed(&self, nth: u8) {
        self.committed.store(nth.into(), Ordering::SeqCst);
    }

    pub(super) fn disarm(&self) {
        self.judging.store(0, Ordering::SeqCst);
        self.committed.store(0, Ordering::SeqCst);
    }

    /// Rules under which each change has one note, whose key no other has: what is judged twice, or
    /// twice kept, is there twice.
    pub(super) fn rules(self: &Arc<Self>) -> Rules {
        let killer = Arc::clone(self);
        Rules { judge: Arc::new(move |facts| killer.judge(facts)), ..sync::rules() }
    }

    pub(super) fn watch(self: &Arc<Self>) -> Watch {
        let killer = Arc::clone(self);
        Arc::new(move |event| {
            if matches!(event, Event::PageCommitted { .. }) && counts_down_to_zero(&killer.committed) {
                resume_unwind(Box::new(Killed));
            }
        })
    }

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

fn counts_down_to_zero(counter: &AtomicU64) -> bool {
    counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) == Ok(1)
}
