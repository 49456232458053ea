//! The oracle's memory: what the simulator was made to show, and since when.
//!
//! Obvious on purpose, and written from the contract and from what was done to the simulator, not from
//! tallyd's code. What must follow from it is `contract`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tallyd::model::Timestamp;

use super::op::{Scope, Trouble};
use crate::harness::{id_of, meaning, times_of};

/// Which operation of a case is being carried out: tells apart what happened at one instant.
pub(super) type Step = usize;

/// Everything that was ever there to be seen.
pub(super) struct Model {
    /// Which id a row's number in operations stands for.
    pub(super) names: BTreeMap<u8, String>,
    pub(super) stories: BTreeMap<String, Story>,
    /// The farthest that any answer was behind so far.
    pub(super) longest_lag: Duration,
}

/// One row over time.
pub(super) struct Story {
    pub(super) profile: String,
    pub(super) created_at: Timestamp,
    /// From when on it was there to be listed.
    pub(super) visible_from: Timestamp,
    pub(super) visible_since: Step,
    /// What it was, and from when on; `None` where it is gone. In order, the last of one instant counts.
    versions: Vec<(Timestamp, Option<Value>)>,
    pin: Option<(Timestamp, Scope)>,
}

impl Story {
    /// What it was at that time.
    fn at(&self, time: Timestamp) -> Option<&Value> {
        let last = self.versions.iter().rev().find(|(since, _)| *since <= time)?;
        last.1.as_ref()
    }

    /// What a list shows of it that is as old as `time`.
    pub(super) fn listed_at(&self, time: Timestamp) -> Option<&Value> {
        self.at(self.pin.map_or(time, |(pinned, _)| pinned.min(time)))
    }

    /// What Get shows of it.
    pub(super) fn found_at(&self, now: Timestamp) -> Option<&Value> {
        match self.pin {
            Some((pinned, Scope::Everywhere)) => self.at(pinned.min(now)),
            _ => self.at(now),
        }
    }

    /// Whether Get finds it.
    pub(super) fn is_found(&self, now: Timestamp) -> bool {
        self.found_at(now).is_some()
    }

    /// Whether it ever was what the ledger says that it is.
    pub(super) fn was_ever(&self, value: &Value) -> bool {
        self.versions.iter().any(|(_, version)| version.as_ref() == Some(value))
    }

    /// Whether it was created so shortly before it could be seen that the overlap is meant for it.
    pub(super) fn is_a_little_late(&self, most: Duration) -> bool {
        self.visible_from.since(self.created_at) <= most
    }

    pub(super) fn is_pinned(&self) -> bool {
        self.pin.is_some()
    }
}

impl Model {
    /// Begins with what is there before anything happens.
    pub(super) fn of(truth: &[Value]) -> Self {
        let mut model =
            Self { names: BTreeMap::new(), stories: BTreeMap::new(), longest_lag: Duration::ZERO };
        for (number, row) in truth.iter().enumerate() {
            model.names.insert(u8::try_from(number).unwrap_or(u8::MAX), id_of(row));
            // They were there long before.
            model.appear(row, Timestamp::EPOCH, 0);
        }
        model
    }

    /// A row is there from now on.
    pub(super) fn appear(&mut self, row: &Value, now: Timestamp, step: Step) {
        let story = Story {
            profile: row["profile_id"].as_str().unwrap_or_default().to_owned(),
            created_at: times_of(std::slice::from_ref(row))[0],
            visible_from: now,
            visible_since: step,
            versions: vec![(now, Some(meaning(row)))],
            pin: None,
        };
        self.stories.insert(id_of(row), story);
    }

    /// A row is something else from now on, or gone.
    pub(super) fn change(&mut self, id: &str, row: Option<&Value>, now: Timestamp) {
        if let Some(story) = self.stories.get_mut(id) {
            story.versions.push((now, row.map(meaning)));
        }
    }

    /// A replica shows a row as it was at `pin`, or as it is where it has caught up. A row that it did not show
    /// before becomes visible now.
    pub(super) fn pin(&mut self, id: &str, pin: Option<(Timestamp, Scope)>, now: Timestamp, step: Step) {
        let Some(story) = self.stories.get_mut(id) else { return };
        let was_hidden = story.listed_at(now).is_none();
        story.pin = pin;
        if was_hidden {
            (story.visible_from, story.visible_since) = (now, step);
        }
    }

    /// Notes what befell requests and returns how far behind their answers were.
    pub(super) fn note_lags(&mut self, met: &[Trouble]) -> Duration {
        let lag = met.iter().map(|trouble| trouble.lag()).max().unwrap_or_default();
        self.longest_lag = self.longest_lag.max(lag);
        lag
    }
}
