//! The seeded simulation: the real client, poller and ledger against the simulator, under a clock and a chance
//! that a seed decides.
//!
//! A seed makes a case: a small world, and what happens in it. After each poll the ledger is compared with what an
//! obvious model says (`contract`). `docs/reliability.md` tells how to run more seeds, how to repeat one, and
//! which breaks of the code are caught.

#![expect(clippy::unwrap_used, reason = "in a test's helpers too, a panic is how a test fails")]

mod contract;
mod delivered;
mod doorstep;
mod draw;
mod followed;
mod kept;
mod killer;
mod model;
mod op;
mod picture;
mod rows;
mod shrink;
mod stage;
mod stood;
mod swept;
mod told;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use contract::Checked;
use op::{Case, Op, Trouble, Under};
use stage::Stage;

/// How many seeds the suite plays, from 0 on.
const SEEDS: u64 = 1000;

/// Threads that play seeds: more than there are cores, since each waits for its ledger's thread time and again.
const THREADS: usize = 4;

/// Of so many seeds one is played a second time without the steps of the local clock.
const TWINS: u64 = 4;

#[test]
fn every_seed_keeps_the_contract() {
    if let Some(seed) = number_in("TALLYD_SEED") {
        let case = Case::of(seed);
        println!("{case:?}");
        check(&case).unwrap();
        return;
    }
    let seeds = number_in("TALLYD_SEEDS").unwrap_or(SEEDS);
    let (next, failed) = (AtomicU64::new(0), Mutex::new(None));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while failed.lock().unwrap().is_none() {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= seeds {
                        return;
                    }
                    if let Err(reason) = check(&Case::of(seed)) {
                        failed.lock().unwrap().get_or_insert((seed, reason));
                    }
                }
            });
        }
    });
    let Some((seed, reason)) = failed.into_inner().unwrap() else { return };
    let case = Case::of(seed);
    let is_wanted_small = number_in("TALLYD_SHRINK") != Some(0);
    let small = if is_wanted_small { shrink::shrink(&case, |case| check(case).is_err()) } else { case };
    let now = check(&small).err();
    panic!(
        "seed {seed}: {reason}\n\nRepeat it with TALLYD_SEED={seed}. This is enough for it to fail ({}); keep it in \
         tests/it/simulation/kept.rs:\n\n{small:?}",
        now.as_deref().unwrap_or("not each time")
    );
}

/// A number that the environment asks for.
#[expect(clippy::disallowed_methods, reason = "a test may be told by hand which seeds to play")]
fn number_in(name: &str) -> Option<u64> {
    Some(std::env::var(name).ok()?.parse().unwrap())
}

/// Plays a case. In some of them the local clock must not matter, and whether people are told: without its steps, and
/// with nobody told, the ledger must say the same (rule 7).
fn check(case: &Case) -> Checked {
    let transcript = play(case)?;
    let still = case.ops.iter().filter(|op| !steps_local(op) && !op.is_about_sinks()).cloned().collect();
    let still = Case { ops: still, ..case.clone() };
    let matters = case.seed.is_multiple_of(TWINS) && still.ops.len() < case.ops.len() && is_dated(case);
    if matters && let Some((stepping, still)) = first_difference(&transcript, &play(&still)?) {
        return Err(format!(
            "rule 7: the local clock steps or people are told, and the ledger says {stepping} for {still}"
        ));
    }
    Ok(())
}

fn first_difference(left: &[String], right: &[String]) -> Option<(String, String)> {
    let of = |lines: &[String], place: usize| lines.get(place).cloned().unwrap_or_default();
    let longest = left.len().max(right.len());
    (0..longest).map(|place| (of(left, place), of(right, place))).find(|(left, right)| left != right)
}

fn steps_local(op: &Op) -> bool {
    matches!(op, Op::StepLocal { .. })
}

/// Whether every answer tells the server's time and none asks for a pause, which lasts by the local clock; with
/// one profile and no kill, so that nothing happens in another order or in another poll.
fn is_dated(case: &Case) -> bool {
    use Trouble::{MissingDate, TooManyRequests, TooManyRequestsWithoutWord};
    let timeless = [MissingDate, TooManyRequests, TooManyRequestsWithoutWord];
    case.profiles == 1
        && !case.ops.iter().any(|op| match op {
            Op::Create { under, .. } => *under == Under::Unlisted,
            Op::Kill { .. } | Op::KillInSweep { .. } | Op::KillInDelivery { .. } => true,
            Op::Trouble { what, .. } | Op::Outage { what } => timeless.contains(what),
            _ => false,
        })
}

/// Plays a case and returns what the ledger says in the end.
fn play(case: &Case) -> Result<Vec<String>, String> {
    let playing = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut stage = Stage::of(case).await;
            for (place, op) in case.ops.iter().enumerate() {
                stage
                    .apply(op)
                    .await
                    .map_err(|reason| format!("after operation {place}, {op:?}: {reason}"))?;
            }
            stage.settle().await.map_err(|reason| format!("when all is well again: {reason}"))?;
            let transcript = stage.transcript();
            stage.end().await;
            Ok(transcript)
        })
    };
    catch_unwind(AssertUnwindSafe(playing)).unwrap_or_else(|panic| Err(told(&*panic)))
}

/// A case that must keep the contract.
fn holds(case: &Case) {
    check(case).unwrap();
}

fn told(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a text").to_owned()
}
