//! Polls by their interval, what is logged of them, and the pause that they keep.

use std::time::{Duration, Instant};

use tallyd::sim::{Endpoint, ErrorBody, Fault, Latency, ServerError};

use super::{rows, shell, until};

#[test]
fn the_first_poll_is_made_at_once_and_the_next_ones_by_the_interval() {
    let shell = shell("1s");
    let began = Instant::now();
    let daemon = shell.start_daemon();
    shell.wait("five polls", shell.control.reached(Endpoint::Profiles, 5));
    // Four intervals of nine tenths at the least.
    assert!(began.elapsed() >= Duration::from_millis(3600), "{:?}", began.elapsed());
    let log = daemon.stop();
    // What found nothing new is not told at the usual level.
    assert_eq!(log.matches("poll complete").count(), 1, "{log}");
    shell.end();
}

/// Catches: the same warning at every poll, and an end of trouble that nobody hears of.
#[test]
fn trouble_is_told_once_and_its_end_too() {
    let shell = shell("1s");
    shell.run_well(&["poll"]);
    shell.control.script(Endpoint::List, vec![Fault::Forbidden; 3]);
    let daemon = shell.start_daemon();
    daemon.wait_for("poll complete again", 1);
    let log = daemon.stop();
    assert_eq!(log.matches("poll not complete").count(), 1, "{log}");
    assert!(log.contains("times=3"), "{log}");
    shell.end();
}

/// Catches: a poll at a terminal that is silent through an outage until it fails; a daemon that tells each
/// minute, or after each reload, that it tries again.
#[test]
fn the_first_retry_is_told_and_the_next_ones_are_not() {
    let shell = shell("1h");
    let error = Fault::ServerError(ServerError::Internal, ErrorBody::Problem);
    shell.control.script(Endpoint::List, [error, error]);
    let told = shell.run_well(&["poll"]).stderr;
    assert_eq!(told.matches("is sent again").count(), 1, "{told}");
    assert!(told.contains("was answered 500") || told.contains("500"), "{told}");

    shell.control.script(Endpoint::List, [error, error]);
    let daemon = shell.start_daemon();
    daemon.wait_for("is sent again", 1);
    shell.run_well(&["poll"]);
    daemon.signal("-HUP");
    daemon.wait_for("was read again", 1);
    shell.control.script(Endpoint::List, [error]);
    shell.run_well(&["poll"]);
    let log = daemon.stop();
    assert_eq!(log.matches("is sent again").count(), 1, "{log}");
    shell.end();
}

/// Catches: a duration by the server's clock, which has whole seconds.
#[test]
fn how_long_a_poll_took_is_measured() {
    let shell = shell("1h");
    shell.control.set_latency(Latency { fixed: Duration::from_millis(150), jitter: Duration::ZERO });
    let began = Instant::now();
    let daemon = shell.start_daemon();
    let line = daemon.wait_for("poll complete", 1);
    let duration = line.split_once("duration_ms=").unwrap().1;
    let duration = duration.split_whitespace().next().unwrap().parse::<u128>().unwrap();
    // The token, the profiles, a page.
    assert!((450..=began.elapsed().as_millis()).contains(&duration), "{line}");
    daemon.stop();
    shell.end();
}

/// Catches: a daemon whose polls cannot be noted, or hang, and a status that has the next one due at any moment.
#[test]
fn a_poll_that_is_long_overdue_is_told() {
    let shell = shell("1h");
    let daemon = shell.start_daemon();
    daemon.wait_for("poll complete", 1);
    let told = shell.run_well(&["status"]).stdout;
    assert!(told.contains("about 20") && !told.contains("overdue"), "{told}");
    let connection = rusqlite::Connection::open(shell.ledger()).unwrap();
    connection.execute("UPDATE poll SET began_at = began_at - 4 * 3600 * 1000000", []).unwrap();
    let told = shell.run_well(&["status"]).stdout;
    assert!(told.contains("overdue"), "{told}");
    daemon.stop();
    let told = shell.run_well(&["status"]).stdout;
    assert!(!told.contains("overdue"), "{told}");
    shell.end();
}

/// Catches: a daemon that polls on while Paxos has asked somebody beside it for a pause.
#[test]
fn rule_12_a_pause_that_was_asked_of_another_process_holds_for_the_daemon() {
    let shell = shell("1s");
    let daemon = shell.start_daemon();
    until(&shell, "SELECT count(*) > 0 FROM poll WHERE result = 'complete'", &["1"]);
    let id = crate::harness::id_of(&shell.control.truth()[0]);
    let pause = Duration::from_secs(900);
    shell.control.script(Endpoint::Get, [Fault::TooManyRequests { retry_after: Some(pause) }]);
    assert_eq!(shell.run(&["show", &id, "--live"]).code, Some(75));
    daemon.wait_for("another tallyd was asked for a pause", 1);
    // What is asked for now goes through the daemon, which sends nothing.
    until(&shell, "SELECT count(*) FROM poll WHERE result = 'running'", &["0"]);
    shell.control.forget_requests();
    assert_eq!(shell.run(&["poll"]).code, Some(75));
    assert_eq!(shell.control.requests(), []);
    let log = daemon.stop();
    assert_eq!(log.matches("was asked for a pause").count(), 1, "{log}");
    assert_eq!(rows(&shell, "SELECT count(*) FROM stop").unwrap(), ["1"]);
    shell.end();
}

/// Catches: a daemon that polls on during a pause, or waits on after it.
#[test]
fn rule_12_the_next_poll_comes_no_sooner_than_the_end_of_a_pause() {
    let shell = shell("1s");
    shell.run_well(&["poll"]);
    let pause = Duration::from_secs(125);
    shell.control.script(Endpoint::List, [Fault::TooManyRequests { retry_after: Some(pause) }]);
    let daemon = shell.start_daemon();
    daemon.wait_for("poll not complete", 1);
    shell.control.forget_requests();
    // Those who ask for a poll are answered at once. The daemon's own would be more than these by now.
    let polls = rows(&shell, "SELECT count(*) FROM poll").unwrap().swap_remove(0).parse::<usize>().unwrap();
    for _ in 0..3 {
        assert_eq!(shell.run(&["poll"]).code, Some(75));
    }
    assert_eq!(rows(&shell, "SELECT count(*) FROM poll").unwrap(), [(polls + 3).to_string()]);
    // The pause is longer than a poll waits out by itself. It is cut short where it is kept.
    daemon.stop();
    let connection = rusqlite::Connection::open(shell.ledger()).unwrap();
    let soon = "UPDATE stop SET until = until - 120000000";
    assert_eq!(connection.execute(soon, []).unwrap(), 1);
    let until = rows(&shell, "SELECT until FROM stop").unwrap().swap_remove(0);
    drop(connection);
    let daemon = shell.start_daemon();
    daemon.wait_for("watching", 1);
    shell.wait("the poll after the pause", shell.control.reached(Endpoint::List, 1));
    let now = tallyd::clock::Clock::now(&tallyd::clock::SystemClock).as_micros();
    assert!(now >= until.parse::<i64>().unwrap());
    daemon.stop();
    shell.end();
}
