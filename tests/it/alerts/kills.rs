//! Contract rule 10: killed at any moment of a delivery, everything is told at least once, under the same key.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;
use tallyd::model::Status;

use super::delivery::{Desk, row};
use super::{Got, Receiver, Script, sink_config, webhook_at};
use crate::harness::{Setup, Shell};

/// The breaks that a message tells of.
fn breaks(got: &Got) -> BTreeSet<i64> {
    let body = got.json();
    match body["type"].as_str().unwrap() {
        "break" => BTreeSet::from([body["break"]["number"].as_i64().unwrap()]),
        "summary" => {
            let members = body["summary"]["members"].as_array().unwrap();
            members.iter().map(|member: &Value| member["number"].as_i64().unwrap()).collect()
        }
        other => panic!("{other}"),
    }
}

#[test]
fn rule_10_a_kill_at_any_moment_repeats_under_the_same_key_and_loses_nothing() {
    let shell = Shell::new(Setup::of(10).profiles(1).sim);
    let receiver = shell.runtime.block_on(Receiver::start([]));
    let sink = sink_config("hook", webhook_at(&receiver.url));
    let desk = shell.runtime.block_on(async {
        let desk = Desk::of(&shell.api_url, vec![sink]).await;
        // A burst of one kind, and a few of another.
        desk.observe((0..15).map(|number| row(number, Status::Failed))).await;
        desk.observe((15..21).map(|number| row(number, Status::Rejected))).await;
        desk
    });
    let Desk { folder, ledger, .. } = desk;
    shell.runtime.block_on(ledger.close());
    std::fs::write(shell.file("hook-secret"), "hunter2").unwrap();
    let mut more = format!("[poll]\nevery = \"1h\"\n[[profiles]]\nid = {:?}\n", super::PROFILE);
    writeln!(more, "[[alerts.sinks]]\nname = \"hook\"\ntype = \"webhook\"\nurl = {:?}", receiver.url)
        .unwrap();
    writeln!(
        more,
        "kinds = [\"failed\", \"rejected\"]\nsecret_file = {:?}",
        shell.file("hook-secret").display().to_string()
    )
    .unwrap();
    let path = folder.path().join("ledger.db").display().to_string();
    shell.configure(&[("ledger", &path), ("+", &more)]);
    let mut kills = 0;
    // Killed while a request hangs: after the batch was fixed, before its end was noted. Then after an answer,
    // before or after it was noted, as it happens.
    let taken = || Script::Answer(200, "");
    for scripts in [vec![Script::Hang], vec![taken(), Script::Hang], vec![Script::Hang], vec![taken()]] {
        let arrivals = receiver.got().len() + scripts.len();
        receiver.then(scripts);
        let daemon = shell.begin_daemon();
        shell.wait("the arrivals", receiver.wait_for(arrivals));
        daemon.signal("-KILL");
        daemon.ended();
        kills += 1;
    }
    let before = receiver.got().len();
    let daemon = shell.start_daemon();
    // The burst is one, the others six; what was noted before is not told again.
    let connection = rusqlite::Connection::open(&path).unwrap();
    let waits = || -> i64 {
        let query = "SELECT count(*) FROM delivery WHERE state = 'waiting'";
        connection.query_row(query, [], |row| row.get(0)).unwrap()
    };
    let began = std::time::Instant::now();
    while waits() > 0 {
        assert!(began.elapsed() < crate::harness::DEADLINE, "{} wait", waits());
        crate::harness::breathe();
    }
    daemon.stop();
    let got = receiver.got();
    let mut by_key: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
    for got in &got {
        let key = got.header("idempotency-key").to_owned();
        let told = breaks(got);
        assert_eq!(*by_key.entry(key).or_insert_with(|| told.clone()), told, "one key, one content");
    }
    let all: BTreeSet<i64> = by_key.values().flatten().copied().collect();
    assert_eq!(all, (1..=21).collect(), "nothing is lost");
    assert_eq!(by_key.len(), 7, "one summary and six: {:?}", by_key.keys());
    assert!(
        got.len() <= 7 + kills,
        "a kill repeats at most what was under way: {} after {before}",
        got.len()
    );
    shell.end();
}
