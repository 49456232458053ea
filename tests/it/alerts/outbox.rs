//! `tallyd alerts test` and `tallyd alerts outbox`.

use std::fmt::Write as _;

use serde_json::Value;
use tallyd::model::Status;

use super::delivery::{Desk, row};
use super::{Receiver, Script, sink_config, webhook_at};
use crate::harness::{Setup, Shell};

/// A sink of the configuration.
fn webhook(name: &str, url: &str, shell: &Shell) -> String {
    let secret = shell.file("hook-secret").display().to_string();
    std::fs::write(&secret, "hunter2").unwrap();
    let mut text = String::new();
    writeln!(
        text,
        "[[alerts.sinks]]\nname = {name:?}\ntype = \"webhook\"\nurl = {url:?}\nsecret_file = {secret:?}"
    )
    .unwrap();
    text
}

#[test]
fn a_test_says_what_each_sink_answers() {
    let shell = Shell::new(Setup::of(10).profiles(1).sim);
    let (well, ill) = shell.runtime.block_on(async {
        (Receiver::start([]).await, Receiver::start([Script::Answer(403, "action_prohibited")]).await)
    });
    shell.configure(&[("+", &(webhook("well", &well.url, &shell) + &webhook("ill", &ill.url, &shell)))]);
    let ran = shell.run(&["alerts", "test"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    for part in [" log   log      delivered", " well  webhook  delivered", "answered 403: action_prohibited"]
    {
        assert!(ran.stdout.contains(part), "{part}\n{}", ran.stdout);
    }
    assert!(ran.stderr.contains("Test of the sink log"), "{}", ran.stderr);
    let sent = well.got()[0].json();
    assert_eq!(
        (&sent["type"], &sent["title"]),
        (&"test".into(), &"Test of the sink well: nothing is wrong".into())
    );
    // One alone, and as JSON.
    let ran = shell.run_well(&["alerts", "test", "well", "--json"]);
    let answers: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(answers[0]["delivered"], true);
    assert_eq!(ill.got().len(), 1);
    let ran = shell.run(&["alerts", "test", "wall"]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stderr.contains("no sink \"wall\" in the configuration; there are: log, well, ill"),
        "{}",
        ran.stderr
    );
    shell.end();
}

#[test]
fn the_outbox_says_what_waits_and_why() {
    let shell = Shell::new(Setup::of(10).profiles(1).sim);
    let receiver =
        shell.runtime.block_on(Receiver::start([Script::Answer(400, "bad"), Script::Answer(503, "later")]));
    let desk = shell.runtime.block_on(async {
        let desk = Desk::of(&shell.api_url, vec![sink_config("hook", webhook_at(&receiver.url))]).await;
        desk.observe((0..3).map(|number| row(number, Status::Failed))).await;
        desk.flush().await;
        desk
    });
    let path = desk.path().display().to_string();
    shell.configure(&[("ledger", &path), ("+", &webhook("hook", &receiver.url, &shell))]);
    let shown = shell.run_well(&["alerts", "outbox"]).stdout;
    for part in
        ["answered 503: later", "given up", "waiting", "failed", "00000000-0000-4000-8000-000000000001"]
    {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    let json: Value = serde_json::from_str(&shell.run_well(&["alerts", "outbox", "--json"]).stdout).unwrap();
    let sink = json["sinks"].as_array().unwrap().iter().find(|sink| sink["sink"] == "hook").unwrap();
    assert_eq!((&sink["waiting"], &sink["dead"]), (&2.into(), &1.into()));
    let states: Vec<_> = json["notices"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
    assert_eq!(states, ["waiting", "waiting", "dead"]);
    shell.end();
}
