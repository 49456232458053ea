//! Polls of a ledger that was pruned: what is gone stays gone, and nothing else is passed over.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use tallyd::clock::Clock as _;
use tallyd::ledger::{Intent, Pruning, prune};
use tallyd::model::{ProfileSelection, Timestamp};

use crate::harness::{Rig, Setup, ledger_rows, start_time};

const DAY: Duration = Duration::from_secs(86_400);

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
    rig.end().await;
}
