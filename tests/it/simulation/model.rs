//! The oracle's memory: what the simulator was made to show, and since when.
//!
//! Obvious on purpose, and written from the contract and from what was done to the simulator, not from
//! tallyd's code. What must follow from it is `contract`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use tallyd::model::Timestamp;

use super::contract::Checked;
use super::op::{Scope, Trouble};
use crate::harness::{id_of, meaning, times_of};

/// Which operation of a case is being carried out: tells apart what happened at one instant.
pub(super) type Step = usize;

/// Everything that was ever there to be seen.
pub(super) struct Model {
    /// The profiles of the account.
    profiles: Vec<String>,
    /// Which id a row's number in operations stands for.
    pub(super) names: BTreeMap<u8, String>,
    pub(super) stories: BTreeMap<String, Story>,
    /// The farthest that any answer was behind so far.
    pub(super) longest_lag: Duration,
}

/// One row over time.
pub(super) struct Story {
    /// Whose it is.
    pub(super) profile: String,
    /// The profiles that list it, and since when.
    pub(super) listed_by: BTreeSet<String>,
    pub(super) listed_since: Step,
    pub(super) created_at: Timestamp,
    /// From when on it was there to be listed.
    pub(super) visible_from: Timestamp,
    pub(super) visible_since: Step,
    /// What it was, and from when on; `None` where it is gone. In order, the last of one instant counts.
    versions: Vec<(Timestamp, Option<Value>)>,
    pin: Option<(Timestamp, Scope)>,
    was_pinned: bool,
    returned: bool,
    /// The last change.
    changed_since: Step,
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

    pub(super) fn was_ever_pinned(&self) -> bool {
        self.was_pinned
    }

    /// Whether it was gone and came back.
    pub(super) fn has_returned(&self) -> bool {
        self.returned
    }

    /// Whether it is gone, and was already when that step began.
    pub(super) fn is_gone_since(&self, step: Step) -> bool {
        self.versions.last().is_some_and(|(_, version)| version.is_none()) && self.changed_since <= step
    }

    /// Whether it was so at any time from then on.
    pub(super) fn was_since(&self, time: Timestamp, value: &Value) -> bool {
        let ends = self.versions.iter().skip(1).map(|(end, _)| Some(*end)).chain([None]);
        let lasted = self.versions.iter().zip(ends).filter(|(_, end)| end.is_none_or(|end| end >= time));
        lasted.map(|((_, version), _)| version).any(|version| version.as_ref() == Some(value))
    }
}

impl Model {
    /// Begins with what is there before anything happens.
    pub(super) fn of(truth: &[Value], profiles: Vec<String>) -> Self {
        let mut model =
            Self { profiles, names: BTreeMap::new(), stories: BTreeMap::new(), longest_lag: Duration::ZERO };
        for (number, row) in truth.iter().enumerate() {
            model.names.insert(u8::try_from(number).unwrap_or(u8::MAX), id_of(row));
            // They were there long before.
            model.appear(row, Timestamp::EPOCH, 0);
        }
        model
    }

    /// A row is there from now on.
    pub(super) fn appear(&mut self, row: &Value, now: Timestamp, step: Step) {
        let listed_by = self.listing(row);
        let story = Story {
            profile: row["profile_id"].as_str().unwrap_or_default().to_owned(),
            listed_by,
            listed_since: step,
            created_at: times_of(std::slice::from_ref(row))[0],
            visible_from: now,
            visible_since: step,
            versions: vec![(now, Some(meaning(row)))],
            pin: None,
            was_pinned: false,
            returned: false,
            changed_since: step,
        };
        self.stories.insert(id_of(row), story);
    }

    /// A row is something else from now on, or gone.
    pub(super) fn change(&mut self, id: &str, row: Option<&Value>, now: Timestamp, step: Step) {
        let listed_by = row.map(|row| self.listing(row));
        let Some(story) = self.stories.get_mut(id) else { return };
        story.versions.push((now, row.map(meaning)));
        story.changed_since = step;
        if let Some(listed_by) = listed_by.filter(|now| *now != story.listed_by) {
            (story.listed_by, story.listed_since) = (listed_by, step);
        }
    }

    /// A row that was gone is there again.
    pub(super) fn come_back(&mut self, id: &str, row: &Value, now: Timestamp, step: Step) {
        self.change(id, Some(row), now, step);
        if let Some(story) = self.stories.get_mut(id) {
            (story.visible_from, story.visible_since) = (now, step);
            story.returned = true;
        }
    }

    /// The profiles that list a row: its own one, and one at its other end.
    fn listing(&self, row: &Value) -> BTreeSet<String> {
        let named = ["/profile_id", "/source/profile/profile_id", "/destination/profile/profile_id"];
        let named = named.iter().filter_map(|path| row.pointer(path).and_then(Value::as_str));
        named.filter(|id| self.profiles.iter().any(|profile| profile == id)).map(str::to_owned).collect()
    }

    /// A replica shows a row as it was at `pin`, or as it is where it has caught up. A row that it did not show
    /// before becomes visible now.
    pub(super) fn pin(&mut self, id: &str, pin: Option<(Timestamp, Scope)>, now: Timestamp, step: Step) {
        let Some(story) = self.stories.get_mut(id) else { return };
        let was_hidden = story.listed_at(now).is_none();
        story.pin = pin;
        story.was_pinned |= pin.is_some();
        if was_hidden {
            (story.visible_from, story.visible_since) = (now, step);
        }
    }

    /// In the end the rows are what can be seen, beside what is gone.
    pub(super) fn check_equal(&self, rows: &BTreeMap<String, Value>, now: Timestamp) -> Checked {
        for (id, story) in &self.stories {
            let (held, shown) = (rows.get(id), story.listed_at(now));
            if shown.is_some() && held != shown {
                return Err(format!("rule 1: {id} is {shown:?}, and is held as {held:?}"));
            }
        }
        Ok(())
    }

    /// Notes what befell requests and returns how far behind their answers were.
    pub(super) fn note_lags(&mut self, met: &[Trouble]) -> Duration {
        let lag = met.iter().map(|trouble| trouble.lag()).max().unwrap_or_default();
        self.longest_lag = self.longest_lag.max(lag);
        lag
    }
}
