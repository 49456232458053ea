//! The ledger at a glance: what a page needs, and what that takes.

use std::time::Duration;

use tallyd::ledger::{CompletedReach, Glance, GlanceWanted, Ledger, Reader};
use tallyd::model::{Amount, Endpoint, Orchestration, Status};

use crate::harness::take_back;

use super::{API, Bench, minute, moved, plain_rules, row};

/// So many minutes after the beginning of the tests' time, completions of the last seven days, three breaks at most.
fn at(reader: &Reader, minutes: i64) -> Glance {
    let now = minute(minutes);
    let completed_since = now.minus(Duration::from_secs(7 * 86_400));
    reader.glance(GlanceWanted { now, completed_since, breaks: 3 }).unwrap()
}

fn with_amount(row: Orchestration, amount: Option<&str>) -> Orchestration {
    Orchestration { source_amount: amount.map(|amount| Amount::parse(amount).unwrap()), ..row }
}

/// Catches: an open row that is counted twice, under another route or age, or not at all, a final one that is counted, and
/// a sum that is rounded.
#[tokio::test]
async fn open_money_is_counted_and_summed_exactly_by_route_and_age() {
    let bench = Bench::new().await;
    let to_bank = Some(Endpoint::Fiat { account_id: None, memo: None });
    let rows = vec![
        with_amount(row(0), Some("0.000000000000000001")),
        with_amount(row(30), Some("123456789012345678901.1")),
        with_amount(Orchestration { status: Status::Unknown("HELD".into()), ..row(1430) }, None),
        with_amount(Orchestration { destination: to_bank, ..row(1435) }, Some("7")),
        Orchestration { status: Status::Completed, ..row(1436) },
        Orchestration { status: Status::Failed, ..row(1437) },
    ];
    bench.commit(rows).await;
    let glance = at(&bench.reader(), 1440);
    let told: Vec<_> = glance
        .open
        .iter()
        .map(|open| {
            (open.route.to_string(), open.ages, open.source.to_string(), open.without_amount, open.oldest)
        })
        .collect();
    let of_first = "123456789012345678901.100000000000000001".to_owned();
    assert_eq!(
        told,
        [
            ("profile → crypto:SOLANA, USD → USDG".to_owned(), [1, 1, 1, 0, 0, 0], of_first, 1, minute(0)),
            ("profile → fiat, USD → USDG".to_owned(), [1, 0, 0, 0, 0, 0], "7.00".to_owned(), 0, minute(1435)),
        ]
    );
    assert!(glance.needing.is_empty() && glance.backlogs.is_empty());
}

/// Catches: a completion that is missed because the row was created long ago, one that is counted twice, one of long ago
/// that counts as late, and a claim to have seen all where that is not known.
#[tokio::test]
async fn completion_times_are_those_of_what_completed_lately() {
    let mut bench = Bench::new().await;
    let week = 7 * 24 * 60;
    bench.commit(vec![row(0), row(1), row(2), moved(3, Status::Completed, 4)]).await;
    bench.next_poll().await;
    bench.commit(vec![moved(0, Status::Completed, week + 100), moved(1, Status::Failed, week + 100)]).await;
    bench.commit(vec![moved(10_001, Status::Completed, 7)]).await;
    let glance = at(&bench.reader(), week + 200);
    let spans: Vec<_> = glance.completed.routes.iter().map(|route| route.spans.clone()).collect();
    assert_eq!(spans, [[7 * 60_000_000, (week + 100) * 60_000_000]]);
    assert_eq!(glance.completed.reach, CompletedReach::All);
    // More entries than are looked through, all of them of just now.
    bench.commit((20_000..24_500).map(|number| moved(number, Status::Completed, 1)).collect()).await;
    let glance = at(&bench.reader(), week + 200);
    assert_eq!(glance.completed.reach, CompletedReach::Newest);
    let found: usize = glance.completed.routes.iter().map(|route| route.spans.len()).sum();
    assert!((2000..=4002).contains(&found), "{found}");
}

/// Catches: a migration that loses open rows from the index, or leaves the former one.
#[tokio::test]
async fn a_ledger_of_format_4_gets_the_index_by_which_open_money_is_counted() {
    let bench = Bench::new().await;
    bench.commit((0..50).map(row).collect()).await;
    bench.commit(vec![moved(7, Status::Completed, 1)]).await;
    let Bench { folder, ledger, .. } = bench;
    ledger.close().await;
    let path = folder.path().join("ledger.db");
    take_back(&path, 4);
    let count = |glance: &Glance| glance.open.iter().map(tallyd::ledger::OpenMoney::count).sum::<u64>();
    // A reader in front of the migration reads the same.
    assert_eq!(count(&at(&Reader::open(&path).unwrap(), 100)), 49);
    let ledger = Ledger::open(&path, API, plain_rules(), minute(0)).unwrap();
    let reader = Reader::open(&path).unwrap();
    assert_eq!(count(&at(&reader, 100)), 49);
    assert!(reader.verify(None).unwrap().findings.is_empty());
    ledger.close().await;
    let connection = rusqlite::Connection::open(&path).unwrap();
    let plan: String = connection
        .query_row(
            "EXPLAIN QUERY PLAN SELECT source_amount, destination_network, status FROM orchestration
             WHERE status <> 3 AND status <> 4 AND status <> 5",
            [],
            |row| row.get(3),
        )
        .unwrap();
    assert!(plan.contains("COVERING INDEX orchestration_open"), "{plan}");
}
