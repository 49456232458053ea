//! `/healthz` and `/readyz`.

use std::time::{Duration, Instant};

use serde_json::Value;
use tallyd::sim::{Endpoint, Fault, Scripted};

use super::{configure, shell};
use crate::harness::{DEADLINE, Manager, Running, Setup, Shell, breathe};

/// Waits until a page answers so.
fn until(daemon: &Running, path: &str, status: u16, text: &str) {
    let began = Instant::now();
    loop {
        let answer = daemon.get(path);
        if answer.status == status && answer.body.contains(text) {
            return;
        }
        assert!(began.elapsed() < DEADLINE, "never {status} {text}: {} {}", answer.status, answer.body);
        breathe();
    }
}

/// Catches: a profile that fails and is not named, or is named when it is well again.
#[test]
fn readiness_names_the_profile_that_was_not_completely_polled() {
    let shell = Shell::new(Setup::of(60).profiles(2).sim);
    configure(&shell, "1s", "");
    let daemon = shell.start_daemon();
    until(&daemon, "/readyz", 200, "ok");
    let failing = shell.control.profiles().swap_remove(1);
    shell.control.unlist_profile(&failing.id);
    shell.control.hold_back(&failing.id);
    let held = format!("{}: last poll complete, and too old, ", failing.nickname);
    until(&daemon, "/readyz", 503, &held);
    // One that is well is not named, and the process itself is.
    let body = daemon.get("/readyz").body;
    assert_eq!(body.lines().count(), 1, "{body}");
    assert_eq!(daemon.get("/healthz").status, 200);
    let json: Value = serde_json::from_str(&daemon.get("/readyz?format=json").body).unwrap();
    assert_eq!(json["ok"], false);
    assert_eq!(json["lacking"][0]["subject"], failing.nickname);
    assert!(json["lacking"][0]["age_seconds"].as_u64().unwrap() >= 3, "{json}");
    let accepted = daemon.get_with("/readyz", "Accept: application/json\r\n");
    assert_eq!(accepted.header("content-type"), "application/json");
    shell.control.let_go(&failing.id);
    until(&daemon, "/readyz", 200, "ok");
    shell.control.script(Endpoint::List, vec![Scripted::Fault(Fault::Forbidden); 40]);
    until(&daemon, "/readyz", 503, "last poll failed: ");
    daemon.stop();
    shell.end();
}

/// Catches: a daemon that calls itself ready before it has looked, or while it may not ask.
#[test]
fn before_the_first_poll_and_in_a_pause_nobody_is_ready() {
    let shell = shell("1s", "");
    let pause = Fault::TooManyRequests { retry_after: Some(Duration::from_secs(900)) };
    shell.control.script(Endpoint::List, [pause]);
    let daemon = shell.start_daemon();
    until(&daemon, "/readyz", 503, "treasury: last poll failed: ");
    until(&daemon, "/readyz", 503, "Paxos: asked for a pause (429) until ");
    // Who waits as asked does its work.
    assert_eq!(daemon.get("/healthz").body, "ok\n");
    daemon.stop();
    let daemon = shell.start_daemon();
    until(&daemon, "/readyz", 503, "no profile is known yet");
    daemon.stop();
    shell.end();
}

/// Catches: health that a timer says, whatever the polls do.
#[test]
fn health_says_what_stands_still() {
    let shell = Shell::new(Setup::of(60).profiles(1).sim);
    let more = "[poll]\nevery = \"1s\"\n[server]\nlisten = \"127.0.0.1:0\"\n";
    shell.configure(&[("request_timeout", "5m"), ("+", more)]);
    let manager = Manager::listen();
    let watchdog = Some(Duration::from_millis(1600));
    let daemon = shell.begin_daemon_as(|command| manager.introduce(command, watchdog));
    until(&daemon, "/readyz", 200, "ok");
    assert_eq!(daemon.get("/healthz").body, "ok\n");
    shell.control.script(Endpoint::List, vec![Scripted::Fault(Fault::Hang); 9]);
    until(&daemon, "/healthz", 503, "treasury: Paxos was sent no request for too long");
    daemon.signal("-KILL");
    assert_eq!(daemon.ended().0, None);
    shell.control.clear_faults();
    shell.end();
}
