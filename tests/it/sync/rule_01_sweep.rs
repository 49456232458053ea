//! Rule 1, complete: one poll and one sweep see all that happened, whatever `created_at` it has.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tallyd::clock::Clock as _;
use tallyd::model::{ProfileSelection, SweepWindow};

use super::open_rows::{HOUR, id, move_to, open_row};
use crate::harness::{Rig, Setup, id_of, texts_of};

/// How many open orchestrations get another status.
const MOVED: usize = 500;

/// What happened to one orchestration by the journal: the kinds of its entries, in their order.
fn told(rig: &Rig) -> BTreeMap<String, String> {
    let lines = texts_of(
        &rig.path(),
        "SELECT orchestration_id || ' ' || group_concat(kind, ' ' ORDER BY seq) FROM journal
         GROUP BY orchestration_id",
    );
    let split = |line: &String| line.split_once(' ').map(|(id, kinds)| (id.to_owned(), kinds.to_owned()));
    lines.iter().map(|line| split(line).unwrap()).collect()
}

/// After `rows` orchestrations were taken in, open ones older than any overlap move, a final one is edited
/// without a new `updated_at`, one is removed and one comes late with an old `created_at`.
async fn one_poll_and_one_sweep_see_it_all(rows: u64) {
    let rig = Rig::start(Setup::of(rows).profiles(1)).await;
    rig.poll_completely().await;
    rig.advance(Duration::from_secs(40 * 86_400));
    for number in 0..MOVED {
        let age = 2 * HOUR + Duration::from_secs(60) * u32::try_from(number).unwrap();
        rig.control.insert(open_row(&rig, number, rig.clock.now().minus(age)));
    }
    rig.poll_completely().await;
    rig.advance(HOUR);
    let before = told(&rig);

    let truth = rig.control.truth();
    let mut completed = truth.iter().filter(|row| row["status"] == "COMPLETED");
    let (edited, removed) = (id_of(completed.next().unwrap()), completed.next().unwrap());
    rig.control.set_field(&edited, "source_amount", json!("7.77")).unwrap();
    rig.control.remove(&id_of(removed)).unwrap();
    for number in 0..MOVED {
        move_to(&rig, number, if number.is_multiple_of(9) { "FAILED" } else { "COMPLETED" });
    }
    let mut late = truth[truth.len() / 3].clone();
    late["id"] = "came-late".into();
    late["ref_id"] = "came-late-1".into();
    rig.control.insert(late);

    let poll = rig.poll_completely().await;
    assert_eq!(poll.profiles[0].counts.changed, MOVED as u64, "the poll sees every move, and nothing else");
    let sweep = rig.poller.sweep(&ProfileSelection::All, SweepWindow::Everything);
    let sweep = tokio::time::timeout(Duration::from_secs(240), sweep).await.unwrap();
    assert!(sweep.is_complete(), "{sweep:#?}");
    let counts = &sweep.profiles[0].counts;
    assert_eq!((counts.appeared, counts.changed, counts.looked_up), (1, 1, 1));

    // The ledger keeps what is missing as it was.
    rig.control.insert(removed.clone());
    rig.assert_ledger_equals_truth();
    let mut expected = before;
    for number in 0..MOVED {
        expected.get_mut(&id(number)).unwrap().push_str(" changed");
    }
    expected.get_mut(&edited).unwrap().push_str(" changed");
    expected.get_mut(&id_of(removed)).unwrap().push_str(" went_missing");
    expected.insert("came-late".to_owned(), "appeared".to_owned());
    assert!(told(&rig) == expected, "the journal tells each once, and nothing else");
    rig.end().await;
}

/// Catches: a lane that does not see moves before the watermark, silent edits, removals or late rows, or that
/// tells one of them twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_one_poll_and_one_sweep_see_all_that_happened() {
    one_poll_and_one_sweep_see_it_all(3_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a minute and more: cargo test --release --test it -- --ignored of_100_000"]
async fn rule_01_one_poll_and_one_sweep_see_all_that_happened_of_100_000() {
    one_poll_and_one_sweep_see_it_all(100_000).await;
}
