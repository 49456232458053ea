//! Stopping: at a page boundary and in time, whatever is waited for; and starting again after a kill.

use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use tallyd::daemon::{Order, RunError, STOP_WITHIN};
use tallyd::ledger::Rules;
use tallyd::sim::{Endpoint, Fault, Scripted};

use super::shell;
use crate::harness::{DEADLINE, InProcess, Running, Setup, Shell, held_clock, texts_of};

fn stops_in_time(daemon: Running) {
    let began = Instant::now();
    let log = daemon.stop();
    assert!(began.elapsed() < STOP_WITHIN, "{:?}", began.elapsed());
    assert!(log.contains("stopped"), "{log}");
}

/// Catches: a stop that waits for an answer that never comes, or for its retries.
#[test]
fn a_daemon_stops_in_time_while_an_answer_hangs() {
    let shell = Shell::new(Setup::of(200).profiles(1).pages_of(10).sim);
    shell.control.script(Endpoint::List, [Scripted::Honest, Scripted::Honest]);
    shell.control.script(Endpoint::List, vec![Scripted::Fault(Fault::Hang); 24]);
    let daemon = shell.start_daemon();
    shell.wait("a page that hangs", shell.control.reached(Endpoint::List, 3));
    stops_in_time(daemon);
    // It was stopped in order: nothing is left that says it runs.
    let results = texts_of(&shell.ledger(), "SELECT DISTINCT result FROM polls");
    assert!(!results.contains(&"running".to_owned()) && !results.contains(&"interrupted".to_owned()));
    shell.control.clear_faults();
    shell.run_well(&["poll"]);
    shell.end();
}

/// Catches: a stop that waits for the end of a pause; a daemon that asks on during it, also after a restart.
#[test]
fn rule_12_a_daemon_stops_in_time_during_a_pause_and_the_next_one_keeps_it() {
    let shell = shell("1s");
    shell.run_well(&["poll"]);
    let pause = Fault::TooManyRequests { retry_after: Some(Duration::from_secs(900)) };
    shell.control.script(Endpoint::List, [pause]);
    let daemon = shell.start_daemon();
    daemon.wait_for("poll not complete", 1);
    shell.control.forget_requests();
    stops_in_time(daemon);
    let daemon = shell.start_daemon();
    let beside = shell.run(&["poll"]);
    assert_eq!(beside.code, Some(75), "{}", beside.stderr);
    assert!(shell.run_well(&["status"]).stdout.contains("429 stop"));
    stops_in_time(daemon);
    assert_eq!(shell.control.requests(), []);
    shell.end();
}

#[test]
fn a_killed_daemon_leaves_an_interrupted_poll_and_the_next_one_goes_on() {
    let shell = Shell::new(Setup::of(200).profiles(1).pages_of(10).sim);
    shell.control.script(Endpoint::List, [Scripted::Honest, Scripted::Honest, Scripted::Honest]);
    shell.control.script(Endpoint::List, vec![Scripted::Fault(Fault::Hang); 24]);
    let daemon = shell.start_daemon();
    shell.wait("a page that hangs", shell.control.reached(Endpoint::List, 4));
    daemon.signal("-KILL");
    daemon.ended();
    shell.control.clear_faults();
    let daemon = shell.start_daemon();
    daemon.wait_for("a former tallyd ended in the middle", 1);
    daemon.wait_for("poll complete", 1);
    daemon.stop();
    let results = texts_of(&shell.ledger(), "SELECT result FROM polls ORDER BY number");
    assert_eq!(results[0], "interrupted");
    assert!(results[1..].iter().all(|result| result == "complete"), "{results:?}");
    assert_eq!(texts_of(&shell.ledger(), "SELECT count(*) FROM orchestrations"), ["200"]);
    shell.end();
}

/// A daemon whose ledger is at a page that never ends, until the sender is dropped.
fn stuck(shell: &Shell) -> (InProcess, mpsc::Sender<()>) {
    let (release, gate) = mpsc::channel();
    let (entered, begun) = mpsc::channel();
    let gate = Mutex::new(gate);
    let judge = move |_: &tallyd::model::PageFacts<'_>| {
        entered.send(()).unwrap_or_default();
        gate.lock().unwrap().recv().unwrap_or_default();
        Vec::new()
    };
    let rules = Rules { judge: Arc::new(judge), ..tallyd::sync::rules() };
    let daemon = InProcess::start(shell, held_clock(), rules);
    begun.recv_timeout(DEADLINE).unwrap();
    (daemon, release)
}

/// Catches: an end that waits for what does not end.
#[test]
fn a_second_order_ends_at_once_what_does_not_stop() {
    let shell = shell("1h");
    let (daemon, release) = stuck(&shell);
    let began = Instant::now();
    let ended = shell.wait("the end", async {
        daemon.order(Order::Stop).await;
        daemon.order(Order::Stop).await;
        daemon.ended().await
    });
    assert!(matches!(ended, Err(RunError::Cut)), "{ended:?}");
    assert!(began.elapsed() < STOP_WITHIN);
    drop(release);
    shell.end();
}

/// Catches: a stop without a limit, and one that passes for a good end.
#[test]
fn what_does_not_stop_in_time_is_told_and_left_behind() {
    let shell = shell("1h");
    let (daemon, release) = stuck(&shell);
    let ended = shell.wait("the end", async {
        daemon.order(Order::Stop).await;
        daemon.ended().await
    });
    assert!(matches!(ended, Err(RunError::Late)), "{ended:?}");
    drop(release);
    shell.end();
}
