//! From what Paxos shows to what people are told, end to end: the daemon, the simulator over HTTP, and sinks on loopback.
//!
//! Here: the stage, with a clock that the test holds. What must be told is in the modules.

#![expect(clippy::unwrap_used, reason = "in a test's helpers too, a panic is how a test fails")]

mod kills;
mod story;
mod transfers;

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde_json::{Value, json};
use tallyd::clock::{Clock as _, ManualClock};
use tallyd::config::Config;
use tallyd::daemon::{Since, Wanted, Whom};
use tallyd::ledger::Beside;
use tallyd::model::SweepWindow;
use tallyd::sim::SimConfig;
use tokio::net::TcpListener;

use crate::harness::{DEADLINE, InProcess, Shell, held_clock, texts_of};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// What a sink was sent.
#[derive(Clone, Debug)]
struct Got {
    /// Its `Idempotency-Key`; empty where there is none.
    key: String,
    body: Value,
}

/// A sink that keeps what it is sent.
#[derive(Clone)]
struct Sink {
    url: String,
    got: Arc<Mutex<Vec<Got>>>,
    /// What it answers next; 200 where nothing is left.
    answers: Arc<Mutex<VecDeque<StatusCode>>>,
}

impl Sink {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let sink = Self { url, got: Arc::default(), answers: Arc::default() };
        let router = Router::new().fallback(take).with_state(sink.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        sink
    }

    fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

async fn take(State(sink): State<Sink>, request: Request) -> StatusCode {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 24).await.unwrap();
    let key = parts.headers.get("idempotency-key").map_or("", |key| key.to_str().unwrap());
    let got = Got { key: key.to_owned(), body: serde_json::from_slice(&body).unwrap() };
    sink.got.lock().unwrap().push(got);
    sink.answers.lock().unwrap().pop_front().unwrap_or(StatusCode::OK)
}

/// The end of a configuration: no poll and no sweep but by request, and these sinks.
fn configuration(shell: &Shell, hook: &str, more: &str) -> String {
    std::fs::write(shell.file("hook-secret"), "hunter2").unwrap();
    let secret = shell.file("hook-secret").display().to_string();
    let mut text =
        "[poll]\nevery = \"5m\"\n[[sweeps]]\nschedule = \"@yearly\"\nwindow = \"48h\"\n".to_owned();
    write!(
        text,
        "{more}[[alerts.sinks]]\nname = \"hook\"\ntype = \"webhook\"\nrepeat = \"never\"\nurl = {hook:?}\nsecret_file = {secret:?}\n"
    )
    .unwrap();
    text
}

/// A daemon with a webhook and a channel of Slack, and the account that it watches.
struct Stage {
    shell: Shell,
    clock: Arc<ManualClock>,
    hook: Sink,
    slack: Sink,
    daemon: InProcess,
}

impl Stage {
    /// Starts the daemon and waits for its first poll. `before` is done to the account and its clock before that.
    fn begin(sim: SimConfig, before: impl FnOnce(&Shell, &ManualClock)) -> Self {
        Self::begin_with(sim, &[], before)
    }

    /// The same with other settings.
    fn begin_with(
        sim: SimConfig,
        settings: &[(&str, &str)],
        before: impl FnOnce(&Shell, &ManualClock),
    ) -> Self {
        let clock = held_clock();
        let shell = Shell::by_clock(sim, clock.clone());
        before(&shell, &clock);
        let (hook, slack) = shell.runtime.block_on(async { (Sink::start().await, Sink::start().await) });
        std::fs::write(shell.file("slack-url"), &slack.url).unwrap();
        let more = format!(
            "[limits]\npossible_duplicate = \"1h\"\n[[alerts.sinks]]\nname = \"slack\"\ntype = \"slack\"\n\
             repeat = \"never\"\nurl_file = {:?}\n",
            shell.file("slack-url").display().to_string()
        );
        let text = configuration(&shell, &hook.url, &more);
        shell.configure(&[settings, &[("+", &text)]].concat());
        let config = Config::load(&shell.file("config.toml"), &|_| None).unwrap().config;
        let daemon = InProcess::start(&shell, clock.clone(), tallyd::daemon::rules(&config));
        let stage = Self { shell, clock, hook, slack, daemon };
        stage.until("SELECT count(*) > 0 AND min(result IS NOT NULL) FROM poll", &["1"]);
        stage.poll();
        stage
    }

    fn profile(&self) -> String {
        self.shell.control.profiles().swap_remove(0).id
    }

    /// Puts an orchestration between two profiles into the account, created now, with some fields of its own.
    fn put(&self, id: &str, amount: u32, own: Value) {
        let (profile, now) = (self.profile(), self.clock.now().to_rfc3339());
        let mut row = json!({ "id": id, "profile_id": profile, "ref_id": format!("ref-{id}"),
            "status": "PROCESSING", "created_at": now, "updated_at": now,
            "source_asset": "USD", "destination_asset": "USD", "source_amount": format!("{amount}.00"),
            "source": { "profile": { "profile_id": profile } },
            "destination": { "profile": { "profile_id": profile } } });
        let Value::Object(own) = own else { panic!("{own} is no object") };
        row.as_object_mut().unwrap().extend(own);
        self.shell.control.insert(row);
    }

    /// Changes fields of one now.
    fn alter(&self, id: &str, fields: Value) {
        let now = self.clock.now().to_rfc3339();
        let Value::Object(fields) = fields else { panic!("{fields} is no object") };
        let change = |row: &mut serde_json::Map<String, Value>| {
            row.insert("updated_at".to_owned(), now.into());
            row.extend(fields);
        };
        self.shell.control.alter(id, change).unwrap();
    }

    /// Has the daemon poll, after so long, and waits until all is told.
    fn poll_after(&self, span: Duration) {
        self.clock.advance(span);
        self.poll();
    }

    fn poll(&self) {
        self.serve(&Wanted::Poll(Whom::All));
        self.until(WAITING, &["0"]);
    }

    /// The same with a sweep over everything.
    fn sweep(&self) {
        let since = Since::Asked(self.clock.now());
        self.serve(&Wanted::Sweep(Whom::All, SweepWindow::Everything, since));
        self.until(WAITING, &["0"]);
    }

    fn serve(&self, wanted: &Wanted) {
        let beside = Beside::at(&self.shell.ledger());
        let number =
            beside.ask(&self.shell.api_url, wanted.kind(), &wanted.arguments(), self.clock.now()).unwrap();
        self.until(&format!("SELECT state FROM request WHERE number = {}", number.get()), &["done"]);
    }

    /// The rows of a query of the ledger.
    fn rows(&self, query: &str) -> Vec<String> {
        texts_of(&self.shell.ledger(), query)
    }

    /// Waits until the ledger says this.
    fn until(&self, query: &str, wanted: &[&str]) {
        let began = Instant::now();
        // It is the daemon that makes the ledger: at first it may not be there.
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
        let is_there = || {
            let connection = rusqlite::Connection::open_with_flags(self.shell.ledger(), flags);
            connection.is_ok_and(|connection| connection.prepare(query).is_ok())
        };
        while !is_there() || self.rows(query) != wanted {
            assert!(began.elapsed() < DEADLINE, "{query}: {:?}, never {wanted:?}", self.rows(query));
            crate::harness::breathe();
        }
    }

    /// The webhook's messages, each as occasion, kind and subject, sorted; those of the first `skip` left out.
    fn told_after(&self, skip: usize) -> Vec<String> {
        let mut told: Vec<String> = self.hook.got().iter().skip(skip).map(|got| told(&got.body)).collect();
        told.sort();
        told
    }

    /// How many notices there are, for any sink, the log among them.
    fn notices(&self) -> usize {
        self.rows("SELECT number FROM notice").len()
    }

    /// Ends it, and expects that the journal holds and that nothing was told a second time.
    fn end(self) {
        let keys: Vec<String> = self.hook.got().into_iter().map(|got| got.key).collect();
        let mut once = keys.clone();
        once.sort();
        once.dedup();
        assert_eq!(keys.len(), once.len(), "{keys:?}");
        self.shell.wait("the stop", self.daemon.stop());
        self.shell.run_well(&["ledger", "verify"]);
        self.shell.end();
    }
}

const WAITING: &str = "SELECT count(*) FROM delivery WHERE state <> 'sent'";

fn told(body: &Value) -> String {
    let one = &body["break"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match body["type"].as_str().unwrap() {
        "break" => {
            format!("{} {} {}", text(&one["occasion"]), text(&one["kind"]), text(&one["subject"]["id"]))
        }
        other => format!("{other} {}", text(&body["summary"]["kind"])),
    }
}
