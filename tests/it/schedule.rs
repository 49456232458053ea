//! Schedules, through their public edge: a text, a zone and an instant in, the runs out.

#![expect(clippy::unwrap_used, reason = "a test whose stage cannot be set has failed")]

mod business;
mod daylight_saving;
mod fields;
mod missed;
mod periods;
mod properties;
mod refusals;

use tallyd::model::Timestamp;
use tallyd::schedule::{Schedule, Zone};

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

fn schedule(text: &str, zone: &str) -> Schedule {
    Schedule::parse(text, Zone::parse(zone).unwrap()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The first runs after an instant, to the minute in UTC: `2026-11-21 15:17`.
fn runs(schedule: &Schedule, after: &str, count: usize) -> Vec<String> {
    std::iter::successors(schedule.next_after(at(after)), |last| schedule.next_after(*last))
        .take(count)
        .map(|run| {
            let text = run.to_rfc3339();
            assert!(text.ends_with(":00.000000Z"), "{text} is no whole minute");
            text[..16].replace('T', " ")
        })
        .collect()
}
