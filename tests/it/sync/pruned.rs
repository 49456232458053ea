//! Polls of a ledger that was pruned: what is gone stays gone, and nothing else is passed over.

use std::collections::BTreeSet;

use serde_json::json;
use tallyd::clock::Clock as _;
use tallyd::ledger::{Intent, Pruned, Pruning, prune};
use tallyd::model::{ProfileSelection, SweepWindow, Timestamp};

use super::sweeping::{DAY, entries, kinds, sweep, sweep_all, sweep_cut_short};
use crate::harness::{Rig, Setup, id_of, ledger_rows, start_time, texts_of};
use crate::ledger::by_script;

fn ids(rig: &Rig) -> BTreeSet<String> {
    ledger_rows(&rig.path()).into_keys().collect()
}

fn insert(rig: &Rig, id: &str, profile: usize, created_at: Timestamp) {
    let profile = rig.profile(profile).id.to_string();
    rig.control.insert(json!({ "id": id, "profile_id": profile, "status": "FAILED",
        "created_at": created_at.to_rfc3339() }));
}

/// Catches: a first backfill that begins in 1970 whatever was pruned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_pruned_does_not_come_back_and_a_new_profile_begins_at_the_floor() {
    let mut rig = Rig::start(Setup::of(120).profiles(2)).await;
    let floor = start_time().plus(50 * DAY);
    let first = ProfileSelection::Listed(vec![rig.profile(0)]);
    assert!(rig.poll_of(&first).await.is_complete());
    for profile in 0..2 {
        insert(&rig, &format!("young_{profile}"), profile, floor.plus(10 * DAY));
    }
    insert(&rig, "shared_past", 1, start_time());
    rig.advance(100 * DAY);
    assert!(rig.poll_of(&first).await.is_complete());
    let before = ids(&rig);
    let (api_url, now) = (rig.api_url(), rig.local.now());
    let pruning = rig.restart_after(|path| prune(path, &api_url, floor, now, Intent::Prune).unwrap()).await;
    let Pruning::Done(done) = pruning else { panic!("{pruning:?}") };
    let kept = ids(&rig);
    assert!(done.counts.rows > 10, "{done:?}");
    assert_eq!(before.len() - kept.len(), usize::try_from(done.counts.rows).unwrap());
    rig.advance(DAY);
    rig.poll_completely().await;
    let now = ids(&rig);
    assert!(now.is_superset(&kept));
    assert_eq!(before.difference(&kept).filter(|id| now.contains(*id)).count(), 0);
    assert!(now.contains("young_0") && now.contains("young_1") && !now.contains("shared_past"));
    for profile in rig.overview().profiles {
        assert_eq!(profile.coverage.unwrap().from, floor, "{:?}", profile.profile);
    }
    rig.end().await;
}

/// Catches: a floor that hides what was never listed, and so never pruned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_that_fell_behind_the_floor_is_listed_from_where_it_was() {
    let mut rig = Rig::start(Setup::of(60).profiles(2)).await;
    rig.poll_completely().await;
    let missed = start_time().plus(20 * DAY);
    insert(&rig, "missed", 1, missed);
    rig.advance(100 * DAY);
    // Only the first profile was polled since.
    let first = ProfileSelection::Listed(vec![rig.profile(0)]);
    assert!(rig.poll_of(&first).await.is_complete());
    let before = ids(&rig);
    let (api_url, now) = (rig.api_url(), rig.local.now());
    let floor = start_time().plus(50 * DAY);
    let pruning = rig.restart_after(|path| prune(path, &api_url, floor, now, Intent::Prune).unwrap()).await;
    assert!(matches!(pruning, Pruning::Done(_)), "{pruning:?}");
    let kept = ids(&rig);
    rig.poll_completely().await;
    let now = ids(&rig);
    assert!(now.contains("missed"));
    assert_eq!(before.difference(&kept).filter(|id| now.contains(*id)).count(), 0);
    // A sweep looks at it too, and no further back.
    rig.control.set_field("missed", "source_amount", json!("7.77")).unwrap();
    sweep_all(&rig).await;
    assert_eq!(kinds(&rig, "missed").last().unwrap(), "changed");
    assert_eq!(ids(&rig), now);
    rig.end().await;
}

/// A ledger of one profile that is about to be pruned at the floor: a world that is older, and ten rows that
/// are younger.
async fn rig() -> (Rig, Timestamp) {
    let rig = Rig::start(Setup::of(80).pages_of(7).profiles(1)).await;
    rig.poll_completely().await;
    let floor = start_time().plus(50 * DAY);
    for number in 0..10_u32 {
        insert(&rig, &format!("young_{number}"), 0, floor.plus(number * DAY));
    }
    rig.advance(100 * DAY);
    rig.poll_completely().await;
    (rig, floor)
}

async fn prune_at(rig: &mut Rig, floor: Timestamp) -> Pruned {
    let (api_url, now) = (rig.api_url(), rig.local.now());
    let pruning = rig.restart_after(|path| prune(path, &api_url, floor, now, Intent::Prune).unwrap()).await;
    let Pruning::Done(done) = pruning else { panic!("{pruning:?}") };
    assert_provable(rig);
    done
}

/// Both checks of the ledger find nothing.
fn assert_provable(rig: &Rig) {
    rig.assert_sound();
    if let Some((is_sound, said)) = by_script(&rig.path(), None) {
        assert!(is_sound, "{said}");
    }
}

/// The first final rows of the world, oldest first.
fn finals(rig: &Rig) -> Vec<String> {
    let is_final = |status: &str| matches!(status, "COMPLETED" | "FAILED" | "REJECTED");
    let truth = rig.control.truth();
    truth.iter().filter(|row| is_final(row["status"].as_str().unwrap())).map(id_of).collect()
}

/// Catches: a sweep, of the profile or of the whole account, whose window begins below the floor.
#[tokio::test]
async fn no_sweep_looks_below_the_floor() {
    let (mut rig, floor) = rig().await;
    let done = prune_at(&mut rig, floor).await;
    assert!(done.counts.rows > 50, "{done:?}");
    let (kept, before) = (ids(&rig), entries(&rig));
    for window in [SweepWindow::Everything, SweepWindow::Last(90 * DAY)] {
        let outcome = sweep(&rig, window).await;
        assert!(outcome.is_complete(), "{outcome:#?}");
        assert_eq!(outcome.profiles[0].counts.rows, 10, "{window}");
    }
    assert_eq!((ids(&rig), entries(&rig)), (kept, before));
    // What is above it is looked at.
    rig.control.set_field("young_0", "source_amount", json!("7.77")).unwrap();
    rig.control.remove("young_1").unwrap();
    sweep_all(&rig).await;
    assert_eq!(kinds(&rig, "young_0").last().unwrap(), "changed");
    assert_eq!(kinds(&rig, "young_1").last().unwrap(), "went_missing");
    assert_provable(&rig);
    rig.end().await;
}

/// Catches: a sweep under way that keeps its place below the floor, and rows that are pruned before it has
/// asked whether they are gone.
#[tokio::test]
async fn a_sweep_under_way_goes_on_above_the_floor() {
    let (mut rig, floor) = rig().await;
    let gone = finals(&rig).swap_remove(2);
    rig.control.remove(&gone).unwrap();
    sweep_cut_short(&rig, 5).await;
    let unmet = "SELECT count(*) FROM unmet";
    assert_eq!(texts_of(&rig.path(), unmet), ["1"]);
    prune_at(&mut rig, floor).await;
    assert_eq!(texts_of(&rig.path(), unmet), ["1"]);
    let kept = ids(&rig);
    assert!(kept.contains(&gone));
    sweep_all(&rig).await;
    assert_eq!(ids(&rig), kept);
    assert_eq!(kinds(&rig, &gone).last().unwrap(), "went_missing");
    assert_provable(&rig);
    // What is missing stays, and stays missing, when all that was told of it is pruned.
    let told = rig.clock.now();
    rig.advance(100 * DAY);
    rig.poll_completely().await;
    prune_at(&mut rig, told.plus(DAY)).await;
    assert_eq!(kinds(&rig, &gone), ["carried"]);
    let missing = format!("SELECT id FROM orchestrations WHERE missing_since IS NOT NULL AND id = '{gone}'");
    assert_eq!(texts_of(&rig.path(), &missing), [gone]);
    rig.end().await;
}

/// Catches: a sweep that was begun long ago and ends below the floor, with what it did not meet.
#[tokio::test]
async fn a_sweep_that_ended_below_the_floor_is_forgotten() {
    let (mut rig, _) = rig().await;
    let gone = finals(&rig).swap_remove(2);
    rig.control.remove(&gone).unwrap();
    sweep_cut_short(&rig, 5).await;
    let begun = rig.clock.now();
    rig.advance(100 * DAY);
    rig.poll_completely().await;
    prune_at(&mut rig, begun.plus(DAY)).await;
    let left = "SELECT (SELECT count(*) FROM sweep), (SELECT count(*) FROM unmet)";
    assert_eq!(texts_of(&rig.path(), left), ["0 0"]);
    sweep_all(&rig).await;
    assert_provable(&rig);
    rig.end().await;
}
