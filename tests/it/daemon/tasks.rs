//! A task that ends unasked ends the daemon, with its name and an exit code that says so.

use std::sync::Arc;

use futures_util::FutureExt as _;
use tallyd::daemon::RunError;
use tallyd::ledger::Rules;

use super::shell;
use crate::harness::{InProcess, held_clock};

/// Catches: a daemon that lives on without one of its tasks.
#[test]
fn a_task_that_fails_ends_the_daemon() {
    let shell = shell("1h");
    let daemon = shell.start_daemon();
    daemon.wait_for("poll complete", 1);
    let connection = rusqlite::Connection::open(shell.ledger()).unwrap();
    connection.execute_batch("DROP TABLE request").unwrap();
    let (code, log) = daemon.ended();
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("the task \"requests\" ended") && log.contains("no such table"), "{log}");
    shell.end();
}

fn run_error(shell: &crate::harness::Shell, rules: Rules) -> RunError {
    let idle: tallyd::daemon::SweepFunction = Arc::new(|_, _, _| std::future::pending().boxed());
    let daemon = InProcess::start(shell, &held_clock(), rules, idle);
    shell.wait("the end", daemon.ended()).unwrap_err()
}

/// Catches: polls that fail for ever because the thread that writes has ended.
#[test]
fn a_writer_that_panics_ends_the_daemon() {
    let shell = shell("1h");
    let rules = Rules { judge: Arc::new(|_| panic!("a rule with a fault")), ..tallyd::sync::rules() };
    let error = run_error(&shell, rules);
    assert!(matches!(error, RunError::Task { task: "ledger", .. }), "{error:?}");
    shell.end();
}

/// Catches: a panic that only one task hears of.
#[test]
fn a_task_that_panics_ends_the_daemon() {
    let shell = shell("1h");
    shell.configure(&[("+", "[[sweeps]]\nschedule = \"30 9 * * *\"\nwindow = \"48h\"\n")]);
    let clock = held_clock();
    let broken: tallyd::daemon::SweepFunction = Arc::new(|_, _, _| panic!("a sweep with a fault"));
    // The first daemon begins to count, the second one makes up what the day between them missed.
    let first = InProcess::start(&shell, &clock, tallyd::sync::rules(), broken.clone());
    super::schedules::counts(&shell, "SELECT count(*) FROM schedule_run", "1");
    shell.wait("the stop", first.stop());
    clock.advance(std::time::Duration::from_secs(86_400));
    let second = InProcess::start(&shell, &clock, tallyd::sync::rules(), broken);
    let error = shell.wait("the end", second.ended()).unwrap_err();
    assert!(matches!(error, RunError::Task { task: "sweeps", .. }), "{error:?}");
    shell.end();
}
