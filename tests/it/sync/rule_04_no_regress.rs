//! Rule 4, no regress, no freeze: what a refresh is answered may come from a stale replica.

use tallyd::clock::Clock as _;
use tallyd::model::{PollResult, ProfileSelection, Shortfall, SweepWindow};
use tallyd::sim::{Endpoint, PinScope};

use super::open_rows::{HOUR, asked, id, kinds, move_leg, move_to, polled};
use crate::harness::{Rig, Setup, ledger_rows};

/// A world of open rows of which the ledger knows a newer state of the first than a replica that lags.
async fn lagging(scope: PinScope, open: usize) -> Rig {
    let rig = polled(Setup::of(0), open).await;
    let before = rig.clock.now();
    rig.advance(HOUR);
    move_leg(&rig, 0);
    rig.poll_completely().await;
    rig.advance(HOUR);
    rig.control.pin_stale(&id(0), before, scope).unwrap();
    rig.control.forget_requests();
    rig
}

fn leg(rig: &Rig) -> String {
    ledger_rows(&rig.path())[&id(0)]["source_transfer"]["status"].as_str().unwrap().to_owned()
}

/// Catches: a stale row of a refresh that overwrites a newer one, or is neither counted nor looked up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_04_a_stale_row_of_a_refresh_is_counted_looked_up_and_not_taken() {
    // By id and by status.
    for open in [20, 150] {
        let rig = lagging(PinScope::List, open).await;
        let outcome = rig.poll().await;
        assert_eq!(outcome.profiles[0].result, PollResult::Partial(vec![Shortfall::StaleRows(1)]));
        assert_eq!((rig.control.count(Endpoint::Get), outcome.profiles[0].counts.looked_up), (1, 1));
        assert_eq!(leg(&rig), "COMPLETED");
        rig.control.unpin(&id(0)).unwrap();
        rig.poll_completely().await;
        rig.end().await;
    }
}

/// Catches: a sweep that takes an older row over a newer one, or passes for complete with one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_04_a_stale_row_of_a_sweep_is_counted_and_not_taken() {
    let rig = lagging(PinScope::List, 20).await;
    let sweep = async || rig.poller.sweep(&ProfileSelection::All, SweepWindow::Everything).await;
    let outcome = sweep().await;
    assert_eq!(outcome.profiles[0].result, PollResult::Partial(vec![Shortfall::StaleRows(1)]));
    assert_eq!(leg(&rig), "COMPLETED");
    rig.control.unpin(&id(0)).unwrap();
    let outcome = sweep().await;
    assert!(outcome.is_complete(), "{outcome:#?}");
    assert_eq!(kinds(&rig, 0), ["appeared", "changed"]);
    rig.end().await;
}

/// Catches: a ledger that is frozen in a state that Paxos has taken back; one that takes it at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_04_the_same_older_answer_in_three_polls_running_is_taken() {
    for listed in [true, false] {
        let rig = lagging(PinScope::Everywhere, 20).await;
        if !listed {
            rig.control.never_answer(&id(0));
        }
        for (poll, expected) in ["COMPLETED", "COMPLETED", "PROCESSING"].into_iter().enumerate() {
            let outcome = rig.poll().await;
            let stale = PollResult::Partial(vec![Shortfall::StaleRows(1)]);
            // Taken from Get alone, it was never listed in an older state.
            let expected_result = if listed || poll < 2 { stale } else { PollResult::Complete };
            assert_eq!(outcome.profiles[0].result, expected_result, "listed: {listed}, poll {poll}");
            assert_eq!(leg(&rig), expected, "listed: {listed}, poll {poll}");
        }
        assert_eq!(kinds(&rig, 0), ["appeared", "changed", "went_back_in_time"]);
        rig.poll_completely().await;
        rig.end().await;
    }
}

/// Catches: a final row that a lagging list shows as open, taken for one that came back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_04_a_final_row_that_is_listed_as_open_stays_final() {
    let rig = polled(Setup::of(0), 250).await;
    let before = rig.clock.now();
    rig.advance(HOUR);
    move_to(&rig, 0, "COMPLETED");
    rig.poll_completely().await;
    rig.control.pin_stale(&id(0), before, PinScope::List).unwrap();
    rig.advance(HOUR);
    rig.control.forget_requests();
    let outcome = rig.poll().await;
    assert_eq!(asked(&rig), (0, 1));
    assert_eq!(outcome.profiles[0].result, PollResult::Partial(vec![Shortfall::StaleRows(1)]));
    assert_eq!(ledger_rows(&rig.path())[&id(0)]["status"], "COMPLETED");
    rig.end().await;
}
