//! Rule 10, as far as polls go: a restored backup catches up, says that this is not all, and owes a sweep of
//! everything.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tallyd::clock::Clock as _;
use tallyd::ledger::{Existing, backup, restore};
use tallyd::model::{Identifier, Lane, PollResult, ProfileSelection, SweepWindow};
use tallyd::sim::{Canned, Endpoint, Scripted};

use super::sweeping::{DAY, entries, kinds, sweep, sweep_all, sweep_cut_short};
use crate::harness::{Rig, Setup, id_of, in_time, ledger_rows, results_of, texts_of};

const MINUTE: Duration = Duration::from_secs(60);

fn copy_of(rig: &Rig) -> PathBuf {
    let copy = rig.path().with_file_name("copy.db");
    backup(&rig.path(), &copy, Existing::Keep).unwrap();
    copy
}

async fn restored(rig: &mut Rig, copy: &Path) -> i64 {
    let (api_url, now) = (rig.api_url(), rig.local.now());
    rig.restart_after(|path| restore(path, copy, &api_url, now).unwrap()).await.epoch
}

/// Thirty more final orchestrations of the first profile, one a minute from now on: so soon that
/// a sweep that was cut short before is gone on with.
fn live_on(rig: &Rig) {
    let profile = rig.profile(0).id.to_string();
    for number in 0..30_u32 {
        let created_at = rig.clock.now().plus(number * MINUTE).to_rfc3339();
        rig.control.insert(json!({ "id": format!("since_{number}"), "profile_id": profile,
            "status": "COMPLETED", "created_at": created_at }));
    }
    rig.advance(40 * MINUTE);
}

/// The profiles that owe a sweep.
fn owing(rig: &Rig) -> Vec<Identifier> {
    rig.overview().owed_sweeps.into_iter().map(|owed| owed.profile.id).collect()
}

/// The rows that are not missing.
fn present(rig: &Rig) -> BTreeMap<String, Value> {
    let missing = texts_of(&rig.path(), "SELECT id FROM orchestrations WHERE missing_since IS NOT NULL");
    let mut rows = ledger_rows(&rig.path());
    rows.retain(|id, _| !missing.contains(id));
    rows
}

/// Catches: a restore that keeps the newer watermark, and so passes over what the backup lacks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_10_a_restored_backup_catches_up_with_the_next_poll() {
    let mut rig = Rig::start(Setup::of(80).profiles(2)).await;
    rig.poll_completely().await;
    let copy = copy_of(&rig);
    live_on(&rig);
    rig.poll_completely().await;
    assert_eq!(restored(&mut rig, &copy).await, 1);
    let since = "SELECT count(*) FROM orchestrations WHERE id LIKE 'since_%'";
    assert_eq!(texts_of(&rig.path(), since), ["0"]);
    rig.poll_completely().await;
    assert_eq!(texts_of(&rig.path(), since), ["30"]);
    // A poll is no sweep: what changed behind the backup is still to be looked for.
    assert_eq!(owing(&rig).len(), 2);
    rig.end().await;
}

/// Catches: a full sweep that goes on from where one was when the backup was taken, and passes over what
/// changed before that place since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_10_after_a_restore_a_poll_and_the_owed_sweep_find_what_happened_since_the_backup() {
    let mut rig = Rig::start(Setup::of(80).pages_of(7).profiles(1)).await;
    rig.poll_completely().await;
    rig.advance(40 * DAY);
    rig.poll_completely().await;
    sweep_cut_short(&rig, 5).await;
    let copy = copy_of(&rig);
    // Much is behind the place at which that sweep was; no `updated_at` betrays any of it.
    let truth = rig.control.truth();
    let [changed, gone, later] = [0, 2, truth.len() - 3].map(|place| id_of(&truth[place]));
    rig.control.set_field(&changed, "source_amount", json!("7.77")).unwrap();
    rig.control.set_field(&later, "source_amount", json!("8.88")).unwrap();
    rig.control.remove(&gone).unwrap();
    let mut late = truth[3].clone();
    late["id"] = Value::from("came-late");
    late["ref_id"] = Value::from("late-1");
    rig.control.insert(late);
    rig.advance(MINUTE);
    rig.poll_completely().await;
    sweep_all(&rig).await;
    live_on(&rig);
    rig.poll_completely().await;
    restored(&mut rig, &copy).await;
    let mut outcome = rig.poll_completely().await;
    in_time("the owed sweep", rig.poller.sweep_owed(&mut outcome)).await;
    assert!(outcome.is_complete(), "{outcome:#?}");
    assert_eq!(outcome.profiles.iter().map(|poll| poll.lane).collect::<Vec<_>>()[1..], [Lane::Sweep]);
    assert_eq!(present(&rig), rig.truth_until(rig.clock.now()));
    assert_eq!(kinds(&rig, &gone).last().unwrap(), "went_missing");
    assert_eq!(owing(&rig), []);
    // That was all: nothing is owed, and nothing is left to find.
    let (before, requests) = (entries(&rig), outcome.requests);
    in_time("nothing", rig.poller.sweep_owed(&mut outcome)).await;
    assert_eq!((outcome.profiles.len(), outcome.requests), (2, requests));
    sweep_all(&rig).await;
    assert_eq!(entries(&rig), before);
    rig.end().await;
}

/// Catches: a debt that is forgiven for less than a complete sweep of everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_10_only_a_complete_sweep_of_everything_settles_what_is_owed() {
    let mut rig = Rig::start(Setup::of(60).pages_of(7).profiles(2)).await;
    rig.poll_completely().await;
    let copy = copy_of(&rig);
    rig.advance(40 * DAY);
    restored(&mut rig, &copy).await;
    let first_id = rig.profile(0).id;
    let first = ProfileSelection::Listed(vec![rig.profile(0)]);
    assert!(sweep(&rig, SweepWindow::Last(400 * DAY)).await.is_complete());
    assert_eq!(owing(&rig).len(), 2);
    // So many are gone at once that nothing is decided about them.
    let of_first = |row: &&Value| row["profile_id"] == first_id.to_string();
    let truth = rig.control.truth();
    let gone: Vec<_> = truth.iter().filter(of_first).take(21).collect();
    for row in &gone {
        rig.control.remove(&id_of(row)).unwrap();
    }
    let outcome = in_time("a sweep", rig.poller.sweep(&first, SweepWindow::Everything)).await;
    assert!(matches!(outcome.profiles[0].result, PollResult::Partial(_)), "{outcome:#?}");
    assert_eq!(owing(&rig).len(), 2);
    for row in gone {
        rig.control.insert(row.clone());
    }
    // Cut short, and gone on with after a restart.
    sweep_cut_short(&rig, 2).await;
    assert!(owing(&rig).contains(&first_id));
    rig.restart().await;
    let outcome = in_time("a sweep", rig.poller.sweep(&first, SweepWindow::Everything)).await;
    assert!(outcome.is_complete(), "{outcome:#?}");
    assert!(!owing(&rig).contains(&first_id));
    sweep_all(&rig).await;
    assert_eq!(owing(&rig), []);
    rig.end().await;
}

/// Catches: a sweep that asks all over again where the poll has just failed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_10_a_profile_whose_poll_failed_is_swept_another_time() {
    let mut rig = Rig::start(Setup::of(20).profiles(1)).await;
    rig.poll_completely().await;
    let copy = copy_of(&rig);
    restored(&mut rig, &copy).await;
    rig.advance(MINUTE);
    let refusal = Scripted::Answer(Canned { status: 403, headers: Vec::new(), body: Vec::new() });
    rig.control.script(Endpoint::List, vec![refusal; 20]);
    let mut outcome = rig.poll().await;
    assert_eq!(results_of(&outcome), ["failed"]);
    let requests = outcome.requests;
    in_time("nothing", rig.poller.sweep_owed(&mut outcome)).await;
    assert_eq!((outcome.profiles.len(), outcome.requests), (1, requests));
    assert_eq!(owing(&rig).len(), 1);
    rig.end().await;
}
