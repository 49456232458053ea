//! A task that ends unasked ends the daemon, with its name and an exit code that says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tallyd::clock::{Clock, ManualClock};
use tallyd::daemon::RunError;
use tallyd::ledger::Rules;
use tallyd::model::Timestamp;

use super::{shell, until};
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

/// Catches: polls that are complete, into a file that nobody finds any more.
#[test]
fn a_ledger_that_is_moved_away_ends_the_daemon() {
    let shell = shell("1h");
    let daemon = shell.start_daemon();
    daemon.wait_for("poll complete", 1);
    std::fs::rename(shell.ledger(), shell.file("elsewhere.db")).unwrap();
    // A file in its place is another one.
    std::fs::copy(shell.file("elsewhere.db"), shell.ledger()).unwrap();
    let (code, log) = daemon.ended();
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("was moved, replaced or removed"), "{log}");
    shell.end();
}

/// Catches: polls that fail for ever because the thread that writes has ended.
#[test]
fn a_writer_that_panics_ends_the_daemon() {
    let shell = shell("1h");
    let rules = Rules { judge: Arc::new(|_| panic!("a rule with a fault")), ..tallyd::sync::rules() };
    let daemon = InProcess::start(&shell, held_clock(), rules);
    let error = shell.wait("the end", daemon.ended()).unwrap_err();
    // Whoever hears of it first: the one that watches the writer, or one that asks it for something.
    assert!(matches!(error, RunError::Task { task: "ledger" | "breaks" | "polls", .. }), "{error:?}");
    shell.end();
}

/// A clock that breaks.
#[derive(Debug)]
struct Fragile {
    clock: Arc<ManualClock>,
    broken: AtomicBool,
}

impl Clock for Fragile {
    fn now(&self) -> Timestamp {
        assert!(!self.broken.load(Ordering::SeqCst), "a clock with a fault");
        self.clock.now()
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }
}

/// Catches: a panic that only one task hears of.
#[test]
fn a_task_that_panics_ends_the_daemon() {
    let shell = shell("1h");
    let clock = Arc::new(Fragile { clock: held_clock(), broken: AtomicBool::new(false) });
    let daemon = InProcess::start(&shell, clock.clone(), tallyd::sync::rules());
    until(&shell, "SELECT result FROM poll", &["complete"]);
    clock.broken.store(true, Ordering::SeqCst);
    let error = shell.wait("the end", daemon.ended()).unwrap_err();
    // Whichever of them asks for the time first.
    assert!(matches!(error, RunError::Task { task: "sweeps" | "alerts" | "requests", .. }), "{error:?}");
    shell.end();
}
