//! What `verify` finds when somebody edited a break.

use tallyd::ledger::{Deed, Rest};
use tallyd::model::{Orchestration, Status};

use crate::ledger::verification::{forger, unnoticed_edits};
use crate::ledger::{Bench, by_script, minute, moved, polled, row, unreadable};

use super::{acknowledged, failed, judged, late, resolved};

/// Breaks of every state and with every step, one of a row that was merged into another.
async fn bench() -> Bench {
    let bench = judged().await;
    bench.commit(vec![row(1), failed(2, "returned"), row(5)]).await;
    bench
        .commit(vec![late(1), failed(3, "long ago"), Orchestration { created_at: minute(50), ..row(5) }])
        .await;
    bench.commit_unreadable(unreadable(9, "{}")).await;
    bench.deed(&[1, 2], &acknowledged(), Rest::Left);
    bench.deed(&[1], &Deed::Unacknowledge, Rest::Left);
    bench.deed(&[2], &resolved(), Rest::Left);
    bench.commit(vec![moved(1, Status::Completed, 5)]).await;
    bench.commit(vec![moved(1, Status::Processing, 7)]).await;
    bench.deed(&[4, 5], &acknowledged(), Rest::Done);
    bench.ledger.build_indexes(polled(), minute(900)).await.unwrap();
    assert_eq!(bench.count("SELECT count(*) FROM journal WHERE kind = 'merged'"), 1);
    assert_eq!(bench.findings(), [""; 0]);
    if let Some((is_sound, said)) = by_script(&bench.path(), None) {
        assert!(is_sound, "{said}");
    }
    bench
}

#[tokio::test]
async fn an_edit_of_any_column_of_any_break_is_found() {
    let bench = bench().await;
    // What people were told last the journal does not tell.
    assert_eq!(unnoticed_edits(&bench, "break", "number", &["told"]), [""; 0]);
}

#[tokio::test]
async fn a_break_that_is_gone_or_too_many_is_found() {
    let edits = [
        "DELETE FROM break WHERE number = 1",
        "DELETE FROM break WHERE number = (SELECT max(number) FROM break)",
        "DELETE FROM break",
        "INSERT INTO break (kind, scope, subject, episode, severity, evidence, opened_at, since, history)
         VALUES ('failed', 1, 'x', 1, 1, '{\"type\":\"unknown_status\",\"status\":\"x\"}', 0, 0, 0)",
        "UPDATE break SET resolved_at = NULL, resolved_by = NULL, resolved_why = NULL WHERE number = 2",
        "UPDATE break SET muted_at = NULL, muted_by = NULL, muted_why = NULL, muted_until = NULL, muted_as = NULL",
        "UPDATE break SET evidence = replace(evidence, 'returned', 'refused')",
        "UPDATE break SET evidence = replace(evidence, '\":', '\" :')",
    ];
    for edit in edits {
        let bench = bench().await;
        forger(&bench).execute_batch(&format!("DELETE FROM delivery; DELETE FROM notice; {edit}")).unwrap();
        let findings = bench.findings();
        assert!(
            findings.iter().any(|finding| finding.contains("is not what the journal says of it")),
            "{edit}: {findings:?}"
        );
        if let Some((is_sound, said)) = by_script(&bench.path(), None) {
            // Its own spelling of evidence is not told by the view's columns.
            assert!(!is_sound || edit.contains("\" :"), "{edit}: {said}");
        }
    }
}
