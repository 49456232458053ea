//! Rule 4, no regress: looking up a row that was listed in an older state.

use std::time::Duration;

use serde_json::json;
use tallyd::clock::Clock as _;
use tallyd::sim::{Canned, Endpoint, Fault, FaultRate, PinScope, Rate};

use crate::harness::{Rig, Setup, ledger_rows, results_of};

/// A rig whose ledger knows `lagging` as completed, while lists go on to show how it was before.
async fn with_a_stale_row(scope: PinScope) -> Rig {
    let rig = Rig::start(Setup::of(20).profiles(1)).await;
    let profile = rig.control.profiles().swap_remove(0).id;
    let created_at = rig.clock.now().to_rfc3339();
    rig.control.insert(json!({ "id": "lagging", "profile_id": profile, "status": "PROCESSING",
        "created_at": created_at, "updated_at": created_at }));
    rig.advance(Duration::from_secs(5));
    rig.poll_completely().await;
    let stale_time = rig.clock.now();
    rig.advance(Duration::from_secs(60));
    let completed_at = rig.clock.now().to_rfc3339();
    rig.control
        .alter("lagging", |fields| {
            fields.insert("status".to_owned(), "COMPLETED".into());
            fields.insert("updated_at".to_owned(), completed_at.into());
        })
        .unwrap();
    rig.poll_completely().await;
    rig.control.pin_stale("lagging", stale_time, scope).unwrap();
    rig
}

fn status(rig: &Rig) -> String {
    ledger_rows(&rig.path())["lagging"]["status"].as_str().unwrap().to_owned()
}

/// Catches: the rest of a listing and the new one after it that count as two polls running.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_04_a_round_of_two_polls_confirms_an_older_answer_once() {
    let rig = with_a_stale_row(PinScope::Everywhere).await;
    rig.control.set_faults([FaultRate::on(Endpoint::List, Fault::Redirect, Rate::ALWAYS)]);
    assert_eq!(results_of(&rig.poll().await), ["failed"]);
    rig.control.clear_faults();
    rig.control.forget_requests();
    rig.poll().await;
    assert_eq!(rig.control.count(Endpoint::Get), 2, "once in the rest and once in the new listing");
    assert_eq!(status(&rig), "COMPLETED");
    for expected in ["COMPLETED", "PROCESSING"] {
        rig.poll().await;
        assert_eq!(status(&rig), expected);
    }
    rig.end().await;
}

/// Catches: an answer under another spelling of the id, taken in as another orchestration.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_04_an_answer_under_another_spelling_of_the_id_is_not_taken() {
    let rig = with_a_stale_row(PinScope::List).await;
    let truth = rig.control.truth();
    let mut row = truth.into_iter().find(|row| row["id"] == "lagging").unwrap();
    row["id"] = "LAGGING".into();
    rig.control.forget_requests();
    rig.control.script(Endpoint::Get, [Canned::json(row.to_string())]);
    assert_eq!(results_of(&rig.poll().await), ["partial"]);
    assert_eq!(rig.control.count(Endpoint::Get), 1);
    assert!(!ledger_rows(&rig.path()).contains_key("LAGGING"));
    rig.control.unpin("lagging").unwrap();
    rig.poll_completely().await;
    rig.assert_ledger_equals_truth();
    rig.end().await;
}
