//! `sweep`, alone on its ledger. Beside a daemon it is a request: `daemon/rule_11_one_daemon.rs`.

use std::time::Duration;

use serde_json::Value;
use tallyd::sim::{Endpoint, Fault};

use crate::harness::{Setup, Shell, id_of, texts_of};

/// Rows from a year to some minutes old, all of them in the ledger.
fn polled() -> Shell {
    let shell = Shell::new(Setup::of(60).pages_of(7).profiles(2).sim);
    shell.run_well(&["poll"]);
    shell
}

fn swept(shell: &Shell, arguments: &[&str]) -> Value {
    let arguments = [&["sweep", "--json"], arguments].concat();
    serde_json::from_str(&shell.run_well(&arguments).stdout).unwrap()
}

fn changed(outcome: &Value) -> u64 {
    let profiles = outcome["profiles"].as_array().unwrap();
    profiles.iter().map(|profile| profile["changed"].as_u64().unwrap()).sum()
}

/// Catches: a window that is not heeded, and one profile that stands for all.
#[test]
fn a_sweep_finds_what_changed_in_its_window() {
    let shell = polled();
    let truth = shell.control.truth();
    let oldest = &truth[0];
    let age = Duration::from_secs(48 * 3600);
    let since = shell.control.now().minus(age).to_rfc3339();
    assert!(oldest["created_at"].as_str().unwrap() < since.as_str(), "{oldest}");
    shell.control.set_field(&id_of(oldest), "source_amount", "7.77").unwrap();

    let recent = swept(&shell, &[]);
    assert_eq!((recent["complete"].clone(), changed(&recent)), (Value::from(true), 0));
    let profiles = recent["profiles"].as_array().unwrap();
    assert_eq!(profiles.len(), 2);
    assert!(profiles.iter().all(|profile| profile["lane"] == "sweep"), "{recent}");

    let other = profiles.iter().map(|profile| profile["profile_id"].as_str().unwrap());
    let other = other.filter(|id| *id != oldest["profile_id"]).collect::<Vec<_>>();
    let [other] = other[..] else { panic!("{recent}") };
    let one = swept(&shell, &["--full", "--profile", other]);
    assert_eq!((one["profiles"].as_array().unwrap().len(), changed(&one)), (1, 0));

    let table = shell.run_well(&["sweep", "--full"]);
    assert_eq!(table.stdout.matches(" sweep ").count(), 2, "{}", table.stdout);
    assert!(table.stderr.contains("sweep ended, "), "{}", table.stderr);
    let amount = format!("SELECT source_amount FROM orchestrations WHERE id = '{}'", id_of(oldest));
    assert_eq!(texts_of(&shell.ledger(), &amount), ["7.77"]);
    let windows = "SELECT count(*) FROM poll WHERE lane = 'sweep' AND begins_at = 0";
    assert_eq!(texts_of(&shell.ledger(), windows), ["3"]);
    assert_eq!(changed(&swept(&shell, &["--window", "all"])), 0);
    shell.end();
}

/// Catches: a sweep that could not look and says that all is well.
#[test]
fn rule_2_a_sweep_that_is_not_complete_says_so_in_its_exit_code() {
    let shell = polled();
    shell.control.script(Endpoint::List, vec![Fault::Forbidden; 4]);
    let ran = shell.run(&["sweep"]);
    assert_eq!(ran.code, Some(78), "{}", ran.stderr);
    assert!(ran.stderr.contains("sweep failed"), "{}", ran.stderr);
    let status = shell.run_well(&["status", "--json"]).stdout;
    let status: Value = serde_json::from_str(&status).unwrap();
    let profile = &status["profiles"][0];
    assert_eq!(
        (&profile["last_poll_result"], &profile["last_sweep_result"]),
        (&"complete".into(), &"failed".into())
    );
    assert!(shell.run_well(&["status"]).stdout.contains(", failed: "));

    shell.control.clear_faults();
    shell.control.script(Endpoint::Profiles, [Fault::Forbidden]);
    let ran = shell.run(&["sweep"]);
    assert_eq!(ran.code, Some(78), "{}", ran.stderr);
    assert!(ran.stderr.contains("nothing was swept"), "{}", ran.stderr);
    shell.end();
}
