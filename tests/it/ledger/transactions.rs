//! Rule 3: what is seen, what follows from it and the position are one transaction, or nothing.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use tallyd::ledger::{PageCommit, Problem, Progress, Reader};
use tallyd::model::{Change, Identifier, Lane, Observation, Orchestration, PageFacts, Profile, Status, Step};

use crate::harness::{NOTES, note};

use super::{Bench, minute, moved, reached, row, rules_with, unreadable};

/// One note for each observation, under the orchestration and where it stands.
fn judge_all(facts: &PageFacts<'_>) -> Vec<Step> {
    let judge = |observation: &Observation<'_>| match observation {
        Observation::Row { now, .. } => note(&format!("{}:{}", now.id, now.status), now.status.as_str()),
        Observation::Unreadable { row, .. } => note(&format!("{}:unreadable", row.id), &row.problem),
    };
    facts.observations.iter().map(judge).collect()
}

/// Everything that a page could leave behind.
fn traces(bench: &Bench) -> Vec<i64> {
    let tables = [
        "orchestration",
        "also_listed",
        "unreadable",
        "stale_sighting",
        "journal_entry",
        "journal_batch",
        "break",
    ];
    let rows = tables.into_iter().map(|table| bench.count(&format!("SELECT count(*) FROM {table}")));
    let rest = [
        "SELECT coalesce(sum(position), 0) FROM slice",
        "SELECT coalesce(sum(done), 0) FROM slice",
        "SELECT sum(pages + rows + appeared + changed + unreadable + stale + without_id) FROM poll",
        "SELECT count(customer_id) FROM ledger",
    ];
    rows.chain(rest.into_iter().map(|sql| bench.count(sql))).collect()
}

fn of_another_customer(number: u32) -> Orchestration {
    Orchestration { customer_id: Some(Identifier::new("somebody-else")), ..row(number) }
}

#[tokio::test]
async fn rule_3_what_follows_is_committed_with_the_page_and_only_once() {
    let bench = Bench::with(rules_with(Arc::new(judge_all))).await;
    for _ in 0..2 {
        let page = PageCommit { unreadable: vec![unreadable(3, "{}")], ..bench.page(vec![row(1), row(2)]) };
        bench.ledger.commit_page(page).await.unwrap();
    }
    bench.commit(vec![moved(1, Status::Completed, 2)]).await;
    let connection = bench.sql();
    let mut statement = connection.prepare(&format!("{NOTES} ORDER BY number")).unwrap();
    let payloads: Vec<String> =
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(payloads, ["PROCESSING", "PROCESSING", "status is missing", "COMPLETED"]);
}

#[tokio::test]
async fn rule_3_a_page_that_fails_in_its_last_row_leaves_nothing() {
    let bench = Bench::with(rules_with(Arc::new(judge_all))).await;
    let listing = bench.begin_listing(Lane::Backfill, minute(0), minute(500)).await;
    let slice = listing.slices[0].key;
    let page = PageCommit { progress: reached(slice, 2), ..bench.page(vec![row(1), row(2)]) };
    bench.ledger.commit_page(page).await.unwrap();
    bench.commit_unreadable(unreadable(2, "{}")).await;
    let before = traces(&bench);
    let rows = vec![moved(1, Status::Completed, 1), row(2), row(3), of_another_customer(4)];
    let page = PageCommit {
        unreadable: vec![unreadable(9, "{}")],
        progress: Progress::Finished(slice),
        ..bench.page(rows)
    };
    let error = bench.ledger.commit_page(page).await.unwrap_err();
    assert!(matches!(error.problem, Problem::OtherCustomer { .. }), "{error}");
    assert_eq!(traces(&bench), before);
    // What was refused is not in the writer's memory either: the next page goes on as if it had not been.
    assert_eq!(bench.commit(vec![row(3)]).await.counts.appeared, 1);
    assert_eq!(bench.findings(), [""; 0]);
}

#[tokio::test]
async fn a_ledger_stays_with_the_first_customer_that_a_committed_page_shows() {
    let bench = Bench::new().await;
    let page = bench.page(vec![of_another_customer(1), row(2)]);
    assert!(bench.ledger.commit_page(page).await.is_err());
    let nameless = Orchestration { customer_id: None, ..row(3) };
    bench.commit(vec![nameless, row(2)]).await;
    let error = bench.ledger.commit_lookup(bench.page(vec![of_another_customer(2)])).await.unwrap_err();
    assert!(matches!(error.problem, Problem::OtherCustomer { .. }), "{error}");
}

#[tokio::test]
async fn rule_3_a_judge_that_panics_leaves_nothing_and_frees_the_ledger() {
    let bench = Bench::with(rules_with(Arc::new(|facts| {
        assert!(facts.observations.len() < 2, "a fault of a rule");
        Vec::new()
    })))
    .await;
    bench.commit(vec![row(1)]).await;
    let before = traces(&bench);
    let error = bench.ledger.commit_page(bench.page(vec![row(2), row(3)])).await.unwrap_err();
    assert!(matches!(error.problem, Problem::WriterGone), "{error}");
    assert!(matches!(bench.ledger.journal_head().await.unwrap_err().problem, Problem::WriterGone));
    assert_eq!(traces(&bench), before);
    let bench = bench.reopened().await;
    assert_eq!(bench.commit(vec![row(2), row(3)]).await.counts.appeared, 2);
}

#[tokio::test]
async fn the_judge_sees_what_was_before_what_is_now_and_since_when() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let bench = Bench::with(rules_with(Arc::new(move |facts| {
        assert_eq!(facts.profile, &Identifier::new("treasury"));
        assert_eq!(facts.first_poll_began_at, minute(0));
        for observation in facts.observations {
            if let Observation::Row { before, now, status_since, changes, .. } = observation {
                let before = before.map(|before| before.status.clone());
                notes.lock().unwrap().push((before, now.status.clone(), *status_since, changes.to_vec()));
            }
        }
        Vec::new()
    })))
    .await;
    bench.commit(vec![row(1)]).await;
    bench.commit(vec![row(1)]).await;
    bench.commit(vec![moved(1, Status::Completed, 4)]).await;
    // Stale: nothing was verified, so there is nothing to judge.
    bench.commit(vec![row(1)]).await;
    let seen = seen.lock().unwrap();
    let (processing, completed) = (Status::Processing, Status::Completed);
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[0], (None, processing.clone(), minute(1), vec![Change::Appeared]));
    assert_eq!(seen[1], (Some(processing.clone()), processing.clone(), minute(1), Vec::new()));
    let moved = Change::StatusMoved { from: processing.clone(), to: completed.clone() };
    assert_eq!((&seen[2].0, &seen[2].1, seen[2].2), (&Some(processing), &completed, minute(5)));
    assert!(seen[2].3.contains(&moved));
}

#[tokio::test]
async fn a_commit_whose_caller_has_gone_is_committed_all_the_same() {
    let bench = Bench::new().await;
    {
        let mut commit = pin!(bench.ledger.commit_page(bench.page(vec![row(1)])));
        // Polled once, so that it is with the writer; then dropped, as a cancelled task drops it.
        poll_fn(|context| {
            let _ = commit.as_mut().poll(context);
            Poll::Ready(())
        })
        .await;
    }
    assert_eq!(bench.ledger.journal_head().await.unwrap().seq, 1);
    assert!(bench.reader().orchestration(&row(1).id).unwrap().is_some());
}

#[tokio::test]
async fn the_last_handle_that_closes_closes_the_file() {
    let bench = Bench::new().await;
    bench.commit(vec![row(1)]).await;
    let (path, other) = (bench.path(), bench.ledger.clone());
    let wal = path.with_extension("db-wal");
    other.close().await;
    assert!(wal.exists(), "the file is open for as long as somebody may write");
    let (one, two) = (bench.ledger.clone(), bench.ledger.clone());
    drop(bench.ledger);
    tokio::join!(one.close(), two.close());
    assert!(!wal.exists(), "a closed ledger is one file");
    let reader = Reader::open(&path).unwrap();
    assert_eq!(reader.overview(minute(0)).unwrap().orchestrations, 1);
}

#[tokio::test]
async fn a_poll_that_a_killed_process_left_is_marked_as_interrupted() {
    let bench = Bench::new().await;
    let number = bench.poll.get();
    let bench = bench.reopened().await;
    let sql = format!("SELECT count(*) FROM polls WHERE number = {number} AND result = 'interrupted'");
    assert_eq!(bench.count(&sql), 1);
    let profile = Profile { id: Identifier::new("treasury"), name: Some("Treasury".to_owned()) };
    assert_eq!(bench.ledger.open_profile(profile, minute(77)).await.unwrap().key, bench.profile);
    assert_eq!(
        bench.count(
            "SELECT count(*) FROM coverage WHERE name = 'Treasury' AND first_poll_at LIKE '%T20:26:40%'"
        ),
        1,
        "a name may come later; the first poll stays when it was"
    );
}

/// The SQLite in tallyd is compiled to keep what a statement overwrites in memory, up to a size. Building the
/// late indexes of a long first backfill overwrites more.
#[test]
fn a_statement_that_overwrites_much_can_be_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let connection = rusqlite::Connection::open(folder.path().join("wide.db")).unwrap();
    let fill = "PRAGMA journal_mode = WAL;
         CREATE TABLE wide (number INTEGER PRIMARY KEY, text TEXT UNIQUE);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
         INSERT INTO wide SELECT i, printf('%08d', i) || hex(zeroblob(400)) FROM n;
         BEGIN";
    connection.execute_batch(fill).unwrap();
    assert_eq!(connection.execute("UPDATE wide SET text = 'a' || text", []).unwrap(), 10_000);
    // The last row but one fails: all before it is taken back.
    let half_way = "UPDATE wide SET text = CASE number WHEN 9999 THEN 'a00010000' || substr(text, 10)
         ELSE 'b' || text END";
    let refused = connection.execute(half_way, []).unwrap_err();
    assert_eq!(refused.sqlite_error_code(), Some(rusqlite::ErrorCode::ConstraintViolation));
    let count = "SELECT count(*) FROM wide WHERE substr(text, 1, 9) = printf('a%08d', number)";
    assert_eq!(connection.query_one(count, [], |row| row.get::<_, i64>(0)).unwrap(), 10_000);
    connection.execute_batch("COMMIT").unwrap();
}
