//! What pruning a large ledger takes. Run by hand: docs/performance.md says how.

use std::time::Instant;

use tallyd::ledger::{Intent, prune};
use tallyd::model::{Orchestration, Status};

use super::prune::day;
use super::{API, Bench, row};

const PRUNED: u32 = 1_000_000;
const CARRIED: u32 = 100_000;
const PAGE: u32 = 1000;

/// The most memory that this process held since [`forget_memory`], in MiB.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    format!("{} MiB", kib.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024)
}

fn forget_memory() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

#[tokio::test]
#[ignore = "takes minutes; it measures, and checks little"]
async fn a_million_rows_are_pruned() {
    let mut bench = Bench::new().await;
    bench.poll_on(1).await;
    for first in (0..PRUNED + CARRIED).step_by(PAGE as usize) {
        let status = if first < PRUNED { Status::Completed } else { Status::Processing };
        let rows =
            (first..first + PAGE).map(|number| Orchestration { status: status.clone(), ..row(number) });
        // All in one listing, as a first backfill does it.
        bench
            .seen(1, rows.map(|row| Orchestration { created_at: day(0), updated_at: None, ..row }).collect())
            .await;
    }
    bench.poll_on(400).await;
    bench.cover(400).await;
    let (bench, done) = bench
        .meanwhile(|path| {
            let size = || std::fs::metadata(path).unwrap().len() / 1_000_000;
            eprintln!("ledger {} MB, peak memory so far {}", size(), peak_memory());
            forget_memory();
            let began = Instant::now();
            let done = prune(path, API, day(50), day(400), Intent::Prune).unwrap();
            eprintln!("pruned in {:?}, peak memory {}", began.elapsed(), peak_memory());
            done
        })
        .await;
    let tallyd::ledger::Pruning::Done(done) = done else { panic!("{done:?}") };
    assert_eq!((done.counts.rows, done.carried), (u64::from(PRUNED), u64::from(CARRIED)));
    let began = Instant::now();
    assert_eq!(bench.findings(), [""; 0]);
    eprintln!("verified in {:?}", began.elapsed());
}
