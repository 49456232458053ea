//! SIGHUP: a broken file changes nothing, a good one holds from the next poll on.

use std::fs;

use tallyd::sim::Endpoint;

use super::shell;

#[test]
fn a_broken_file_is_told_fault_by_fault_and_changes_nothing() {
    let shell = shell("1s");
    let daemon = shell.start_daemon();
    shell.configure(&[("rate", "500"), ("+", "[poll]\nevery = 7\n[nonsense]\n")]);
    daemon.signal("-HUP");
    daemon.wait_for("going on with the former one faults=4", 1);
    shell.control.forget_requests();
    shell.wait("polls go on", shell.control.reached(Endpoint::List, 2));
    let log = daemon.stop();
    for key in ["paxos.requests_per_second", "poll.every", "nonsense"] {
        assert!(log.contains(key), "{key} is not told:\n{log}");
    }
    shell.end();
}

/// Catches: an interval that holds only after a restart, a ledger that is swapped, values that are not told.
#[test]
fn a_good_file_holds_from_now_on_and_says_what_needs_a_restart() {
    let shell = shell("1h");
    let daemon = shell.start_daemon();
    daemon.wait_for("poll complete", 1);
    let elsewhere = shell.file("elsewhere.db");
    shell.configure(&[
        ("ledger", elsewhere.to_str().unwrap()),
        ("rate", "40"),
        ("+", "[poll]\nevery = \"1s\"\n[log]\nlevel = \"debug\"\n"),
    ]);
    daemon.signal("-HUP");
    let kept = daemon.wait_for("needs a restart", 1);
    assert!(kept.contains("ledger.path") && kept.contains("elsewhere.db"), "{kept}");
    let changed = daemon.wait_for("a setting changed", 4);
    assert!(changed.contains("old=") && changed.contains("new="), "{changed}");
    // The interval and the level hold at once.
    daemon.wait_for("poll complete, nothing new", 2);
    let log = daemon.stop();
    assert!(log.contains(r#"key="poll.every" old="1h" new="1s""#), "{log}");
    assert!(!elsewhere.exists());
    shell.end();
}

/// Catches: a secret that is read once and for all, and one that is logged.
#[test]
fn rule_13_a_secret_that_changed_in_its_file_is_taken_and_not_told() {
    let shell = shell("1s");
    fs::write(shell.file("secret"), "wrong-secret\n").unwrap();
    let daemon = shell.start_daemon();
    daemon.wait_for("nothing was polled", 1);
    fs::write(shell.file("secret"), "sim-secret\n").unwrap();
    daemon.signal("-HUP");
    let changed = daemon.wait_for("a setting changed", 1);
    assert!(changed.contains("paxos.client_secret"), "{changed}");
    daemon.wait_for("poll complete", 1);
    let log = daemon.stop();
    assert!(!log.contains("sim-secret") && !log.contains("wrong-secret"), "{log}");
    shell.end();
}
