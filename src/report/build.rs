//! From orchestrations at their places to a report, one after the other.
//!
//! Owns which part each has in the account: it is said case by case why the sums of what came and of what went differ,
//! and each sum is kept by itself, so that a case that is not thought of is left over and shows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::breaks::Limits;
use crate::ledger::{Arrival, Basis, Presence, State, Subject};
use crate::model::{AgeBand, Orchestration, PeriodBreak, Route, Status, Timestamp};
use crate::schedule::Period;

use super::account::{Account, AccountKey, Measure, Reason, Sign};
use super::restated::Found;
use super::times::Times;
use super::{BreakLine, Failures, OpenBand, OpenRow, Plan, Report};

/// So many of those that are open are told one by one, the oldest ones.
const OLDEST: usize = 20;

/// So many reasons for failing are told apart.
const MOST_REASONS: usize = 200;

/// The reason of those that are not told apart.
const OTHER_REASONS: &str = "(other reasons)";

/// A report in the making.
pub(super) struct Builder<'a> {
    plan: Plan,
    limits: &'a Limits,
    accounts: HashMap<AccountKey, Account>,
    open: BTreeMap<(AgeBand, String), Measure>,
    oldest: BTreeSet<(Timestamp, String)>,
    oldest_rows: HashMap<String, OpenRow>,
    times: Times,
    failures: BTreeMap<(Option<String>, String), Measure>,
    restated: Found,
}

/// When one ended, as far as was known: when it completed, else when its final status was first seen. Never before it
/// was created.
pub(super) fn ended_at(state: &State) -> Option<Timestamp> {
    let row = &state.orchestration;
    let completed = row.completed_at.filter(|_| row.status == Status::Completed);
    let ended = completed.unwrap_or(state.status_since).max(row.created_at);
    row.status.is_final().then_some(ended)
}

/// The part of an orchestration in a period.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// It ended in it.
    Ended,
    /// It was open at its end.
    Open,
}

impl<'a> Builder<'a> {
    pub(super) fn new(plan: Plan, limits: &'a Limits) -> Self {
        Self {
            restated: Found::of(&plan.period),
            plan,
            limits,
            accounts: HashMap::new(),
            open: BTreeMap::new(),
            oldest: BTreeSet::new(),
            oldest_rows: HashMap::new(),
            times: Times::default(),
            failures: BTreeMap::new(),
        }
    }

    /// Adds an orchestration.
    pub(super) fn add(&mut self, subject: &Subject<'_>) {
        let profiles = &self.plan.profiles;
        self.restated.look_at(subject, |key| profiles.is_empty() || profiles.contains(&key.profile));
        let Period { from, to, .. } = self.plan.period;
        let opening = subject.opening.filter(|state| was_open(state, from));
        let part = subject.closing.and_then(|state| part(state, &self.plan.period));
        let created = subject.closing.filter(|state| {
            let at = state.orchestration.created_at;
            from <= at && at < to
        });
        if let Some(state) = opening {
            self.put(state, subject, |account| &mut account.opening);
        }
        if let Some(state) = created {
            self.put(state, subject, |account| &mut account.created);
        }
        if let Some((state, part)) = subject.closing.zip(part) {
            self.add_part(state, part, subject);
        }
        self.adjust(opening, created, subject.closing.filter(|_| part.is_some()), subject);
    }

    /// What was open and came less what ended and is open, with the reason.
    fn adjust(
        &mut self,
        opening: Option<&State>,
        created: Option<&State>,
        gone_out: Option<&State>,
        subject: &Subject<'_>,
    ) {
        use Sign::{Minus, Plus};
        match (opening, created, gone_out) {
            (None, None, None) | (None, Some(_), Some(_)) => {}
            (Some(before), None, Some(after)) => self.adjust_between(before, after, subject),
            (Some(before), Some(_), Some(_)) => self.adjust_by(before, Reason::CreationMoved, Minus, subject),
            (None, None, Some(after)) => {
                let reason = came_by(after, subject, self.plan.period.from);
                self.adjust_by(after, reason, Plus, subject);
            }
            (Some(before), None, None) => {
                let reason = went_by(subject.closing, self.plan.period.to);
                self.adjust_by(before, reason, Minus, subject);
            }
            (None, Some(after), None) => self.adjust_by(after, Reason::Vanished, Minus, subject),
            (Some(before), Some(after), None) => {
                self.adjust_by(before, Reason::CreationMoved, Minus, subject);
                self.adjust_by(after, Reason::Vanished, Minus, subject);
            }
        }
    }

    /// One that was open and counts at the end too: what it counts for may be another thing.
    fn adjust_between(&mut self, before: &State, after: &State, subject: &Subject<'_>) {
        let (old, new) = (&before.orchestration, &after.orchestration);
        let key = |state: &State| AccountKey::of(&state.orchestration, subject.listed_by);
        if key(before) != key(after) {
            self.adjust_by(before, Reason::MovedOut, Sign::Minus, subject);
            self.adjust_by(after, Reason::MovedIn, Sign::Plus, subject);
            return;
        }
        let pairs =
            [(&old.source_amount, &new.source_amount), (&old.destination_amount, &new.destination_amount)];
        if pairs.iter().all(|(old, new)| old == new) {
            return;
        }
        let became_known = pairs.iter().all(|(old, new)| old == new || old.is_none());
        let reason = if became_known { Reason::AmountKnown } else { Reason::AmountChanged };
        let Some(account) = self.account(before, subject) else { return };
        let measure = account.adjustments.entry(reason).or_default();
        measure.put_amounts(old, Sign::Minus);
        measure.put_amounts(new, Sign::Plus);
    }

    fn adjust_by(&mut self, state: &State, reason: Reason, sign: Sign, subject: &Subject<'_>) {
        if let Some(account) = self.account(state, subject) {
            account.adjustments.entry(reason).or_default().put(&state.orchestration, sign);
        }
    }

    /// The account in which a state counts; `None` where nobody asks for its profile.
    fn account(&mut self, state: &State, subject: &Subject<'_>) -> Option<&mut Account> {
        let key = AccountKey::of(&state.orchestration, subject.listed_by);
        let profiles = &self.plan.profiles;
        let is_wanted = profiles.is_empty() || profiles.contains(&key.profile);
        is_wanted.then(|| self.accounts.entry(key).or_default())
    }

    fn put(&mut self, state: &State, subject: &Subject<'_>, sum: impl Fn(&mut Account) -> &mut Measure) {
        if let Some(account) = self.account(state, subject) {
            sum(account).put(&state.orchestration, Sign::Plus);
        }
    }

    fn add_part(&mut self, state: &State, part: Part, subject: &Subject<'_>) {
        let row = &state.orchestration;
        let Some(account) = self.account(state, subject) else { return };
        let sum = match (part, &row.status) {
            (Part::Open, _) => &mut account.closing,
            (Part::Ended, Status::Failed) => &mut account.failed,
            (Part::Ended, Status::Rejected) => &mut account.rejected,
            (Part::Ended, _) => &mut account.completed,
        };
        sum.put(row, Sign::Plus);
        match (part, &row.status) {
            (Part::Open, _) => self.add_open(row, subject),
            (Part::Ended, Status::Failed) => self.add_failure(row),
            (Part::Ended, Status::Completed) => {
                let profile = row.profile_id.as_ref().unwrap_or(subject.listed_by);
                if let Some(ended_at) = ended_at(state) {
                    self.times.add(row, profile, ended_at, self.limits);
                }
            }
            (Part::Ended, _) => {}
        }
    }

    fn add_open(&mut self, row: &Orchestration, subject: &Subject<'_>) {
        let key = AccountKey::of(row, subject.listed_by);
        let age = AgeBand::of(self.plan.period.to.since(row.created_at));
        self.open.entry((age, key.pair())).or_default().put(row, Sign::Plus);
        let place = (row.created_at, row.id.to_string());
        if self.oldest.len() >= OLDEST && self.oldest.last().is_some_and(|last| *last < place) {
            return;
        }
        self.oldest_rows.insert(
            place.1.clone(),
            OpenRow {
                created_at: row.created_at,
                id: row.id.clone(),
                profile: key.profile,
                status: row.status.to_string(),
                route: Route::of(row).to_string(),
                source_amount: row.source_amount.as_ref().map(ToString::to_string),
            },
        );
        self.oldest.insert(place);
        if self.oldest.len() > OLDEST
            && let Some((_, id)) = self.oldest.pop_last()
        {
            self.oldest_rows.remove(&id);
        }
    }

    fn add_failure(&mut self, row: &Orchestration) {
        let pair = AccountKey::of(row, &row.id).pair();
        let mut key = (row.fail_reason.as_deref().map(ToOwned::to_owned), pair);
        if self.failures.len() >= MOST_REASONS && !self.failures.contains_key(&key) {
            key.0 = Some(OTHER_REASONS.to_owned());
        }
        self.failures.entry(key).or_default().put(row, Sign::Plus);
    }

    /// The report.
    pub(super) fn finish(self, basis: Basis) -> Report {
        let mut accounts: Vec<_> =
            self.accounts.into_iter().filter(|(_, account)| !account.is_empty()).collect();
        let name = |key: &AccountKey| {
            let read = basis.profiles.iter().find(|read| read.profile.id == key.profile);
            read.map_or_else(|| key.profile.to_string(), |read| read.profile.label())
        };
        accounts.sort_by_cached_key(|(key, _)| (name(key), key.clone()));
        let mut oldest_rows = self.oldest_rows;
        let mut failures: Vec<_> = self
            .failures
            .into_iter()
            .map(|((reason, pair), measure)| Failures { reason, pair, measure })
            .collect();
        failures.sort_by_key(|failures: &Failures| std::cmp::Reverse(failures.measure.count));
        let breaks = breaks(&self.plan, &basis.breaks);
        Report {
            accounts,
            open: self
                .open
                .into_iter()
                .map(|((age, pair), measure)| OpenBand { age, pair, measure })
                .collect(),
            oldest: self.oldest.iter().filter_map(|(_, id)| oldest_rows.remove(id)).collect(),
            times: self.times.finish(),
            failures,
            breaks,
            restatements: self.restated.finish(),
            plan: self.plan,
            basis,
        }
    }
}

/// Whether one that was known counts as open at the beginning.
fn was_open(state: &State, from: Timestamp) -> bool {
    state.presence == Presence::There
        && state.orchestration.created_at < from
        && ended_at(state).is_none_or(|at| at >= from)
}

/// How one counts at the end; `None` where it does not.
fn part(state: &State, period: &Period) -> Option<Part> {
    if state.presence == Presence::Missing || state.orchestration.created_at >= period.to {
        return None;
    }
    match ended_at(state) {
        Some(at) if at < period.from => None,
        Some(at) if at < period.to => Some(Part::Ended),
        _ => Some(Part::Open),
    }
}

/// Why one that was created before the period counts, while it did not count as open at its beginning.
fn came_by(after: &State, subject: &Subject<'_>, from: Timestamp) -> Reason {
    match (subject.opening, subject.arrival) {
        (None, Arrival::FirstListing) => Reason::FirstListing,
        (None, _) => Reason::CameLate,
        (Some(before), _) if before.presence == Presence::Missing => Reason::Reappeared,
        (Some(before), _) if before.orchestration.created_at >= from => Reason::CreationMoved,
        _ if ended_at(after).is_none() => Reason::Reopened,
        _ => Reason::EndedLater,
    }
}

/// Why one that was open does not count at the end.
fn went_by(after: Option<&State>, to: Timestamp) -> Reason {
    match after {
        None => Reason::Merged,
        Some(state) if state.presence == Presence::Missing => Reason::Vanished,
        Some(state) if state.orchestration.created_at >= to => Reason::CreationMoved,
        Some(_) => Reason::EndedBefore,
    }
}

/// Breaks by kind.
fn breaks(plan: &Plan, found: &[PeriodBreak]) -> Vec<BreakLine> {
    let from = plan.period.from;
    let is_wanted = |found: &&PeriodBreak| match &found.profile {
        Some(profile) => plan.profiles.is_empty() || plan.profiles.contains(profile),
        None => true,
    };
    let mut lines: BTreeMap<&str, BreakLine> = BTreeMap::new();
    for found in found.iter().filter(is_wanted) {
        let line = lines.entry(found.kind.as_str()).or_insert(BreakLine {
            kind: found.kind,
            opening: 0,
            opened: 0,
            resolved: 0,
            closing: 0,
            oldest: None,
        });
        if found.opened_at < from {
            line.opening += 1;
        } else {
            line.opened += 1;
        }
        if found.resolved_at.is_some() {
            line.resolved += 1;
        } else {
            line.closing += 1;
            line.oldest = Some(line.oldest.map_or(found.opened_at, |oldest| oldest.min(found.opened_at)));
        }
    }
    lines.into_values().collect()
}
