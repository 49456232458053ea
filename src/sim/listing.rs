//! Which rows a list shows: filters, order and bounds over the world's indexes.
//!
//! A page costs about what it holds: its bounds are searched for, and what lies between is read until
//! the page is full. Only rare filters (a status, an asset) read on past rows that they leave out.

use std::collections::BTreeSet;

use serde_json::Value;

use super::details;
use super::plan::{ASSETS, Plan};
use super::query::{Filter, ListQuery, Order};
use super::row::Position;
use super::world::{Eyes, View, World};

/// Rows of one page, and whether any lie behind it in its span.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Selection {
    pub(super) rows: Vec<usize>,
    pub(super) rest: Rest,
}

/// Whether there is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    More,
    Nothing,
}

impl World {
    /// The first `most` rows of the query after one place and up to another.
    pub(super) fn select(
        &self,
        query: &ListQuery,
        after: Option<&Position>,
        until: Option<&Position>,
        most: usize,
        time: i64,
    ) -> Selection {
        let view = View { time, eyes: Eyes::List };
        let found;
        let rows: &[usize] = match self.indexed(query) {
            Indexed::List(list) => list,
            Indexed::Found(numbers) => {
                found = numbers;
                &found
            }
        };
        let span = self.span(rows, query, after, until);
        let passes = |number: &&usize| self.shows(**number, view) && self.matches(**number, view, query);
        let wanted = most.saturating_add(1);
        let mut rows: Vec<usize> = match query.order {
            Order::Ascending => span.iter().filter(passes).take(wanted).copied().collect(),
            Order::Descending => span.iter().rev().filter(passes).take(wanted).copied().collect(),
        };
        let rest = if rows.len() > most { Rest::More } else { Rest::Nothing };
        rows.truncate(most);
        Selection { rows, rest }
    }

    /// Every row that shows at that time, in ascending order.
    pub(super) fn showing(&self, time: i64) -> impl Iterator<Item = usize> {
        let view = View { time, eyes: Eyes::Truth };
        self.all.iter().copied().filter(move |number| self.shows(*number, view))
    }

    /// The shortest ordered list that holds everything the query wants.
    fn indexed(&self, query: &ListQuery) -> Indexed<'_> {
        let found: BTreeSet<usize> = match (&query.ids, &query.refs) {
            (Filter::OneOf(ids), _) => ids.iter().filter_map(|id| self.find(id)).collect(),
            (Filter::Any, Filter::OneOf(refs)) => {
                refs.iter().flat_map(|ref_id| self.maybe_with_ref(ref_id)).collect()
            }
            (Filter::Any, Filter::Any) => return Indexed::List(self.list_of(query)),
        };
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort_by(|left, right| self.rows[*left].place.cmp(&self.rows[*right].place));
        Indexed::Found(found)
    }

    fn list_of(&self, query: &ListQuery) -> &[usize] {
        match &query.profiles {
            Filter::OneOf(profiles) if profiles.len() == 1 => {
                let list = self
                    .profile_number(&profiles[0])
                    .and_then(|number| self.by_profile.get(usize::from(number)));
                list.map_or(&[], Vec::as_slice)
            }
            _ => &self.all,
        }
    }

    /// The part of an ordered list that lies in the window and between the two places.
    fn span<'a>(
        &self,
        rows: &'a [usize],
        query: &ListQuery,
        after: Option<&Position>,
        until: Option<&Position>,
    ) -> &'a [usize] {
        let place = |number: &usize| &self.rows[*number].place;
        let mut first = rows.partition_point(|row| place(row).created < query.window.from);
        let mut end = rows.partition_point(|row| place(row).created <= query.window.to);
        let upto = |bound: &Position| rows.partition_point(|row| place(row) <= bound);
        let before = |bound: &Position| rows.partition_point(|row| place(row) < bound);
        match query.order {
            Order::Ascending => {
                first = first.max(after.map_or(0, upto));
                end = end.min(until.map_or(rows.len(), upto));
            }
            Order::Descending => {
                end = end.min(after.map_or(rows.len(), before));
                first = first.max(until.map_or(0, before));
            }
        }
        rows.get(first..end).unwrap_or_default()
    }

    fn matches(&self, number: usize, view: View, query: &ListQuery) -> bool {
        let listed_under = self.rows[number].listed_under;
        let of_profile = match &query.profiles {
            Filter::Any => true,
            filter @ Filter::OneOf(_) => listed_under
                .into_iter()
                .flatten()
                .any(|profile| filter.passes(&self.profiles[usize::from(profile)].id)),
        };
        let facts =
            [&query.statuses, &query.source_assets, &query.destination_assets, &query.rules, &query.refs];
        if !of_profile || facts.iter().all(|filter| **filter == Filter::Any) {
            return of_profile;
        }
        match self.plain(number, view) {
            Some((plan, time)) => self.plan_matches(plan, time, query),
            None => value_matches(&self.value(number, view), query),
        }
    }

    fn plan_matches(&self, plan: &Plan, time: i64, query: &ListQuery) -> bool {
        let seed = self.config.seed;
        query.statuses.passes(plan.life.at(time).status.word())
            && query.source_assets.passes(ASSETS[usize::from(plan.source_asset)])
            && query.destination_assets.passes(ASSETS[usize::from(plan.destination_asset)])
            && (query.rules == Filter::Any
                || plan.rule.is_some_and(|rule| {
                    let id = details::rule_id(seed, plan.owner, rule);
                    query.rules.passes(&uuid::Uuid::from_u128(id).to_string())
                }))
            && (query.refs == Filter::Any || query.refs.passes(&details::ref_id(seed, plan)))
    }
}

enum Indexed<'a> {
    List(&'a [usize]),
    Found(Vec<usize>),
}

fn value_matches(value: &Value, query: &ListQuery) -> bool {
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or("");
    query.statuses.passes(text("status"))
        && query.source_assets.passes(text("source_asset"))
        && query.destination_assets.passes(text("destination_asset"))
        && query.rules.passes(text("orchestration_rule_id"))
        && query.refs.passes(text("ref_id"))
}
