//! Rule 2, honest: an id that was asked for and not answered is looked up by Get; what stays unknown makes the
//! poll partial.

use tallyd::model::{FailureKind, PollResult, Shortfall};
use tallyd::sim::{Endpoint, Fault, FaultRate, Rate};

use super::open_rows::{id, move_to, polled};
use crate::harness::{Setup, results_of, texts_of};

/// Catches: ids that a list leaves out and nobody asks for again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_02_an_id_that_no_list_answers_is_looked_up() {
    let rig = polled(Setup::of(0), 40).await;
    for number in [5, 6] {
        move_to(&rig, number, "COMPLETED");
        rig.control.never_answer(&id(number));
    }
    let outcome = rig.poll_completely().await;
    let counts = outcome.profiles[0].counts;
    assert_eq!((counts.refreshed, counts.looked_up, counts.changed), (38, 2, 2));
    assert_eq!(rig.control.count(Endpoint::Get), 2);
    let noted = texts_of(&rig.path(), "SELECT refreshed, looked_up FROM polls ORDER BY number DESC LIMIT 1");
    assert_eq!(noted, ["38 2"]);
    rig.assert_ledger_equals_truth();
    rig.end().await;
}

/// Catches: ids that nobody answered, in a poll that calls itself complete.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_02_an_id_that_stays_unknown_makes_the_poll_partial() {
    let rig = polled(Setup::of(0), 40).await;
    for number in [5, 6] {
        move_to(&rig, number, "COMPLETED");
        rig.control.never_answer(&id(number));
    }
    rig.control.set_faults([FaultRate::on(Endpoint::Get, "503".parse().unwrap(), Rate::ALWAYS)]);
    let outcome = rig.poll().await;
    assert_eq!(outcome.profiles[0].result, PollResult::Partial(vec![Shortfall::Unanswered(2)]));
    let noted = texts_of(&rig.path(), "SELECT result, reason FROM polls ORDER BY number DESC LIMIT 1");
    assert!(noted[0].starts_with("partial 2 orchestrations"), "{noted:?}");
    rig.control.clear_faults();
    assert_eq!(rig.poll_completely().await.profiles[0].counts.changed, 2);
    rig.assert_ledger_equals_truth();
    rig.end().await;
}

/// Catches: a service that is down, asked for each of many rows in turn; a pause that is passed by.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_02_where_look_ups_fail_one_after_the_other_the_rest_waits() {
    let rig = polled(Setup::of(0), 40).await;
    (0..20).for_each(|number| rig.control.never_answer(&id(number)));
    rig.control.set_faults([FaultRate::on(Endpoint::Get, Fault::Forbidden, Rate::ALWAYS)]);
    let outcome = rig.poll().await;
    assert_eq!(outcome.profiles[0].result, PollResult::Partial(vec![Shortfall::Unanswered(20)]));
    assert_eq!(rig.control.count(Endpoint::Get), 3);

    rig.control.forget_requests();
    let pause = Fault::TooManyRequests { retry_after: Some(std::time::Duration::from_secs(3600)) };
    rig.control.set_faults([FaultRate::on(Endpoint::Get, pause, Rate::ALWAYS)]);
    let outcome = rig.poll().await;
    assert_eq!((results_of(&outcome)[0], rig.control.count(Endpoint::Get)), ("partial", 1));
    let PollResult::Partial(shortfalls) = &outcome.profiles[0].result else { panic!("{outcome:#?}") };
    let [Shortfall::Unanswered(20), Shortfall::CutShort(failure)] = shortfalls.as_slice() else {
        panic!("{shortfalls:?}")
    };
    assert_eq!(failure.kind, FailureKind::Throttled);
    rig.end().await;
}

/// Catches: answers that leave out ids at random, believed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_02_lists_that_leave_ids_out_at_random_lose_nothing() {
    let rig = polled(Setup::of(0), 20).await;
    (0..20).for_each(|number| move_to(&rig, number, if number % 2 == 0 { "FAILED" } else { "PROCESSING" }));
    rig.control.set_faults([FaultRate::on(Endpoint::List, Fault::OmitIds, Rate::ALWAYS)]);
    let outcome = rig.poll_completely().await;
    assert!(outcome.profiles[0].counts.looked_up > 0);
    rig.assert_ledger_equals_truth();
    rig.end().await;
}
