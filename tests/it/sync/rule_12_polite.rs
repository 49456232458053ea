//! Rule 12, polite: a 429 stops everything to the host, also over a restart; nothing loops; the rate holds.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::Value;
use tallyd::clock::Clock as _;
use tallyd::model::{FailureKind, PollOutcome, Timestamp};
use tallyd::paxos::PageGuard;
use tallyd::sim::{Endpoint, Fault, FaultRate, Rate};

use crate::harness::{Rig, Setup, Shell, id_of, results_of, texts_of, wait_for_exit};

fn kinds(outcome: &PollOutcome) -> Vec<FailureKind> {
    outcome.profiles.iter().flat_map(|poll| poll.result.failures()).map(|failure| failure.kind).collect()
}

/// Catches: a client that asks on after a 429, and one that does not take five minutes where none are named.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_12_a_429_stops_every_profile() {
    for (retry_after, stop) in [(None, 300), (Some(Duration::from_secs(900)), 900)] {
        let rig = Rig::start(Setup::of(600).profiles(5).pages_of(20)).await;
        rig.client.profiles(tallyd::model::Lane::Discover).await.unwrap();
        let began = rig.clock.now();
        rig.control.script(Endpoint::List, vec![Fault::TooManyRequests { retry_after }; 5]);
        let client = rig.client.with_stop_patience(Duration::from_secs(5));
        let poller = rig.poller_with(&client);
        let outcome = poller.poll(&tallyd::model::ProfileSelection::All, tallyd::sync::Pace::ByGap).await;
        assert_eq!(results_of(&outcome), ["failed"; 5]);
        assert_eq!(kinds(&outcome), [FailureKind::Throttled; 5]);
        // Those that were under way when the first answer came are all there may be.
        assert!(rig.control.count(Endpoint::List) <= 5);
        let until = rig.client.stop().unwrap().until;
        assert!(
            until.since(began) >= Duration::from_secs(stop)
                && until.since(began) <= Duration::from_secs(stop + 1)
        );

        rig.control.forget_requests();
        let outcome = poller.poll(&tallyd::model::ProfileSelection::All, tallyd::sync::Pace::ByGap).await;
        assert_eq!(outcome.account_failure.unwrap().kind, FailureKind::Throttled);
        assert_eq!(rig.control.requests(), []);

        rig.control.clear_faults();
        rig.advance(Duration::from_secs(stop + 1));
        rig.poll_completely().await;
        drop(poller);
        rig.assert_ledger_equals_truth();
        rig.end().await;
    }
}

/// Catches: a stop that a restart forgets, and a `status` that does not name it.
#[test]
fn rule_12_the_stop_survives_a_restart() {
    let shell = Shell::new(Setup::of(40).profiles(1).sim);
    let stop = |seconds| [Fault::TooManyRequests { retry_after: Some(Duration::from_secs(seconds)) }];
    shell.control.script(Endpoint::List, stop(900));
    let ran = shell.run(&["poll"]);
    assert_eq!(ran.code, Some(75), "{}", ran.stderr);
    assert!(ran.stderr.contains("429"), "{}", ran.stderr);
    let status = shell.run_well(&["status"]);
    assert!(status.stdout.contains("429 stop") && status.stdout.contains("127.0.0.1"), "{}", status.stdout);
    let status: Value = serde_json::from_str(&shell.run_well(&["status", "--json"]).stdout).unwrap();
    assert_eq!(status["stops"].as_array().unwrap().len(), 1);

    shell.control.forget_requests();
    let ran = shell.run(&["poll"]);
    assert_eq!(ran.code, Some(75), "{}", ran.stderr);
    assert_eq!(shell.control.requests(), []);
    shell.end();
}

/// Catches: a warning for each answer of a service that names too short a pause again and again.
#[test]
fn rule_12_a_pause_that_is_too_short_is_told_once() {
    let shell = Shell::new(Setup::of(40).profiles(1).sim);
    let short = Fault::TooManyRequests { retry_after: Some(Duration::from_secs(1)) };
    shell.control.script(Endpoint::List, [short; 2]);
    let ran = shell.run_well(&["poll"]);
    assert_eq!(ran.stderr.matches("asked for a pause").count(), 1, "{}", ran.stderr);
    shell.end();
}

/// Catches: a stop that `show --live` met and nobody else hears of, also while another process polls.
#[test]
fn rule_12_the_stop_that_a_live_look_met_holds_for_everybody() {
    let shell = Shell::new(Setup::of(40).profiles(1).sim);
    shell.run_well(&["poll"]);
    let id = id_of(&shell.control.truth()[0]);
    let fault = Fault::TooManyRequests { retry_after: Some(Duration::from_secs(900)) };
    shell.control.forget_requests();
    shell.control.script(Endpoint::List, [Fault::Hang]);
    let mut polling = shell.command(&["poll"]).spawn().unwrap();
    shell.wait("the poll beside", shell.control.reached(Endpoint::List, 1));
    shell.control.script(Endpoint::Get, [fault]);
    let ran = shell.run(&["show", &id, "--live"]);
    assert_eq!(ran.code, Some(75), "{}", ran.stderr);
    assert!(!ran.stderr.contains("could not be kept"), "{}", ran.stderr);
    polling.kill().unwrap();
    wait_for_exit(&mut polling);
    let status: Value = serde_json::from_str(&shell.run_well(&["status", "--json"]).stdout).unwrap();
    assert_eq!(status["stops"].as_array().unwrap().len(), 1);
    shell.control.forget_requests();
    assert_eq!(shell.run(&["poll"]).code, Some(75));
    assert_eq!(shell.run(&["show", &id, "--live"]).code, Some(75));
    assert_eq!(shell.control.requests(), []);

    let connection = Connection::open(shell.ledger()).unwrap();
    connection
        .execute_batch(
            "DELETE FROM stop;
             CREATE TRIGGER full_disk BEFORE INSERT ON stop BEGIN SELECT raise(ABORT, 'no room'); END;",
        )
        .unwrap();
    drop(connection);
    shell.control.script(Endpoint::Get, [fault]);
    let ran = shell.run(&["show", &id, "--live"]);
    assert_eq!(ran.code, Some(75), "{}", ran.stderr);
    assert!(ran.stderr.contains("WARN") && ran.stderr.contains("could not be kept"), "{}", ran.stderr);
    shell.end();
}

/// Catches: a stop whose request was dropped before it could keep it, and that nobody keeps at the end.
#[test]
fn rule_12_a_stop_in_force_is_kept_once_more_at_the_end() {
    let shell = Shell::new(Setup::of(40).profiles(1).sim);
    shell.run_well(&["poll"]);
    let connection = Connection::open(shell.ledger()).unwrap();
    // The first attempt comes to nothing, as that of a request that is dropped does.
    connection
        .execute_batch(
            "CREATE TABLE tried (number INTEGER);
             CREATE TRIGGER first_is_lost BEFORE INSERT ON stop WHEN NOT EXISTS (SELECT 1 FROM tried)
             BEGIN INSERT INTO tried VALUES (1); SELECT raise(IGNORE); END;",
        )
        .unwrap();
    drop(connection);
    let fault = Fault::TooManyRequests { retry_after: Some(Duration::from_secs(900)) };
    shell.control.script(Endpoint::List, [fault]);
    assert_eq!(shell.run(&["poll"]).code, Some(75));
    assert_eq!(texts_of(&shell.ledger(), "SELECT count(*) FROM tried"), ["1"]);
    assert_eq!(texts_of(&shell.ledger(), "SELECT count(*) FROM stop"), ["1"]);
    shell.end();
}

/// Catches: a stop of a former process, begun under a wrong clock, that holds for ever.
#[test]
fn rule_12_a_kept_stop_holds_for_a_day_at_most() {
    let shell = Shell::new(Setup::of(40).profiles(1).sim);
    let fault = Fault::TooManyRequests { retry_after: Some(Duration::from_secs(900)) };
    shell.control.script(Endpoint::List, [fault]);
    assert_eq!(shell.run(&["poll"]).code, Some(75));
    let connection = Connection::open(shell.ledger()).unwrap();
    let month = 30 * 86_400 * 1_000_000_i64;
    assert_eq!(connection.execute("UPDATE stop SET until = until + ?1", [month]).unwrap(), 1);
    drop(connection);
    let outcome = shell.run(&["poll", "--json"]);
    assert_eq!(outcome.code, Some(75), "{}", outcome.stderr);
    let outcome: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let failure = outcome["account_failure"].as_str().unwrap();
    let (_, until) = failure.split_once("a pause until ").unwrap_or_else(|| panic!("{failure}"));
    let until = Timestamp::parse_rfc3339(until.split(' ').next().unwrap()).unwrap();
    let day = Duration::from_secs(86_400);
    assert!(until <= shell.control.now().plus(day), "{until}");
    assert!(until > shell.control.now().plus(day / 2), "{until}");
    shell.end();
}

/// Catches: the same for a stop that is short enough to be waited out, by a process that is killed meanwhile.
#[test]
fn rule_12_the_next_process_waits_the_rest_of_the_stop() {
    let shell = Shell::new(Setup::of(40).profiles(1).sim);
    shell
        .control
        .script(Endpoint::List, [Fault::TooManyRequests { retry_after: Some(Duration::from_secs(2)) }]);
    let mut child = shell.command(&["poll"]).spawn().unwrap();
    shell.wait("the 429", shell.control.reached(Endpoint::List, 1));
    let began = Instant::now();
    let kept = || shell.ledger().exists() && !texts_of(&shell.ledger(), "SELECT host FROM stop").is_empty();
    while !kept() {
        assert!(began.elapsed() < crate::harness::DEADLINE, "the stop was not kept");
        crate::harness::breathe();
    }
    child.kill().unwrap();
    wait_for_exit(&mut child);
    let refused_at = shell.control.requests_to(Endpoint::List)[0].at;
    shell.control.forget_requests();
    shell.run_well(&["poll"]);
    for request in shell.control.requests() {
        // `Retry-After` counts from the answer, which came after the request.
        assert!(request.at >= refused_at.plus(Duration::from_secs(2)), "asked during the stop: {request:?}");
    }
    shell.end();
}

/// Catches: a walk that follows a cursor in a circle, or pages without end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_12_what_never_ends_is_an_error_and_not_a_loop() {
    for (fault, results) in [
        (Fault::RepeatCursor, ["partial"]),
        (Fault::EndlessPages, ["partial"]),
        (Fault::EmptyPage, ["partial"]),
        (Fault::RepeatPage, ["partial"]),
    ] {
        let rig = Rig::start(Setup::of(60).profiles(1).pages_of(10)).await;
        rig.control.set_faults([FaultRate::on(Endpoint::List, fault, Rate::ALWAYS)]);
        let outcome = rig.poll().await;
        assert_eq!(results_of(&outcome), results, "{fault}: {outcome:#?}");
        assert_eq!(kinds(&outcome), [FailureKind::Protocol]);
        assert!(
            outcome.requests < 8 * u64::from(PageGuard::MAX_EMPTY_PAGES),
            "{fault}: {}",
            outcome.requests
        );
        assert_eq!(outcome.profiles[0].coverage, None);
        rig.control.clear_faults();
        rig.poll_completely().await;
        rig.assert_ledger_equals_truth();
        rig.end().await;
    }
}

/// Catches: requests that do not pass the limiter, whichever profile and endpoint they are for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_12_the_rate_holds_on_average() {
    let mut setup = Setup::of(300).profiles(4).pages_of(10);
    setup.requests_per_second = NonZeroU32::new(40).unwrap();
    let rig = Rig::start(setup).await;
    rig.control.set_faults([FaultRate::on(Endpoint::List, "503".parse().unwrap(), Rate::percent(10))]);
    let began = Instant::now();
    rig.poll().await;
    let millis = began.elapsed().as_millis();
    let sent = rig.control.requests().len() as u128;
    assert!(sent >= 34, "{sent} requests");
    // A second's worth may come at once at the beginning.
    assert!(sent <= 40 + millis * 40 / 1000, "{sent} requests in {millis} ms");
    rig.end().await;
}
