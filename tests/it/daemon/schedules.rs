//! Sweeps by their schedules, with a clock that the test holds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tallyd::clock::{Clock as _, ManualClock};
use tallyd::daemon::{Since, Wanted, Whom};
use tallyd::ledger::Beside;
use tallyd::model::SweepWindow;
use tallyd::sim::{Endpoint, Fault, Scripted};

use super::{rows, until};
use crate::harness::{DEADLINE, InProcess, Setup, Shell, held_clock, id_of};

const HOUR: Duration = Duration::from_secs(3600);

/// The windows of the sweeps that were begun.
const WINDOWS: &str =
    "SELECT CASE begins_at WHEN 0 THEN 'all' ELSE '48h' END FROM poll WHERE lane = 'sweep' ORDER BY number";

fn shell() -> Shell {
    let shell = Shell::new(Setup::of(3).profiles(1).sim);
    shell.configure(&[(
        "+",
        "[poll]\nevery = \"1h\"\n[[sweeps]]\nschedule = \"0 * * * *\"\nwindow = \"48h\"\n\
         [[sweeps]]\nschedule = \"30 12 * * *\"\nwindow = \"all\"\n",
    )]);
    shell
}

/// A daemon that has met its schedules.
fn start(shell: &Shell, clock: &Arc<ManualClock>) -> InProcess {
    let daemon = InProcess::start(shell, clock.clone(), tallyd::sync::rules());
    until(shell, "SELECT count(*) FROM schedule_run", &["2"]);
    daemon
}

/// Waits until a schedule is done up to now.
fn noted(shell: &Shell, clock: &ManualClock, schedules: &str) {
    let now = clock.now().as_micros();
    until(shell, &format!("SELECT count(*) FROM schedule_run WHERE last_due = {now}"), &[schedules]);
}

/// Catches: a schedule that runs when it is first seen; missed runs that are made up each, or not at all.
#[test]
fn what_was_missed_is_made_up_once_at_the_start_and_after_the_clock_jumped() {
    let shell = shell();
    let clock = held_clock();
    // 9:30. Seen first, both count from now on.
    shell.wait("the stop", start(&shell, &clock).stop());
    assert_eq!(rows(&shell, WINDOWS).unwrap(), [""; 0]);

    // 15:30. Six full hours and one half past twelve were missed.
    clock.advance(HOUR * 6);
    let daemon = start(&shell, &clock);
    until(&shell, WINDOWS, &["48h", "all"]);
    noted(&shell, &clock, "2");
    // 20:30: the clock jumped.
    clock.advance(HOUR * 5);
    until(&shell, WINDOWS, &["48h", "all", "48h"]);
    noted(&shell, &clock, "1");
    // 21:00, to the minute.
    clock.advance(HOUR / 2);
    until(&shell, WINDOWS, &["48h", "all", "48h", "48h"]);
    noted(&shell, &clock, "1");
    shell.wait("the stop", daemon.stop());

    // Nothing is left to make up.
    let daemon = start(&shell, &clock);
    let wanted = Wanted::Poll(Whom::All);
    ask(&shell, &wanted, &clock);
    until(&shell, "SELECT state FROM request", &["done"]);
    shell.wait("the stop", daemon.stop());
    assert_eq!(rows(&shell, WINDOWS).unwrap(), ["48h", "all", "48h", "48h"]);
    let results = "SELECT DISTINCT result FROM poll WHERE lane = 'sweep'";
    assert_eq!(rows(&shell, results).unwrap(), ["complete"]);
    shell.end();
}

/// Catches: a schedule that stands still until a time comes again that the clock showed before.
#[test]
fn a_clock_that_is_set_back_begins_the_count_anew() {
    let shell = shell();
    let clock = held_clock();
    let daemon = start(&shell, &clock);
    clock.set(clock.now().minus(HOUR * 8));
    noted(&shell, &clock, "2");
    clock.advance(HOUR / 2);
    until(&shell, WINDOWS, &["48h"]);
    shell.wait("the stop", daemon.stop());
    shell.end();
}

/// Catches: a sweep that was cut off by a stop and counts as done.
#[test]
fn a_sweep_that_was_stopped_is_made_up_by_the_next_daemon() {
    let shell = shell();
    let clock = held_clock();
    let daemon = start(&shell, &clock);
    until(&shell, "SELECT result FROM poll", &["complete"]);
    hold_the_next_sweep(&shell, &clock);
    shell.wait("the stop", daemon.stop());

    let results = "SELECT result FROM poll WHERE lane = 'sweep' ORDER BY number";
    assert_ne!(rows(&shell, results).unwrap(), ["complete"]);
    shell.control.clear_faults();
    let daemon = start(&shell, &clock);
    until(&shell, &format!("SELECT * FROM ({results}) LIMIT 1 OFFSET 1"), &["complete"]);
    shell.wait("the stop", daemon.stop());
    shell.end();
}

/// Catches: a sweep of the week that fell into an outage of minutes, and is next made in a week; one that sweeps
/// again whom it had swept.
#[test]
fn a_sweep_that_failed_is_tried_again_and_is_due_until_then() {
    let shell = Shell::new(Setup::of(3).profiles(2).sim);
    shell.configure(&[(
        "+",
        "[poll]\nevery = \"1h\"\n[[sweeps]]\nschedule = \"30 12 * * *\"\nwindow = \"all\"\n",
    )]);
    let clock = held_clock();
    let daemon = InProcess::start(&shell, clock.clone(), tallyd::sync::rules());
    until(&shell, "SELECT result FROM poll", &["complete", "complete"]);
    until(&shell, "SELECT count(*) FROM schedule_run", &["1"]);
    // Of two profiles the first one is refused.
    shell.control.script(Endpoint::List, vec![Fault::Unauthorized; 2]);
    clock.advance(HOUR * 4);
    let sweeps = "SELECT result FROM poll WHERE lane = 'sweep' ORDER BY number";
    until(&shell, sweeps, &["failed", "complete"]);
    until_after(&shell, &clock, HOUR / 4, sweeps, &["failed", "complete", "complete"]);
    noted(&shell, &clock, "1");
    shell.wait("the stop", daemon.stop());
    let swept = "SELECT count(DISTINCT profile) FROM poll WHERE lane = 'sweep' AND result = 'complete'";
    assert_eq!(rows(&shell, swept).unwrap(), ["2"]);
    shell.end();
}

/// Catches: two sweeps at a time; a sweep that holds up the polls.
#[test]
fn a_sweep_that_is_asked_for_waits_for_the_one_under_way_and_a_poll_does_not() {
    let shell = shell();
    let clock = held_clock();
    let daemon = start(&shell, &clock);
    until(&shell, "SELECT result FROM poll", &["complete"]);
    hold_the_next_sweep(&shell, &clock);
    ask(&shell, &Wanted::Sweep(Whom::All, SweepWindow::Everything, Since::CutShort), &clock);
    until(&shell, "SELECT state FROM request", &["taken"]);
    ask(&shell, &Wanted::Poll(Whom::All), &clock);
    until(&shell, "SELECT state FROM request ORDER BY number", &["taken", "done"]);
    assert_eq!(rows(&shell, WINDOWS).unwrap(), ["48h"]);
    shell.wait("the stop", daemon.stop());
    shell.end();
}

/// Catches: a requested sweep that begins at the oldest row again with each daemon that serves it.
#[test]
fn a_sweep_that_is_asked_for_goes_on_with_what_a_former_daemon_compared_for_it() {
    let shell = Shell::new(Setup::of(60).pages_of(7).profiles(1).sim);
    shell.configure(&[("+", "[poll]\nevery = \"1h\"\n")]);
    let clock = held_clock();
    let daemon = InProcess::start(&shell, clock.clone(), tallyd::sync::rules());
    until(&shell, "SELECT result FROM poll", &["complete"]);
    let script = [vec![Scripted::Honest; 4], vec![Scripted::Fault(Fault::Hang); 24]].concat();
    shell.control.script(Endpoint::List, script);
    shell.control.forget_requests();
    // A `Date` has whole seconds, so it may tell of a moment before that.
    let asked_at = clock.now().minus(Duration::from_secs(5));
    let wanted = Wanted::Sweep(Whom::All, SweepWindow::Everything, Since::Asked(asked_at));
    let beside = Beside::at(&shell.ledger());
    beside.ask(&shell.api_url, wanted.kind(), &wanted.arguments(), asked_at).unwrap();
    shell.wait("a page that hangs", shell.control.reached(Endpoint::List, 5));
    shell.wait("the stop", daemon.stop());
    assert_eq!(rows(&shell, "SELECT state FROM request").unwrap(), ["taken"]);
    shell.control.clear_faults();
    let daemon = InProcess::start(&shell, clock.clone(), tallyd::sync::rules());
    until(&shell, "SELECT state FROM request", &["done"]);
    shell.wait("the stop", daemon.stop());
    let sweeps = "SELECT count(*) || ' of ' || count(DISTINCT ceiling) FROM poll WHERE lane = 'sweep'";
    assert_eq!(rows(&shell, sweeps).unwrap(), ["2 of 1"]);
    shell.end();
}

/// Catches: a sweep that a restore owes and only a poll by hand does; one that is done again and again.
#[test]
fn rule_10_what_a_restore_owes_is_swept_at_once() {
    let shell = shell();
    shell.run_well(&["poll"]);
    let restored = shell.file("backup.db");
    shell.run_well(&["ledger", "backup", restored.to_str().unwrap()]);
    let changed = id_of(&shell.control.truth()[0]);
    shell.control.set_field(&changed, "source_amount", "7.77").unwrap();
    shell.run_well(&["ledger", "restore", restored.to_str().unwrap()]);
    assert_eq!(rows(&shell, "SELECT count(*) FROM owed_sweep").unwrap(), ["1"]);
    // The first try fails, and owes it still.
    shell.control.script(Endpoint::Profiles, vec![Fault::Unauthorized; 8]);
    let clock = held_clock();
    let daemon = start(&shell, &clock);
    shell.wait("the stop", daemon.stop());
    assert_eq!(rows(&shell, "SELECT count(*) FROM owed_sweep").unwrap(), ["1"]);

    shell.control.clear_faults();
    let daemon = start(&shell, &clock);
    until(&shell, "SELECT count(*) FROM owed_sweep", &["0"]);
    let amount = format!("SELECT source_amount FROM orchestrations WHERE id = '{changed}'");
    assert_eq!(rows(&shell, &amount).unwrap(), ["7.77"]);
    shell.wait("the stop", daemon.stop());
    let complete = "SELECT count(*) FROM poll WHERE lane = 'sweep' AND begins_at = 0 AND result = 'complete'";
    assert_eq!(rows(&shell, complete).unwrap(), ["1"]);
    shell.end();
}

/// Waits until the ledger says this after so long. The time is let go by again where the daemon had not begun to
/// count it.
fn until_after(shell: &Shell, clock: &ManualClock, span: Duration, query: &str, wanted: &[&str]) {
    let began = Instant::now();
    let mut advanced: Option<Instant> = None;
    while rows(shell, query).unwrap() != wanted {
        if advanced.is_none_or(|at| at.elapsed() > Duration::from_secs(3)) {
            clock.advance(span);
            advanced = Some(Instant::now());
        }
        assert!(began.elapsed() < DEADLINE, "{query}: never {wanted:?}");
        crate::harness::breathe();
    }
}

/// Lets the hour strike, and the sweep that is due hang at its first page.
fn hold_the_next_sweep(shell: &Shell, clock: &ManualClock) {
    shell.control.forget_requests();
    shell.control.script(Endpoint::List, [Fault::Hang]);
    clock.advance(HOUR);
    shell.wait("the sweep's first page", shell.control.reached(Endpoint::List, 1));
}

fn ask(shell: &Shell, wanted: &Wanted, clock: &ManualClock) {
    let beside = Beside::at(&shell.ledger());
    beside.ask(&shell.api_url, wanted.kind(), &wanted.arguments(), clock.now()).unwrap();
}
