//! What pruning does to breaks.

use tallyd::ledger::{Existing, Rest, backup};
use tallyd::model::{BreakNumber, Orchestration, Status};

use crate::ledger::prune::{day, pruned};
use crate::ledger::{Bench, by_script, findings, moved};

use super::{acknowledged, failed, judged, resolved, rules, subject};

fn old(row: Orchestration) -> Orchestration {
    Orchestration { created_at: day(0), updated_at: Some(day(0)), ..row }
}

/// Breaks of long ago: 1 was resolved, 2 was not, 3 was acknowledged since, 4 is of a row that stays for another
/// reason and was resolved since.
async fn year() -> Bench {
    let mut bench = judged().await;
    bench.poll_on(1).await;
    let rows = (1..=4).map(|number| old(failed(number, "returned")));
    bench.seen(1, rows.collect()).await;
    bench.deed(&[1], &resolved(), Rest::Left);
    bench.poll_on(100).await;
    bench.deed_at(day(100), &[3], &acknowledged(), Rest::Left);
    bench.deed_at(day(100), &[4], &resolved(), Rest::Left);
    let late = Orchestration {
        updated_at: Some(day(100)),
        ref_id: Some("late".into()),
        ..old(failed(4, "returned"))
    };
    bench.seen(100, vec![late]).await;
    bench.poll_on(400).await;
    bench.cover(400).await;
    assert_eq!(bench.findings(), [""; 0]);
    bench
}

fn assert_sound(bench: &Bench) {
    assert_eq!(bench.findings(), [""; 0]);
    if let Some((is_sound, said)) = by_script(&bench.path(), None) {
        assert!(is_sound, "{said}");
    }
}

#[tokio::test]
async fn what_stands_stays_and_what_was_resolved_goes_with_its_row() {
    let (bench, done) = year().await.meanwhile(|path| pruned(path, day(50))).await;
    assert_eq!(done.counts.rows, 1);
    assert_sound(&bench);
    let reader = bench.reader();
    assert!(reader.break_record(BreakNumber(1)).unwrap().is_none());
    assert_eq!(bench.count("SELECT count(*) FROM notice WHERE break = 1"), 0);
    let story = reader.break_story(BreakNumber(3)).unwrap().unwrap();
    assert_eq!((story.pruned_at, story.steps.len()), (Some(day(400)), 1), "{story:?}");
    assert!(reader.history(&subject(3)).unwrap().is_some());
    // The ledger goes on, and is pruned once more.
    bench.ledger.set_rules(rules());
    bench.deed_at(day(401), &[2], &resolved(), Rest::Left);
    bench.commit(vec![moved(2, Status::Completed, 700_000)]).await;
    assert_sound(&bench);
    let (bench, _) = bench.meanwhile(|path| pruned(path, day(200))).await;
    assert_sound(&bench);
    // A break of the same is another episode, and is not told under a key that was used.
    bench.ledger.set_rules(rules());
    bench
        .commit(vec![Orchestration {
            fail_reason: Some("again".into()),
            ..moved(2, Status::Failed, 700_001)
        }])
        .await;
    let numbers = bench.reader().breaks_about(&subject(2)).unwrap();
    let last = bench.reader().break_record(numbers[1]).unwrap().unwrap();
    assert_eq!((last.standing.episode, last.former), (2, Some(BreakNumber(2))));
    assert_sound(&bench);
}

/// Catches: an account with old failures that keeps them all for ever; one that is not resolved being pruned.
#[tokio::test]
async fn history_that_nobody_closed_goes_with_its_row_and_the_journal_says_so() {
    let mut bench = judged().await;
    bench.poll_on(1).await;
    bench.seen(1, vec![old(failed(1, "long ago")), old(failed(2, "returned"))]).await;
    bench.poll_on(100).await;
    bench.seen(100, vec![old(failed(3, "returned"))]).await;
    bench.poll_on(400).await;
    bench.cover(400).await;
    let (bench, done) = bench.meanwhile(|path| pruned(path, day(50))).await;
    assert_eq!(done.counts.rows, 1);
    assert_sound(&bench);
    assert!(bench.reader().break_record(BreakNumber(1)).unwrap().is_none());
    assert!(bench.reader().break_record(BreakNumber(2)).unwrap().is_some());
    let resolved =
        "SELECT orchestration_id || ' ' || (details ->> 'why') || ' ' || (details ->> 'break') FROM journal
        WHERE kind = 'break_resolved'";
    assert_eq!(crate::harness::texts_of(&bench.path(), resolved), [format!("{} pruned 1", subject(1))]);
    // What says that it went is no licence to take others away.
    let copy = bench.folder.path().join("copy.db");
    backup(&bench.path(), &copy, Existing::Replace).unwrap();
    let edit = "DELETE FROM delivery; DELETE FROM notice; DELETE FROM break";
    rusqlite::Connection::open(&copy).unwrap().execute_batch(edit).unwrap();
    assert_ne!(findings(&tallyd::ledger::Reader::open(&copy).unwrap()), [""; 0]);
    let (bench, _) = bench.meanwhile(|path| pruned(path, day(200))).await;
    assert_sound(&bench);
}

#[tokio::test]
async fn an_edit_of_a_break_that_was_carried_is_found() {
    let (bench, _) = year().await.meanwhile(|path| pruned(path, day(50))).await;
    assert_eq!(bench.count("SELECT count(*) FROM journal WHERE kind = 'break_carried'"), 3);
    let edits = [
        "UPDATE break SET severity = 1 WHERE number = 2",
        "UPDATE break SET opened_at = opened_at + 1 WHERE number = 2",
        "UPDATE break SET muted_why = 'x' WHERE number = 3",
        "UPDATE break SET resolved_by = 'bob' WHERE number = 4",
        "UPDATE break SET evidence = replace(evidence, 'returned', 'refused') WHERE number = 2",
        "DELETE FROM delivery; DELETE FROM notice; DELETE FROM break WHERE number = 2",
    ];
    for edit in edits {
        let copy = bench.folder.path().join("copy.db");
        backup(&bench.path(), &copy, Existing::Replace).unwrap();
        rusqlite::Connection::open(&copy).unwrap().execute_batch(edit).unwrap();
        assert_ne!(findings(&tallyd::ledger::Reader::open(&copy).unwrap()), [""; 0], "{edit}");
        if let Some((is_sound, said)) = by_script(&copy, None) {
            assert!(!is_sound, "{edit}: {said}");
        }
    }
}
