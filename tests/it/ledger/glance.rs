//! The ledger at a glance: what a page needs, and what that takes.

use std::path::Path;
use std::time::{Duration, Instant};

use tallyd::ledger::{GlanceWanted, Reader};
use tallyd::model::Timestamp;

/// Run by hand, on the ledger that `TALLYD_MEASURED` names: docs/performance.md says how.
#[test]
#[ignore = "it measures, and checks nothing"]
fn what_a_glance_takes() {
    let path = std::env::var("TALLYD_MEASURED").unwrap();
    let reader = Reader::open(Path::new(&path)).unwrap();
    let now = reader.clock_skew().unwrap().unwrap().seen_at;
    let wanted = GlanceWanted { now, completed_since: now.minus(Duration::from_secs(7 * 86_400)), breaks: 20 };
    for _ in 0..5 {
        let began = Instant::now();
        let overview = reader.overview(Timestamp::from_micros(now.as_micros())).unwrap();
        let middle = began.elapsed();
        let glance = reader.glance(wanted).unwrap();
        eprintln!("overview {middle:?}, glance {:?}", began.elapsed().checked_sub(middle).unwrap());
        eprintln!("  {} open on {} routes; {:?} {} routes {:?}; {} needing", overview.open.iter().map(|one| one.1).sum::<u64>(), glance.open.len(),
          glance.completed.reach, glance.completed.routes.len(), glance.completed.routes.iter().map(|route| route.spans.len()).sum::<usize>(), glance.needing.len());
    }
}
