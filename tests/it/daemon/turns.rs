//! Turns: a profile that takes long holds up no other, and no profile is polled twice at the same time.

use tallyd::sim::Endpoint;

use super::{rows, until};
use crate::harness::{Setup, Shell, wait_for_exit};

/// Two profiles, polled this often; the lists of the first one are not answered.
fn shell(every: &str) -> (Shell, String, String) {
    let shell = Shell::new(Setup::of(60).profiles(2).pages_of(10).sim);
    shell.configure(&[("+", &format!("[poll]\nevery = {every:?}\n"))]);
    let [slow, other] = [0, 1].map(|index| shell.control.profiles().swap_remove(index).id);
    (shell, slow, other)
}

/// How many polls of a profile have this result.
fn polls(profile: &str, result: &str) -> String {
    format!("SELECT count(*) FROM polls WHERE profile_id = '{profile}' AND result = '{result}'")
}

/// How often lists of a profile were asked for.
fn asked(shell: &Shell, profile: &str) -> usize {
    let lists = shell.control.requests_to(Endpoint::List);
    lists.iter().filter(|request| request.path_and_query.contains(profile)).count()
}

/// Catches: a first backfill that takes hours, and polls of the other profiles and requests for them that wait for
/// it; a status that passes it over; a coverage that claims it.
#[test]
fn a_long_backfill_holds_up_no_other_profile() {
    let (shell, slow, other) = shell("1s");
    shell.control.hold_back(&slow);
    let daemon = shell.start_daemon();
    shell.wait("the fourth round", shell.control.reached(Endpoint::Profiles, 4));
    until(&shell, &format!("SELECT ({}) >= 3", polls(&other, "complete")), &["1"]);
    let begun = daemon.wait_for("a backfill begins", 1);
    assert!(
        daemon.lines().iter().any(|line| line.contains("a backfill begins") && line.contains(&slow)),
        "{begun}"
    );

    let served = shell.run_well(&["poll", "--json", "--profile", &other]).stdout;
    let served: serde_json::Value = serde_json::from_str(&served).unwrap();
    assert_eq!((&served["complete"], served["profiles"].as_array().unwrap().len()), (&true.into(), 1));

    // Only its first page was asked for, by one poll.
    assert_eq!(asked(&shell, &slow), 1);
    let status = shell.run_well(&["status", "--json"]).stdout;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let running = &status["service"]["in_progress"];
    assert!(
        running
            .as_array()
            .unwrap()
            .iter()
            .any(|poll| poll["profile_id"] == *slow && poll["lane"] == "backfill"),
        "{running}"
    );
    assert_eq!(rows(&shell, &polls(&slow, "complete")).unwrap(), ["0"]);
    let covered = format!("SELECT count(covered_to) FROM coverage WHERE profile_id = '{slow}'");
    assert_eq!(rows(&shell, &covered).unwrap(), ["0"]);

    shell.control.let_go(&slow);
    until(&shell, &format!("SELECT ({}) >= 2", polls(&slow, "complete")), &["1"]);
    assert_eq!(rows(&shell, "SELECT count(*) FROM polls WHERE result = 'interrupted'").unwrap(), ["0"]);
    daemon.stop();
    shell.end();
}

/// Catches: indexes that are built in the middle of a backfill, which they slow down; those that are never built.
#[test]
fn the_late_indexes_wait_for_the_last_backfill() {
    let (shell, slow, other) = shell("1s");
    shell.control.hold_back(&slow);
    let daemon = shell.start_daemon();
    until(&shell, &format!("SELECT ({}) >= 2", polls(&other, "complete")), &["1"]);
    shell.run_well(&["poll", "--profile", &other]);
    let indexes = "SELECT count(*) FROM sqlite_schema WHERE name = 'orchestration_by_id'";
    assert_eq!(rows(&shell, indexes).unwrap(), ["0"]);
    shell.control.let_go(&slow);
    until(&shell, indexes, &["1"]);
    daemon.stop();
    shell.end();
}

/// Catches: a requested poll beside that of the interval, and one that waits for another profile's.
#[test]
fn a_request_for_a_busy_profile_waits_for_its_turn_and_no_other_does() {
    let (shell, slow, other) = shell("1h");
    shell.run_well(&["poll"]);
    shell.control.hold_back(&slow);
    shell.control.forget_requests();
    let daemon = shell.start_daemon();
    until(&shell, &polls(&other, "complete"), &["2"]);
    let asks = |arguments: &[&str], taken: &str| {
        let child = shell.command(arguments).spawn().unwrap();
        until(&shell, "SELECT count(*) FROM request WHERE state = 'taken'", &[taken]);
        child
    };
    let one = asks(&["poll", "--profile", &slow], "1");
    let all = asks(&["poll", "--json"], "2");
    // The request for all has done what it can.
    until(&shell, &polls(&other, "complete"), &["3"]);
    assert_eq!(asked(&shell, &slow), 1);
    shell.control.let_go(&slow);
    for mut child in [one, all] {
        assert!(wait_for_exit(&mut child).success());
        let ran = child.wait_with_output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
    }
    assert_eq!(rows(&shell, &polls(&slow, "complete")).unwrap(), ["4"]);
    assert_eq!(rows(&shell, "SELECT count(*) FROM polls WHERE result <> 'complete'").unwrap(), ["0"]);
    daemon.stop();
    shell.end();
}

/// Catches: rounds that pile up behind a poll that takes longer than the interval; a profile that waits for one
/// more interval after it.
#[test]
fn a_poll_that_takes_longer_than_the_interval_is_followed_by_one_at_once() {
    let (shell, slow, _) = shell("1s");
    shell.run_well(&["poll"]);
    shell.control.hold_back(&slow);
    shell.control.forget_requests();
    let daemon = shell.start_daemon();
    shell.wait("the fourth round", shell.control.reached(Endpoint::Profiles, 4));
    assert_eq!(asked(&shell, &slow), 1);
    // From now on no round comes in time.
    shell.configure(&[("every = \"1s\"", "every = \"1h\"")]);
    daemon.signal("-HUP");
    daemon.wait_for("was read again", 1);
    shell.control.let_go(&slow);
    until(&shell, &polls(&slow, "complete"), &["3"]);
    daemon.stop();
    shell.end();
}

/// Catches: a stop that waits for a turn; a request that ends with a poll that was never begun.
#[test]
fn a_request_that_waits_for_its_turn_is_left_to_the_next_daemon() {
    let (shell, slow, _) = shell("1h");
    shell.run_well(&["poll"]);
    shell.control.hold_back(&slow);
    shell.control.forget_requests();
    let daemon = shell.start_daemon();
    shell.wait("the first round's lists", shell.control.reached(Endpoint::List, 2));
    let mut child = shell.command(&["poll", "--profile", &slow]).spawn().unwrap();
    until(&shell, "SELECT count(*) FROM request WHERE state = 'taken'", &["1"]);
    daemon.stop();
    assert_eq!(wait_for_exit(&mut child).code(), Some(1));
    let told = child.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&told.stderr).contains("ended before it was done"), "{told:?}");
    shell.control.let_go(&slow);
    let daemon = shell.start_daemon();
    until(&shell, "SELECT state FROM request", &["done"]);
    daemon.stop();
    shell.end();
}
