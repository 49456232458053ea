//! The late indexes, and rows of one orchestration that stand twice until they are built.

use tallyd::ledger::{EventKind, Indexes, PageCommit, Progress};
use tallyd::model::{Field, Lane, Orchestration, Status};

use super::{Bench, minute, moved, open_profile, polled, row};

/// The orchestration as if it had been created so many minutes later.
fn created_later(number: u32, status: Status, by: i64) -> Orchestration {
    let created_at = minute(i64::from(number) + by);
    Orchestration { created_at, ..moved(number, status, by) }
}

impl Bench {
    fn indexes(&self) -> Indexes {
        self.reader().overview(minute(0)).unwrap().indexes
    }
}

#[tokio::test]
async fn the_indexes_wait_for_the_first_backfill_and_are_built_once() {
    let bench = Bench::new().await;
    let listing = bench.begin_listing(Lane::Backfill, minute(0), minute(100)).await;
    let page = PageCommit { progress: Progress::Finished(listing.slices[0].key), ..bench.page(vec![row(1)]) };
    bench.ledger.commit_page(page).await.unwrap();
    bench.ledger.build_indexes(polled(), minute(900)).await.unwrap();
    assert_eq!(bench.indexes(), Indexes::AfterBackfill);
    assert_eq!(bench.reader().orchestration(&row(1).id).unwrap().unwrap().orchestration, row(1));
    bench.ledger.complete_listing(bench.profile, minute(100)).await.unwrap();
    for _ in 0..2 {
        bench.ledger.build_indexes(polled(), minute(900)).await.unwrap();
        assert_eq!(bench.indexes(), Indexes::Built);
    }
    assert_eq!(bench.reader().orchestration(&row(1).id).unwrap().unwrap().orchestration, row(1));
}

#[tokio::test]
async fn one_id_with_two_creations_becomes_one_row() {
    let bench = Bench::new().await;
    let other = open_profile(&bench.ledger, "payouts").await;
    let poll = bench.begin_poll(other).await;
    bench.commit(vec![row(1), row(2)]).await;
    let page =
        PageCommit { profile: other, poll, ..bench.page(vec![created_later(1, Status::Completed, 9)]) };
    assert_eq!(bench.ledger.commit_page(page).await.unwrap().counts.appeared, 1);
    assert_eq!(bench.findings(), [""; 0]);
    bench.backfill(vec![row(3)]).await;
    assert_eq!(bench.count("SELECT count(*) FROM orchestrations"), 3);
    let kept = bench.reader().orchestration(&row(1).id).unwrap().unwrap().orchestration;
    assert_eq!(kept, created_later(1, Status::Completed, 9));
    assert_eq!(bench.reader().listed_under(&row(1).id).unwrap().len(), 2);
    let history = bench.reader().history(&row(1).id).unwrap().unwrap();
    let kinds: Vec<_> = history.events.iter().map(|event| &event.kind).collect();
    let [EventKind::Appeared(first), EventKind::Merged, EventKind::Changed(changes)] = kinds[..] else {
        panic!("{kinds:?}");
    };
    assert_eq!(first[&Field::CreatedAt], minute(1).to_rfc3339());
    assert!(changes.iter().any(|change| change.field == Field::CreatedAt));
    assert_eq!(bench.findings(), [""; 0]);
    // The journal view names the orchestration of a merged row too.
    let id = row(1).id;
    let merged = format!("SELECT count(*) FROM journal WHERE kind = 'merged' AND orchestration_id = '{id}'");
    assert_eq!(bench.count(&merged), 1);
    // From now on, another creation is a change like any other.
    let committed = bench.commit(vec![created_later(2, Status::Processing, 3)]).await;
    assert_eq!((committed.counts.changed, committed.counts.appeared), (1, 0));
    assert_eq!(bench.findings(), [""; 0]);
}

/// Catches: a merge that a sweep under way forbids, so that the indexes are never built and no poll is complete.
#[tokio::test]
async fn rows_that_a_sweep_under_way_did_not_meet_are_merged_too() {
    let bench = Bench::new().await;
    bench.commit(vec![row(1), created_later(1, Status::Completed, 9), row(2)]).await;
    let sql = bench.sql();
    let window = "INSERT INTO sweep (profile, window, began_at, begins_at, ceiling, position) VALUES (?1, 'all', 0, 0, 9, 0)";
    sql.execute(window, [bench.count("SELECT key FROM profile")]).unwrap();
    sql.execute("INSERT INTO unmet SELECT 1, key FROM orchestration", []).unwrap();
    bench.backfill(vec![row(3)]).await;
    assert_eq!(bench.indexes(), Indexes::Built);
    // The one that is kept is still to be asked about.
    assert_eq!(bench.count("SELECT count(*) FROM unmet"), 2);
    assert_eq!(bench.count("SELECT count(*) FROM orchestrations"), 3);
    assert_eq!(bench.findings(), [""; 0]);
}

#[tokio::test]
async fn of_two_rows_the_newer_state_is_kept_whichever_came_first() {
    let bench = Bench::new().await;
    let newer = Orchestration { created_at: minute(1), ..moved(1, Status::Completed, 30) };
    bench.commit(vec![newer.clone()]).await;
    bench.commit(vec![created_later(1, Status::Processing, 9)]).await;
    bench.backfill(Vec::new()).await;
    assert_eq!(bench.reader().orchestration(&row(1).id).unwrap().unwrap().orchestration, newer);
    assert_eq!(bench.findings(), [""; 0]);
}

#[tokio::test]
async fn three_rows_that_had_a_life_before_they_were_merged_are_sound() {
    let mut bench = Bench::new().await;
    bench.commit(vec![row(1)]).await;
    bench.commit(vec![moved(1, Status::Completed, 2)]).await;
    let second = |status, after| Orchestration { created_at: minute(5), ..moved(1, status, after) };
    bench.commit(vec![second(Status::Pending, 4)]).await;
    bench.commit(vec![second(Status::Completed, 8)]).await;
    // The second row goes back in time before it is merged.
    let older = Orchestration { fail_reason: Some("no route".into()), ..second(Status::Processing, 6) };
    for _ in 0..3 {
        bench.next_poll().await;
        bench.lookup(&older).await;
    }
    bench.commit(vec![created_later(1, Status::Failed, 20)]).await;
    assert_eq!(bench.count("SELECT count(*) FROM orchestrations"), 3);
    assert_eq!(bench.findings(), [""; 0]);
    bench.backfill(Vec::new()).await;
    assert_eq!(bench.count("SELECT count(*) FROM orchestrations"), 1);
    let kept = bench.reader().orchestration(&row(1).id).unwrap().unwrap().orchestration;
    assert_eq!(kept, created_later(1, Status::Failed, 20));
    assert!(bench.reader().history(&row(1).id).unwrap().is_some());
    assert_eq!(bench.findings(), [""; 0]);
}

#[tokio::test]
async fn the_key_of_a_merged_row_is_never_given_to_another_one() {
    let bench = Bench::new().await;
    bench.commit(vec![row(1)]).await;
    bench.commit(vec![created_later(1, Status::Completed, 9)]).await;
    bench.backfill(Vec::new()).await;
    bench.commit(vec![row(2)]).await;
    let history = bench.reader().history(&row(2).id).unwrap().unwrap();
    assert!(matches!(history.events[..], [ref only] if matches!(only.kind, EventKind::Appeared(_))));
    assert_eq!(bench.findings(), [""; 0]);
}

#[tokio::test]
async fn a_merged_row_that_was_edited_in_the_journal_is_found() {
    let bench = Bench::new().await;
    bench.commit(vec![row(1)]).await;
    bench.commit(vec![created_later(1, Status::Completed, 9)]).await;
    bench.backfill(Vec::new()).await;
    bench
        .sql()
        .execute_batch(
            "DROP TRIGGER journal_entry_is_append_only;
             UPDATE journal_entry SET body = replace(body, '250.00', '350.00') WHERE kind = 6;",
        )
        .unwrap();
    let findings = bench.findings();
    assert_eq!(findings.len(), 2, "{findings:?}");
}
