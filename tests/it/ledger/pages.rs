//! What one page does to the ledger: rows, journal, membership, counts.

use tallyd::ledger::{EventKind, PageCommit, Was};
use tallyd::model::{Counts, Field, Identifier, Orchestration, Status};

use super::{Bench, minute, moved, open_profile, row, unreadable};

fn was(field: Field, old: &str, new: &str) -> Was {
    Was { field, old: Some(old.to_owned()), new: Some(new.to_owned()) }
}

impl Bench {
    fn events(&self, number: u32) -> Vec<EventKind> {
        let history = self.reader().history(&row(number).id).unwrap();
        history
            .map(|history| history.events.into_iter().map(|event| event.kind).collect())
            .unwrap_or_default()
    }

    fn kept(&self, number: u32) -> Option<Orchestration> {
        self.reader().orchestration(&row(number).id).unwrap().map(|tracked| tracked.orchestration)
    }

    fn entries(&self) -> i64 {
        self.count("SELECT count(*) FROM journal_entry")
    }
}

#[tokio::test]
async fn a_new_row_appears_once_and_is_journalled_once() {
    let bench = Bench::new().await;
    let first = bench.commit(vec![row(1), row(2)]).await;
    assert_eq!(first.counts, Counts { pages: 1, rows: 2, appeared: 2, ..Counts::default() });
    let again = bench.commit(vec![row(1), row(2)]).await;
    assert_eq!(again.counts, Counts { pages: 1, rows: 2, ..Counts::default() });
    assert_eq!(again.doubt_from, None);
    assert_eq!(bench.kept(1), Some(row(1)));
    assert_eq!(bench.entries(), 2);
    assert!(matches!(bench.events(1)[..], [EventKind::Appeared(_)]));
    assert_eq!(bench.findings(), [""; 0]);
}

#[tokio::test]
async fn a_long_page_of_which_some_rows_are_known_or_stand_twice_is_taken_row_by_row() {
    let numbers = |numbers: std::ops::Range<u32>| numbers.map(row).collect::<Vec<_>>();
    for (known, page, appeared) in [
        (0..0, numbers(1..75), 74),
        (0..0, [numbers(1..40), vec![row(20)], numbers(40..75)].concat(), 74),
        (30..31, numbers(1..75), 73),
        (70..75, numbers(1..75), 69),
        (1..75, numbers(1..75), 0),
    ] {
        let bench = Bench::new().await;
        bench.commit(numbers(known)).await;
        let committed = bench.commit(page).await;
        assert_eq!(committed.counts.appeared, appeared);
        assert_eq!(bench.entries(), 74);
        assert_eq!(bench.kept(74), Some(row(74)));
        assert!(matches!(bench.events(74)[..], [EventKind::Appeared(_)]));
        assert_eq!(bench.findings(), [""; 0]);
    }
}

#[tokio::test]
async fn a_change_is_kept_and_journalled_with_the_old_values() {
    let bench = Bench::new().await;
    bench.commit(vec![row(1)]).await;
    let done = moved(1, Status::Completed, 3);
    let committed = bench.commit(vec![done.clone()]).await;
    assert_eq!(committed.counts, Counts { pages: 1, rows: 1, changed: 1, ..Counts::default() });
    assert_eq!(bench.kept(1), Some(done));
    let tracked = bench.reader().orchestration(&row(1).id).unwrap().unwrap();
    assert_eq!(tracked.status_since, minute(4));
    let expected = vec![
        was(Field::Status, "PROCESSING", "COMPLETED"),
        was(Field::UpdatedAt, &minute(1).to_rfc3339(), &minute(4).to_rfc3339()),
    ];
    assert_eq!(bench.events(1)[1..], [EventKind::Changed(expected)]);
    assert_eq!(bench.findings(), [""; 0]);
}

#[tokio::test]
async fn rule_4_an_older_row_is_counted_and_not_taken() {
    let bench = Bench::new().await;
    let done = moved(1, Status::Completed, 9);
    bench.commit(vec![done.clone()]).await;
    let committed = bench.commit(vec![moved(1, Status::Processing, 4), row(2)]).await;
    assert_eq!(committed.counts, Counts { pages: 1, rows: 2, stale: 1, appeared: 1, ..Counts::default() });
    assert_eq!(committed.stale, [row(1).id]);
    assert_eq!(committed.doubt_from, Some(minute(5)), "what the replica shows it knew");
    assert_eq!(bench.kept(1), Some(done));
    assert_eq!(bench.entries(), 2);
}

#[tokio::test]
async fn a_row_twice_on_one_page_is_one_row() {
    let bench = Bench::new().await;
    let committed = bench.commit(vec![row(1), moved(1, Status::Completed, 3), row(1)]).await;
    let expected = Counts { pages: 1, rows: 3, appeared: 1, changed: 1, stale: 1, ..Counts::default() };
    assert_eq!(committed.counts, expected);
    assert_eq!(bench.kept(1), Some(moved(1, Status::Completed, 3)));
    assert_eq!(bench.findings(), [""; 0]);
}

#[tokio::test]
async fn rule_5_a_row_that_cannot_be_read_is_kept_raw_and_told_once() {
    let bench = Bench::new().await;
    let first = bench.commit_unreadable(unreadable(1, r#"{"id":1}"#)).await;
    assert_eq!(first.counts, Counts { pages: 1, rows: 1, unreadable: 1, ..Counts::default() });
    bench.commit_unreadable(unreadable(1, r#"{"id":1}"#)).await;
    assert_eq!(bench.reader().unreadable(&row(1).id).unwrap(), Some(unreadable(1, r#"{"id":1}"#)));
    assert_eq!(bench.events(1), [EventKind::Unreadable("status is missing".to_owned())]);
    assert_eq!(bench.kept(1), None);
    assert_eq!(bench.findings(), [""; 0]);
}

#[tokio::test]
async fn the_raw_text_of_an_unreadable_row_is_never_lost() {
    let bench = Bench::new().await;
    bench.commit_unreadable(unreadable(1, "first")).await;
    bench.commit_unreadable(unreadable(1, "second")).await;
    bench.commit(vec![row(1)]).await;
    assert_eq!(bench.reader().unreadable(&row(1).id).unwrap(), None);
    let bodies = |text: &str| {
        bench.count(&format!(
            "SELECT count(*) FROM journal WHERE old_values LIKE '%{text}%' AND kind <> 'changed'"
        ))
    };
    assert_eq!((bodies("first"), bodies("second")), (1, 1));
    let events = bench.events(1);
    assert!(
        matches!(
            events[..],
            [
                EventKind::Unreadable(_),
                EventKind::Unreadable(_),
                EventKind::ReadableAgain,
                EventKind::Appeared(_)
            ]
        ),
        "{events:?}"
    );
    assert_eq!(bench.findings(), [""; 0]);
}

#[tokio::test]
async fn a_known_row_that_becomes_unreadable_keeps_its_last_readable_state() {
    for built in [false, true] {
        let bench = Bench::new().await;
        if built {
            bench.backfill(Vec::new()).await;
        }
        bench.commit(vec![row(1)]).await;
        bench.commit_unreadable(unreadable(1, "{}")).await;
        assert_eq!(bench.kept(1), Some(row(1)));
        bench.commit(vec![moved(1, Status::Completed, 2)]).await;
        let events = bench.events(1);
        assert!(
            matches!(
                events[..],
                [
                    EventKind::Appeared(_),
                    EventKind::Unreadable(_),
                    EventKind::ReadableAgain,
                    EventKind::Changed(_)
                ]
            ),
            "{events:?}"
        );
        assert_eq!(bench.findings(), [""; 0]);
    }
}

#[tokio::test]
async fn a_stale_row_makes_nothing_readable_again() {
    let bench = Bench::new().await;
    bench.commit(vec![moved(1, Status::Completed, 9)]).await;
    bench.commit_unreadable(unreadable(1, "{}")).await;
    bench.commit(vec![moved(1, Status::Processing, 4)]).await;
    assert!(bench.reader().unreadable(&row(1).id).unwrap().is_some());
}

#[tokio::test]
async fn a_row_without_an_id_puts_its_page_in_doubt() {
    let bench = Bench::new().await;
    bench.commit(vec![moved(2, Status::Completed, 9)]).await;
    let page = PageCommit { without_id: 2, begins_at: minute(7), ..bench.page(vec![row(1)]) };
    let committed = bench.ledger.commit_page(page).await.unwrap();
    assert_eq!(
        committed.counts,
        Counts { pages: 1, rows: 3, appeared: 1, without_id: 2, ..Counts::default() }
    );
    assert_eq!(committed.doubt_from, Some(minute(7)));
    // With a stale row on the page, the earlier of both doubts holds.
    let page = PageCommit { without_id: 1, begins_at: minute(7), ..bench.page(vec![row(2)]) };
    assert_eq!(bench.ledger.commit_page(page).await.unwrap().doubt_from, Some(minute(2)));
}

#[tokio::test]
async fn one_id_is_one_orchestration_under_however_many_profiles() {
    let bench = Bench::new().await;
    let other = open_profile(&bench.ledger, "payouts").await;
    let poll = bench.begin_poll(other).await;
    bench.commit(vec![row(1)]).await;
    for _ in 0..2 {
        let page = PageCommit { profile: other, poll, ..bench.page(vec![row(1)]) };
        assert_eq!(bench.ledger.commit_page(page).await.unwrap().counts.appeared, 0);
    }
    let under = bench.reader().listed_under(&row(1).id).unwrap();
    let ids: Vec<_> = under.into_iter().map(|profile| profile.id).collect();
    assert_eq!(ids, [Identifier::new("treasury"), Identifier::new("payouts")]);
    assert_eq!(bench.count("SELECT count(*) FROM orchestrations"), 1);
    assert_eq!(bench.entries(), 1);
}

#[tokio::test]
async fn a_profile_that_lists_a_row_in_an_older_state_lists_it_all_the_same() {
    let bench = Bench::new().await;
    let other = open_profile(&bench.ledger, "payouts").await;
    let poll = bench.begin_poll(other).await;
    bench.commit(vec![moved(1, Status::Completed, 9)]).await;
    let page = PageCommit { profile: other, poll, ..bench.page(vec![row(1)]) };
    assert_eq!(bench.ledger.commit_page(page).await.unwrap().counts.stale, 1);
    assert_eq!(bench.reader().listed_under(&row(1).id).unwrap().len(), 2);
}

#[tokio::test]
async fn what_a_poll_met_adds_up_in_the_polls_view() {
    let mut bench = Bench::new().await;
    bench.commit(vec![row(1), row(2)]).await;
    bench.commit(vec![moved(1, Status::Completed, 3)]).await;
    bench.commit_unreadable(unreadable(3, "{}")).await;
    let counted = |bench: &Bench| -> Vec<i64> {
        let columns = ["pages", "rows", "appeared", "changed", "unreadable", "stale", "without_id"];
        let poll = bench.poll.get();
        columns
            .into_iter()
            .map(|column| bench.count(&format!("SELECT {column} FROM polls WHERE number = {poll}")))
            .collect()
    };
    assert_eq!(counted(&bench), [3, 4, 2, 1, 1, 0, 0]);
    bench.next_poll().await;
    bench.commit(vec![row(1)]).await;
    assert_eq!(counted(&bench), [1, 1, 0, 0, 0, 1, 0]);
    // A look-up is no page, and the row that it is about was counted when it was listed.
    bench.lookup(&row(1)).await;
    assert_eq!(counted(&bench), [1, 1, 0, 0, 0, 1, 0]);
    bench.lookup(&moved(1, Status::Failed, 5)).await;
    assert_eq!(counted(&bench), [1, 1, 0, 1, 0, 1, 0]);
}

#[tokio::test]
async fn an_answer_to_a_look_up_that_cannot_be_read_is_kept_raw() {
    let bench = Bench::new().await;
    bench.commit(vec![row(1)]).await;
    let page = PageCommit { unreadable: vec![unreadable(1, "{}")], ..bench.page(Vec::new()) };
    bench.ledger.commit_lookup(page).await.unwrap();
    assert_eq!(bench.reader().unreadable(&row(1).id).unwrap(), Some(unreadable(1, "{}")));
    assert_eq!(bench.events(1).len(), 2);
}
