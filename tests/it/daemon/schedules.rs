//! Sweeps by their schedules, with a clock that the test holds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use tallyd::clock::Clock as _;
use tallyd::daemon::SweepFunction;
use tallyd::ledger::Beside;
use tallyd::model::{FailureKind, PollFailure, PollOutcome};
use tokio::sync::mpsc;

use crate::harness::{DEADLINE, InProcess, Setup, Shell, held_clock, texts_of};

const HOUR: Duration = Duration::from_secs(3600);

fn shell() -> Shell {
    let shell = Shell::new(Setup::of(3).profiles(1).sim);
    shell.configure(&[(
        "+",
        "[poll]\nevery = \"1h\"\n[[sweeps]]\nschedule = \"0 * * * *\"\nwindow = \"48h\"\n\
         [[sweeps]]\nschedule = \"30 12 * * *\"\nwindow = \"all\"\n",
    )]);
    shell
}

fn outcome(failure: Option<FailureKind>) -> PollOutcome {
    let account_failure = failure.map(|kind| PollFailure { kind, message: "as scripted".to_owned() });
    PollOutcome { profiles: Vec::new(), account_failure, clock_skew_micros: None, requests: 0 }
}

/// Sweeps that do nothing but tell their windows.
fn told() -> (SweepFunction, mpsc::UnboundedReceiver<String>) {
    let (begun, sweeps) = mpsc::unbounded_channel();
    let sweep: SweepFunction = Arc::new(move |_, _, window| {
        begun.send(window.to_string()).unwrap();
        async { outcome(None) }.boxed()
    });
    (sweep, sweeps)
}

fn next(shell: &Shell, sweeps: &mut mpsc::UnboundedReceiver<String>) -> String {
    shell.wait("a sweep", sweeps.recv()).unwrap()
}

/// Waits until a query on the ledger gives this.
pub(super) fn counts(shell: &Shell, query: &str, wanted: &str) {
    let began = Instant::now();
    // The ledger is made by the daemon: at first it may not be there.
    while !shell.ledger().exists() || query_of(shell, query).as_deref() != Some(wanted) {
        assert!(began.elapsed() < DEADLINE, "{query} never gives {wanted}");
        std::thread::yield_now();
    }
}

fn query_of(shell: &Shell, query: &str) -> Option<String> {
    let connection = rusqlite::Connection::open(shell.ledger()).ok()?;
    let value: rusqlite::Result<i64> = connection.query_row(query, [], |row| row.get(0));
    value.ok().map(|value| value.to_string())
}

/// Catches: a schedule that runs when it is first seen; missed runs that are made up each, or not at all.
#[test]
fn what_was_missed_is_made_up_once_at_the_start_and_after_the_clock_jumped() {
    let shell = shell();
    let clock = held_clock();
    let (sweep, mut sweeps) = told();
    let start = || InProcess::start(&shell, &clock, tallyd::sync::rules(), sweep.clone());

    // 9:30. Seen first, both count from now on.
    let daemon = start();
    counts(&shell, "SELECT count(*) FROM schedule_run", "2");
    shell.wait("the stop", daemon.stop());
    assert!(sweeps.try_recv().is_err());

    // 15:30. Six full hours and one half past twelve were missed.
    clock.advance(HOUR * 6);
    let daemon = start();
    assert_eq!([next(&shell, &mut sweeps), next(&shell, &mut sweeps)], ["48h", "all"]);
    // 20:30: the clock jumped.
    counts(&shell, "SELECT min(last_due) = max(last_due) FROM schedule_run", "1");
    clock.advance(HOUR * 5);
    assert_eq!(next(&shell, &mut sweeps), "48h");
    // 21:00, to the minute.
    clock.advance(HOUR / 2);
    assert_eq!(next(&shell, &mut sweeps), "48h");
    shell.wait("the stop", daemon.stop());
    assert!(sweeps.try_recv().is_err(), "something was made up twice");
    shell.end();
}

/// Catches: a schedule that stands still until a time comes again that the clock showed before.
#[test]
fn a_clock_that_is_set_back_begins_the_count_anew() {
    let shell = shell();
    let clock = held_clock();
    let (sweep, mut sweeps) = told();
    let daemon = InProcess::start(&shell, &clock, tallyd::sync::rules(), sweep);
    counts(&shell, "SELECT count(*) FROM schedule_run", "2");
    clock.set(clock.now().minus(HOUR * 8));
    let back = clock.now().as_micros();
    counts(&shell, &format!("SELECT count(*) FROM schedule_run WHERE last_due = {back}"), "2");
    clock.advance(HOUR / 2);
    assert_eq!(next(&shell, &mut sweeps), "48h");
    shell.wait("the stop", daemon.stop());
    shell.end();
}

/// Catches: a sweep that was cut off by a stop and counts as done.
#[test]
fn a_sweep_that_was_stopped_is_made_up_by_the_next_daemon() {
    let shell = shell();
    let clock = held_clock();
    let (begun, mut sweeps) = mpsc::unbounded_channel();
    let sweep: SweepFunction = Arc::new(move |poller, _, window| {
        begun.send(window.to_string()).unwrap();
        async move {
            // Its poller is told to stop, and says so.
            let everything = tallyd::model::ProfileSelection::All;
            while !was_stopped(&poller.poll(&everything, tallyd::sync::Pace::ByGap).await) {}
            outcome(Some(FailureKind::Stopped))
        }
        .boxed()
    });
    let start = || InProcess::start(&shell, &clock, tallyd::sync::rules(), sweep.clone());
    let daemon = start();
    counts(&shell, "SELECT count(*) FROM schedule_run", "2");
    clock.advance(HOUR);
    assert_eq!(next(&shell, &mut sweeps), "48h");
    shell.wait("the stop", daemon.stop());
    let daemon = start();
    assert_eq!(next(&shell, &mut sweeps), "48h");
    shell.wait("the stop", daemon.stop());
    shell.end();
}

fn was_stopped(outcome: &PollOutcome) -> bool {
    let failures = outcome.profiles.iter().flat_map(|poll| poll.result.failures());
    failures.chain(&outcome.account_failure).any(|failure| failure.kind == FailureKind::Stopped)
}

/// Catches: two sweeps at a time, and a requested one that is lost.
#[test]
fn sweeps_that_are_asked_for_wait_for_the_one_under_way() {
    let shell = shell();
    let clock = held_clock();
    let (begun, mut sweeps) = mpsc::unbounded_channel();
    let turns = Arc::new(tokio::sync::Semaphore::new(0));
    let gate = Arc::clone(&turns);
    let sweep: SweepFunction = Arc::new(move |_, _, window| {
        let (gate, begun) = (Arc::clone(&gate), begun.clone());
        async move {
            begun.send(format!("{window} begins")).unwrap();
            gate.acquire().await.unwrap().forget();
            begun.send(format!("{window} ends")).unwrap();
            outcome(None)
        }
        .boxed()
    });
    let daemon = InProcess::start(&shell, &clock, tallyd::sync::rules(), sweep);
    counts(&shell, "SELECT count(*) FROM schedule_run", "2");
    clock.advance(HOUR);
    assert_eq!(next(&shell, &mut sweeps), "48h begins");
    let arguments = r#"{"profiles":[],"window":"everything"}"#;
    Beside::at(&shell.ledger()).ask(&shell.api_url, "sweep", arguments, clock.now()).unwrap();
    counts(&shell, "SELECT count(*) FROM request WHERE state = 'taken'", "1");
    turns.add_permits(2);
    let order = [(); 3].map(|()| next(&shell, &mut sweeps));
    assert_eq!(order, ["48h ends", "all begins", "all ends"]);
    counts(&shell, "SELECT count(*) FROM request WHERE state = 'done'", "1");
    assert_eq!(texts_of(&shell.ledger(), "SELECT count(*) FROM request"), ["1"]);
    shell.wait("the stop", daemon.stop());
    shell.end();
}
