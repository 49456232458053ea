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

/// Catches: limits of which a change is not told, days off among them; a calendar that runs out in silence.
#[test]
fn limits_that_changed_are_told_and_a_calendar_that_runs_out_is_warned_of() {
    let shell = shell("1h");
    let calendar = |day: &str| {
        format!(
            "[[limits.calendars]]\nname = \"us\"\ntime_zone = \"UTC\"\n\
             days_off = [\"2020-01-01\", \"{day}\", \"2021-01-01\"]\n"
        )
    };
    let poll = "[poll]\nevery = \"1h\"\n";
    shell.configure(&[("+", &format!("{poll}{}", calendar("2020-06-01")))]);
    let daemon = shell.start_daemon();
    let warned = daemon.wait_for("a calendar of [[limits.calendars]] runs out", 1);
    assert!(warned.contains("last_day_off=2021-01-01"), "{warned}");
    let limits = "[limits]\nprocessing = \"2h\"\n[[limits.rules]]\nnetwork = \"SOLANA\"\npending = \"3h\"\n";
    shell.configure(&[("+", &format!("{poll}{limits}{}", calendar("2020-06-02")))]);
    daemon.signal("-HUP");
    daemon.wait_for("a calendar of [[limits.calendars]] runs out", 2);
    let log = daemon.stop();
    for told in [
        r#"key="limits.processing" old="15m within Paxos"#,
        r#"new="2h""#,
        r#"key="limits.rules" old="" new="network SOLANA → pending 3h""#,
        r#"key="limits.calendars" old="as it was" new="changed""#,
    ] {
        assert!(log.contains(told), "{told} is not told:\n{log}");
    }
    shell.end();
}
