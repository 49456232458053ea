//! What a service manager is told, and its watchdog: the real binary, and the manager's end of the protocol.

use std::time::Duration;

use tallyd::sim::{Endpoint, Fault, Scripted};

use super::shell;
use crate::harness::{Manager, Running, Setup, Shell, texts_of};

fn start(shell: &Shell, manager: &Manager, watchdog: Option<Duration>) -> Running {
    shell.begin_daemon_as(|command| manager.introduce(command, watchdog))
}

/// Catches: a unit that never becomes active, a reload or a stop that the manager takes for a failure.
#[test]
fn a_manager_is_told_of_start_reload_and_stop() {
    let shell = shell("1h");
    let manager = Manager::listen();
    let daemon = start(&shell, &manager, None);
    manager.wait_for("READY=1", 1);
    manager.wait_for("STATUS=1 of 1 profiles completely polled, lately at ", 1);
    daemon.signal("-HUP");
    manager.wait_for("READY=1", 2);
    daemon.stop();
    manager.wait_for("STOPPING=1", 1);
    let lines = manager.lines();
    let place = |start: &str| lines.iter().position(|line| line.starts_with(start)).unwrap();
    assert_eq!(lines[place("READY=1") + 1], "STATUS=polling for the first time");
    let reloading = place("RELOADING=1");
    assert!(lines[reloading + 1].starts_with("MONOTONIC_USEC="), "{lines:?}");
    assert_eq!(lines[reloading + 2], "READY=1");
    assert!(reloading < place("STOPPING=1") && manager.count("WATCHDOG=1") == 0, "{lines:?}");
    shell.end();
}

/// Catches: a status that hides a profile which is not completely polled.
#[test]
fn the_status_names_who_was_not_completely_polled() {
    let shell = shell("1s");
    let manager = Manager::listen();
    let daemon = start(&shell, &manager, None);
    manager.wait_for("STATUS=1 of 1 profiles completely polled", 1);
    shell.control.script(Endpoint::List, vec![Scripted::Fault(Fault::Forbidden); 9]);
    manager.wait_for("STATUS=0 of 1 profiles completely polled, treasury failed; lately at ", 1);
    shell.control.clear_faults();
    let before = manager.count("STATUS=1 of 1");
    manager.wait_for("STATUS=1 of 1 profiles completely polled", before + 1);
    daemon.stop();
    shell.end();
}

/// Catches: a start that the manager gives up, because tallyd keeps to a pause which a former process met.
#[test]
fn a_daemon_that_keeps_to_a_pause_is_ready() {
    let shell = shell("1s");
    shell.run_well(&["poll"]);
    let pause = Fault::TooManyRequests { retry_after: Some(Duration::from_secs(900)) };
    shell.control.script(Endpoint::List, [pause]);
    assert_eq!(shell.run(&["poll"]).code, Some(75));
    let manager = Manager::listen();
    let daemon = start(&shell, &manager, Some(Duration::from_secs(2)));
    manager.wait_for("READY=1", 1);
    assert!(manager.lines().contains(&"STATUS=waiting out a pause that Paxos asked for".to_owned()));
    // Who waits as asked makes progress.
    manager.wait_for("WATCHDOG=1", 6);
    daemon.stop();
    shell.end();
}

/// Catches: a watchdog that is fed by a timer, whatever the polls do.
#[test]
fn the_watchdog_is_fed_by_progress_only_and_a_killed_daemon_goes_on() {
    let shell = Shell::new(Setup::of(60).profiles(1).sim);
    shell.configure(&[("request_timeout", "5m"), ("+", "[poll]\nevery = \"1s\"\n")]);
    let manager = Manager::listen();
    let watchdog = Duration::from_millis(1600);
    let daemon = start(&shell, &manager, Some(watchdog));
    manager.wait_for("WATCHDOG=1", 4);
    daemon.wait_for("set WatchdogSec= to 320 s or more, or [paxos] request_timeout to less", 1);
    shell.control.script(Endpoint::List, vec![Scripted::Fault(Fault::Hang); 9]);
    let seen = shell.control.count(Endpoint::List);
    shell.wait("a list that hangs", shell.control.reached(Endpoint::List, seen + 1));
    let waited_for = "polls stand still; the service manager will start tallyd again if that lasts waited_for=[\"treasury\"]";
    daemon.wait_for(waited_for, 1);
    let fed = manager.count("WATCHDOG=1");
    daemon.wait_for(waited_for, 5);
    assert_eq!(manager.count("WATCHDOG=1"), fed, "a whole watchdog's time went by without a request");
    // What a manager does then.
    daemon.signal("-ABRT");
    assert_eq!(daemon.ended().0, None);
    shell.control.clear_faults();
    let daemon = start(&shell, &manager, Some(watchdog));
    manager.wait_for("READY=1", 2);
    manager.wait_for("WATCHDOG=1", fed + 2);
    manager.wait_for("STATUS=1 of 1 profiles completely polled", 2);
    daemon.stop();
    let results = texts_of(&shell.ledger(), "SELECT DISTINCT result FROM polls ORDER BY result");
    assert_eq!(results, ["complete", "interrupted"]);
    shell.end();
}
