//! Why a limit is what it is: which rule it comes from, and why the others lost.

use std::fmt;

use super::condition::{ConditionKey, Facts, Rank};
use super::settings::{Setting, Value};
use super::{Limits, Place, defaults};
use crate::model::{Identifier, Orchestration};

/// Every setting for one orchestration, with why it is so, in the order of [`Setting::ALL`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The settings.
    pub settings: Vec<Explained>,
}

/// One setting for one orchestration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Which.
    pub setting: Setting,
    /// What it is.
    pub value: Value,
    /// Where that comes from.
    pub from: Source,
    /// Everything else that has a value for it: rules, most specific first, then the defaults.
    pub others: Vec<Other>,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A rule.
    Rule(Place),
    /// What `[limits]` says itself.
    Default,
    /// What is built in, and for what that is meant.
    BuiltIn(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(place) => write!(formatter, "the rule {place}"),
            Self::Default => formatter.write_str("the default in [limits]"),
            Self::BuiltIn(meant) => write!(formatter, "the default that is built in, {meant}"),
        }
    }
}

/// A value that lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// What it would be.
    pub value: Value,
    /// Where it comes from.
    pub from: Source,
    /// Why it lost.
    pub why: Lost,
}

/// Why a value lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The rule does not match.
    Unmet {
        /// The first condition that does not hold.
        condition: ConditionKey,
        /// What it asks for.
        wanted: String,
        /// What the orchestration has there.
        found: String,
    },
    /// The rule that won says more about the route.
    Route,
    /// The rule that won says as much about the route, and has the higher amount.
    Amount,
    /// The rule that won says as much about route and amount, and names the profile.
    Profile,
    /// A rule comes before the defaults.
    Default,
    /// What the configuration says comes before what is built in.
    BuiltIn,
}

impl fmt::Display for Lost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unmet { condition: ConditionKey::MinSourceAmount, wanted, found } => {
                write!(
                    formatter,
                    "it does not match: its min_source_amount is {wanted}, the amount is {found}"
                )
            }
            Self::Unmet { condition, wanted, found } => {
                let condition = condition.as_str();
                write!(formatter, "it does not match: its {condition} is {wanted}, here it is {found}")
            }
            Self::Route => formatter.write_str("the other rule says more about the route"),
            Self::Amount => formatter.write_str("the other rule has the higher min_source_amount"),
            Self::Profile => formatter.write_str("the other rule names the profile"),
            Self::Default => formatter.write_str("a rule comes before it"),
            Self::BuiltIn => formatter.write_str("the configuration comes before it"),
        }
    }
}

pub(super) fn explain(limits: &Limits, orchestration: &Orchestration, profile: &Identifier) -> Explanation {
    let facts = Facts::of(orchestration, profile);
    let settings = Setting::ALL.into_iter().map(|setting| explain_one(limits, &facts, setting)).collect();
    Explanation { settings }
}

fn explain_one(limits: &Limits, facts: &Facts<'_>, setting: Setting) -> Explained {
    let mut winner: Option<(Value, Source)> = None;
    let mut won_with: Option<&Rank> = None;
    let mut others = Vec::new();
    for (rank, rule) in &limits.rules.ranked {
        let Some(value) = rule.sets.value(setting) else { continue };
        let from = Source::Rule(rule.place.clone());
        if let Some(condition) = rule.when.unmet(rank, facts) {
            let wanted = rule.when.wanted(condition).unwrap_or_default();
            let why = Lost::Unmet { condition, wanted, found: facts.found(condition) };
            others.push(Other { value, from, why });
        } else if let Some(won_with) = won_with {
            others.push(Other { value, from, why: lost_to(won_with, rank) });
        } else {
            won_with = Some(rank);
            winner = Some((value, from));
        }
    }
    if let Some(value) = limits.defaults.value(setting) {
        match winner {
            Some(_) => others.push(Other { value, from: Source::Default, why: Lost::Default }),
            None => winner = Some((value, Source::Default)),
        }
    }
    let (value, meant) = defaults::value(setting, facts.orchestration, &limits.calendar);
    let from = Source::BuiltIn(meant);
    let (value, from) = match winner {
        None => (value, from),
        Some(winner) => {
            others.push(Other { value, from, why: Lost::BuiltIn });
            winner
        }
    };
    Explained { setting, value, from, others }
}

/// Why a rule that matches lost to another one. Two of one rank cannot both match.
fn lost_to(winner: &Rank, loser: &Rank) -> Lost {
    if winner.route != loser.route {
        Lost::Route
    } else if winner.amount != loser.amount {
        Lost::Amount
    } else {
        Lost::Profile
    }
}
