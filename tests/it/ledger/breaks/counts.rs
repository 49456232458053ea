//! The counts that are kept beside the rows.

use tallyd::ledger::{BreakFilter, BreakState, Deed, Ledger, Measures, Overview, Reader, Rest, WhichHistory};
use tallyd::model::{BreakKind, Identifier, Orchestration, Severity, Status};

use crate::harness::take_back;
use crate::ledger::{API, Bench, findings, minute, moved, plain_rules, row};

use super::{acknowledged, failed, judged, late, resolved};

/// A ledger with orchestrations of several statuses and breaks of every state.
async fn lived_in() -> Bench {
    let mut bench = judged().await;
    let held = Orchestration { status: Status::Unknown("HELD".into()), ..row(9) };
    bench.commit((0..8).map(row).chain([held]).collect()).await;
    bench.next_poll().await;
    let other = moved(9, Status::Pending, 5);
    bench
        .commit(vec![
            failed(1, "long ago"),
            failed(2, "refused"),
            late(3),
            moved(4, Status::Completed, 5),
            other,
        ])
        .await;
    // 1 to 8 were stuck, of which 2, 3 and 5 moved on; 9 is history, 10 is none.
    for (numbers, deed) in
        [(&[1, 4, 9, 10][..], acknowledged()), (&[1], Deed::Unacknowledge), (&[10], resolved())]
    {
        let deeds = bench.deed(numbers, &deed, Rest::Left);
        assert!(deeds.refused.is_empty(), "{:?}", deeds.refused);
    }
    bench
}

/// Everything that is told of how many there are.
fn told(reader: &Reader) -> String {
    let Overview { orchestrations, open, breaks, profiles, .. } = reader.overview(minute(2000)).unwrap();
    let profiles: Vec<_> = profiles.iter().map(|profile| (profile.open, profile.oldest_open)).collect();
    let Measures { breaks: groups, break_rows, profiles: measured, .. } = reader.measures().unwrap();
    let by_status: Vec<_> =
        measured.iter().map(|profile| (&profile.by_status, &profile.oldest_open)).collect();
    let mut groups: Vec<_> = groups.iter().map(|group| format!("{group:?}")).collect();
    groups.sort();
    let of = |filter: &BreakFilter| reader.breaks(filter, 100).unwrap().0;
    let all = BreakState::ALL.to_vec();
    let filters = [
        BreakFilter::default(),
        BreakFilter { states: all.clone(), ..BreakFilter::default() },
        BreakFilter { states: vec![BreakState::Acknowledged], ..BreakFilter::default() },
        BreakFilter {
            states: vec![BreakState::Resolved],
            history: WhichHistory::Without,
            ..BreakFilter::default()
        },
        BreakFilter {
            kinds: vec![BreakKind::Failed],
            severity: Some(Severity::Critical),
            ..BreakFilter::default()
        },
        BreakFilter {
            profiles: vec![Identifier::new("treasury")],
            history: WhichHistory::Only,
            states: all,
            ..BreakFilter::default()
        },
    ];
    let filtered = filters.map(|filter| {
        let total = of(&filter);
        let listed = reader.breaks(&filter, 100).unwrap().1;
        assert_eq!(total.all, listed.len() as u64, "{filter:?}");
        let open = listed.iter().filter(|record| BreakState::of(record) == BreakState::Open).count();
        assert_eq!(total.open, open as u64, "{filter:?}");
        total
    });
    format!(
        "{orchestrations} {open:?} {breaks:?} {profiles:?}\n{by_status:?}\n{break_rows} {groups:#?}\n{filtered:?}"
    )
}

/// Catches: a count that a change of status, an acknowledgement, an end or a deletion leaves as it was.
#[tokio::test]
async fn counts_are_those_of_the_rows_and_a_former_ledger_tells_the_same() {
    let bench = lived_in().await;
    let kept = told(&bench.reader());
    assert_eq!(bench.findings(), [""; 0]);
    let Bench { folder, ledger, .. } = bench;
    ledger.close().await;
    let path = folder.path().join("ledger.db");
    take_back(&path, 5);
    // One by one, in front of the migration.
    assert_eq!(told(&Reader::open(&path).unwrap()), kept);
    let ledger = Ledger::open(&path, API, plain_rules(), minute(0)).unwrap();
    assert_eq!(told(&Reader::open(&path).unwrap()), kept);
    assert_eq!(findings(&Reader::open(&path).unwrap()), [""; 0]);
    ledger.close().await;
}

/// Catches: a count that somebody edited, or that went wrong, and that nobody notices.
#[tokio::test]
async fn verification_counts_again() {
    let bench = lived_in().await;
    let edit = |sql: &str| bench.sql().execute_batch(sql).unwrap();
    edit("UPDATE orchestration_count SET count = count + 1 WHERE status = 2");
    assert_eq!(
        bench.findings(),
        ["the counts that are kept of orchestrations are not what the rows come to"]
    );
    edit("UPDATE orchestration_count SET count = count - 1 WHERE status = 2");
    edit("DELETE FROM break_count WHERE kind = 'failed'");
    assert_eq!(bench.findings(), ["the counts that are kept of breaks are not what the rows come to"]);
}
