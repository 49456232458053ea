//! Limits: how long an orchestration may take, and from when on that is critical.
//!
//! Owns which rule holds for an orchestration and why. For each setting the most specific rule that matches
//! wins; where none does, what `[limits]` says; where that says nothing, a default that goes by the route.
//! What the configuration file looks like is `config`'s, and what opens a break is for the rules.

mod allowance;
mod condition;
pub mod defaults;
mod explain;
mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub use allowance::{Allowance, InvalidMultiple, Multiple};
pub use condition::{Condition, ConditionKey, RailKind, Rank, Side};
pub use explain::{Explained, Explanation, Lost, Other, Source};
pub use settings::{Applied, CriticalAmount, DuplicateWindow, InvalidMoney, Money, Setting, Settings, Value};

use self::condition::Facts;
use crate::model::{Identifier, Orchestration, Timestamp};
use crate::schedule::{Calendar, RunningOut};

/// One rule: which orchestrations it matches, and what it sets for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Where it stands.
    pub place: Place,
    /// What it matches.
    pub when: Condition,
    /// What it sets.
    pub sets: Settings,
}

/// Where a rule stands in the configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which one of `limits.rules` it is, counted from 0.
    pub index: usize,
    /// The line in which it begins, counted from 1.
    pub line: usize,
    /// The name that the user gave it.
    pub name: Option<String>,
}

impl Place {
    /// The rule's key, as in `limits.rules[2]`.
    pub fn key(&self) -> String {
        format!("limits.rules[{}]", self.index)
    }
}

/// As in `limits.rules[2] "large" (line 57)`.
impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.name {
            Some(name) => write!(formatter, "{} {name:?} (line {})", self.key(), self.line),
            None => write!(formatter, "{} (line {})", self.key(), self.line),
        }
    }
}

/// Two rules of one rank that can match the same orchestration and set the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The index of the first one, in the order in which they were given.
    pub first: usize,
    /// The index of the second one.
    pub second: usize,
    /// What both set.
    pub setting: Setting,
}

/// Every conflict that there is; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflicts {
    /// The first one.
    pub first: Conflict,
    /// The others.
    pub more: Vec<Conflict>,
}

/// Rules between which something always decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Most specific first; those of one rank in the order of the file.
    ranked: Vec<(Rank, Rule)>,
}

impl Rules {
    /// These rules, given in the order of the file.
    ///
    /// # Errors
    ///
    /// Every two rules that would both have to win for some orchestration.
    pub fn new(rules: Vec<Rule>) -> Result<Self, Conflicts> {
        let mut conflicts = conflicts(&rules).into_iter();
        if let Some(first) = conflicts.next() {
            return Err(Conflicts { first, more: conflicts.collect() });
        }
        let mut ranked: Vec<_> = rules.into_iter().map(|rule| (rule.when.rank(), rule)).collect();
        ranked.sort_by(|(one, _), (other, _)| other.cmp(one));
        Ok(Self { ranked })
    }

    /// The rules, in the order of the file.
    pub fn in_order(&self) -> Vec<&Rule> {
        let mut rules: Vec<_> = self.ranked.iter().map(|(_, rule)| rule).collect();
        rules.sort_by_key(|rule| rule.place.index);
        rules
    }
}

/// The limits of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The rules.
    pub rules: Rules,
    /// What holds where no rule sets it; what is not set here either goes by the route.
    pub defaults: Settings,
    /// In what the defaults that go by the route count business days.
    pub calendar: Arc<Calendar>,
    /// Every calendar that there is, in the order of the file.
    pub calendars: Vec<Arc<Calendar>>,
    /// For how long a profile may go without a complete poll.
    pub profile_unpolled: Duration,
}

/// The limits where the configuration says nothing.
impl Default for Limits {
    fn default() -> Self {
        let calendar = Arc::new(defaults::calendar());
        Self {
            rules: Rules::default(),
            defaults: Settings::default(),
            calendars: vec![Arc::clone(&calendar)],
            calendar,
            profile_unpolled: defaults::PROFILE_UNPOLLED,
        }
    }
}

impl Limits {
    /// The limits that hold for an orchestration under a profile.
    pub fn of(&self, orchestration: &Orchestration, profile: &Identifier) -> Applied {
        let facts = Facts::of(orchestration, profile);
        let mut set = Settings::default();
        for (rank, rule) in &self.rules.ranked {
            if rule.when.unmet(rank, &facts).is_none() {
                set.fill_from(&rule.sets);
            }
        }
        set.fill_from(&self.defaults);
        defaults::complete(set, orchestration, &self.calendar)
    }

    /// Whether anybody asks for equal movements that may be one made twice.
    pub fn ask_for_possible_duplicates(&self) -> bool {
        let ask =
            |settings: &Settings| matches!(settings.possible_duplicate, Some(DuplicateWindow::Within(_)));
        ask(&self.defaults) || self.rules.ranked.iter().any(|(_, rule)| ask(&rule.sets))
    }

    /// Why the limits that hold for an orchestration under a profile are what they are.
    pub fn explain(&self, orchestration: &Orchestration, profile: &Identifier) -> Explanation {
        explain::explain(self, orchestration, profile)
    }

    /// The calendars that need days off to be added soon.
    pub fn running_out(&self, now: Timestamp) -> Vec<RunningOut> {
        self.calendars.iter().filter_map(|calendar| calendar.running_out(now)).collect()
    }

    /// What holds where no rule sets it, as text; what goes by the route is told for each.
    pub fn default_in_words(&self, setting: Setting) -> String {
        self.defaults
            .value(setting)
            .map_or_else(|| defaults::told(setting, &self.calendar), |value| value.to_string())
    }
}

/// Every two rules of one rank that can match the same orchestration, for every setting that both set.
fn conflicts(rules: &[Rule]) -> Vec<Conflict> {
    // Rules of different ranks never conflict, and most rules have a rank of their own.
    let mut by_rank: BTreeMap<Rank, Vec<usize>> = BTreeMap::new();
    for (index, rule) in rules.iter().enumerate() {
        by_rank.entry(rule.when.rank()).or_default().push(index);
    }
    let mut conflicts = Vec::new();
    for indexes in by_rank.values() {
        let among = indexes.iter().filter_map(|index| rules.get(*index).map(|rule| (*index, rule)));
        let among: Vec<_> = among.collect();
        for (place, (first, one)) in among.iter().enumerate() {
            for (second, other) in
                among.iter().skip(place + 1).filter(|(_, other)| one.when.meets(&other.when))
            {
                let both = Setting::ALL.into_iter().filter(|setting| {
                    one.sets.value(*setting).is_some() && other.sets.value(*setting).is_some()
                });
                conflicts.extend(both.map(|setting| Conflict { first: *first, second: *second, setting }));
            }
        }
    }
    conflicts.sort_by_key(|conflict| (conflict.second, conflict.first, conflict.setting));
    conflicts
}
