//! What changed later about former periods: what they would have said, and say now.

use std::collections::{BTreeMap, BTreeSet};

use crate::ledger::{Arrival, Presence, State, Subject};
use crate::model::{Amount, Identifier, Status, Timestamp};
use crate::schedule::Period;

use super::account::AccountKey;
use super::build::ended_at;

/// So many are told one by one.
const MOST: usize = 50;

/// Restatements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restatements {
    /// The first ones, by when they were observed.
    pub first: Vec<Restatement>,
    /// How many there are, by the period that they are about.
    pub counts: BTreeMap<String, u64>,
}

/// Something that changed later about a former period.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Restatement {
    /// When it was observed.
    pub observed_at: Timestamp,
    /// The orchestration.
    pub id: Identifier,
    /// The period that it is about.
    pub period: String,
    /// What.
    pub what: Restated,
    /// What the period said of it.
    pub old: String,
    /// What it says now.
    pub new: String,
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Restated {
    /// It was not known.
    CameLate,
    /// Paxos no longer knows it, or it was there twice.
    Vanished,
    /// It came back.
    Reappeared,
    /// It counts elsewhere: another profile, asset pair or time of creation.
    Moved,
    /// Its amount.
    Amount,
    /// How or when it ended, or that it had not.
    End,
}

impl Restated {
    /// Its word in data.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CameLate => "came_late",
            Self::Vanished => "vanished",
            Self::Reappeared => "reappeared",
            Self::Moved => "moved",
            Self::Amount => "amount",
            Self::End => "end",
        }
    }

    /// The same for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::CameLate => "came late",
            Self::Vanished => "vanished",
            Self::Reappeared => "came back",
            Self::Moved => "counts elsewhere",
            Self::Amount => "amount changed",
            Self::End => "its end changed",
        }
    }
}

/// What a period says of an orchestration.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Effect {
    key: AccountKey,
    created_in: String,
    ended: Option<(Status, String)>,
    amounts: [Option<Amount>; 2],
}

/// The restatements so far.
pub(super) struct Found {
    period: Period,
    first: BTreeSet<Restatement>,
    counts: BTreeMap<String, u64>,
}

impl Found {
    pub(super) fn of(period: &Period) -> Self {
        Self { period: period.clone(), first: BTreeSet::new(), counts: BTreeMap::new() }
    }

    /// Looks at one orchestration. What the first listing of its profile found is no news about anything.
    pub(super) fn look_at(&mut self, subject: &Subject<'_>, is_wanted: impl Fn(&AccountKey) -> bool) {
        if subject.arrival == Arrival::FirstListing || is_the_same(subject) {
            return;
        }
        let former = (subject.opening, self.period.from);
        let own = (subject.settled, self.period.to);
        for (before, until) in [former, own] {
            let old = self.effect(before, until, subject);
            let new = self.effect(subject.closing, until, subject);
            if old == new {
                continue;
            }
            if [&old, &new].into_iter().flatten().any(|effect| is_wanted(&effect.key)) {
                self.note(subject, before, until, old.as_ref(), new.as_ref());
            }
            return;
        }
    }

    pub(super) fn finish(self) -> Restatements {
        Restatements { first: self.first.into_iter().collect(), counts: self.counts }
    }

    fn note(
        &mut self,
        subject: &Subject<'_>,
        before: Option<&State>,
        until: Timestamp,
        old: Option<&Effect>,
        new: Option<&Effect>,
    ) {
        let Some(state) = subject.closing.or(before) else { return };
        let observed_at = match (before, subject.arrival) {
            // Of what was not known it counts when it came.
            (None, Arrival::Later(Some(at))) => at,
            _ => self.observed_at(subject, until, old),
        };
        let what = what(before, subject, old, new);
        let about = |effect: &Effect| match (what, &effect.ended) {
            (Restated::End, Some((_, period))) => period.clone(),
            _ => effect.created_in.clone(),
        };
        let period = new.filter(|new| what != Restated::End || new.ended.is_some()).or(old);
        let period = period.map(about).unwrap_or_default();
        *self.counts.entry(period.clone()).or_default() += 1;
        self.first.insert(Restatement {
            observed_at,
            id: state.orchestration.id.clone(),
            period,
            what,
            old: told(old),
            new: told(new),
        });
        if self.first.len() > MOST {
            self.first.pop_last();
        }
    }

    /// When what is said now was observed: the last time that it became another thing.
    fn observed_at(&self, subject: &Subject<'_>, until: Timestamp, old: Option<&Effect>) -> Timestamp {
        let mut observed = self.period.from;
        let mut before = old.cloned();
        for (at, state) in subject.steps {
            let now = self.effect(state.as_ref(), until, subject);
            if now != before {
                (observed, before) = (*at, now);
            }
        }
        observed
    }

    /// What is said of a state about the time before `until`.
    fn effect(&self, state: Option<&State>, until: Timestamp, subject: &Subject<'_>) -> Option<Effect> {
        let state = state.filter(|state| state.presence == Presence::There)?;
        let row = &state.orchestration;
        if row.created_at >= until {
            return None;
        }
        let ended = ended_at(state).filter(|at| *at < until);
        Some(Effect {
            key: AccountKey::of(row, subject.listed_by),
            created_in: self.period_of(row.created_at),
            ended: ended.map(|at| (row.status.clone(), self.period_of(at))),
            amounts: [row.source_amount.clone(), row.destination_amount.clone()],
        })
    }

    /// The name of the period in which an instant lies.
    fn period_of(&self, at: Timestamp) -> String {
        let Period { kind, zone, from, .. } = self.period;
        match kind.and_then(|kind| Period::containing(kind, zone, at)) {
            Some(period) => period.name(),
            None if at < from => format!("before {}", zone.show(from)),
            None => self.period.name(),
        }
    }
}

/// Whether nothing can have changed: nearly always.
fn is_the_same(subject: &Subject<'_>) -> bool {
    let is_one = |one: Option<&State>, two: Option<&State>| match (one, two) {
        (Some(one), Some(two)) => std::ptr::eq(one, two),
        (None, None) => true,
        _ => false,
    };
    let is_late = matches!(subject.arrival, Arrival::Later(Some(_)));
    subject.steps.is_empty() && !is_late && is_one(subject.settled, subject.closing)
}

fn what(
    before: Option<&State>,
    subject: &Subject<'_>,
    old: Option<&Effect>,
    new: Option<&Effect>,
) -> Restated {
    match (old, new) {
        (None, _) if before.is_some_and(|state| state.presence == Presence::Missing) => Restated::Reappeared,
        (None, _) if before.is_none() => Restated::CameLate,
        (_, None) if subject.closing.is_none_or(|state| state.presence == Presence::Missing) => {
            Restated::Vanished
        }
        (Some(old), Some(new)) if old.key == new.key && old.created_in == new.created_in => {
            if old.ended == new.ended { Restated::Amount } else { Restated::End }
        }
        _ => Restated::Moved,
    }
}

/// What is said, in words.
fn told(effect: Option<&Effect>) -> String {
    let Some(effect) = effect else { return "not counted".to_owned() };
    let shown = |amount: &Option<Amount>| amount.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string);
    let [source, delivered] = &effect.amounts;
    let amount = shown(source);
    let delivered = match delivered {
        Some(_) => {
            let asset = effect.key.destination_asset.as_deref().unwrap_or("?");
            format!(" → {} {asset}", shown(delivered))
        }
        None => String::new(),
    };
    let ended = match &effect.ended {
        Some((status, period)) => format!("{status} in {period}"),
        None => "open".to_owned(),
    };
    let asset = effect.key.source_asset.as_deref().unwrap_or("?");
    format!("created in {}, {ended}, {amount} {asset}{delivered}", effect.created_in)
}
