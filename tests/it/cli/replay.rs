//! `breaks replay` as people run it, on ledgers that polls made.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tallyd::breaks::limits::{DuplicateWindow, Settings};
use tallyd::breaks::replay::{RaisedBy, Replay};
use tallyd::breaks::{History, Limits, judge};
use tallyd::ledger::{Intent, Pruning, Reader, Rules, Tellable, prune};
use tallyd::model::{BreakKind, Field, Orchestration, ProfileSelection, SweepWindow};
use tallyd::sim::{ListedUnder, Rate, RowFault, RowFaultRate};

use crate::harness::{Rig, Setup, Shell, in_time, start_time};
use crate::strategies::orchestration;

/// The rules that the daemon has with these limits.
fn rules(limits: &Limits) -> Rules {
    let (of_rows, of_twins) = (limits.clone(), limits.clone());
    Rules {
        judge: Arc::new(move |page| judge(&of_rows, History::Recorded, page)),
        lookalikes_within: Arc::new(move |row| {
            match of_twins.of(row, row.profile_id.as_ref()?).possible_duplicate {
                DuplicateWindow::Off => None,
                DuplicateWindow::Within(window) => Some(window),
            }
        }),
        ..tallyd::sync::rules()
    }
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
    let rig = Rig::start(Setup { rules: rules(&Limits::default()), ..Setup::of(0).profiles(1) }).await;
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

/// Catches: what was pruned told as if it were known, and a break opened where nobody polled.
#[test]
fn a_pruned_past_is_replayed_from_where_it_is_known() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let rig = runtime.block_on(async {
        let mut rig = day().await;
        rig.advance(minutes(20 * 1440));
        watch(&rig, 2, minutes(30)).await;
        let (api, now) = (rig.api_url(), rig.control.now());
        let pruning = rig
            .restart_after(|path| {
                prune(path, &api, start_time().plus(minutes(10 * 1440)), now, Intent::Prune).unwrap()
            })
            .await;
        assert!(matches!(pruning, Pruning::Done(_)), "{pruning:?}");
        rig
    });
    let shell = shell(&rig, "[limits]\nprocessing = \"100m\"\n");
    let found = replay(&shell, &[]);
    assert_eq!(
        told(&found),
        ["same: stuck_processing stuck: critical 03-23T06:30 to - | critical 03-23T06:30 to -"]
    );
    assert_eq!(found["known_from"], "2026-03-12T09:30:00.250000Z");
    assert!(found["left_out"].to_string().contains("it was pruned"), "{found}");
    shell.end();
    runtime.block_on(rig.end());
}

/// The text as people see it, and what is said of bad input.
#[test]
fn what_people_read() {
    on_a_day("[limits]\nprocessing = \"100m\"\npending = \"8h\"\n", |shell| {
        let mut read = String::new();
        for arguments in [
            &[][..],
            &["--limit", "1"],
            &["--kind", "rejected"],
            &["--kind", "profile_unpolled"],
            &["--kind", "stuck_procesing"],
            &["--profile", "nobody"],
            &["--since", "2026-03-03", "--until", "2026-03-02"],
            &["--since", "soon"],
        ] {
            let ran = shell.run(&[&["breaks", "replay"], arguments].concat());
            let shown = ["tallyd breaks replay", &arguments.join(" ")].join(" ");
            let code = ran.code.unwrap();
            writeln!(read, "$ {}\n{}{}exit {code}\n", shown.trim_end(), ran.stdout, ran.stderr).unwrap();
        }
        insta::assert_snapshot!(read);
    });
}

/// A replay reads and no more, and beside a daemon too.
#[test]
fn nothing_is_written() {
    on_a_day("[limits]\nprocessing = \"1m\"\n", |shell| {
        let path = shell.folder.path().join("config.toml");
        let text = std::fs::read_to_string(path).unwrap();
        let ledger =
            text.lines().find_map(|line| line.strip_prefix("path = ")).unwrap().trim_matches('"').to_owned();
        let state = || ["", "-wal"].map(|end| std::fs::read(format!("{ledger}{end}")).unwrap_or_default());
        let before = state();
        assert!(replay(shell, &[])["total"].as_u64().unwrap() > 2);
        assert!(before == state(), "the ledger's files are other ones");
    });
}

/// A small world with troubles in it, polled every hour and swept at times; with pairs of which one may be the other
/// made twice, before the first poll and later.
async fn troubled(seed: u64, limits: &Limits) -> Rig {
    let mut setup = Setup { rules: rules(limits), ..Setup::of(60).profiles(2).pages_of(20) };
    setup.sim.world.seed = seed;
    setup.sim.world.history = minutes(48 * 60);
    setup.sim.world.arrivals_per_hour = 4;
    setup.sim.world.listed_under = ListedUnder::Both;
    setup.sim.world.failures = Rate::percent(8);
    setup.sim.world.stuck = Rate::percent(8);
    let rate = |fault| match fault {
        RowFault::WithoutId => Rate::NEVER,
        _ => Rate::percent(3),
    };
    setup.sim.world.row_faults =
        RowFault::ALL.map(|(_, fault)| RowFaultRate { fault, rate: rate(fault) }).to_vec();
    let rig = Rig::start(setup).await;
    let twin = |id: &str, ref_id: &str| {
        let mut row = row(&rig, id, "PROCESSING");
        row["created_at"] = rig.control.now().to_rfc3339().into();
        row["ref_id"] = ref_id.into();
        rig.control.insert(row);
    };
    for hour in 0..30 {
        if [0, 3, 9].contains(&hour) {
            twin(&format!("a{hour}"), "once");
            twin(&format!("b{hour}"), &format!("other{}", hour / 9));
        }
        rig.poll().await;
        if hour % 7 == 6 {
            in_time("a sweep", rig.poller.sweep(&ProfileSelection::All, SweepWindow::Everything)).await;
        }
        rig.advance(minutes(60));
    }
    rig
}

/// Whether a limit decides when it opens.
fn goes_by_time(kind: BreakKind) -> bool {
    matches!(
        kind,
        BreakKind::StuckProcessing
            | BreakKind::StuckBetweenLegs
            | BreakKind::StuckPending
            | BreakKind::InconsistentLegs
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 4, failure_persistence: None, ..ProptestConfig::default() })]

    /// With the limits as they were, the replay says what the ledger said. Rules about time may say it in another
    /// poll, since which page showed a row again is not kept.
    #[test]
    fn with_the_same_limits_it_is_the_same(seed in any::<u64>()) {
        let limits = Limits {
            defaults: Settings {
                possible_duplicate: Some(DuplicateWindow::Within(minutes(240))),
                ..Settings::default()
            },
            ..Limits::default()
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let rig = runtime.block_on(troubled(seed, &limits));
        let (mut same, mut differing) = (0, Vec::new());
        let reader = Reader::open(&rig.path()).unwrap();
        let known = reader.past(&rules(&limits), Tellable::Every, |profiles, timeline| {
            let replay = Replay { limits: &limits, history: History::Recorded, profiles };
            for compared in replay.compare(&timeline) {
                match (goes_by_time(compared.kind), &compared.by) {
                    (_, RaisedBy::Both(..)) => same += 1,
                    (true, RaisedBy::BothOtherwise(..)) => {}
                    _ => differing.push(format!("{} {compared:?}", timeline.id)),
                }
            }
        }).unwrap();
        runtime.block_on(rig.end());
        prop_assert!(differing.is_empty(), "{differing:#?}");
        prop_assert!(same > 5, "only {same}");
        prop_assert_eq!(known.lost, 0);
    }
}

proptest! {
    /// What `history` undoes can be undone: any row with the values of another one is that one.
    #[test]
    fn a_row_with_the_values_of_another_is_that_one(now in orchestration(), before in orchestration()) {
        let values = Field::ALL.map(|field| (field, before.value(field).map(|value| value.to_string())));
        let rebuilt = now.with(&values.into_iter().collect());
        prop_assert_eq!(rebuilt, Some(Orchestration { id: now.id, ..before }));
    }
}
