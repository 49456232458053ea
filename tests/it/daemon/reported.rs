//! What people are told of reports by schedule: that one cannot be made, that it is made again, and the report itself.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tallyd::clock::{Clock as _, ManualClock};
use tallyd::config::Config;
use tallyd::daemon::{Wanted, Whom};
use tallyd::ledger::Beside;

use super::{rows, until};
use crate::alerts::{Got, Receiver, Script};
use crate::harness::{DEADLINE, InProcess, Setup, Shell, breathe, faults_by_schema, held_clock};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A world with a daily report, of which a webhook is told and to which it is sent.
fn stage() -> (Shell, Receiver) {
    let shell = Shell::new(Setup::of(40).profiles(1).sim);
    let receiver = shell.runtime.block_on(Receiver::start([]));
    std::fs::write(shell.file("hook-secret"), "hunter2").unwrap();
    let text = |name: &str| shell.file(name).display().to_string();
    let mut more =
        "[poll]\nevery = \"1h\"\n[[sweeps]]\nschedule = \"@yearly\"\nwindow = \"48h\"\n".to_owned();
    writeln!(more, "[[alerts.sinks]]\nname = \"hook\"\ntype = \"webhook\"\nurl = {:?}", receiver.url)
        .unwrap();
    writeln!(more, "secret_file = {:?}\nkinds = [\"report_failed\"]", text("hook-secret")).unwrap();
    writeln!(more, "[[reports]]\nname = \"daily\"\nschedule = \"30 0 * * *\"\nperiod = \"day\"").unwrap();
    writeln!(more, "forms = [\"json\"]\nsinks = [\"hook\"]\ndirectory = {:?}", text("reports")).unwrap();
    shell.configure(&[("+", &more)]);
    (shell, receiver)
}

fn start(shell: &Shell, clock: &Arc<ManualClock>) -> InProcess {
    let config = Config::load(&shell.file("config.toml"), &|_| None).unwrap().config;
    let daemon = InProcess::start(shell, clock.clone(), tallyd::daemon::rules(&config));
    until(shell, "SELECT count(*) FROM schedule_run WHERE name LIKE 'report%'", &["1"]);
    daemon
}

fn poll(shell: &Shell, clock: &ManualClock) {
    let count = || rows(shell, "SELECT count(*) FROM request WHERE state = 'done'").unwrap().swap_remove(0);
    let before: u64 = count().parse().unwrap();
    let wanted = Wanted::Poll(Whom::All);
    let beside = Beside::at(&shell.ledger());
    beside.ask(&shell.api_url, wanted.kind(), &wanted.arguments(), clock.now()).unwrap();
    until(shell, "SELECT count(*) FROM request WHERE state = 'done'", &[&(before + 1).to_string()]);
}

/// What a receiver was told, in short.
fn told(receiver: &Receiver) -> Vec<String> {
    let short = |got: &Got| {
        let body = got.json();
        match body["type"].as_str().unwrap() {
            "report" => format!("report {}", body["report"]["period"]["name"].as_str().unwrap()),
            "break" => {
                let about = &body["break"];
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                format!(
                    "{} {} {}",
                    text(&about["kind"]),
                    text(&about["occasion"]),
                    text(&about["subject"]["id"])
                )
            }
            other => other.to_owned(),
        }
    };
    receiver.got().iter().map(short).collect()
}

/// Lets time go by until a receiver was told so much.
fn until_told(receiver: &Receiver, clock: &ManualClock, wanted: &[&str]) {
    let began = Instant::now();
    let wanted: BTreeSet<String> = wanted.iter().map(|&one| one.to_owned()).collect();
    while told(receiver).into_iter().collect::<BTreeSet<_>>() != wanted {
        assert!(began.elapsed() < DEADLINE, "{:?}, never {wanted:?}", told(receiver));
        clock.advance(Duration::from_secs(1));
        breathe();
    }
}

fn breaks(shell: &Shell) -> Vec<String> {
    rows(
        shell,
        "SELECT kind || ' ' || about || ' ' || subject || ' ' || state FROM breaks WHERE about = 'report'",
    )
    .unwrap()
}

/// Catches: a storm of notices, one for each try or each start; an end that is told to nobody; a report that is sent
/// twice, or not at all because its files were there before it could be noted.
#[test]
fn a_report_that_fails_is_told_once_and_once_when_it_is_well_again() {
    let (shell, receiver) = stage();
    let clock = held_clock();
    let daemon = start(&shell, &clock);
    poll(&shell, &clock);
    // 3 March, 2:30, and there is no folder.
    clock.advance(HOUR * 17);
    poll(&shell, &clock);
    until_told(&receiver, &clock, &["report_failed opened daily"]);
    let body = receiver.got()[0].json();
    assert_eq!(body["break"]["subject"]["type"], "report");
    assert!(
        body["title"].as_str().unwrap().starts_with("the report daily of 2026-03-02 could not be made"),
        "{body}"
    );

    // However often it is tried, and by whichever process.
    clock.advance(HOUR * 3);
    poll(&shell, &clock);
    shell.wait("the stop", daemon.stop());
    let daemon = start(&shell, &clock);
    clock.advance(MINUTE * 2);
    poll(&shell, &clock);
    until(&shell, "SELECT count(*) FROM journal WHERE details ->> 'kind' = 'report_failed'", &["1"]);
    assert_eq!(told(&receiver), ["report_failed opened daily"]);
    assert_eq!(breaks(&shell), ["report_failed report daily open"]);

    // Well again: its end, and the report itself.
    std::fs::create_dir(shell.file("reports")).unwrap();
    clock.advance(HOUR);
    until_told(
        &receiver,
        &clock,
        &["report_failed opened daily", "report_failed resolved daily", "report 2026-03-02"],
    );
    assert_eq!(breaks(&shell), ["report_failed report daily resolved"]);
    shell.wait("the stop", daemon.stop());

    // The next one is there before the daemon makes it: as after a kill between its files and the ledger.
    clock.advance(HOUR * 24);
    let daemon = start(&shell, &clock);
    poll(&shell, &clock);
    until_told(
        &receiver,
        &clock,
        &[
            "report_failed opened daily",
            "report_failed resolved daily",
            "report 2026-03-02",
            "report 2026-03-03",
        ],
    );
    shell.wait("the stop", daemon.stop());
    assert_eq!(told(&receiver).len(), 4, "nothing is told twice: {:?}", told(&receiver));
    // Made once more: the run is forgotten, as by a kill before it was noted.
    let connection = rusqlite::Connection::open(shell.ledger()).unwrap();
    let back = "UPDATE schedule_run SET last_due = last_due - 86400000000 WHERE name = 'report daily'";
    connection.execute(back, []).unwrap();
    drop(connection);
    let before = rows(&shell, "SELECT last_due FROM schedule_run WHERE name = 'report daily'").unwrap();
    let daemon = start(&shell, &clock);
    let began = Instant::now();
    while rows(&shell, "SELECT last_due FROM schedule_run WHERE name = 'report daily'").unwrap() == before {
        assert!(began.elapsed() < DEADLINE);
        clock.advance(Duration::from_secs(1));
        breathe();
    }
    poll(&shell, &clock);
    shell.wait("the stop", daemon.stop());
    assert_eq!(told(&receiver).len(), 4, "the same bytes are not sent again: {:?}", told(&receiver));
    shell.end();
}

/// Catches: a break that stands for ever of a report that nobody wants any more.
#[test]
fn a_report_that_is_taken_out_of_the_configuration_is_in_no_trouble_any_more() {
    let (shell, receiver) = stage();
    let clock = held_clock();
    let daemon = start(&shell, &clock);
    clock.advance(HOUR * 17);
    poll(&shell, &clock);
    until_told(&receiver, &clock, &["report_failed opened daily"]);
    shell.wait("the stop", daemon.stop());
    let config = std::fs::read_to_string(shell.file("config.toml")).unwrap();
    let (without, _) = config.split_once("[[reports]]").unwrap();
    std::fs::write(shell.file("config.toml"), without).unwrap();
    let daemon = start(&shell, &clock);
    until_told(&receiver, &clock, &["report_failed opened daily", "report_failed resolved daily"]);
    assert_eq!(
        rows(&shell, "SELECT resolved_why FROM breaks WHERE about = 'report'").unwrap(),
        ["the report is no longer in the configuration"]
    );
    shell.wait("the stop", daemon.stop());
    shell.end();
}

/// Catches: a report that is lost, or comes under another key, where tallyd is killed while it is sent.
#[test]
fn rule_10_a_report_survives_kills_and_keeps_its_key() {
    let (shell, receiver) = stage();
    std::fs::create_dir(shell.file("reports")).unwrap();
    let clock = held_clock();
    // The report of 2 March waits, and the sink takes nothing.
    receiver.then([Script::Hang]);
    let daemon = start(&shell, &clock);
    poll(&shell, &clock);
    clock.advance(HOUR * 17);
    poll(&shell, &clock);
    let began = Instant::now();
    while receiver.got().is_empty() {
        assert!(began.elapsed() < DEADLINE);
        clock.advance(Duration::from_secs(1));
        breathe();
    }
    shell.wait("the stop", daemon.stop());
    // Its daily runs are over for this ledger: nothing but what waits is to be told.
    let config = std::fs::read_to_string(shell.file("config.toml")).unwrap();
    std::fs::write(shell.file("config.toml"), config.replace("30 0 * * *", "@yearly")).unwrap();
    for count in [2, 3] {
        receiver.then([Script::Hang]);
        let daemon = shell.begin_daemon();
        shell.wait("the arrival", receiver.wait_for(count));
        daemon.signal("-KILL");
        daemon.ended();
    }
    let daemon = shell.start_daemon();
    shell.wait("the arrival", receiver.wait_for(4));
    until(
        &shell,
        "SELECT state FROM delivery JOIN notice ON notice = number WHERE report IS NOT NULL",
        &["sent"],
    );
    daemon.stop();
    let keys: BTreeSet<String> =
        receiver.got().iter().map(|got| got.header("idempotency-key").to_owned()).collect();
    assert_eq!((keys.len(), receiver.got().len()), (1, 4), "{:?}", told(&receiver));
    assert!(keys.first().unwrap().starts_with("tallyd/report/daily/2026-03-02/"), "{keys:?}");
    let manifest = std::fs::read(shell.file("reports").join("daily-2026-03-02.manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let body = receiver.got()[3].json();
    assert_eq!(body["report"]["manifest"], manifest);
    let schema: Value = serde_json::from_str(include_str!("../../../docs/webhook-v1.schema.json")).unwrap();
    assert_eq!(faults_by_schema(&body, &schema), [""; 0]);
    shell.end();
}
