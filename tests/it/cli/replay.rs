//! `breaks replay` as people run it, on ledgers that polls made.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tallyd::breaks::{History, Limits, judge};
use tallyd::ledger::Rules;

use crate::harness::{Rig, Setup, Shell, start_time};

/// The rules that the daemon has where the configuration says nothing.
fn rules() -> Rules {
    let limits = Limits::default();
    Rules { judge: Arc::new(move |page| judge(&limits, History::Recorded, page)), ..tallyd::sync::rules() }
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

/// Polls and lets time go by, so many times.
async fn watch(rig: &Rig, times: usize, every: Duration) {
    for _ in 0..times {
        rig.poll_completely().await;
        rig.advance(every);
    }
}

fn row(rig: &Rig, id: &str, status: &str) -> Value {
    let now = start_time().to_rfc3339();
    json!({ "id": id, "profile_id": rig.profile(0).id.to_string(), "ref_id": format!("ref-{id}"), "status": status,
        "created_at": now, "updated_at": now, "source_asset": "USD", "destination_asset": "USD",
        "source_amount": "250.00", "source": { "profile": { "profile_id": rig.profile(0).id.to_string() } },
        "destination": { "fiat": { "bank_account_id": "ba_1" } } })
}

/// A day in which one to a bank is PROCESSING for three hours and one for good, one fails, one is waiting for an
/// approval for 20 hours, and Paxos cannot be reached for a while.
async fn day() -> Rig {
    let rig = Rig::start(Setup { rules: rules(), ..Setup::of(0).profiles(1) }).await;
    for (id, status) in
        [("slow", "PROCESSING"), ("stuck", "PROCESSING"), ("failing", "PROCESSING"), ("waiting", "PENDING")]
    {
        rig.control.insert(row(&rig, id, status));
    }
    watch(&rig, 4, minutes(30)).await;
    let end = |id: &str, status: &str| {
        rig.control
            .alter(id, |fields| {
                fields.insert("status".to_owned(), status.into());
                fields.insert("updated_at".to_owned(), rig.control.now().to_rfc3339().into());
            })
            .unwrap();
    };
    end("failing", "FAILED");
    watch(&rig, 2, minutes(30)).await;
    end("slow", "COMPLETED");
    watch(&rig, 1, minutes(30)).await;
    // Nobody looks for twelve hours.
    rig.advance(minutes(720));
    watch(&rig, 9, minutes(30)).await;
    end("waiting", "COMPLETED");
    watch(&rig, 2, minutes(30)).await;
    rig
}

/// A shell whose configuration names that ledger, with these limits.
fn shell(rig: &Rig, limits: &str) -> Shell {
    let shell = Shell::new(Setup::of(0).sim);
    shell.configure(&[("ledger", rig.path().to_str().unwrap()), ("+", limits)]);
    shell
}

/// Runs with a ledger that a day made, and ends all.
fn on_a_day(limits: &str, then: impl FnOnce(&Shell)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let rig = runtime.block_on(day());
    let shell = shell(&rig, limits);
    then(&shell);
    shell.end();
    runtime.block_on(rig.end());
}

fn replay(shell: &Shell, arguments: &[&str]) -> Value {
    let ran = shell.run_well(&[&["breaks", "replay", "--json"], arguments].concat());
    serde_json::from_str(&ran.stdout).unwrap()
}

/// What is told of each break, shortly.
fn told(replay: &Value) -> Vec<String> {
    let time = |at: &Value| at.as_str().map_or_else(|| "-".to_owned(), |at| at[5..16].to_owned());
    let lines = replay["breaks"].as_array().unwrap().iter().map(|one| {
        let raised = |by: &Value| match by {
            Value::Null => "-".to_owned(),
            by => format!(
                "{} {} to {}",
                by["severity"].as_str().unwrap(),
                time(&by["opened_at"]),
                time(&by["resolved"]["at"])
            ),
        };
        let [raised_by, kind, subject] = ["raised", "kind", "subject"].map(|key| one[key].as_str().unwrap());
        format!("{raised_by}: {kind} {subject}: {} | {}", raised(&one["replay"]), raised(&one["ledger"]))
    });
    lines.collect()
}

#[test]
fn the_configuration_as_it_was_raises_what_was_raised() {
    on_a_day("", |shell| {
        assert_eq!(
            told(&replay(shell, &[])),
            ["same: failed failing: critical 03-02T11:30 to - | critical 03-02T11:30 to -"]
        );
    });
}

/// Catches: a limit that passes while nobody polls opening before the next poll.
#[test]
fn shorter_limits_show_what_they_would_have_raised_and_when() {
    let limits = "[limits]\nprocessing = \"100m\"\npending = \"8h\"\ncritical_after = 3\n";
    on_a_day(limits, |shell| {
        let expected = [
            "only_replay: stuck_processing slow: warning 03-02T11:30 to 03-02T12:30 | -",
            "only_replay: stuck_processing stuck: critical 03-02T11:30 to - | -",
            "only_replay: stuck_pending waiting: warning 03-03T01:00 to 03-03T05:30 | -",
            "same: failed failing: critical 03-02T11:30 to - | critical 03-02T11:30 to -",
        ];
        assert_eq!(told(&replay(shell, &[])), expected);
        assert_eq!(told(&replay(shell, &["--kind", "stuck_pending"])), expected[2..3]);
        assert_eq!(told(&replay(shell, &["--since", "2026-03-03"])), expected[2..3]);
        assert_eq!(told(&replay(shell, &["--until", "2026-03-03", "--limit", "2"])), expected[..2]);
    });
}
