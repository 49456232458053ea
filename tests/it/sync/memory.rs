//! What a poll holds in memory: a bounded number of pages, however many profiles are polled side by side.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tallyd::ledger::Rules;
use tallyd::model::PageFacts;
use tallyd::sim::{Control, Endpoint};
use tallyd::sync;

use crate::harness::{DEADLINE, Rig, Setup};

/// The pages of backfills that may be in memory, those that are being fetched included.
const MOST: u64 = 12;

const PROFILES: u16 = 40;

/// Whether a page of every profile was asked for.
fn all_began(control: &Control) -> bool {
    let requests = control.requests_to(Endpoint::List);
    let profile =
        |path: &String| path.split('&').find(|part| part.contains("profile_id=")).map(str::to_owned);
    let asked: HashSet<_> = requests.iter().filter_map(|request| profile(&request.path_and_query)).collect();
    asked.len() == usize::from(PROFILES)
}

/// Catches: pages that pile up while the ledger is slow, two for each slice of each profile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_wait_outside_of_memory_while_the_ledger_is_slow() {
    let control: Arc<OnceLock<Control>> = Arc::default();
    let (committed, most) = (AtomicU64::new(0), Arc::new(AtomicU64::new(0)));
    let slowed = AtomicBool::new(false);
    let (handle, seen) = (Arc::clone(&control), Arc::clone(&most));
    let mut setup = Setup::of(2400).profiles(PROFILES).pages_of(5);
    let judge = move |_: &PageFacts<'_>| {
        let fetched = || handle.get().map_or(0, |control| control.count(Endpoint::List));
        let before = committed.fetch_add(1, Ordering::SeqCst);
        // While the ledger is busy here, no profile that has yet to begin can.
        if !slowed.load(Ordering::SeqCst) && handle.get().is_some_and(all_began) {
            slowed.store(true, Ordering::SeqCst);
            // A slow ledger: as many as ever will are fetched, and then some time goes by.
            let began = Instant::now();
            while fetched() - before < MOST && began.elapsed() < DEADLINE {
                std::thread::yield_now();
            }
            let full = Instant::now();
            while full.elapsed() < Duration::from_millis(300) {
                std::thread::yield_now();
            }
        }
        seen.fetch_max(fetched() - before, Ordering::SeqCst);
        Vec::new()
    };
    setup.rules = Rules { judge: Arc::new(judge), ..sync::rules() };
    let rig = Rig::start(setup).await;
    assert!(control.set(rig.control.clone()).is_ok());
    rig.poll_completely().await;
    assert_eq!(most.load(Ordering::SeqCst), MOST, "pages in memory at once");
    rig.assert_ledger_equals_truth();
    rig.end().await;
}
