//! Lists of orchestrations, page by page.

use proptest::prelude::*;
use tallyd::ledger::{ListOrder, OrchestrationFilter, OrchestrationPlace, Reader};
use tallyd::model::{Orchestration, Status};

use super::{Bench, minute, row};

const STATUSES: [Status; 4] = [Status::Pending, Status::Processing, Status::Completed, Status::Failed];

/// The rows of a list with their pages put together.
fn listed(reader: &Reader, filter: &OrchestrationFilter, limit: u64) -> Vec<Orchestration> {
    let mut all = Vec::new();
    let mut behind: Option<OrchestrationPlace> = None;
    loop {
        let page = reader.orchestrations(filter, behind.as_ref(), limit).unwrap();
        assert!(page.rows.len() as u64 <= limit);
        all.extend(page.rows.into_iter().map(|tracked| tracked.orchestration));
        behind = page.next;
        if behind.is_none() {
            return all;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Catches: rows of one instant that the end of a page hides or repeats, and rows that are left out because others
    /// before them are not meant.
    #[test]
    fn the_pages_of_any_list_have_all_of_it_once_and_in_order(
        kinds in proptest::collection::vec((0..4_usize, 0..6_i64), 1..40),
        meant in proptest::sample::subsequence(STATUSES.to_vec(), 0..4),
        order in prop_oneof![Just(ListOrder::NewestFirst), Just(ListOrder::OldestFirst)],
        (from, to) in (proptest::option::of(0..6_i64), proptest::option::of(0..6_i64)),
        limit in 1..8_u64,
    ) {
        let rows: Vec<_> = (0_u32..).zip(kinds).map(|(number, (status, at))| {
            Orchestration { status: STATUSES[status].clone(), created_at: minute(at), ..row(number) }
        }).collect();
        let filter = OrchestrationFilter {
            statuses: meant.clone(),
            created_from: from.map(minute),
            created_to: to.map(minute),
            order,
            ..OrchestrationFilter::default()
        };
        let is_meant = |row: &&Orchestration| {
            (meant.is_empty() || meant.contains(&row.status))
                && from.is_none_or(|from| row.created_at >= minute(from))
                && to.is_none_or(|to| row.created_at <= minute(to))
        };
        let mut expected: Vec<_> = rows.iter().filter(is_meant).cloned().collect();
        expected.sort_by_key(|row| (row.created_at, row.id.to_string()));
        if order == ListOrder::NewestFirst {
            expected.reverse();
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let found = runtime.block_on(async {
            let bench = Bench::new().await;
            bench.commit(rows).await;
            listed(&bench.reader(), &filter, limit)
        });
        prop_assert_eq!(found, expected);
    }
}
