//! Reports by their schedules, with a clock that the test holds.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tallyd::clock::{Clock as _, ManualClock};
use tallyd::daemon::{Wanted, Whom};
use tallyd::ledger::Beside;

use super::{rows, until};
use crate::harness::{DEADLINE, InProcess, Setup, Shell, breathe, held_clock};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Up to when the report's runs are done.
const DONE: &str =
    "SELECT datetime(last_due / 1000000, 'unixepoch') FROM schedule_run WHERE name = 'report daily'";

fn shell() -> Shell {
    let shell = Shell::new(Setup::of(40).profiles(1).sim);
    let directory = shell.file("reports").display().to_string();
    shell.configure(&[(
        "+",
        &format!(
            "[poll]\nevery = \"1h\"\n[[sweeps]]\nschedule = \"@yearly\"\nwindow = \"48h\"\n\
             [[reports]]\nname = \"daily\"\nschedule = \"30 0 * * *\"\nperiod = \"day\"\nforms = [\"json\", \"csv\"]\n\
             keep = \"36h\"\ndirectory = {directory:?}\n"
        ),
    )]);
    shell
}

fn start(shell: &Shell, clock: &Arc<ManualClock>) -> InProcess {
    let daemon = InProcess::start(shell, clock.clone(), tallyd::sync::rules());
    until(shell, "SELECT count(*) FROM schedule_run WHERE name LIKE 'report%'", &["1"]);
    daemon
}

/// The days of which there is a manifest, that is, all of their files.
fn days(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut days: Vec<_> = names
        .filter_map(|name| Some(name.strip_prefix("daily-")?.strip_suffix(".manifest.json")?.to_owned()))
        .collect();
    days.sort();
    days
}

/// Lets time go by until a report is done up to then.
fn until_done(shell: &Shell, clock: &ManualClock, wanted: &str) {
    let began = Instant::now();
    while rows(shell, DONE).unwrap() != [wanted] {
        assert!(began.elapsed() < DEADLINE, "never done up to {wanted}: {:?}", rows(shell, DONE));
        clock.advance(Duration::from_secs(1));
        breathe();
    }
}

fn poll(shell: &Shell, clock: &ManualClock, times: usize) {
    let wanted = Wanted::Poll(Whom::All);
    let beside = Beside::at(&shell.ledger());
    beside.ask(&shell.api_url, wanted.kind(), &wanted.arguments(), clock.now()).unwrap();
    until(shell, "SELECT count(*) FROM request WHERE state = 'done'", &[&times.to_string()]);
}

/// Catches: a run for each that was missed, a report of a period that has not settled, one that failed and is forgotten,
/// half a report, and old files that stay.
#[test]
fn what_was_missed_is_made_up_once_and_a_run_waits_until_its_period_has_settled() {
    let shell = shell();
    let folder = shell.file("reports");
    let clock = held_clock();
    // 2 March, 9:30.
    shell.wait("the stop", start(&shell, &clock).stop());

    // 5 March, 9:30: three runs were missed. There is no folder, so the first tries fail.
    clock.advance(HOUR * 72);
    let daemon = start(&shell, &clock);
    poll(&shell, &clock, 1);
    clock.advance(MINUTE * 3);
    poll(&shell, &clock, 2);
    assert_eq!(rows(&shell, DONE).unwrap(), ["2026-03-02 09:30:00"]);
    std::fs::create_dir(&folder).unwrap();
    until_done(&shell, &clock, "2026-03-05 00:30:00");
    assert_eq!(days(&folder), ["2026-03-04"]);

    // 6 March, 0:40: the run is due, and its period has not settled.
    let now = clock.now();
    let due = tallyd::model::Timestamp::parse_rfc3339("2026-03-06T00:40:00Z").unwrap();
    clock.advance(due.since(now));
    poll(&shell, &clock, 3);
    clock.advance(MINUTE);
    poll(&shell, &clock, 4);
    assert_eq!(days(&folder), ["2026-03-04"]);
    clock.advance(MINUTE * 20);
    poll(&shell, &clock, 5);
    until_done(&shell, &clock, "2026-03-06 00:30:00");
    assert_eq!(days(&folder), ["2026-03-04", "2026-03-05"]);
    let report = std::fs::read_to_string(folder.join("daily-2026-03-05.json")).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(
        (&report["as_of"]["standing"], &report["completeness"]["ties_out"]),
        (&"settled".into(), &true.into())
    );

    // A day and a half later the first one is old.
    clock.advance(HOUR * 24);
    poll(&shell, &clock, 6);
    until_done(&shell, &clock, "2026-03-07 00:30:00");
    let began = Instant::now();
    while days(&folder) != ["2026-03-05", "2026-03-06"] {
        assert!(began.elapsed() < DEADLINE, "{:?}", days(&folder));
        breathe();
    }
    assert!(!folder.join("daily-2026-03-04.accounts.csv").exists());
    shell.wait("the stop", daemon.stop());
    shell.end();
}
