//! Orchestrations that stood twice until the first backfill had ended, in reports of the days around it.

use std::time::Duration;

use tallyd::ledger::AsOf;
use tallyd::model::{Amount, Orchestration, Status};
use tallyd::report::{Report, text};
use tallyd::schedule::{Period, Zone};

use super::{World, bytes, day_of, row, time};

/// As if it had been created some minutes later.
fn twin(number: u32, status: Status, amount: &str) -> Orchestration {
    let created_at = time("2026-10-04T09:00:00Z").plus(Duration::from_secs(540));
    Orchestration {
        status,
        updated_at: Some(time("2026-10-04T10:00:00Z")),
        source_amount: Some(Amount::parse(amount).unwrap()),
        ..row(number, created_at)
    }
}

/// The lines of all accounts that are not zero, by their label: how many, and how much.
fn lines(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for (_, account) in &report.accounts {
        let mut add = |name: &str, measure: &tallyd::report::Measure| {
            if !measure.is_zero() {
                lines.push(format!("{name} {} {}", measure.count, measure.source));
            }
        };
        add("opening", &account.opening);
        add("created", &account.created);
        for (reason, measure) in &account.adjustments {
            add(reason.as_str(), measure);
        }
        add("completed", &account.completed);
        add("closing", &account.closing);
    }
    lines
}

/// Catches: one that counts twice for ever, a merge that nothing names, and days that do not chain over it.
#[tokio::test]
async fn what_was_there_twice_counts_twice_until_it_is_merged_and_that_is_named() {
    let created = time("2026-10-04T09:00:00Z");
    let found = vec![
        // One that is open in both rows, one that is done in the later one, and one that is there once.
        row(1, created),
        twin(1, Status::Processing, "260.00"),
        row(2, created),
        twin(2, Status::Completed, "250.00"),
        row(3, created),
    ];
    let mut world = World::listing(time("2026-10-04T12:00:00Z"), tallyd::sync::rules(), found).await;
    // On the next day, after the place at which it opens, the backfill ends.
    world.now = time("2026-10-05T02:00:00Z");
    world.listed().await;
    assert_eq!(
        crate::harness::texts_of(&world.path(), "SELECT count(*) FROM journal WHERE kind = 'merged'"),
        ["2"]
    );
    for hour in ["2026-10-06T01:10:00Z", "2026-10-07T01:10:00Z"] {
        world.now = time(hour);
        world.poll().await;
    }
    let day = |day: &str| -> Period { day_of(time(&format!("{day}T12:00:00Z")), Zone::UTC) };
    let report = |period: &Period| world.report(period, AsOf::Settled).unwrap();
    let [first, second, third] = ["2026-10-04", "2026-10-05", "2026-10-06"].map(|name| report(&day(name)));
    for report in [&first, &second, &third] {
        assert!(report.ties_out(), "{}", text::of(report));
    }
    insta::assert_snapshot!(format!("{:#?}", [lines(&first), lines(&second), lines(&third)]));
    // As it was told then, it is told now.
    let note = first.as_of();
    let (head, until) = note.split_once('@').unwrap();
    let (number, hash) = head.split_once(':').unwrap();
    let as_of = AsOf::Batch {
        number: number.parse().unwrap(),
        hash: Some(hash.to_owned()),
        until: Some(time(until)),
    };
    assert_eq!(bytes(&world.report(&day("2026-10-04"), as_of).unwrap()), bytes(&first));
    // By what is known at last each counts once from its beginning on.
    let now = world.report(&day("2026-10-04"), AsOf::Now).unwrap();
    assert!(now.ties_out(), "{}", text::of(&now));
    assert_eq!(lines(&now), ["created 3 760.00", "completed 1 250.00", "closing 2 510.00"]);
}
