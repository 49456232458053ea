//! `sweep`, alone on its ledger. Beside a daemon it is a request: `daemon/rule_11_one_daemon.rs`.

use std::time::Duration;

use serde_json::Value;
use tallyd::sim::{Canned, Endpoint, Fault, Scripted};

use crate::harness::{Setup, Shell, held_clock, id_of, texts_of};

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

/// Catches: a sweep that somebody asks for after seeing something, and that takes what one of yesterday saw for
/// what is so now.
#[test]
fn a_sweep_compares_all_from_now_on_and_goes_on_with_one_cut_short_only_where_that_is_asked_for() {
    let clock = held_clock();
    let shell = Shell::by_clock(Setup::of(60).pages_of(7).profiles(1).sim, clock.clone());
    shell.run_well(&["poll"]);
    let refused = Canned { status: 400, headers: Vec::new(), body: Vec::new() };
    let cut_short = || {
        let script = [vec![Scripted::Honest; 5], vec![Scripted::Answer(refused.clone()); 20]].concat();
        shell.control.script(Endpoint::List, script);
        let ran = shell.run(&["sweep", "--full"]);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert!(ran.stdout.contains("partial"), "{}", ran.stdout);
        shell.control.clear_faults();
        clock.advance(Duration::from_secs(600));
    };
    cut_short();
    let oldest = id_of(&shell.control.truth()[0]);
    shell.control.set_field(&oldest, "source_amount", "7.77").unwrap();
    let resumed = swept(&shell, &["--full", "--resume"]);
    let profile = &resumed["profiles"][0];
    assert_eq!((resumed["complete"].clone(), changed(&resumed)), (Value::from(true), 0));
    assert!(profile["compared_since"].as_str().unwrap() < profile["began_at"].as_str().unwrap(), "{profile}");

    cut_short();
    shell.control.set_field(&oldest, "source_amount", "8.88").unwrap();
    let anew = swept(&shell, &["--full"]);
    let profile = &anew["profiles"][0];
    assert_eq!((anew["complete"].clone(), changed(&anew)), (Value::from(true), 1));
    assert!(
        profile["compared_since"].as_str().unwrap() >= profile["began_at"].as_str().unwrap(),
        "{profile}"
    );

    cut_short();
    let told = shell.run_well(&["sweep", "--full", "--resume"]).stderr;
    assert!(told.contains("a part was compared before, by a sweep that began at "), "{told}");
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
