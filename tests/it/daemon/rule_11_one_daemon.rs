//! Rule 11, one daemon, one ledger: a second one is refused, and commands beside it leave it a request.

use std::process::Child;
use std::time::Duration;

use serde_json::Value;
use tallyd::clock::{Clock as _, SystemClock};
use tallyd::ledger::{Beside, Reader, RequestState};
use tallyd::sim::{Endpoint, Fault, Scripted};

use super::{shell, until};
use crate::harness::{Ran, Setup, Shell, texts_of, wait_for_exit};

fn json_of(shell: &Shell, arguments: &[&str]) -> Value {
    serde_json::from_str(&shell.run_well(arguments).stdout).unwrap()
}

fn ended(mut child: Child) -> Ran {
    wait_for_exit(&mut child);
    child.wait_with_output().unwrap().into()
}

#[test]
fn rule_11_a_second_daemon_is_refused_and_told_who_holds_the_ledger() {
    let shell = shell("1h");
    let daemon = shell.start_daemon();
    let refused = shell.run(&["run"]);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(refused.stderr.contains(&format!("tallyd run (pid {})", daemon.pid())), "{}", refused.stderr);
    daemon.stop();
    shell.start_daemon().stop();
    shell.end();
}

/// Catches: a request that waits for the next poll; an outcome that is shown otherwise than one's own.
#[test]
fn rule_11_a_poll_beside_a_daemon_is_served_by_it() {
    let shell = Shell::new(Setup::of(60).profiles(2).sim);
    let names = shell.control.profiles();
    let own = json_of(&shell, &["poll", "--json"]);
    shell.configure(&[("+", "[poll]\nevery = \"1h\"\n")]);
    let daemon = shell.start_daemon();
    until(&shell, "SELECT count(*) FROM polls WHERE result <> 'complete'", &["0"]);
    let ran = shell.run_well(&["poll", "--json"]);
    assert!(ran.stderr.contains(&format!("tallyd run (pid {}) does it", daemon.pid())), "{}", ran.stderr);
    let served: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(served["complete"], true);
    let keys =
        |outcome: &Value| outcome["profiles"][0].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&served), keys(&own));
    let kept = texts_of(&shell.ledger(), "SELECT outcome FROM request WHERE state = 'done'");
    assert_eq!(serde_json::from_str::<Value>(&kept[0]).unwrap(), served);

    let table = shell.run_well(&["backfill", "--profile", &names[1].id]).stdout;
    assert!(table.contains(" backfill ") && table.contains("complete"), "{table}");
    assert_eq!(table.lines().count(), 2, "{table}");

    let swept = json_of(&shell, &["sweep", "--json", "--full"]);
    let lanes = swept["profiles"].as_array().unwrap().iter().map(|profile| profile["lane"].clone());
    assert_eq!(lanes.collect::<Vec<_>>(), ["sweep", "sweep"]);
    let windows = "SELECT DISTINCT begins_at FROM poll WHERE lane = 'sweep'";
    assert_eq!(texts_of(&shell.ledger(), windows), ["0"]);
    let kinds = "SELECT kind FROM request ORDER BY number";
    assert_eq!(texts_of(&shell.ledger(), kinds), ["poll", "backfill", "sweep"]);

    // A failure is told with the exit code that it would have here.
    shell.control.script(Endpoint::List, vec![Fault::Forbidden; 2]);
    let failed = shell.run(&["poll"]);
    assert_eq!(failed.code, Some(78), "{}{}", failed.stdout, failed.stderr);
    assert!(failed.stderr.contains("poll failed"), "{}", failed.stderr);
    daemon.stop();
    shell.end();
}

#[test]
fn rule_11_reading_commands_go_in_beside_a_daemon() {
    let shell = shell("1h");
    let daemon = shell.start_daemon();
    daemon.wait_for("poll complete", 1);
    assert!(shell.run_well(&["ledger", "verify"]).stdout.contains("sound"));
    let service = json_of(&shell, &["status", "--json"])["service"].clone();
    assert_eq!(service["daemon"], "running");
    assert_eq!(service["pid"], daemon.pid());
    assert!(service["next_poll"].is_string(), "{service}");
    let told = shell.run_well(&["status"]).stdout;
    for text in ["running (pid ", "next poll", "next sweep", "rate"] {
        assert!(told.contains(text), "no {text}:\n{told}");
    }
    daemon.stop();
    let service = json_of(&shell, &["status", "--json"])["service"].clone();
    assert_eq!((&service["daemon"], &service["next_poll"]), (&Value::from("not_running"), &Value::Null));
    shell.end();
}

/// Catches: a Ctrl-C that takes the request with it; a request that a killed daemon loses.
#[test]
fn rule_11_a_request_outlives_who_asked_and_who_was_to_serve_it() {
    let shell = shell("1h");
    shell.run_well(&["poll"]);
    shell.control.script(Endpoint::List, vec![Scripted::Fault(Fault::Hang); 8]);
    let daemon = shell.start_daemon();
    shell.control.forget_requests();
    let asks = |what| {
        let child = shell.command(&["poll"]).spawn().unwrap();
        until(&shell, "SELECT count(*) FROM request WHERE state = 'taken'", &[what]);
        child
    };
    let (left, waiting) = (asks("1"), asks("2"));
    let service = json_of(&shell, &["status", "--json"])["service"].clone();
    assert_eq!(service["in_progress"][0]["lane"], "discover", "{service}");
    assert_eq!(service["requests"].as_array().unwrap().len(), 2, "{service}");
    let told = shell.run_well(&["status"]).stdout;
    assert!(told.contains("1: poll, asked ") && told.contains("treasury: discover for "), "{told}");

    let interrupted = std::process::Command::new("kill").args(["-INT", &left.id().to_string()]).status();
    assert!(interrupted.unwrap().success());
    let left = ended(left);
    assert_eq!(left.code, Some(1));
    assert!(left.stderr.contains("which does it all the same"), "{}", left.stderr);

    daemon.signal("-KILL");
    let told = ended(waiting);
    assert_eq!(told.code, Some(1));
    assert!(told.stderr.contains("ended before it was done"), "{}", told.stderr);
    drop(daemon);
    let status = shell.run_well(&["status"]).stdout;
    assert!(status.contains("left to the next daemon") && !status.contains("being done"), "{status}");

    shell.control.clear_faults();
    let daemon = shell.start_daemon();
    until(&shell, "SELECT state FROM request", &["done", "done"]);
    daemon.stop();
    shell.end();
}

#[test]
fn rule_11_what_cannot_be_served_fails_with_its_reason() {
    let shell = shell("1h");
    shell.run_well(&["poll"]);
    let beside = Beside::at(&shell.ledger());
    let ask = |kind: &str, ago| {
        let asked_at = SystemClock.now().minus(Duration::from_secs(ago));
        beside.ask(&shell.api_url, kind, r#"{"profiles":[],"window":null}"#, asked_at).unwrap()
    };
    let asked = [ask("poll", 3700), ask("poll", 3500), ask("dance", 0)];
    let daemon = shell.start_daemon();
    until(&shell, "SELECT state FROM request ORDER BY number", &["failed", "done", "failed"]);
    let reader = Reader::open(&shell.ledger()).unwrap();
    let why = asked.map(|number| match reader.request(number).unwrap().unwrap().state {
        RequestState::Failed(why) => why,
        other => format!("{other:?}").chars().take(4).collect(),
    });
    assert_eq!(
        why,
        [
            "no daemon was there to serve it within an hour",
            "Done",
            "failed to understand the request \"dance\"; run the same version of tallyd as the daemon"
        ]
    );
    daemon.stop();
    shell.end();
}

#[test]
fn rule_11_of_the_requests_that_ended_the_last_hundred_are_kept() {
    let shell = shell("1h");
    shell.run_well(&["poll"]);
    let beside = Beside::at(&shell.ledger());
    for _ in 0..103 {
        beside.ask(&shell.api_url, "dance", "{}", SystemClock.now()).unwrap();
    }
    let daemon = shell.start_daemon();
    until(&shell, "SELECT count(*) || ' of ' || count(ended_at) FROM request", &["100 of 100"]);
    daemon.stop();
    shell.end();
}
