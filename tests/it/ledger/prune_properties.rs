//! Whatever happened before and after, pruning leaves a ledger sound, and what it keeps as it was.

use proptest::prelude::*;
use tallyd::ledger::{Intent, PageCommit, Pruning, prune};
use tallyd::model::{Identifier, Orchestration, Status, Timestamp};

use crate::harness::texts_of;

use super::prune::day;
use super::{API, Bench, findings, row, unreadable};

/// One thing that happens; days go by before each.
#[derive(Clone, Debug)]
enum Step {
    Seen { number: u32, status: usize, days: i64 },
    Unreadable { number: u32, days: i64 },
    Lost { number: u32, days: i64 },
    Prune { age: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..6_u32, 0..4_usize, 0..20_i64)
            .prop_map(|(number, status, days)| Step::Seen { number, status, days }),
        1 => (0..8_u32, 0..20_i64).prop_map(|(number, days)| Step::Unreadable { number, days }),
        1 => (0..6_u32, 0..20_i64).prop_map(|(number, days)| Step::Lost { number, days }),
        2 => (8..60_i64).prop_map(|age| Step::Prune { age }),
    ]
}

const STATUSES: [Status; 4] = [Status::Pending, Status::Processing, Status::Completed, Status::Failed];

/// Every row that is there with its present state, by id.
fn states(bench: &Bench) -> Vec<Orchestration> {
    let mut states = Vec::new();
    bench.reader().for_each(|row| states.push(row.clone())).unwrap();
    states.sort_by_key(|row| row.id.to_string());
    states
}

fn missing(bench: &Bench) -> Vec<String> {
    texts_of(&bench.path(), "SELECT orchestration, since, poll FROM missing ORDER BY 1")
}

async fn live(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut bench = Bench::new().await;
    bench.cover(0).await;
    let mut today = 10;
    for step in steps {
        match step {
            Step::Seen { number, status, days } => {
                today += days;
                let row = Orchestration {
                    status: STATUSES[status].clone(),
                    created_at: day(i64::from(number) * 8),
                    updated_at: Some(day(today)),
                    ref_id: Some(Identifier::new(&format!("{status}-{today}"))),
                    ..row(number)
                };
                let page = PageCommit { seen_at: day(today), ..bench.page(vec![row]) };
                bench.ledger.commit_page(page).await.unwrap();
            }
            Step::Unreadable { number, days } => {
                today += days;
                let row = unreadable(number, &format!("{{\"day\":{today}}}"));
                let page =
                    PageCommit { seen_at: day(today), unreadable: vec![row], ..bench.page(Vec::new()) };
                bench.ledger.commit_page(page).await.unwrap();
            }
            Step::Lost { number, days } => {
                today += days;
                bench.lose_on(today, number).await;
            }
            Step::Prune { age } => {
                today += 1;
                bench.poll_on(today).await;
                bench.cover(today).await;
                let (before, missing) = (states(&bench), missing(&bench));
                let prune_now = |path: &std::path::Path| {
                    prune(path, API, day(today - age), day(today), Intent::Prune).unwrap()
                };
                let (reopened, pruning) = bench.meanwhile(prune_now).await;
                bench = reopened;
                let after = states(&bench);
                prop_assert_eq!(self::missing(&bench), missing);
                let floor = day(today - age);
                let gone: Vec<_> = before.iter().filter(|row| !after.contains(row)).collect();
                prop_assert!(after.iter().all(|row| before.contains(row)));
                prop_assert!(gone.iter().all(|row| is_prunable(row, floor)), "{gone:?}");
                let counted = match pruning {
                    Pruning::Done(pruned) => pruned.counts.rows,
                    Pruning::Nothing(_) => 0,
                };
                prop_assert_eq!(counted, gone.len() as u64);
            }
        }
        prop_assert_eq!(findings(&bench.reader()), [""; 0]);
    }
    Ok(())
}

/// Each change here sets `updated_at` to its day.
fn is_prunable(row: &Orchestration, floor: Timestamp) -> bool {
    let is_final = matches!(row.status, Status::Completed | Status::Failed);
    is_final && row.created_at < floor && row.updated_at.is_some_and(|updated| updated < floor)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_history_is_sound_after_any_pruning(steps in proptest::collection::vec(step(), 1..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(live(steps))?;
    }
}
