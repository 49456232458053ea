//! `status --exit-code`: one line and a code for those who watch by running commands.

use rusqlite::Connection;
use serde_json::Value;
use tallyd::sim::{Endpoint, Fault, Rate, Scripted};

use crate::harness::{Ran, Setup, Shell};

fn check(shell: &Shell) -> Ran {
    shell.run(&["status", "--exit-code"])
}

fn first_line(ran: &Ran) -> &str {
    ran.stdout.lines().next().unwrap()
}

fn shell() -> Shell {
    let mut setup = Setup::of(60).profiles(2);
    // Nothing is wrong in this world but what a test makes so.
    setup.sim.world.failures = Rate::per_million(0);
    setup.sim.world.stuck = Rate::per_million(0);
    Shell::new(setup.sim)
}

/// Catches: an "OK" where nobody looked, lately, or completely; a break that no code tells of.
#[test]
fn the_first_line_and_the_code_say_whether_all_is_well() {
    let shell = shell();
    assert_eq!(check(&shell).code, Some(1), "there is no ledger");
    shell.run_well(&["poll"]);
    let ran = check(&shell);
    assert_eq!((ran.code, first_line(&ran)), (Some(0), "OK: 2 profiles completely polled, no breaks open"));
    assert!(ran.stdout.lines().nth(1).unwrap().starts_with("ledger "), "{}", ran.stdout);

    let id = shell.control.truth()[7]["id"].as_str().unwrap().to_owned();
    shell
        .control
        .alter(&id, |fields| {
            fields.insert("status".to_owned(), "COMPLETED".into());
            fields.insert("source_amount".to_owned(), "1234567".into());
        })
        .unwrap();
    shell.run_well(&["sweep", "--full"]);
    let ran = check(&shell);
    assert_eq!(ran.code, Some(3), "{}", ran.stdout);
    assert_eq!(
        first_line(&ran),
        "BREAKS: 1 critical and 0 warning breaks open; 2 profiles completely polled"
    );
    let json: Value = serde_json::from_str(&shell.run(&["status", "--exit-code", "--json"]).stdout).unwrap();
    assert_eq!(
        (json["check"]["state"].as_str(), json["check"]["exit_code"].as_u64()),
        (Some("breaks_open"), Some(3))
    );
    assert_eq!(json["check"]["summary"], first_line(&ran));
    // What nobody asks for is neither told nor a code.
    let usual: Value = serde_json::from_str(&shell.run_well(&["status", "--json"]).stdout).unwrap();
    assert!(usual["check"].is_null());

    // That nobody looked is worse than what was seen.
    shell.control.script(Endpoint::List, vec![Scripted::Fault(Fault::Forbidden); 9]);
    shell.run(&["poll"]);
    let ran = check(&shell);
    assert_eq!(ran.code, Some(1));
    assert!(first_line(&ran).starts_with("NOT POLLED: "), "{}", first_line(&ran));
    assert!(first_line(&ran).contains(": last poll failed 0s ago: "), "{}", first_line(&ran));
    assert!(first_line(&ran).ends_with("; 1 critical and 0 warning breaks open"), "{}", first_line(&ran));
    shell.control.clear_faults();
    shell.run_well(&["poll"]);
    assert_eq!(check(&shell).code, Some(3));
    Connection::open(shell.ledger())
        .unwrap()
        .execute("UPDATE poll SET began_at = began_at - 3600000000, ended_at = ended_at - 3600000000", [])
        .unwrap();
    let ran = check(&shell);
    assert_eq!(ran.code, Some(1));
    assert!(
        first_line(&ran).contains(": last polled 1h ago, too long for every 1m; "),
        "{}",
        first_line(&ran)
    );
    shell.end();
}

/// Catches: a configured profile that was never polled and is passed over; a daemon that holds the command up.
#[test]
fn a_profile_that_was_never_polled_is_named_beside_a_daemon_too() {
    let shell = shell();
    let daemon = shell.start_daemon();
    daemon.wait_for("poll complete", 2);
    assert_eq!(check(&shell).code, Some(0));
    let new = "[[profiles]]\nid = \"3b9d6a52-8e17-4c0f-a4d2-5f61c7e09b38\"\nname = \"new\"\n";
    shell.configure(&[("+", new)]);
    let ran = check(&shell);
    assert_eq!(ran.code, Some(1));
    assert!(first_line(&ran).starts_with("NOT POLLED: new: never polled; "), "{}", first_line(&ran));
    daemon.stop();
    shell.end();
}

/// Catches: a mistyped profile that is called unpolled for ever, though the configuration has it no longer.
#[test]
fn a_profile_that_was_never_listed_is_forgotten_with_its_configuration() {
    let shell = shell();
    shell.configure(&[(
        "+",
        "[[profiles]]\nid = \"3b9d6a52-8e17-4c0f-a4d2-5f61c7e09b38\"\nname = \"mistyped\"\n",
    )]);
    assert_eq!(shell.run(&["poll"]).code, Some(78));
    let ran = check(&shell);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    assert!(first_line(&ran).starts_with("NOT POLLED: mistyped: last poll failed"), "{}", ran.stdout);
    shell.configure(&[("+", "[server]\nlisten = \"127.0.0.1:0\"\n")]);
    shell.run_well(&["poll"]);
    let ran = check(&shell);
    assert_eq!((ran.code, first_line(&ran)), (Some(0), "OK: 2 profiles completely polled, no breaks open"));
    assert!(ran.stdout.contains("mistyped: not polled: the account never listed it"), "{}", ran.stdout);
    let daemon = shell.start_daemon();
    let samples = daemon.until_samples("two profiles", |samples| samples.len() > 100);
    assert!(!samples.keys().any(|sample| sample.contains("mistyped")), "{:?}", samples.keys());
    daemon.stop();
    shell.end();
}
