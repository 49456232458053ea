//! What is done to the world, and kept in the oracle's memory.

use serde_json::{Map, Value};
use tallyd::clock::Clock as _;
use tallyd::model::Timestamp;
use tallyd::sim::Scripted;

use super::Stage;
use crate::harness::{Rig, id_of};
use crate::simulation::op::{Place, Trouble, Under};

/// A profile that the account does not list.
pub(super) const UNLISTED: &str = "00000000-0000-4000-8000-000000000000";

impl Stage {
    pub(super) fn create(&mut self, number: u8, value: Value, now: Timestamp) {
        if self.model.names.contains_key(&number) {
            return;
        }
        self.model.names.insert(number, id_of(&value));
        self.model.appear(&value, now, self.step);
        self.rig.control.insert(value);
    }

    /// The id of what a row belongs to.
    pub(super) fn owner(&self, under: Under) -> &str {
        match under {
            Under::First => &self.profiles[0],
            Under::Second => &self.profiles[1 % self.profiles.len()],
            Under::Unlisted => UNLISTED,
        }
    }

    /// The id of a row that can be seen now.
    pub(super) fn visible(&self, number: u8) -> Option<String> {
        let id = self.model.names.get(&number)?;
        self.rig.control.truth_of(id).map(|_| id.clone())
    }

    pub(super) fn alter(&mut self, number: u8, change: impl FnOnce(&mut Map<String, Value>)) {
        let Some(id) = self.visible(number) else { return };
        self.rig.control.alter(&id, change).unwrap();
        self.model.change(&id, self.rig.control.truth_of(&id).as_ref(), self.rig.clock.now(), self.step);
    }

    pub(super) fn remove(&mut self, number: u8) {
        let Some(id) = self.visible(number) else { return };
        self.removed.extend(self.rig.control.truth_of(&id).map(|row| (number, row)));
        self.rig.control.remove(&id).unwrap();
        self.model.change(&id, None, self.rig.clock.now(), self.step);
    }

    /// Puts a row in again. The old one goes on where it is pinned, and a pin holds for both.
    pub(super) fn bring_back(&mut self, number: u8) {
        let Some(row) = self.removed.get(&number) else { return };
        let id = id_of(row);
        let is_alone =
            self.model.stories.get(&id).is_some_and(|story| !story.is_pinned() && !story.has_returned());
        if is_alone && let Some(row) = self.removed.remove(&number) {
            self.model.come_back(&id, &row, self.rig.clock.now(), self.step);
            self.rig.control.insert(row);
        }
    }

    pub(super) fn catch_up(&mut self, number: u8) {
        let Some(id) = self.model.names.get(&number).cloned() else { return };
        self.rig.control.unpin(&id).unwrap();
        self.model.pin(&id, None, self.rig.clock.now(), self.step);
    }

    pub(super) fn each_named(&self, number: u8, then: impl FnOnce(&Rig, &str)) {
        if let Some(id) = self.model.names.get(&number) {
            then(&self.rig, id);
        }
    }

    pub(super) fn script(&mut self, at: Place, after: u8, what: Trouble) {
        // In an outage nothing is answered honestly in between.
        if self.outage.is_some() {
            return;
        }
        // An answer of nothing that comes twice is believed, and there is no telling it from an empty page.
        let waits = self.scripted.get(&at).is_some_and(|steps| steps.contains(&Some(Trouble::EmptyObject)));
        if what == Trouble::EmptyObject && waits {
            return;
        }
        let steps: Vec<_> = std::iter::repeat_n(None, after.into()).chain([Some(what)]).collect();
        let scripted = |step: &Option<Trouble>| match step {
            Some(trouble) => Scripted::Fault(trouble.fault()),
            None => Scripted::Honest,
        };
        self.rig.control.script(at.endpoint(), steps.iter().map(scripted));
        self.scripted.entry(at).or_default().extend(steps);
    }

    pub(super) fn heal(&mut self) {
        self.rig.control.clear_faults();
        self.scripted.clear();
        self.outage = None;
    }

    /// What befell requests since the last try, and where.
    pub(super) fn befell(&mut self) -> Vec<(Place, Trouble)> {
        let mut befell = Vec::new();
        for (place, steps) in &mut self.scripted {
            let left = self.rig.control.script_left(place.endpoint());
            befell.extend(steps.drain(..steps.len() - left).flatten().map(|what| (*place, what)));
        }
        befell
    }
}
