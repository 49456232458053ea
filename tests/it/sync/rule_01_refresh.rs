//! Rule 1, complete: after a complete poll every open orchestration is as new as the poll, whatever its age.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::json;
use tallyd::clock::Clock as _;
use tallyd::ledger::Rules;
use tallyd::model::{FailureKind, PollResult, Shortfall};
use tallyd::sim::{Canned, Control, Cursors, Endpoint, Fault, FaultRate, Rate, Scripted};
use tallyd::sync::Stopper;

use super::open_rows::{HOUR, asked, id, move_leg, move_to, open_row, polled};
use crate::harness::{Rig, Setup, in_time, ledger_rows, results_of};

fn refused() -> Scripted {
    Scripted::Answer(Canned { status: 400, headers: Vec::new(), body: Vec::new() })
}

/// Catches: open rows that are looked at only while they are young; one request a row; a refresh that lists
/// what the discovery has just listed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_every_open_row_is_seen_at_any_age_in_few_requests() {
    let rig = polled(Setup::of(0), 10_000).await;
    let outcome = rig.poll_completely().await;
    let endpoints = [Endpoint::Profiles, Endpoint::List, Endpoint::Get];
    let requests: u64 = endpoints.into_iter().map(|endpoint| rig.control.count(endpoint)).sum();
    assert!(requests <= 12, "{requests} requests");
    assert_eq!(asked(&rig), (0, 10));
    assert_eq!(outcome.profiles[0].counts.refreshed, 10_000);
    assert_eq!(outcome.profiles[0].counts.changed, 0);

    rig.advance(HOUR);
    for number in (0..10_000).step_by(20) {
        if number % 40 == 0 { move_to(&rig, number, "COMPLETED") } else { move_leg(&rig, number) }
    }
    rig.control.forget_requests();
    let outcome = rig.poll_completely().await;
    assert_eq!(outcome.profiles[0].counts.changed, 500);
    assert_eq!(asked(&rig), (3, 10), "those 250 that left are asked for by id");
    assert_eq!(rig.control.count(Endpoint::Get), 0);
    rig.assert_ledger_equals_truth();
    rig.end().await;
}

/// Catches: a few rows for which everything is listed; rows that a list by id leaves out of its pages.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_a_few_open_rows_are_asked_for_by_id_page_by_page() {
    let rig = polled(Setup::of(0).pages_of(7), 60).await;
    move_to(&rig, 3, "FAILED");
    move_leg(&rig, 59);
    let outcome = rig.poll_completely().await;
    assert_eq!(asked(&rig), (9, 0), "60 rows, 7 a page");
    assert_eq!(outcome.profiles[0].counts.changed, 2);
    assert_eq!(outcome.profiles[0].counts.refreshed, 60);
    rig.assert_ledger_equals_truth();
    rig.end().await;
}

/// Catches: one poll in which many rows ended, after which a list by status is never asked for again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_after_many_have_left_the_plan_is_found_again() {
    let rig = polled(Setup::of(0), 450).await;
    for (ended, expected) in [(0..0, (0, 1)), (0..200, (2, 1)), (200..200, (3, 0)), (200..200, (0, 1))] {
        rig.advance(HOUR);
        ended.for_each(|number| move_to(&rig, number, "COMPLETED"));
        rig.control.forget_requests();
        rig.poll_completely().await;
        assert_eq!(asked(&rig), expected);
    }
    rig.end().await;
}

/// Catches: rows that the discovery has just met and the refresh asks for again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_what_the_discovery_met_is_not_asked_for_again() {
    let rig = polled(Setup::of(0), 0).await;
    let created_at = rig.clock.now().minus(Duration::from_secs(60));
    (0..5).for_each(|number| rig.control.insert(open_row(&rig, number, created_at)));
    for _ in 0..2 {
        let outcome = rig.poll_completely().await;
        assert_eq!(outcome.profiles[0].counts.refreshed, 0);
    }
    assert_eq!(asked(&rig), (0, 0));
    rig.end().await;
}

/// Catches: a status that this version does not know, for which a list by status has no place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_rows_in_an_unknown_status_are_asked_for_by_id() {
    let rig = polled(Setup::of(0), 250).await;
    move_to(&rig, 17, "AWAITING_FUNDS");
    rig.poll_completely().await;
    rig.advance(HOUR);
    move_to(&rig, 17, "COMPLETED");
    rig.control.forget_requests();
    assert_eq!(rig.poll_completely().await.profiles[0].counts.changed, 1);
    assert_eq!(asked(&rig), (1, 1));
    rig.assert_ledger_equals_truth();
    rig.end().await;
}

/// Catches: ids that are asked for under a profile that lists the row no longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_a_row_that_another_profile_lists_by_now_is_found() {
    let rig = Rig::start(Setup::of(0).profiles(2)).await;
    rig.control.insert(open_row(&rig, 1, rig.clock.now().minus(HOUR)));
    rig.poll_completely().await;
    rig.advance(HOUR);
    let other = rig.profile(1).id.to_string();
    rig.control.set_field(&id(1), "profile_id", other).unwrap();
    move_to(&rig, 1, "COMPLETED");
    let outcome = rig.poll_completely().await;
    assert_eq!(outcome.profiles.iter().map(|poll| poll.counts.changed).sum::<u64>(), 1);
    assert_eq!(rig.control.count(Endpoint::Get), 0);
    rig.assert_ledger_equals_truth();
    rig.end().await;
}

/// Catches: a late row that a list by status shows and that is dropped because nobody asked for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_a_late_row_that_shows_up_is_taken() {
    let rig = polled(Setup::of(0), 150).await;
    rig.control.insert(open_row(&rig, 999, rig.clock.now().minus(10 * HOUR)));
    let outcome = rig.poll_completely().await;
    assert_eq!((asked(&rig), outcome.profiles[0].counts.appeared), ((0, 1), 1));
    rig.assert_ledger_equals_truth();
    rig.end().await;
}

/// Catches: a row that is skipped because one before it left the list between two pages.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_rows_that_leave_between_pages_hide_no_other() {
    let control: Arc<OnceLock<Control>> = Arc::default();
    let mut setup = Setup::of(0).pages_of(20);
    setup.sim.api.cursors = Cursors::Offset;
    let leaving = Arc::clone(&control);
    // While a page is written, the rows of the first one end, one after the other.
    let judge = move |_: &tallyd::model::PageFacts<'_>| {
        if let Some(control) = leaving.get() {
            let mut first_page = (0..20).map(id);
            let open = first_page.find(|id| control.truth_of(id).unwrap()["status"] != "COMPLETED");
            if let Some(id) = open {
                control.set_field(&id, "status", "COMPLETED").unwrap();
            }
        }
        Vec::new()
    };
    setup.rules = Rules { judge: Arc::new(judge), ..tallyd::sync::rules() };
    let rig = polled(setup, 150).await;
    (20..150).for_each(|number| move_leg(&rig, number));
    control.set(rig.control.clone()).unwrap();
    let outcome = rig.poll_completely().await;
    let (by_id, by_status) = asked(&rig);
    assert!(by_status >= 7 && by_id >= 1, "{by_id} by id, {by_status} by status");
    assert!(outcome.profiles[0].counts.refreshed < 150 + 20, "{outcome:#?}");
    let rows = ledger_rows(&rig.path());
    for number in 20..150 {
        assert_eq!(rows[&id(number)]["source_transfer"]["status"], "COMPLETED", "{number} was passed over");
    }
    rig.end().await;
}

/// Catches: a list by status that cannot be trusted to its end, and ends the refresh.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_where_the_list_by_status_fails_each_is_asked_for_by_id() {
    let rig = polled(Setup::of(0).pages_of(50), 150).await;
    (0..150).for_each(|number| move_leg(&rig, number));
    let steps = [Scripted::Honest, Scripted::Honest, Scripted::Fault(Fault::ExpiredCursor)];
    rig.control.script(Endpoint::List, steps);
    let outcome = rig.poll_completely().await;
    assert_eq!(outcome.profiles[0].counts.changed, 150);
    assert_eq!(asked(&rig), (2, 2), "100 rows by id in pages of 50, after two pages by status");
    rig.assert_ledger_equals_truth();
    rig.end().await;
}

/// Catches: a listing that cannot be understood and keeps every open row from being seen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_a_discovery_that_cannot_be_understood_holds_up_no_refresh() {
    let rig = polled(Setup::of(0), 30).await;
    move_to(&rig, 4, "COMPLETED");
    rig.control.script(Endpoint::List, [refused(), refused(), refused()]);
    let outcome = rig.poll().await;
    assert_eq!(outcome.profiles[0].counts.changed, 1);
    let PollResult::Partial(shortfalls) = &outcome.profiles[0].result else { panic!("{outcome:#?}") };
    let [Shortfall::CutShort(failure)] = shortfalls.as_slice() else { panic!("{shortfalls:?}") };
    assert_eq!(failure.kind, FailureKind::Protocol);
    // What was cut short is finished first in the next poll, and is no news then.
    rig.poll_completely().await;
    rig.assert_ledger_equals_truth();
    rig.end().await;
}

/// Catches: requests that go on where the discovery has shown that they lead to nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_what_would_fail_again_is_not_tried_again() {
    let rig = polled(Setup::of(0), 30).await;
    rig.control.set_faults([FaultRate::on(Endpoint::List, "503".parse().unwrap(), Rate::ALWAYS)]);
    assert_eq!(results_of(&rig.poll().await), ["failed"]);
    assert_eq!(asked(&rig), (0, 0));
    rig.end().await;
}

/// Catches: one request that fails for good and hides all rows behind it; a failed refresh that is rounded up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_ids_that_are_refused_hold_up_no_others() {
    let mut setup = Setup::of(0);
    setup.sim.api.max_page_rows = 1000;
    let rig = polled(setup, 150).await;
    (0..150).for_each(|number| move_to(&rig, number, "ON_HOLD"));
    rig.poll_completely().await;
    rig.advance(HOUR);
    (0..150).for_each(|number| move_to(&rig, number, "COMPLETED"));
    rig.control.script(Endpoint::List, [Scripted::Honest, refused()]);
    let outcome = rig.poll().await;
    assert_eq!(outcome.profiles[0].counts.changed, 50);
    let PollResult::Partial(shortfalls) = &outcome.profiles[0].result else { panic!("{outcome:#?}") };
    let [Shortfall::Unanswered(100), Shortfall::CutShort(_)] = shortfalls.as_slice() else {
        panic!("{shortfalls:?}")
    };
    rig.poll_completely().await;
    rig.assert_ledger_equals_truth();
    rig.end().await;
}

/// Catches: a filter that is not heeded, and the whole account taken for the answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_12_more_rows_than_ids_end_in_an_error() {
    let rig = polled(Setup::of(0), 1).await;
    let rows: Vec<_> = (5..9).map(|number| open_row(&rig, number, rig.clock.now().minus(HOUR))).collect();
    let all = Canned::json(json!({ "items": rows, "next_page_cursor": "more" }).to_string());
    rig.control.script(Endpoint::List, [Scripted::Honest, all.into()]);
    assert_eq!(results_of(&rig.poll().await), ["partial"]);
    assert_eq!(rig.control.count(Endpoint::List), 2);
    rig.poll_completely().await;
    rig.end().await;
}

/// Catches: a refresh that goes on waiting when it is told to stop.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_stops_when_it_is_told_to() {
    let rig = polled(Setup::of(0), 30).await;
    rig.control.script(Endpoint::List, [Scripted::Honest, Scripted::Fault(Fault::Hang)]);
    let (stopper, stopping) = Stopper::new();
    let poller = rig.poller.clone().with_stopping(stopping);
    let (outcome, ()) = tokio::join!(
        in_time(
            "the end of a stopped poll",
            poller.poll(&tallyd::model::ProfileSelection::All, tallyd::sync::Pace::ByGap)
        ),
        async {
            in_time("the refresh", rig.control.reached(Endpoint::List, 2)).await;
            stopper.stop();
        }
    );
    let failure = outcome.profiles[0].result.failures().next().unwrap();
    assert_eq!((results_of(&outcome)[0], failure.kind), ("partial", FailureKind::Stopped));
    drop(poller);
    rig.end().await;
}
