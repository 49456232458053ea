//! Rows that Paxos no longer knows: what the ledger keeps of that, and that it is proved.

use std::process::Command;

use tallyd::ledger::{EventKind, Lost, OpenRow, Reach};
use tallyd::model::{Lane, Status};

use super::{Bench, minute, moved, row};

async fn bench() -> Bench {
    let bench = Bench::new().await;
    bench
        .backfill(vec![row(1), row(2), moved(3, Status::Completed, 4), moved(4, Status::new("NEW"), 1)])
        .await;
    bench
}

impl Bench {
    async fn open_rows(&self) -> Vec<OpenRow> {
        self.ledger.open_rows(self.profile).await.unwrap()
    }

    /// Loses the open rows with these places among the open ones.
    async fn lose(&self, places: &[usize]) {
        let open = self.open_rows().await;
        let lost = Lost {
            poll: self.poll,
            profile: self.profile,
            seen_at: minute(2000),
            orchestrations: places.iter().map(|&place| open[place].row.key).collect(),
        };
        self.ledger.commit_lost(lost).await.unwrap();
    }
}

#[tokio::test]
async fn open_rows_are_told_by_how_they_can_be_asked_for() {
    let bench = bench().await;
    bench.lose(&[1]).await;
    let open = bench.open_rows().await;
    let ids: Vec<_> = open.iter().map(|open| open.row.id.clone()).collect();
    assert_eq!(ids, [row(1).id, row(2).id, row(4).id]);
    let reaches: Vec<_> = open.iter().map(|open| open.reach).collect();
    assert_eq!(reaches, [Reach::ByStatus, Reach::Missing, Reach::ById]);
    assert_eq!(open[1].row.created_at, row(2).created_at);
}

#[tokio::test]
async fn open_rows_of_another_profile_are_those_that_it_lists_too() {
    let bench = bench().await;
    let other = super::open_profile(&bench.ledger, "payouts").await;
    assert_eq!(bench.ledger.open_rows(other).await.unwrap(), []);
    let poll = bench.ledger.begin_poll(other, Lane::Discover, minute(0), Some(minute(0))).await.unwrap();
    let rows = vec![row(2), moved(3, Status::Completed, 4)];
    let page = tallyd::ledger::PageCommit { profile: other, poll, ..bench.page(rows) };
    bench.ledger.commit_page(page).await.unwrap();
    let open = bench.ledger.open_rows(other).await.unwrap();
    assert_eq!(open.iter().map(|open| open.row.id.clone()).collect::<Vec<_>>(), [row(2).id]);
    assert_eq!(bench.open_rows().await.len(), 3);
}

/// Catches: a row that goes missing twice; a mark that outlives the row's return; entries that do not prove it.
#[tokio::test]
async fn a_row_goes_missing_once_and_reappears_once() {
    let bench = bench().await;
    bench.lose(&[0, 1]).await;
    bench.lose(&[0]).await;
    assert_eq!(bench.count("SELECT count(*) FROM journal WHERE kind = 'went_missing'"), 2);
    assert_eq!(bench.reader().missing_since(&row(1).id).unwrap(), Some(minute(2000)));
    assert_eq!(bench.findings(), [""; 0]);
    bench.commit(vec![moved(1, Status::Failed, 9)]).await;
    bench.commit(vec![moved(1, Status::Failed, 9)]).await;
    assert_eq!(bench.reader().missing_since(&row(1).id).unwrap(), None);
    let history = bench.reader().history(&row(1).id).unwrap().unwrap();
    let kinds: Vec<_> = history.events.iter().map(|event| &event.kind).collect();
    assert!(
        matches!(
            kinds[..],
            [EventKind::Appeared(_), EventKind::WentMissing, EventKind::Reappeared, EventKind::Changed(_)]
        ),
        "{kinds:?}"
    );
    assert_eq!(bench.findings(), [""; 0]);
}

/// Catches: a look-up after which the row is still missing.
#[tokio::test]
async fn a_row_that_is_looked_up_and_found_is_not_missing() {
    let bench = bench().await;
    bench.lose(&[0, 1]).await;
    bench.lookup(&row(1)).await;
    bench.ledger.commit_found(bench.page(vec![row(2)])).await.unwrap();
    assert_eq!(bench.count("SELECT count(*) FROM missing"), 0);
    assert_eq!(bench.findings(), [""; 0]);
}

/// Catches: a mark, its time or its poll that somebody edited unnoticed.
#[tokio::test]
async fn an_edit_of_what_is_missing_is_found() {
    for edit in [
        "DELETE FROM missing",
        "UPDATE missing SET since = since + 1",
        "UPDATE missing SET poll = poll + 1",
        "UPDATE missing SET orchestration = orchestration + 1",
        "INSERT INTO missing SELECT max(key), 0, 1 FROM orchestration",
    ] {
        let bench = bench().await;
        bench.lose(&[0]).await;
        bench.sql().execute_batch(edit).unwrap();
        let findings = bench.findings();
        assert!(findings.iter().any(|finding| finding.contains("is missing")), "{edit}: {findings:?}");
        // The poll is in no view.
        let is_shown = !edit.contains("poll");
        assert!(!is_shown || !passes_the_script(&bench).unwrap_or_default(), "{edit}");
    }
}

#[tokio::test]
async fn the_script_without_tallyd_follows_rows_that_went_missing_and_came_back() {
    let bench = bench().await;
    bench.lose(&[0, 1]).await;
    bench.commit(vec![moved(1, Status::Failed, 9)]).await;
    assert!(passes_the_script(&bench).unwrap_or(true));
}

/// Whether `docs/verify-ledger.py` finds the ledger sound; `None` where there is no Python.
fn passes_the_script(bench: &Bench) -> Option<bool> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/verify-ledger.py");
    let run = Command::new("python3").arg(script).arg(bench.path()).output().ok()?;
    Some(run.status.success())
}
