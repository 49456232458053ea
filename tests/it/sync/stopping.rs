//! Stopping: a poll that is told to stop ends at once, keeps what it committed and says so.

use std::num::NonZeroU32;
use std::process::Command;
use std::time::Duration;

use tallyd::model::{FailureKind, PollOutcome, ProfileSelection};
use tallyd::sim::{Endpoint, Fault, Scripted};
use tallyd::sync::{Pace, Stopper, Stopping};

use crate::harness::{Rig, Setup, Shell, in_time, results_of, texts_of, wait_for_exit};

async fn poll_until(rig: &Rig, stopping: Stopping) -> PollOutcome {
    let poller = rig.poller.clone().with_stopping(stopping);
    in_time("the end of a stopped poll", poller.poll(&ProfileSelection::All, Pace::ByGap)).await
}

/// Every failure in an outcome, by kind.
fn kinds(outcome: &PollOutcome) -> Vec<FailureKind> {
    let failures = outcome.profiles.iter().flat_map(|poll| poll.result.failures());
    failures.chain(&outcome.account_failure).map(|failure| failure.kind).collect()
}

/// Catches: a request that is waited for after the signal; pages that were committed and are not counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_poll_is_partial_and_the_next_one_goes_on() {
    let rig = Rig::start(Setup::of(200).profiles(1).pages_of(10)).await;
    rig.control.script(Endpoint::List, [Scripted::Honest, Scripted::Honest]);
    rig.control.script(Endpoint::List, vec![Scripted::Fault(Fault::Hang); 24]);
    let (stopper, stopping) = Stopper::new();
    let (outcome, ()) = tokio::join!(poll_until(&rig, stopping), async {
        in_time("a page that hangs", rig.control.reached(Endpoint::List, 3)).await;
        stopper.stop();
    });
    assert!(!outcome.is_complete());
    assert_eq!(kinds(&outcome), [FailureKind::Stopped]);
    let noted = texts_of(&rig.path(), "SELECT result, reason, rows FROM polls");
    let result = results_of(&outcome)[0];
    let rows = outcome.profiles[0].counts.rows;
    assert_eq!(noted, [format!("{result} tallyd is shutting down {rows}")]);
    assert_eq!(texts_of(&rig.path(), "SELECT count(*) FROM orchestrations"), [rows.to_string()]);
    rig.control.clear_faults();
    rig.poll_completely().await;
    rig.assert_ledger_equals_truth();
    rig.end().await;
}

/// Catches: a wait for the limiter or for the end of a pause (429) that outlasts the signal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_that_waits_for_leave_to_send_stops_too() {
    let mut setup = Setup::of(200).profiles(1).pages_of(5);
    setup.requests_per_second = NonZeroU32::MIN;
    let rig = Rig::start(setup).await;
    let (stopper, stopping) = Stopper::new();
    let (outcome, ()) = tokio::join!(poll_until(&rig, stopping), async {
        in_time("a first page", rig.control.reached(Endpoint::List, 1)).await;
        stopper.stop();
    });
    assert_eq!(kinds(&outcome), [FailureKind::Stopped]);
    rig.end().await;

    let rig = Rig::start(Setup::of(20).profiles(2)).await;
    rig.poll_completely().await;
    let pause = Fault::TooManyRequests { retry_after: Some(Duration::from_secs(3600)) };
    rig.control.script(Endpoint::Profiles, [pause]);
    let patient = rig.poller_with(&rig.client.with_stop_patience(Duration::from_secs(7200)));
    let (stopper, stopping) = Stopper::new();
    rig.control.forget_requests();
    let patient = patient.with_stopping(stopping);
    let (outcome, ()) =
        tokio::join!(in_time("the end", patient.poll(&ProfileSelection::All, Pace::ByGap)), async {
            in_time("the pause", rig.control.reached(Endpoint::Profiles, 1)).await;
            stopper.stop();
        });
    assert_eq!(kinds(&outcome), [FailureKind::Stopped; 3]);
    let noted = texts_of(&rig.path(), "SELECT result, reason FROM polls ORDER BY number DESC LIMIT 2");
    assert_eq!(noted, ["failed tallyd is shutting down"; 2]);
    rig.end().await;
}

/// Catches: signals that kill the process in the middle, or are taken for a success.
#[test]
fn a_signal_stops_poll_and_backfill_with_a_word_about_it() {
    for (command, signal) in [("poll", "-INT"), ("backfill", "-TERM")] {
        let shell = Shell::new(Setup::of(100).profiles(1).pages_of(10).sim);
        shell.control.script(Endpoint::List, [Scripted::Honest, Scripted::Honest]);
        shell.control.script(Endpoint::List, vec![Scripted::Fault(Fault::Hang); 24]);
        let mut child = shell.command(&[command]).spawn().unwrap();
        shell.wait("a page that hangs", shell.control.reached(Endpoint::List, 3));
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        wait_for_exit(&mut child);
        let ran: crate::harness::Ran = child.wait_with_output().unwrap().into();
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert!(ran.stderr.contains("nothing is lost"), "{}", ran.stderr);
        assert!(ran.stderr.contains("tallyd is shutting down"), "{}", ran.stderr);
        shell.control.clear_faults();
        shell.run_well(&["poll"]);
        shell.end();
    }
}
