//! Rule 6, no false missing: only Get's 404 makes a row missing, and never many at once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tallyd::clock::Clock as _;
use tallyd::ledger::{EventKind, Reader, Rules};
use tallyd::model::{Change, Observation, PageFacts, PollResult, Shortfall};
use tallyd::sim::{Endpoint, Fault, FaultRate, Rate, Scripted};

use super::open_rows::{HOUR, asked, id, kinds, move_to, open_row, polled};
use crate::harness::{Rig, Setup, ledger_rows, texts_of};

/// The ids that are missing by the public view.
fn missing(rig: &Rig) -> Vec<String> {
    texts_of(&rig.path(), "SELECT id FROM orchestrations WHERE missing_since IS NOT NULL ORDER BY id")
}

/// Catches: a row that is gone and nobody says so; one that makes every poll partial or is asked for by Get
/// again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_06_an_open_row_that_get_does_not_know_is_missing() {
    // By id and by status.
    for open in [30, 150] {
        let rig = polled(Setup::of(0), open).await;
        rig.control.remove(&id(8)).unwrap();
        let outcome = rig.poll_completely().await;
        assert_eq!((rig.control.count(Endpoint::Get), outcome.profiles[0].counts.looked_up), (1, 1));
        assert_eq!(missing(&rig), [id(8)]);
        assert_eq!(kinds(&rig, 8), ["appeared", "went_missing"]);
        assert_eq!(rig.overview().profiles[0].missing, 1);
        let reader = Reader::open(&rig.path()).unwrap();
        let since = reader.missing_since(&id(8).as_str().into()).unwrap().unwrap();
        assert_eq!(since.to_rfc3339_seconds(), rig.clock.now().to_rfc3339_seconds());
        let history = reader.history(&id(8).as_str().into()).unwrap().unwrap();
        assert_eq!(history.events.last().unwrap().kind, EventKind::WentMissing);
        rig.assert_sound();

        rig.advance(HOUR);
        rig.control.forget_requests();
        rig.poll_completely().await;
        assert_eq!(rig.control.count(Endpoint::Get), 0);
        assert!(asked(&rig).0 > 0, "it is still asked for by id");
        assert_eq!(kinds(&rig, 8), ["appeared", "went_missing"]);
        rig.end().await;
    }
}

/// Catches: a row that came back and is called missing for ever; what became of it meanwhile, lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_06_a_row_that_is_met_again_has_reappeared() {
    let rig = polled(Setup::of(0), 30).await;
    let until = rig.clock.now().plus(2 * HOUR);
    for number in [1, 2] {
        rig.control.hide_until(&id(number), until).unwrap();
    }
    rig.poll_completely().await;
    assert_eq!(missing(&rig), [id(1), id(2)]);
    rig.advance(3 * HOUR);
    move_to(&rig, 2, "COMPLETED");
    let outcome = rig.poll_completely().await;
    assert_eq!(missing(&rig), [""; 0]);
    assert_eq!(outcome.profiles[0].counts.changed, 1);
    assert_eq!(kinds(&rig, 1), ["appeared", "went_missing", "reappeared"]);
    assert_eq!(kinds(&rig, 2), ["appeared", "went_missing", "reappeared", "changed"]);
    rig.assert_ledger_equals_truth();
    rig.end().await;
}

/// Catches: a 403, a 5xx, a timeout or a damaged answer that is taken for "there is none".
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_06_only_a_404_makes_a_row_missing() {
    for fault in ["403", "500", "503-html", "hang", "not-json", "html-page", "redirect", "401"] {
        let mut setup = Setup::of(0);
        setup.request_timeout = Duration::from_millis(100);
        let rig = polled(setup, 30).await;
        rig.control.remove(&id(8)).unwrap();
        rig.control.set_faults([FaultRate::on(Endpoint::Get, fault.parse().unwrap(), Rate::ALWAYS)]);
        let outcome = rig.poll().await;
        let expected = PollResult::Partial(vec![Shortfall::Unanswered(1)]);
        assert_eq!(outcome.profiles[0].result, expected, "{fault}");
        assert_eq!(missing(&rig), [""; 0], "{fault}");
        rig.control.clear_faults();
        rig.end().await;
    }
}

/// Catches: a hundred critical breaks where one credential was cut back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_06_many_that_are_gone_at_once_are_not_called_missing() {
    let rig = polled(Setup::of(0), 60).await;
    (0..21).for_each(|number| rig.control.remove(&id(number)).unwrap());
    let outcome = rig.poll().await;
    let expected = PollResult::Partial(vec![Shortfall::ManyMissing { missing: 21, of: 60 }]);
    assert_eq!(outcome.profiles[0].result, expected);
    assert_eq!((rig.control.count(Endpoint::Get), missing(&rig).len()), (0, 0));
    rig.end().await;

    let rig = polled(Setup::of(0), 60).await;
    (0..20).for_each(|number| rig.control.remove(&id(number)).unwrap());
    rig.poll_completely().await;
    assert_eq!((rig.control.count(Endpoint::Get), missing(&rig).len()), (20, 20));
    rig.end().await;

    // One in a hundred is not many.
    let rig = polled(Setup::of(0), 2_100).await;
    (0..21).for_each(|number| rig.control.remove(&id(number)).unwrap());
    rig.poll_completely().await;
    assert_eq!(missing(&rig).len(), 21);
    rig.end().await;
}

/// Catches: a young row that a lagging replica does not know yet, called missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_06_a_young_row_that_a_lagging_replica_does_not_know_is_undecided() {
    let rig = polled(Setup::of(0), 5).await;
    let created_at = rig.clock.now().minus(Duration::from_secs(300));
    rig.control.insert(open_row(&rig, 77, created_at));
    rig.poll_completely().await;
    rig.advance(Duration::from_secs(240));
    rig.control.hide_until(&id(77), rig.clock.now().plus(Duration::from_secs(120))).unwrap();
    let outcome = rig.poll().await;
    assert_eq!(outcome.profiles[0].result, PollResult::Partial(vec![Shortfall::Unanswered(1)]));
    assert_eq!(missing(&rig), [""; 0]);
    rig.advance(Duration::from_secs(180));
    rig.poll_completely().await;
    rig.assert_ledger_equals_truth();
    rig.end().await;
}

/// Catches: a missing mark that outlives the row's return where that return is an older state or cannot be read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_06_what_is_met_in_any_state_is_not_missing() {
    let rig = polled(Setup::of(0), 30).await;
    let before = rig.clock.now();
    rig.advance(HOUR);
    move_to(&rig, 1, "ON_HOLD");
    rig.poll_completely().await;
    rig.advance(HOUR);
    let until = rig.clock.now().plus(HOUR);
    for number in [1, 2] {
        rig.control.hide_until(&id(number), until).unwrap();
    }
    rig.poll_completely().await;
    assert_eq!(missing(&rig), [id(1), id(2)]);
    rig.advance(2 * HOUR);
    rig.control.pin_stale(&id(1), before, tallyd::sim::PinScope::List).unwrap();
    rig.control.set_field(&id(2), "status", 7).unwrap();
    rig.control.hide_until(&id(1), before).unwrap();
    let outcome = rig.poll().await;
    assert_eq!(outcome.profiles[0].result, PollResult::Partial(vec![Shortfall::StaleRows(1)]));
    assert_eq!(outcome.profiles[0].counts.unreadable, 1);
    assert_eq!(missing(&rig), [""; 0]);
    assert_eq!(kinds(&rig, 1), ["appeared", "changed", "went_missing", "reappeared"]);
    assert_eq!(kinds(&rig, 2), ["appeared", "went_missing", "reappeared", "unreadable"]);
    rig.end().await;
}

/// Catches: a stale replica's list that brings a row back for good.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_06_a_row_that_only_a_lagging_list_shows_goes_missing_again() {
    let rig = polled(Setup::of(0), 30).await;
    rig.control.remove(&id(8)).unwrap();
    rig.poll_completely().await;
    rig.advance(HOUR);
    let lag = Fault::Stale { lag: 2 * HOUR };
    rig.control.script(Endpoint::List, [Scripted::Honest, Scripted::Fault(lag)]);
    rig.poll_completely().await;
    assert_eq!(missing(&rig), [""; 0]);
    rig.poll_completely().await;
    assert_eq!(missing(&rig), [id(8)]);
    assert_eq!(kinds(&rig, 8), ["appeared", "went_missing", "reappeared", "went_missing"]);
    assert_eq!(ledger_rows(&rig.path()).len(), 30);
    rig.end().await;
}

/// Catches: a row that goes missing or comes back unjudged, or in another transaction than it is judged in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_06_going_missing_and_coming_back_are_judged() {
    let judged: Arc<Mutex<Vec<(String, Change)>>> = Arc::default();
    let keep = Arc::clone(&judged);
    let judge = move |facts: &PageFacts<'_>| {
        for observation in facts.observations {
            if let Observation::Row { before: Some(_), now, changes, .. } = observation {
                let changes = changes.iter().map(|change| (now.id.to_string(), change.clone()));
                keep.lock().unwrap().extend(changes);
            }
        }
        Vec::new()
    };
    let mut setup = Setup::of(0);
    setup.rules = Rules { judge: Arc::new(judge), ..tallyd::sync::rules() };
    let rig = polled(setup, 30).await;
    rig.control.hide_until(&id(1), rig.clock.now().plus(HOUR)).unwrap();
    rig.poll_completely().await;
    rig.advance(2 * HOUR);
    rig.poll_completely().await;
    assert_eq!(*judged.lock().unwrap(), [(id(1), Change::WentMissing), (id(1), Change::Reappeared)]);
    rig.end().await;
}
