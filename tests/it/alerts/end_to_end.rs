//! From a row at Paxos to a message and a heartbeat, with the real rules, by `poll` and by `run`.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Got, Receiver};
use crate::harness::{Setup, Shell};

/// A simulated account with old failures, and a sink and a heartbeat that end at one receiver.
fn stage() -> (Shell, Receiver) {
    let shell = Shell::new(Setup::of(0).profiles(1).sim);
    let receiver = shell.runtime.block_on(Receiver::start([]));
    std::fs::write(shell.file("hook-secret"), "hunter2").unwrap();
    let mut more = String::new();
    writeln!(more, "[alerts.heartbeat]\nurl = \"{}/beat\"", receiver.url).unwrap();
    writeln!(more, "[[alerts.sinks]]\nname = \"hook\"\ntype = \"webhook\"\nurl = \"{}/hook\"", receiver.url)
        .unwrap();
    writeln!(
        more,
        "secret_file = {:?}\n[poll]\nevery = \"1s\"",
        shell.file("hook-secret").display().to_string()
    )
    .unwrap();
    shell.configure(&[("+", &more)]);
    for number in 0..30 {
        put(&shell, &format!("orch_old_{number}"), 3600);
    }
    (shell, receiver)
}

/// Puts an orchestration into the account that failed so many seconds ago.
fn put(shell: &Shell, id: &str, ago: u64) {
    let at = shell.control.now().minus(std::time::Duration::from_secs(ago)).to_rfc3339();
    let profile = shell.control.profiles().swap_remove(0).id;
    shell.control.insert(json!({ "id": id, "profile_id": profile, "ref_id": format!("ref-{id}"),
        "status": "FAILED", "fail_reason": { "detail": "the address is not allowed" },
        "created_at": at, "updated_at": at, "source_asset": "USD", "destination_asset": "USD",
        "source_amount": "1000.00", "source": { "profile": { "profile_id": profile } },
        "destination": { "profile": { "profile_id": profile } } }));
}

fn told(receiver: &Receiver) -> Vec<Value> {
    receiver.got().iter().filter(|got| got.path == "/hook").map(Got::json).collect()
}

fn beats(receiver: &Receiver) -> usize {
    receiver.got().iter().filter(|got| got.path == "/beat").count()
}

#[test]
fn rule_8_history_is_silent_and_what_fails_later_is_told_once() {
    let (shell, receiver) = stage();
    shell.run_well(&["poll"]);
    assert_eq!((told(&receiver).len(), beats(&receiver)), (0, 1));
    put(&shell, "orch_new", 0);
    // A poll lists up to the last whole second of the server's clock.
    let mut polls = 1;
    let ran = loop {
        let ran = shell.run_well(&["poll"]);
        polls += 1;
        if !told(&receiver).is_empty() {
            break ran;
        }
        assert!(polls < 100, "{}", ran.stderr);
    };
    let messages = told(&receiver);
    assert_eq!((messages.len(), beats(&receiver)), (1, polls), "{}", ran.stderr);
    let one = &messages[0]["break"];
    assert_eq!((&one["kind"], &one["subject"]["id"]), (&"failed".into(), &"orch_new".into()));
    assert_eq!(one["orchestration"]["ref_id"], "ref-orch_new");
    assert!(
        ran.stderr.contains("FAILED: the address is not allowed"),
        "the log tells it too: {}",
        ran.stderr
    );
    shell.run_well(&["poll"]);
    assert_eq!((told(&receiver).len(), beats(&receiver)), (1, polls + 1));
    // One profile alone is not every profile.
    let profile = shell.control.profiles().swap_remove(0).id;
    shell.run_well(&["poll", "--profile", &profile]);
    assert_eq!(beats(&receiver), polls + 1);
    shell.end();
}

#[test]
fn a_daemon_tells_and_beats_and_goes_on_telling_after_a_reload() {
    let (shell, receiver) = stage();
    let daemon = shell.start_daemon();
    daemon.wait_for("poll complete", 1);
    put(&shell, "orch_new", 0);
    shell.wait("a message", async {
        while told(&receiver).is_empty() {
            let count = receiver.got().len();
            receiver.wait_for(count + 1).await;
        }
    });
    assert!(beats(&receiver) > 0);
    let config = std::fs::read_to_string(shell.file("config.toml")).unwrap();
    std::fs::write(shell.file("config.toml"), config.replace("/hook\"", "/hook?moved\"")).unwrap();
    daemon.signal("-HUP");
    let line = daemon.wait_for("a setting changed", 1);
    assert!(line.contains("alerts") && !line.contains("moved"), "{line}");
    put(&shell, "orch_newer", 0);
    shell.wait("a message at the new place", async {
        while !receiver.got().iter().any(|got| got.path == "/hook?moved") {
            let count = receiver.got().len();
            receiver.wait_for(count + 1).await;
        }
    });
    daemon.stop();
    assert_eq!(told(&receiver).len(), 1, "nothing was told twice");
    shell.end();
}
