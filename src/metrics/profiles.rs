//! The profiles as labels, and when each was polled.

use std::collections::BTreeMap;

use crate::ledger::{LastEnd, LastEnds};
use crate::model::{Identifier, Lane, PollResult, Profile, ProfilePoll};

/// The longest name that is a label. Whoever has a longer one is told by its id.
const MAX_NAME: usize = 100;

/// The profiles that are polled, and when each of those that are known was.
#[derive(Debug, Default)]
pub(super) struct Profiles {
    labels: BTreeMap<Identifier, String>,
    ends: BTreeMap<Identifier, (LastEnd, LastEnd)>,
}

/// When polls and sweeps of a profile ended last, by its label.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends<'a> {
    pub(super) label: &'a str,
    pub(super) polls: LastEnd,
    pub(super) sweeps: LastEnd,
}

/// Labels that came and went.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) gone: Vec<String>,
    pub(super) new: Vec<String>,
}

impl Profiles {
    /// Takes these in the place of the former ones.
    pub(super) fn replace(&mut self, polled: &[Profile]) -> Changes {
        let labels = labels(polled);
        let former = std::mem::take(&mut self.labels);
        let lacks = |all: &BTreeMap<Identifier, String>, label: &String| all.values().all(|has| has != label);
        let gone = former.values().filter(|label| lacks(&labels, label)).cloned().collect();
        let new = labels.values().filter(|label| lacks(&former, label)).cloned().collect();
        self.labels = labels;
        Changes { gone, new }
    }

    /// The label of each profile that is polled.
    pub(super) fn labels(&self) -> &BTreeMap<Identifier, String> {
        &self.labels
    }

    /// The label of one; `None` where it is not polled.
    pub(super) fn label(&self, id: &Identifier) -> Option<&str> {
        self.labels.get(id).map(String::as_str)
    }

    pub(super) fn note_former(&mut self, former: &LastEnds) {
        self.ends.insert(former.profile.id.clone(), (former.polls, former.sweeps));
    }

    pub(super) fn note_end(&mut self, poll: &ProfilePoll) {
        let (polls, sweeps) = self.ends.entry(poll.profile.id.clone()).or_default();
        let last = if poll.lane == Lane::Sweep { sweeps } else { polls };
        last.any = Some(poll.ended_at);
        last.took = poll.took;
        if poll.result == PollResult::Complete {
            last.complete = Some(poll.ended_at);
        }
    }

    /// When each profile that is polled was polled last.
    pub(super) fn ends(&self) -> impl Iterator<Item = Ends<'_>> {
        self.labels.iter().map(|(id, label)| {
            let (polls, sweeps) = self.ends.get(id).copied().unwrap_or_default();
            Ends { label, polls, sweeps }
        })
    }
}

/// Names where they tell the profiles apart, else ids.
fn labels(profiles: &[Profile]) -> BTreeMap<Identifier, String> {
    let is_taken = |name: &String, own: &Identifier| {
        profiles.iter().any(|other| {
            other.id != *own && (other.name.as_ref() == Some(name) || other.id.to_string() == *name)
        })
    };
    let label = |profile: &Profile| {
        let is_usable = |name: &&String| {
            !name.trim().is_empty() && name.chars().count() <= MAX_NAME && !is_taken(name, &profile.id)
        };
        profile.name.as_ref().filter(is_usable).cloned().unwrap_or_else(|| profile.id.to_string())
    };
    profiles.iter().map(|profile| (profile.id.clone(), label(profile))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(id: &str, name: Option<&str>) -> Profile {
        Profile { id: Identifier::new(id), name: name.map(str::to_owned) }
    }

    #[test]
    fn a_name_is_a_label_where_it_tells_profiles_apart() {
        let long = "x".repeat(MAX_NAME + 1);
        let labels = labels(&[
            profile("a", Some("treasury")),
            profile("b", Some("twin")),
            profile("c", Some("twin")),
            profile("d", None),
            profile("e", Some("d")),
            profile("f", Some(&long)),
            profile("g", Some(" ")),
        ]);
        let labels: Vec<&str> = labels.values().map(String::as_str).collect();
        assert_eq!(labels, ["treasury", "b", "c", "d", "e", "f", "g"]);
    }

    #[test]
    fn only_what_differs_comes_and_goes() {
        let mut profiles = Profiles::default();
        profiles.replace(&[profile("a", Some("one")), profile("b", Some("two"))]);
        let changes = profiles.replace(&[profile("a", Some("one")), profile("b", Some("three"))]);
        assert_eq!(changes, Changes { gone: vec!["two".to_owned()], new: vec!["three".to_owned()] });
    }
}
