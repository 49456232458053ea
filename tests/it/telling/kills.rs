//! Must show 4: SIGKILL between any two steps of delivery, and what a restart makes of it.
//!
//! The real binary by the system's clock. The moments are found from outside: this sink reads requests one by one
//! and answers when it is told to, and the outbox says how far the daemon came.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::configuration;
use crate::harness::{DEADLINE, Running, Setup, Shell, texts_of};

/// A webhook in the hands of the test.
struct Hook {
    listener: TcpListener,
}

/// One request that waits for its answer.
struct Asked {
    stream: TcpStream,
    key: String,
    body: Value,
}

impl Hook {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self { listener }
    }

    fn url(&self) -> String {
        format!("http://{}/", self.listener.local_addr().unwrap())
    }

    /// The next request.
    fn next(&self) -> Asked {
        let began = Instant::now();
        loop {
            match self.listener.accept() {
                // A connection that was left by a kill brings nothing.
                Ok((stream, _)) => {
                    if let Some(asked) = read(stream) {
                        return asked;
                    }
                }
                Err(_) => assert!(began.elapsed() < DEADLINE, "never asked"),
            }
            crate::harness::breathe();
        }
    }

    /// Lets go what came and was not read: it never arrived.
    fn forget(&self) {
        while self.listener.accept().is_ok() {}
    }
}

fn read(mut stream: TcpStream) -> Option<Asked> {
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let header = |name: &str| {
                let line = head
                    .lines()
                    .find_map(|line| line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)));
                line.unwrap().1.to_owned()
            };
            if body.len() >= header("content-length").parse::<usize>().unwrap() {
                let body = serde_json::from_str(body).unwrap();
                return Some(Asked { key: header("idempotency-key"), stream, body });
            }
        }
        let mut more = [0; 8192];
        match stream.read(&mut more) {
            Ok(count) if count > 0 => bytes.extend_from_slice(&more[..count]),
            _ => return None,
        }
    }
}

impl Asked {
    /// Answers, and waits until the daemon has read the answer and closed the connection.
    fn answer(&mut self) {
        self.stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
        assert_eq!(self.stream.read(&mut [0; 1]).unwrap(), 0);
    }

    /// The breaks that it tells of, by key.
    fn breaks(&self) -> BTreeMap<String, i64> {
        let of =
            |one: &Value, key: &Value| (key.as_str().unwrap().to_owned(), one["number"].as_i64().unwrap());
        match self.body["type"].as_str().unwrap() {
            "break" => BTreeMap::from([of(&self.body["break"], &self.body["key"])]),
            "summary" => {
                let members = self.body["summary"]["members"].as_array().unwrap();
                members.iter().map(|member| of(member, &member["key"])).collect()
            }
            other => panic!("{other}"),
        }
    }
}

/// The daemon's outbox for the webhook: state, whether it is fixed what it is told with, attempts; and how many of each.
const OUTBOX: &str = "SELECT state, batch IS NOT NULL, attempts, count(*) FROM delivery WHERE sink = 'hook'
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";

struct Stage {
    shell: Shell,
    hook: Hook,
}

impl Stage {
    /// An account that was polled once, and in which so many fail afterwards.
    fn new(failures: u32) -> Self {
        let shell = Shell::new(Setup::of(0).profiles(1).sim);
        let hook = Hook::new();
        let text = configuration(&shell, &hook.url(), "").replace("\"5m\"", "\"1s\"");
        shell.configure(&[("+", &text)]);
        shell.run_well(&["poll"]);
        let stage = Self { shell, hook };
        stage.fail(0..failures);
        stage
    }

    fn fail(&self, numbers: std::ops::Range<u32>) {
        let now = self.shell.control.now().to_rfc3339();
        let profile = self.shell.control.profiles().swap_remove(0).id;
        for number in numbers {
            self.shell.control.insert(json!({ "id": format!("fails-{number}"), "profile_id": profile,
                "ref_id": format!("ref-{number}"), "status": "FAILED", "created_at": now, "updated_at": now,
                "source_asset": "USD", "destination_asset": "USD", "source_amount": format!("{number}.50"),
                "source": { "profile": { "profile_id": profile } },
                "destination": { "profile": { "profile_id": profile } } }));
        }
    }

    fn outbox(&self) -> Vec<String> {
        texts_of(&self.shell.ledger(), OUTBOX)
    }

    fn until(&self, wanted: &[&str]) {
        let began = Instant::now();
        while self.outbox() != wanted {
            assert!(began.elapsed() < DEADLINE, "{:?}, never {wanted:?}", self.outbox());
            crate::harness::breathe();
        }
    }

    /// Kills the daemon and says how far it came.
    fn kill(&self, daemon: Running) -> Vec<String> {
        daemon.signal("-KILL");
        daemon.ended();
        self.outbox()
    }

    /// Lets the daemon read an answer that it cannot note, and kills it.
    fn kill_before_it_notes(&self, daemon: Running, asked: &mut Asked) -> Vec<String> {
        let other = Connection::open(self.shell.ledger()).unwrap();
        other.busy_timeout(DEADLINE).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        asked.answer();
        daemon.signal("-KILL");
        daemon.ended();
        other.execute_batch("ROLLBACK").unwrap();
        self.outbox()
    }
}

/// Catches: a delivery that is lost, or told under another key, at any of its steps.
#[test]
fn rule_10_one_break_is_told_under_one_key_whenever_the_daemon_is_killed() {
    let stage = Stage::new(1);
    let mut asked = Vec::new();
    // Opened, and nothing is under way.
    let daemon = stage.shell.begin_daemon();
    stage.until(&["waiting 0 0 1"]);
    assert_eq!(stage.kill(daemon), ["waiting 0 0 1"]);
    stage.hook.forget();
    // Received and not answered. It stays a message of its own, whatever comes until it is told.
    let daemon = stage.shell.begin_daemon();
    asked.push(stage.hook.next());
    assert_eq!(stage.kill(daemon), ["waiting 1 0 1"]);
    stage.fail(1..12);
    // Answered and not noted.
    let daemon = stage.shell.begin_daemon();
    let mut second = stage.hook.next();
    let came = stage.kill_before_it_notes(daemon, &mut second);
    assert!(came.contains(&"waiting 1 0 1".to_owned()), "{came:?}");
    asked.push(second);
    // Noted.
    let daemon = stage.shell.begin_daemon();
    let mut third = stage.hook.next();
    third.answer();
    asked.push(third);
    let mut rest = stage.hook.next();
    rest.answer();
    stage.until(&["sent 1 1 12"]);
    stage.kill(daemon);
    let keys: BTreeSet<&str> = asked.iter().map(|asked| asked.key.as_str()).collect();
    let breaks: BTreeSet<_> = asked.iter().map(|asked| format!("{:?}", asked.breaks())).collect();
    assert_eq!((asked.len(), keys.len(), breaks.len()), (3, 1, 1), "{keys:?} {breaks:?}");
    assert_eq!(rest.breaks().len(), 11);
    // What was noted is not told again: the next message is about the next break.
    stage.fail(12..13);
    let daemon = stage.shell.begin_daemon();
    let mut other = stage.hook.next();
    assert!(!keys.contains(other.key.as_str()) && other.breaks().len() == 1);
    other.answer();
    stage.until(&["sent 1 1 13"]);
    daemon.stop();
    stage.shell.run_well(&["ledger", "verify"]);
    stage.shell.end();
}

/// Catches: a summary that is made anew after a kill, with other members or under another key, so that a receiver
/// who keeps keys is told of a break twice.
#[test]
fn rule_10_a_burst_stays_the_same_message_whenever_the_daemon_is_killed() {
    let stage = Stage::new(15);
    // Fixed, and nothing arrived.
    let daemon = stage.shell.begin_daemon();
    stage.until(&["waiting 1 0 15"]);
    assert_eq!(stage.kill(daemon), ["waiting 1 0 15"]);
    stage.hook.forget();
    // More of the kind come before it is told.
    stage.fail(15..18);
    // Received and not answered.
    let daemon = stage.shell.begin_daemon();
    let first = stage.hook.next();
    let came = stage.kill(daemon);
    assert!(came.contains(&"waiting 1 0 15".to_owned()), "{came:?}");
    // Answered and not noted.
    let daemon = stage.shell.begin_daemon();
    let mut second = stage.hook.next();
    let came = stage.kill_before_it_notes(daemon, &mut second);
    assert!(came.contains(&"waiting 1 0 15".to_owned()), "{came:?}");
    // Noted; the three others follow each by itself.
    let daemon = stage.shell.begin_daemon();
    let mut told = vec![first, second];
    while told.len() < 6 {
        let mut asked = stage.hook.next();
        asked.answer();
        told.push(asked);
    }
    stage.until(&["sent 1 1 18"]);
    daemon.stop();
    assert!(stage.hook.listener.accept().is_err(), "nothing else was told");

    let mut by_key: BTreeMap<&str, BTreeMap<String, i64>> = BTreeMap::new();
    for asked in &told {
        let breaks = asked.breaks();
        assert_eq!(
            by_key.entry(&asked.key).or_insert_with(|| breaks.clone()),
            &breaks,
            "one key, one content"
        );
    }
    let sizes: Vec<usize> = told.iter().map(|asked| asked.breaks().len()).collect();
    assert_eq!(sizes, [15, 15, 15, 1, 1, 1]);
    let all: Vec<(String, i64)> = by_key.into_values().flatten().collect();
    let keys: BTreeSet<&String> = all.iter().map(|(key, _)| key).collect();
    let numbers: BTreeSet<i64> = all.iter().map(|(_, number)| *number).collect();
    assert_eq!((all.len(), keys.len()), (18, 18), "each break under one key, in one message");
    assert_eq!(numbers, (1..=18).collect());
    stage.shell.run_well(&["ledger", "verify"]);
    stage.shell.end();
}
