//! Rule 10: a restored backup tells nothing old as new.

use std::path::{Path, PathBuf};

use tallyd::ledger::{Existing, Rest, Restored, RestoredOutbox, backup, restore};
use tallyd::model::{BreakNumber, Status};

use crate::ledger::{API, Bench, minute, moved, row};

use super::{acknowledged, failed, judged, resolved, rules};

fn restored(path: &Path, copy: &Path) -> Restored {
    restore(path, copy, API, minute(5000)).unwrap()
}

fn backed_up(bench: &Bench) -> PathBuf {
    let copy = bench.folder.path().join("copy.db");
    backup(&bench.path(), &copy, Existing::Keep).unwrap();
    copy
}

fn states(bench: &Bench) -> Vec<String> {
    crate::harness::texts_of(
        &bench.path(),
        "SELECT n.break || ' ' || n.occasion || ' ' || d.sink || ' ' || d.state || iif(d.next_at > 0, ' later', '')
         FROM notice AS n JOIN delivery AS d ON d.notice = n.number ORDER BY n.number, d.sink",
    )
}

#[tokio::test]
async fn rule_10_what_the_replaced_ledger_told_is_not_told_again() {
    let bench = judged().await;
    bench.commit(vec![failed(1, "returned"), row(2)]).await;
    let copy = backed_up(&bench);
    bench
        .sql()
        .execute_batch(
            "UPDATE delivery SET state = 'sent', attempts = 2, ended_at = 7 WHERE sink = 'slack' AND notice = 1;
             UPDATE delivery SET state = 'dead', error = 'gone' WHERE sink = 'slack' AND notice = 2;",
        )
        .unwrap();
    bench.commit(vec![failed(3, "returned")]).await;
    let (bench, done) = bench.meanwhile(|path| restored(path, &copy)).await;
    assert_eq!(done.outbox, RestoredOutbox { ended: 2, again: 0 });
    // What waits in both surely was not told.
    assert_eq!(states(&bench), ["1 opened pager waiting", "1 opened slack sent", "2 opened slack dead"]);
    assert_eq!(bench.findings(), [""; 0]);
    // Nobody who has number 3 in front of them means another break.
    bench.ledger.set_rules(rules());
    bench.commit(vec![failed(4, "returned")]).await;
    assert!(bench.reader().break_record(BreakNumber(3)).unwrap().is_none());
    assert!(bench.reader().break_record(BreakNumber(4)).unwrap().is_some());
}

#[tokio::test]
async fn rule_10_what_may_have_been_told_is_told_as_standing_and_only_if_it_still_does() {
    let bench = judged().await;
    bench.commit(vec![failed(1, "returned"), row(2), failed(3, "refused"), row(4)]).await;
    bench.deed(&[3], &resolved(), Rest::Left);
    bench.deed(&[4], &acknowledged(), Rest::Left);
    let copy = backed_up(&bench);
    // The ledger that was there is lost.
    let elsewhere = bench.folder.path().join("elsewhere.db");
    let done = restored(&elsewhere, &copy);
    assert_eq!(done.outbox, RestoredOutbox { ended: 0, again: 3 });
    let (bench, ()) = bench
        .meanwhile(|path| {
            std::fs::rename(&elsewhere, path).unwrap();
        })
        .await;
    assert_eq!(
        states(&bench),
        [
            // It begins nothing.
            "3 resolved pager waiting",
            "3 resolved slack waiting",
            "1 reminded pager waiting later",
            "1 reminded slack waiting later",
            "2 reminded slack waiting later",
        ]
    );
    assert_eq!(bench.findings(), [""; 0]);
    // A poll finds that the second is over: that it stands is not told any more.
    bench.ledger.set_rules(rules());
    bench.commit(vec![moved(2, Status::Completed, 5)]).await;
    let states = states(&bench);
    assert!(!states.iter().any(|state| state.starts_with("2 reminded")), "{states:?}");
}
