//! Rule 3, seen is judged: killed at any instruction, the next start goes on from the last committed page.

use std::collections::BTreeMap;
use std::io::{BufRead as _, Write as _};
use std::num::NonZeroU32;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tallyd::clock::{Clock as _, SystemClock};
use tallyd::ledger::{Ledger, Reader, Rules};
use tallyd::model::{Change, Observation, PageFacts, ProfileSelection, Step};
use tallyd::paxos::{ApiUrl, Client, ForgetStops, Limits, Settings};
use tallyd::sim::{Control, Endpoint, Fault, Scripted};
use tallyd::sync::{self, Pace, Poller, unwatched};

use crate::harness::{
    NOTES, Rig, Setup, Shell, id_of, ids_of, ledger_rows, meaning, note, texts_of, wait_for_exit,
};

/// Pages of a first listing.
const PAGES: usize = 30;
const ROWS_A_PAGE: usize = 6;

/// One note for each row that appeared or changed.
fn judge(facts: &PageFacts<'_>) -> Vec<Step> {
    let note_of = |observation: &Observation<'_>| match observation {
        Observation::Row { now, changes, .. } if !changes.is_empty() => {
            let what = if changes.contains(&Change::Appeared) { "appeared" } else { "changed" };
            let at = now.updated_at.map_or(0, tallyd::model::Timestamp::as_micros);
            Some(note(&format!("{what} {} {at}", now.id), &now.id.to_string()))
        }
        _ => None,
    };
    facts.observations.iter().filter_map(note_of).collect()
}

fn judging() -> Rules {
    Rules { judge: Arc::new(judge), ..sync::rules() }
}

/// What became of rows: each as often as it is named.
fn counted(names: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    counts
}

/// Every row of the simulator once.
fn each_once(control: &Control) -> BTreeMap<String, usize> {
    counted(control.truth().iter().map(id_of))
}

fn appeared(path: &Path) -> BTreeMap<String, usize> {
    counted(texts_of(path, "SELECT orchestration_id FROM journal WHERE kind = 'appeared'"))
}

fn judged(path: &Path) -> BTreeMap<String, usize> {
    counted(texts_of(path, &format!("{NOTES} WHERE subject LIKE 'appeared %'")))
}

/// A world that neither grows nor moves while it is polled, in real time.
fn still_world() -> Setup {
    let mut setup = Setup::of((PAGES * ROWS_A_PAGE) as u64).profiles(1).pages_of(ROWS_A_PAGE);
    // Long ago, so that every life is over.
    setup.sim.world.start = Some(SystemClock.now().minus(Duration::from_secs(60 * 86_400)));
    setup
}

/// Answers pages honestly up to one that is never answered.
fn hang_at(control: &Control, page: usize) {
    control.forget_requests();
    let honest = std::iter::repeat_n(Scripted::Honest, page - 1);
    control.script(Endpoint::List, honest.chain([Scripted::Fault(Fault::Hang)]));
}

fn assert_whole(control: &Control, path: &Path) {
    let truth: BTreeMap<_, _> = control.truth().iter().map(|row| (id_of(row), meaning(row))).collect();
    assert_eq!(ledger_rows(path), truth);
    assert_eq!(appeared(path), each_once(control), "each row is journalled as appeared once");
    assert!(Reader::open(path).unwrap().verify(None).unwrap().findings.is_empty());
}

/// Catches: consequences that are lost, repeated, or kept outside the page's transaction; a judge that is not
/// called.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_03_every_row_that_appears_or_changes_is_judged_once() {
    let mut setup = Setup::of(120).pages_of(9);
    setup.rules = judging();
    let mut rig = Rig::start(setup).await;
    let created_at = rig.clock.now().minus(Duration::from_secs(60)).to_rfc3339();
    rig.control.insert(json!({
        "id": "young",
        "profile_id": rig.profile(0).id.to_string(),
        "status": "PROCESSING",
        "created_at": created_at,
        "updated_at": created_at,
    }));
    rig.poll_completely().await;
    assert_eq!(judged(&rig.path()), each_once(&rig.control));
    rig.poll_completely().await;
    rig.restart().await;
    rig.advance(Duration::from_secs(300));
    rig.control.set_field("young", "status", "COMPLETED").unwrap();
    let changed: u64 = rig.poll_completely().await.profiles.iter().map(|poll| poll.counts.changed).sum();
    assert_eq!(changed, 1);
    let (journalled, consequences) = (
        counted(texts_of(&rig.path(), "SELECT orchestration_id FROM journal WHERE kind = 'changed'")),
        counted(texts_of(&rig.path(), &format!("{NOTES} WHERE subject LIKE 'changed %'"))),
    );
    assert_eq!(journalled, consequences);
    assert_eq!(judged(&rig.path()), each_once(&rig.control));
    rig.end().await;
}

/// Catches: a position committed before or without its page, a listing that begins anew and journals its rows
/// twice, a listing that is called complete after a kill.
#[test]
fn rule_03_killed_at_every_page_nothing_is_lost_or_journalled_twice() {
    // Most of the time goes into the rate limit, so several run side by side.
    const SIDE_BY_SIDE: usize = 5;
    std::thread::scope(|scope| {
        for first in 1..=SIDE_BY_SIDE {
            scope.spawn(move || {
                let shell = Shell::new(still_world().sim);
                (first..=PAGES).step_by(SIDE_BY_SIDE).for_each(|page| kill_at(&shell, page));
                shell.end();
            });
        }
    });
}

fn kill_at(shell: &Shell, page: usize) {
    let ledger = shell.file(&format!("killed-at-{page}.db"));
    shell.configure(&[("ledger", ledger.to_str().unwrap())]);
    hang_at(&shell.control, page);
    let mut child = shell.command(&["poll"]).spawn().unwrap();
    shell.wait("the page is asked for", shell.control.reached(Endpoint::List, page as u64));
    child.kill().unwrap();
    assert_eq!(wait_for_exit(&mut child).code(), None, "it ended by itself");
    // What was asked for while the page before is written may have been asked for a moment too early.
    assert!(page < 3 || !appeared(&ledger).is_empty(), "nothing was kept of {page} pages");

    let ran = shell.run_well(&["poll"]);
    assert!(ran.stderr.contains("in the middle of a poll"), "{}", ran.stderr);
    assert_whole(&shell.control, &ledger);
    shell.run_well(&["ledger", "verify"]);
    let results = texts_of(&ledger, "SELECT result FROM polls ORDER BY number");
    assert_eq!(results.first().map(String::as_str), Some("interrupted"), "{results:?}");
    assert_eq!(results.last().map(String::as_str), Some("complete"), "{results:?}");
}

/// Catches: the same over many kills of one ledger, while pages come in the wrong order.
#[test]
fn rule_03_killed_again_and_again_it_still_ends_whole() {
    let shell = Shell::new(still_world().sim);
    for round in 0..12 {
        shell.control.forget_requests();
        let steps = [Scripted::Honest, Fault::SwapPages.into(), Scripted::Honest, Scripted::Honest];
        let steps = steps.into_iter().cycle().skip(round).take(4);
        shell.control.script(Endpoint::List, steps.chain([Fault::Hang.into()]));
        let mut child = shell.command(&["poll"]).spawn().unwrap();
        shell.wait("the page is asked for", shell.control.reached(Endpoint::List, 5));
        child.kill().unwrap();
        wait_for_exit(&mut child);
        shell.control.clear_faults();
    }
    shell.run_well(&["poll"]);
    assert_whole(&shell.control, &shell.ledger());
    shell.end();
}

/// Catches: a page that is committed while what follows from it is not. The child is this test binary, since
/// the program itself has no rules about breaks yet.
#[test]
fn rule_03_killed_while_judging_nothing_is_left_unjudged() {
    let shell = Shell::new(still_world().sim);
    for page in (2..=PAGES).step_by(4) {
        let path = shell.file(&format!("judged-{page}.db"));
        let order = json!({ "api_url": shell.api_url, "token_url": shell.token_url, "ledger": path });
        hang_at(&shell.control, page);
        let mut child = judging_child(&order);
        shell.wait("the page is asked for", shell.control.reached(Endpoint::List, page as u64));
        child.kill().unwrap();
        wait_for_exit(&mut child);
        assert_eq!(judged(&path), appeared(&path), "what was seen is what was judged");
        assert!(wait_for_exit(&mut judging_child(&order)).success());
        assert_eq!(judged(&path), each_once(&shell.control));
        assert_whole(&shell.control, &path);
    }
    shell.end();
}

fn judging_child(order: &Value) -> std::process::Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--quiet"])
        .arg("sync::rule_03_seen_is_judged::polls_as_it_is_told_on_standard_input")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{order}").unwrap();
    child
}

#[test]
#[ignore = "the child process of another test: it reads its order from standard input"]
fn polls_as_it_is_told_on_standard_input() {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).unwrap();
    // Run by hand, there is no order.
    let Ok(order) = serde_json::from_str::<Value>(&line) else { return };
    let text = |name: &str| order[name].as_str().unwrap().to_owned();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let clock = Arc::new(SystemClock);
        let path = text("ledger");
        let ledger = Ledger::open(Path::new(&path), &text("api_url"), judging(), clock.now()).unwrap();
        let settings = Settings::new(
            ApiUrl::parse(&text("api_url")).unwrap(),
            ApiUrl::parse(&text("token_url")).unwrap(),
            "sim-client".to_owned(),
            "sim-secret".into(),
            Limits {
                requests_per_second: NonZeroU32::new(10).unwrap(),
                backfill_requests_per_second: NonZeroU32::new(10_000).unwrap(),
                request_timeout: Duration::from_secs(30),
            },
        );
        let client = Client::new(settings, clock.clone(), Arc::new(ForgetStops), Vec::new()).unwrap();
        let settings = sync::Settings {
            overlap: Duration::from_secs(600),
            backfill_after: Duration::from_secs(86_400),
            backfill_requests_per_second: NonZeroU32::new(40).unwrap(),
        };
        let poller = Poller::new(client, ledger.clone(), clock, settings, unwatched());
        let outcome = poller.poll(&ProfileSelection::All, Pace::ByGap).await;
        assert!(outcome.is_complete(), "{outcome:#?}");
        drop(poller);
        ledger.close().await;
    });
    assert!(!ids_of(ledger_rows(Path::new(&text("ledger"))).values()).is_empty());
}
