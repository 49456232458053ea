//! `status`, `show`, `history` and `ledger verify` after a poll.

use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::harness::{Setup, Shell, id_of, meaning};

fn json_of(shell: &Shell, arguments: &[&str]) -> Value {
    serde_json::from_str(&shell.run_well(arguments).stdout).unwrap()
}

#[test]
fn what_was_polled_can_be_read_back() {
    let shell = Shell::new(Setup::of(60).pages_of(7).sim);
    let row = shell.control.truth().swap_remove(10);
    let (id, ref_id) = (id_of(&row), row["ref_id"].as_str().unwrap().to_owned());
    let outcome = json_of(&shell, &["poll", "--json"]);
    assert_eq!(outcome["complete"], true);
    assert_eq!(outcome["profiles"].as_array().unwrap().len(), 3);

    let status = json_of(&shell, &["status", "--json"]);
    assert_eq!(status["orchestrations"], 60);
    assert_eq!(status["indexes_built"], true);
    for profile in status["profiles"].as_array().unwrap() {
        assert_eq!(profile["last_poll_result"], "complete");
        assert!(profile["covered_to"].is_string() && profile["unfinished_listing_to"].is_null());
    }
    for name in [&id, &ref_id] {
        let shown = json_of(&shell, &["show", name, "--live", "--json"]);
        assert_eq!(meaning(&shown["orchestration"]), meaning(&row));
        assert_eq!(meaning(&shown["live"]), meaning(&row));
    }
    shell.control.set_field(&id, "source_amount", "123.456").unwrap();
    let shown = shell.run_well(&["show", &id, "--live"]).stdout;
    assert!(shown.contains("→ 123.456"), "{shown}");
    // Asking Paxos leaves the ledger as it is.
    assert_eq!(meaning(&json_of(&shell, &["show", &id, "--json"])["orchestration"]), meaning(&row));
    shell.end();
}

/// Catches: ages that are told by a local clock which is known to be wrong, and one ahead shown as now.
#[test]
fn rule_7_status_tells_ages_by_paxos_clock_and_warns_of_the_local_one() {
    let shell = Shell::new(Setup::of(20).profiles(1).sim);
    shell.run_well(&["poll"]);
    let status = json_of(&shell, &["status", "--json"]);
    assert!(status["clock_skew_micros"].as_i64().unwrap().abs() < 30_000_000, "{status}");
    assert!(status["clock_skew_seen_at"].is_string());
    assert!(!shell.run_well(&["status"]).stdout.contains("local clock"));

    // A poll saw that the local clock is three days ahead, so what it noted just now is three days old.
    let set = |micros: i64| {
        let connection = Connection::open(shell.ledger()).unwrap();
        connection.execute("UPDATE clock_skew SET micros = ?1", [micros]).unwrap();
    };
    let day = 86_400_000_000;
    set(-3 * day);
    let told = shell.run_well(&["status"]).stdout;
    assert!(told.contains("local clock") && told.contains("was 259200 s behind Paxos's"), "{told}");
    assert!(told.contains(" 3d ago") || told.contains(" 3d 1s ago") || told.contains(" 3d 2s ago"), "{told}");
    set(3 * day);
    let told = shell.run_well(&["status"]).stdout;
    assert!(told.contains("was 259200 s ahead of Paxos's"), "{told}");
    assert!(told.contains("in the future") && !told.contains(" ago"), "{told}");
    shell.end();
}

#[test]
fn a_history_tells_what_changed_oldest_first() {
    let shell = Shell::new(Setup::of(5).profiles(1).sim);
    // `Date` has whole seconds: what is created in this one would wait for the next poll.
    let created_at = shell.control.now().minus(Duration::from_secs(5)).to_rfc3339();
    let profile = shell.control.profiles().swap_remove(0).id;
    shell.control.insert(json!({ "id": "orch_story", "profile_id": profile, "status": "PENDING",
        "created_at": created_at, "updated_at": created_at, "source_amount": "10" }));
    shell.run_well(&["poll"]);
    for status in ["PROCESSING", "COMPLETED"] {
        shell.control.set_field("orch_story", "status", status).unwrap();
        shell.run_well(&["poll"]);
    }
    let history = json_of(&shell, &["history", "orch_story", "--json"]);
    let events = history["events"].as_array().unwrap();
    assert_eq!(events.len(), 3);
    assert_eq!(events[0]["kind"], "appeared");
    assert_eq!(events[1]["detail"]["status"], json!({ "old": "PENDING", "new": "PROCESSING" }));
    assert_eq!(events[2]["detail"]["status"], json!({ "old": "PROCESSING", "new": "COMPLETED" }));
    let told = shell.run_well(&["history", "orch_story"]).stdout;
    let places: Vec<_> =
        ["first seen, PENDING", "PENDING → PROCESSING", "PROCESSING → COMPLETED", "now COMPLETED"]
            .map(|line| told.find(line).unwrap_or_else(|| panic!("{line} is not told:\n{told}")))
            .to_vec();
    assert!(places.is_sorted(), "{told}");
    shell.end();
}

#[test]
fn verify_finds_an_edit() {
    let shell = Shell::new(Setup::of(30).profiles(1).sim);
    shell.run_well(&["poll"]);
    let head = json_of(&shell, &["status", "--json"])["journal_head"].as_str().unwrap().to_owned();
    assert!(shell.run_well(&["ledger", "verify", "--head", &head]).stdout.contains("sound"));
    let connection = Connection::open(shell.ledger()).unwrap();
    connection.execute("UPDATE orchestration SET source_amount = '1' WHERE key = 3", []).unwrap();
    drop(connection);
    let ran = shell.run(&["ledger", "verify", "--json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(found["sound"], false);
    assert_eq!(found["findings"].as_array().unwrap().len(), 1);
    shell.end();
}

/// Catches: a row that Paxos no longer knows, and of which only the journal tells.
#[test]
fn a_missing_row_is_told_wherever_it_is_asked_for() {
    let shell = Shell::new(Setup::of(0).profiles(1).sim);
    let created_at = shell.control.now().minus(Duration::from_secs(7200)).to_rfc3339();
    let profile = shell.control.profiles().swap_remove(0).id;
    for id in ["orch_gone", "orch_there"] {
        shell.control.insert(json!({ "id": id, "profile_id": profile, "status": "PROCESSING",
            "created_at": created_at, "updated_at": created_at, "source_amount": "10" }));
    }
    shell.run_well(&["poll"]);
    shell.control.remove("orch_gone").unwrap();
    let outcome = json_of(&shell, &["poll", "--json"]);
    assert_eq!(outcome["profiles"][0]["refreshed"], 1);
    assert_eq!(outcome["profiles"][0]["looked_up"], 1);

    assert_eq!(json_of(&shell, &["status", "--json"])["profiles"][0]["missing"], 1);
    assert!(shell.run_well(&["status"]).stdout.contains(": 1 missing: "));
    assert!(json_of(&shell, &["show", "orch_gone", "--json"])["missing_since"].is_string());
    assert!(json_of(&shell, &["show", "orch_there", "--json"])["missing_since"].is_null());
    assert!(shell.run_well(&["show", "orch_gone"]).stdout.contains("missing for "));
    let history = json_of(&shell, &["history", "orch_gone", "--json"]);
    assert_eq!(history["events"][1]["kind"], "went_missing");
    assert!(shell.run_well(&["history", "orch_gone"]).stdout.contains("went missing"));
    assert!(shell.run_well(&["poll"]).stdout.contains("REFRESHED"));
    shell.run_well(&["ledger", "verify"]);
    shell.end();
}

/// Catches: a person who may read the ledger and not the secrets, and is refused for what needs none.
#[test]
fn rule_13_who_only_reads_or_asks_a_daemon_needs_no_secret() {
    let shell = Shell::new(Setup::of(20).profiles(1).sim);
    let sinks = "[alerts.heartbeat]\nurl_file = \"beat\"\n\
                 [[alerts.sinks]]\ntype = \"slack\"\nname = \"channel\"\nurl_file = \"slack\"\n\
                 [[alerts.sinks]]\ntype = \"pagerduty\"\nname = \"oncall\"\nrouting_key_file = \"slack\"\n\
                 [[alerts.sinks]]\ntype = \"alertmanager\"\nname = \"am\"\nurls = [\"http://127.0.0.1:1\"]\n\
                 user = \"u\"\npassword_file = \"slack\"\n\
                 [[alerts.sinks]]\ntype = \"webhook\"\nname = \"hook\"\nurl_file = \"beat\"\nsecret_file = \"slack\"\n";
    shell.run_well(&["poll"]);
    let daemon = shell.start_daemon();
    shell.configure(&[("+", sinks)]);
    std::fs::remove_file(shell.file("secret")).unwrap();
    shell.run_well(&["poll"]);
    daemon.stop();
    let id = id_of(&shell.control.truth()[0]);
    for arguments in [
        &["status"][..],
        &["show", &id],
        &["history", &id],
        &["breaks", "list"],
        &["breaks", "replay"],
        &["alerts", "outbox"],
        &["ledger", "verify"],
        &["ledger", "backup", "copy.db"],
    ] {
        shell.run_well(arguments);
    }
    for arguments in [&["poll"][..], &["show", "--live", &id], &["alerts", "test"], &["check-config"]] {
        let ran = shell.run(arguments);
        assert_eq!(ran.code, Some(78), "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("the secret in "), "{arguments:?}: {}", ran.stderr);
    }
    shell.end();
}
