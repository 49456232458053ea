//! The part of the status page about how long completing took lately.

use std::time::Duration;

use crate::display::numbers::thousands;
use crate::ledger::{Completed, CompletedReach};
use crate::model::{Timestamp, nearest_rank, span};

use super::shown::{Bar, When, bars, short};

/// So many routes are shown.
const ROUTES: usize = 8;

/// Below this many seconds, each bar; the last one has what takes longer.
const BOUNDS: [(u64, &str); 7] = [
    (60, "under 1 minute"),
    (5 * 60, "1 to 5 minutes"),
    (30 * 60, "5 to 30 minutes"),
    (2 * 3600, "30 minutes to 2 hours"),
    (12 * 3600, "2 to 12 hours"),
    (24 * 3600, "12 to 24 hours"),
    (3 * 24 * 3600, "1 to 3 days"),
];
const LONGER: &str = "3 days and more";

/// How long completing took.
#[derive(Debug)]
pub(super) struct Times {
    pub(super) said: String,
    pub(super) bars: Vec<Bar>,
    pub(super) caption: String,
    pub(super) routes: Vec<TimesRow>,
}

/// How long it took on one route.
#[derive(Debug)]
pub(super) struct TimesRow {
    pub(super) route: String,
    pub(super) count: String,
    pub(super) half: String,
    pub(super) most: String,
}

impl Times {
    pub(super) fn of(completed: &Completed, now: Timestamp) -> Self {
        let since = When::at(completed.since, now).text;
        let mut spans: Vec<i64> = completed.routes.iter().flat_map(|route| &route.spans).copied().collect();
        spans.sort_unstable();
        if spans.is_empty() {
            let said = match completed.reach {
                CompletedReach::All => format!("Nothing completed since {since}."),
                CompletedReach::Newest => {
                    format!("None of the newest changes is one that completed since {since}.")
                }
            };
            return Self { said, bars: Vec::new(), caption: String::new(), routes: Vec::new() };
        }
        let which = match completed.reach {
            CompletedReach::All => format!("{} completed since {since}", thousands(spans.len() as u64)),
            CompletedReach::Newest => {
                format!("The newest {} that completed since {since}", thousands(spans.len() as u64))
            }
        };
        let said = format!(
            "{which}. Half took {} or less, 95 of 100 {} or less, the longest {}.",
            told(nearest_rank(&spans, 50)),
            told(nearest_rank(&spans, 95)),
            told(nearest_rank(&spans, 100))
        );
        let caption = match completed.routes.len() {
            0..=ROUTES => "By route".to_owned(),
            many => format!("The {ROUTES} busiest of {} routes", thousands(many as u64)),
        };
        let row = |route: &crate::ledger::CompletedRoute| TimesRow {
            route: short(&route.route.to_string(), 160),
            count: thousands(route.spans.len() as u64),
            half: told(nearest_rank(&route.spans, 50)),
            most: told(nearest_rank(&route.spans, 95)),
        };
        Self {
            said,
            bars: chart(&spans),
            caption,
            routes: completed.routes.iter().take(ROUTES).map(row).collect(),
        }
    }
}

fn told(micros: i64) -> String {
    span(Duration::from_micros(u64::try_from(micros).unwrap_or(0)))
}

/// From the shortest that there is to the longest.
fn chart(spans: &[i64]) -> Vec<Bar> {
    let mut counts: Vec<(String, u64, &'static str)> = BOUNDS
        .iter()
        .map(|(_, name)| ((*name).to_owned(), 0, ""))
        .chain([(LONGER.to_owned(), 0, "old")])
        .collect();
    for micros in spans {
        let seconds = u64::try_from(micros / 1_000_000).unwrap_or(0);
        let place = BOUNDS.iter().position(|(bound, _)| seconds < *bound).unwrap_or(BOUNDS.len());
        if let Some((_, count, _)) = counts.get_mut(place) {
            *count += 1;
        }
    }
    let last = counts.iter().rposition(|(_, count, _)| *count > 0).unwrap_or(0);
    counts.truncate(last + 1);
    bars(&counts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::CompletedRoute;
    use crate::model::{Rail, Route};

    fn told_of(seconds: &[i64], reach: CompletedReach) -> Times {
        let route = Route {
            source: Rail::Fiat,
            destination: Rail::Profile,
            source_asset: None,
            destination_asset: None,
        };
        let spans = seconds.iter().map(|seconds| seconds * 1_000_000).collect();
        let now = Timestamp::from_micros(1_780_000_000_000_000);
        let routes = if seconds.is_empty() { Vec::new() } else { vec![CompletedRoute { route, spans }] };
        Times::of(&Completed { since: now.minus(Duration::from_secs(3600)), reach, routes }, now)
    }

    #[test]
    fn the_chart_ends_with_the_longest_and_counts_each_once() {
        let times = told_of(&[0, 59, 60, 299, 300, 7_199], CompletedReach::All);
        assert_eq!(
            times.said,
            "6 completed since 2026-05-28 19:26:40 UTC. Half took 1m or less, 95 of 100 1h 59m or less, the longest 1h 59m."
        );
        let bars: Vec<_> =
            times.bars.iter().map(|bar| (bar.label.as_str(), bar.count.as_str(), bar.width)).collect();
        assert_eq!(
            bars,
            [
                ("under 1 minute", "2", 1000),
                ("1 to 5 minutes", "2", 1000),
                ("5 to 30 minutes", "1", 500),
                ("30 minutes to 2 hours", "1", 500)
            ]
        );
        assert_eq!(told_of(&[400_000], CompletedReach::All).bars.len(), BOUNDS.len() + 1);
    }

    #[test]
    fn what_is_not_all_is_never_told_as_all() {
        assert!(told_of(&[1], CompletedReach::Newest).said.starts_with("The newest 1 that completed since"));
        assert!(told_of(&[], CompletedReach::All).said.starts_with("Nothing completed since"));
        assert!(told_of(&[], CompletedReach::Newest).said.starts_with("None of the newest changes"));
    }
}
