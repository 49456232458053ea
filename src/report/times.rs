//! How long completing took, by route: exact order statistics.

use std::collections::{BTreeSet, HashMap};

use crate::breaks::Limits;
use crate::model::{Identifier, Orchestration, Route, Timestamp, nearest_rank};

/// How long completing took on one route. The spans are in microseconds, from the creation to the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteTimes {
    /// The route.
    pub route: String,
    /// How many completed.
    pub count: u64,
    /// As long took the middle one, or the shorter one of the two in the middle.
    pub median: i64,
    /// 95 of 100 took as long or less.
    pub p95: i64,
    /// 99 of 100 took as long or less.
    pub p99: i64,
    /// The longest.
    pub worst: i64,
    /// The limits of PROCESSING that held for them, in words.
    pub limits: Vec<String>,
    /// How many took longer than theirs.
    pub over: u64,
}

/// The times so far: eight bytes for each that completed.
#[derive(Default)]
pub(super) struct Times(HashMap<Route, OfRoute>);

#[derive(Default)]
struct OfRoute {
    spans: Vec<i64>,
    limits: BTreeSet<String>,
    over: u64,
}

impl Times {
    /// Adds one that completed.
    pub(super) fn add(
        &mut self,
        row: &Orchestration,
        profile: &Identifier,
        ended_at: Timestamp,
        limits: &Limits,
    ) {
        let of_route = self.0.entry(Route::of(row)).or_default();
        let limit = limits.of(row, profile).processing;
        of_route.spans.push(ended_at.as_micros().saturating_sub(row.created_at.as_micros()));
        of_route.over += u64::from(limit.ends_at(row.created_at) < ended_at);
        if of_route.limits.len() < MOST_LIMITS {
            of_route.limits.insert(limit.to_string());
        }
    }

    /// All of it, by route.
    pub(super) fn finish(self) -> Vec<RouteTimes> {
        let mut times: Vec<_> =
            self.0.into_iter().map(|(route, of_route)| finished(&route, of_route)).collect();
        times.sort_by(|one, two| one.route.cmp(&two.route));
        times
    }
}

/// More limits of one route than that are not told apart.
const MOST_LIMITS: usize = 20;

fn finished(route: &Route, mut of_route: OfRoute) -> RouteTimes {
    of_route.spans.sort_unstable();
    let spans = &of_route.spans;
    let percentile = |percent| nearest_rank(spans, percent);
    RouteTimes {
        route: route.to_string(),
        count: spans.len() as u64,
        median: percentile(50),
        p95: percentile(95),
        p99: percentile(99),
        worst: percentile(100),
        limits: of_route.limits.into_iter().collect(),
        over: of_route.over,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Rail;

    fn of(spans: Vec<i64>) -> [i64; 4] {
        let route = Route {
            source: Rail::Fiat,
            destination: Rail::Profile,
            source_asset: None,
            destination_asset: None,
        };
        let times = finished(&route, OfRoute { spans, ..OfRoute::default() });
        [times.median, times.p95, times.p99, times.worst]
    }

    #[test]
    fn order_statistics_are_those_of_the_nearest_rank() {
        assert_eq!(of(vec![7]), [7, 7, 7, 7]);
        assert_eq!(of(vec![2, 1]), [1, 2, 2, 2]);
        assert_eq!(of((1..=100).rev().collect()), [50, 95, 99, 100]);
        assert_eq!(of((1..=1000).collect()), [500, 950, 990, 1000]);
    }
}
