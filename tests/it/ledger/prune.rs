//! What pruning removes, what it leaves, and what can still be proven afterwards.

use std::path::Path;

use tallyd::ledger::{
    Beginning, EventKind, Existing, Finding, Found, Intent, LedgerError, Lost, NothingToPrune, PageCommit,
    Problem, Progress, Pruned, Pruning, backup, prune,
};
use tallyd::model::{Field, Lane, Orchestration, Status, Timestamp};

use super::{API, Bench, by_script, findings, minute, open_profile, polled, row, unreadable};

pub(super) fn day(day: i64) -> Timestamp {
    minute(day * 1440)
}

pub(super) fn pruned(path: &Path, before: Timestamp) -> Pruned {
    match prune(path, API, before, day(400), Intent::Prune).unwrap() {
        Pruning::Done(pruned) => pruned,
        Pruning::Nothing(why) => panic!("{why:?}"),
    }
}

fn created(number: u32, on: i64, status: Status) -> Orchestration {
    Orchestration { status, created_at: day(on), updated_at: Some(day(on)), ..row(number) }
}

impl Bench {
    pub(super) async fn seen(&self, on: i64, rows: Vec<Orchestration>) {
        let page = PageCommit { seen_at: day(on), ..self.page(rows) };
        self.ledger.commit_page(page).await.unwrap();
    }

    pub(super) async fn poll_on(&mut self, on: i64) {
        self.poll =
            self.ledger.begin_poll(self.profile, Lane::Discover, day(on), Some(day(on))).await.unwrap();
    }

    /// Lists everything up to a day, completely.
    pub(super) async fn cover(&self, to: i64) {
        let listing = self.begin_listing(Lane::Backfill, Timestamp::EPOCH, day(to)).await;
        let page = PageCommit {
            seen_at: day(to),
            progress: Progress::Finished(listing.slices[0].key),
            ..self.page(Vec::new())
        };
        self.ledger.commit_page(page).await.unwrap();
        self.ledger.complete_listing(self.profile, day(to)).await.unwrap();
        self.ledger.build_indexes(polled(), day(to)).await.unwrap();
    }

    fn ids(&self) -> Vec<String> {
        let mut ids = Vec::new();
        self.reader().for_each(|row| ids.push(row.id.to_string())).unwrap();
        ids.sort();
        ids
    }

    fn assert_sound(&self) {
        assert_eq!(self.findings(), [""; 0]);
        if let Some((is_sound, said)) = by_script(&self.path(), None) {
            assert!(is_sound, "{said}");
        }
    }
}

fn ids(numbers: &[u32]) -> Vec<String> {
    numbers.iter().map(|&number| row(number).id.to_string()).collect()
}

/// More than a year: what was final early, what stayed open, what changed late, what came late.
async fn year() -> Bench {
    let mut bench = Bench::new().await;
    bench.poll_on(1).await;
    let open = |number| created(number, 0, Status::Processing);
    bench.seen(1, (1..=4).map(|number| created(number, 0, Status::Completed)).collect()).await;
    bench.seen(1, (5..=8).map(open).collect()).await;
    bench.commit_unreadable_on(1, 20, "{}").await;
    bench.poll_on(2).await;
    bench.seen(2, vec![Orchestration { updated_at: Some(day(2)), ..created(5, 0, Status::Failed) }]).await;
    let late = Orchestration { updated_at: Some(day(2)), ..created(6, 0, Status::Completed) };
    bench.seen(2, vec![late.clone()]).await;
    bench.poll_on(100).await;
    let changed = Orchestration { ref_id: Some("late".into()), updated_at: Some(day(100)), ..late };
    bench.seen(100, vec![changed]).await;
    bench.commit_unreadable_on(100, 21, "{}").await;
    bench.poll_on(300).await;
    bench.seen(300, vec![created(30, 299, Status::Completed), created(31, 20, Status::Completed)]).await;
    bench.poll_on(400).await;
    bench.cover(400).await;
    bench.assert_sound();
    bench
}

impl Bench {
    /// Loses the orchestration with this number, if it is open.
    pub(super) async fn lose_on(&self, on: i64, number: u32) {
        let open = self.ledger.open_rows(self.profile).await.unwrap();
        let lost = open.iter().filter(|open| open.row.id == row(number).id).map(|open| open.row.key);
        let orchestrations = lost.collect();
        let lost = Lost { poll: self.poll, profile: self.profile, seen_at: day(on), orchestrations };
        self.ledger.commit_lost(lost).await.unwrap();
    }

    async fn commit_unreadable_on(&self, on: i64, number: u32, raw: &str) {
        let page = PageCommit {
            seen_at: day(on),
            unreadable: vec![unreadable(number, raw)],
            ..self.page(Vec::new())
        };
        self.ledger.commit_page(page).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_final_and_old_goes_and_everything_else_stays_as_it_was() {
    let bench = year().await;
    let before: Vec<_> = ids(&[6, 7, 8, 30, 31])
        .iter()
        .map(|id| bench.reader().orchestration(&id.as_str().into()).unwrap().unwrap())
        .collect();
    let (bench, pruned) = bench.meanwhile(|path| pruned(path, day(50))).await;
    bench.assert_sound();
    // 7 and 8 are open, 6 changed late, 31 was seen late, 30 is young.
    assert_eq!(bench.ids(), ids(&[6, 7, 8, 30, 31]));
    assert_eq!((pruned.counts.rows, pruned.carried), (5, 3));
    for before in before {
        let now = bench.reader().orchestration(&before.orchestration.id).unwrap().unwrap();
        assert_eq!(now, before);
    }
    assert_eq!(bench.count("SELECT count(*) FROM journal WHERE at < '2026-07-01' AND kind <> 'carried'"), 0);
    assert_eq!(bench.count("SELECT count(*) FROM unreadable"), 2);
    // Polls that the journal names stay, and so does the last one.
    assert_eq!(pruned.counts.polls, 3);
    assert_eq!(bench.count("SELECT count(*) FROM polls"), 3);
    assert_eq!(bench.ledger.floor().await.unwrap(), Some(day(50)));
    let overview = bench.reader().overview(day(400)).unwrap();
    assert_eq!(overview.checkpoint.unwrap(), pruned.checkpoint);
    assert_eq!(overview.profiles[0].coverage.unwrap().from, day(50));
    // The chain goes on.
    bench
        .seen(401, vec![Orchestration { updated_at: Some(day(401)), ..created(7, 0, Status::Completed) }])
        .await;
    bench.assert_sound();
    let (bench, ()) = bench.reopened().await.meanwhile(|_| ()).await;
    bench.assert_sound();
}

#[tokio::test]
async fn a_history_says_where_it_was_cut_off_and_what_it_goes_on_from() {
    let (bench, _) = year().await.meanwhile(|path| pruned(path, day(50))).await;
    let history = bench.reader().history(&row(6).id).unwrap().unwrap();
    let Beginning::Pruned { at, values } = &history.beginning else { panic!("{history:?}") };
    assert_eq!((*at, values[&Field::RefId].as_str()), (day(400), "payout-6"));
    assert_eq!(values[&Field::Status], "COMPLETED");
    let [event] = &history.events[..] else { panic!("{history:?}") };
    assert!(matches!(event.kind, EventKind::Changed(_)), "{event:?}");
    assert_eq!(bench.reader().history(&row(31).id).unwrap().unwrap().beginning, Beginning::Whole);
    assert!(bench.reader().history(&row(1).id).unwrap().is_none());
    assert_eq!(bench.reader().observed_since(0).unwrap().len(), 3);
}

#[tokio::test]
async fn pruning_again_and_later_goes_on_from_the_former_checkpoint() {
    let bench = year().await;
    let (bench, first) = bench.meanwhile(|path| pruned(path, day(50))).await;
    let again = |path: &Path| prune(path, API, day(50), day(400), Intent::Prune).unwrap();
    let (mut bench, again) = bench.meanwhile(again).await;
    assert_eq!(again, Pruning::Nothing(NothingToPrune::AlreadyUpTo(day(50))));
    // Carried at the first pruning, and still young enough then: old by now.
    bench.poll_on(700).await;
    bench
        .seen(500, vec![Orchestration { updated_at: Some(day(500)), ..created(8, 0, Status::Completed) }])
        .await;
    let (bench, second) = bench
        .meanwhile(|path| match prune(path, API, day(200), day(700), Intent::Prune).unwrap() {
            Pruning::Done(pruned) => pruned,
            Pruning::Nothing(why) => panic!("{why:?}"),
        })
        .await;
    assert!(second.checkpoint.head.batch > first.checkpoint.head.batch);
    assert_eq!(bench.ids(), ids(&[7, 8, 30, 31]));
    bench.assert_sound();
    let (bench, third) = bench
        .meanwhile(|path| match prune(path, API, day(600), day(701), Intent::Prune).unwrap() {
            Pruning::Done(pruned) => pruned,
            Pruning::Nothing(why) => panic!("{why:?}"),
        })
        .await;
    assert_eq!((third.counts.rows, bench.ids()), (3, ids(&[7])));
    bench.assert_sound();
}

#[tokio::test]
async fn a_dry_run_says_the_same_and_changes_nothing() {
    let bench = year().await;
    let head = bench.ledger.journal_head().await.unwrap();
    let tried = |path: &Path| prune(path, API, day(50), day(400), Intent::DryRun).unwrap();
    let (bench, tried) = bench.meanwhile(tried).await;
    assert_eq!(bench.ledger.journal_head().await.unwrap(), head);
    assert_eq!(bench.reader().checkpoint().unwrap(), None);
    let (_, done) = bench.meanwhile(|path| pruned(path, day(50))).await;
    assert_eq!(tried, Pruning::Done(done));
}

#[tokio::test]
async fn what_is_young_or_not_sound_or_in_use_is_not_pruned() {
    let bench = year().await;
    let told = |path: &Path, before, now| match prune(path, API, before, now, Intent::Prune) {
        Err(LedgerError { problem, .. }) => problem,
        other => panic!("{other:?}"),
    };
    let refused = told(&bench.path(), day(50), day(400));
    assert!(matches!(refused, Problem::Locked { .. }), "{refused:?}");
    let (bench, ()) = bench
        .meanwhile(|path| {
            for (before, now) in [(day(394), day(400)), (day(394), day(3000)), (day(50), day(56))] {
                let refused = told(path, before, now);
                assert!(matches!(refused, Problem::TooYoungToPrune { .. }), "{refused:?}");
            }
            let early = prune(path, API, day(-10), day(400), Intent::Prune).unwrap();
            assert_eq!(early, Pruning::Nothing(NothingToPrune::JournalBegins(day(1))));
        })
        .await;
    bench.sql().execute("UPDATE orchestration SET source_amount = '9' WHERE key = 7", []).unwrap();
    let (bench, refused) = bench.meanwhile(|path| told(path, day(50), day(400))).await;
    assert!(matches!(refused, Problem::NotSound { .. }), "{refused:?}");
    assert_eq!(bench.ids().len(), 10);
}

#[tokio::test]
async fn what_a_poll_would_bring_back_stays() {
    let bench = year().await;
    // Another profile lists some of it too, and was never completely listed.
    let other = open_profile(&bench.ledger, "payouts").await;
    let page = bench.page(vec![created(1, 0, Status::Completed), created(40, 0, Status::Completed)]);
    let poll = bench.begin_poll(other).await;
    bench.ledger.commit_page(PageCommit { profile: other, poll, seen_at: day(3), ..page }).await.unwrap();
    // And a listing of the first one was cut short.
    bench.ledger.begin_listing(bench.profile, Lane::Discover, day(400), day(0), day(400)).await.unwrap();
    let (bench, done) = bench.meanwhile(|path| pruned(path, day(50))).await;
    assert_eq!((done.counts.rows, bench.ids().len()), (0, 11));
    bench.assert_sound();
    assert_eq!(bench.reader().overview(day(400)).unwrap().profiles[1].coverage.unwrap().from, day(0));
}

#[tokio::test]
async fn a_row_that_was_merged_goes_only_with_its_whole_story() {
    let mut bench = Bench::new().await;
    bench.poll_on(1).await;
    bench.seen(1, vec![created(1, 0, Status::Completed), created(2, 0, Status::Completed)]).await;
    bench.seen(2, vec![created(1, 1, Status::Completed)]).await;
    bench.poll_on(400).await;
    bench.cover(100).await;
    assert_eq!(bench.count("SELECT count(*) FROM journal WHERE kind = 'merged'"), 1);
    let (bench, done) = bench.meanwhile(|path| pruned(path, day(50))).await;
    assert_eq!((done.counts.rows, bench.ids()), (1, ids(&[1])));
    bench.assert_sound();
    let (bench, done) = bench.meanwhile(|path| pruned(path, day(200))).await;
    assert_eq!((done.counts.rows, bench.ids()), (1, ids(&[])));
    bench.assert_sound();
}

#[tokio::test]
async fn what_was_missing_when_it_was_pruned_is_missing_still_and_provably() {
    let mut bench = Bench::new().await;
    bench.poll_on(1).await;
    bench.seen(1, (1..=3).map(|number| created(number, 0, Status::Pending)).collect()).await;
    bench.poll_on(10).await;
    bench.lose_on(10, 1).await;
    bench.lose_on(10, 2).await;
    // The third goes missing after what is pruned.
    bench.poll_on(90).await;
    bench.lose_on(90, 3).await;
    bench.poll_on(400).await;
    bench.cover(400).await;
    let since = "SELECT missing_since FROM orchestrations ORDER BY id";
    let before = crate::harness::texts_of(&bench.path(), since);
    let (bench, _) = bench.meanwhile(|path| pruned(path, day(50))).await;
    bench.assert_sound();
    assert_eq!(crate::harness::texts_of(&bench.path(), since), before);
    bench.seen(401, vec![created(1, 0, Status::Pending)]).await;
    assert_eq!(bench.count("SELECT count(*) FROM missing"), 2);
    bench.assert_sound();
    let (bench, ()) = bench
        .meanwhile(|path| {
            for edit in
                ["UPDATE missing SET since = since + 1", "UPDATE missing SET poll = 1", "DELETE FROM missing"]
            {
                let copy = path.with_file_name("copy.db");
                backup(path, &copy, Existing::Replace).unwrap();
                let forger = rusqlite::Connection::open(&copy).unwrap();
                forger.execute_batch(&format!("{edit} WHERE orchestration = 2")).unwrap();
                drop(forger);
                assert_ne!(findings(&tallyd::ledger::Reader::open(&copy).unwrap()), [""; 0], "{edit}");
            }
        })
        .await;
    bench.assert_sound();
}

#[tokio::test]
async fn an_edit_after_a_prune_is_still_found() {
    let edits = [
        "UPDATE orchestration SET source_amount = '9' WHERE key = 7",
        "UPDATE orchestration SET ref_id = 'x' WHERE key = 6",
        "UPDATE orchestration SET ref_id = 'x' WHERE id = (SELECT max(id) FROM orchestration)",
        "DELETE FROM orchestration WHERE key = 7",
        "DELETE FROM orchestration WHERE key = 6",
        "DELETE FROM unreadable WHERE raw = '{}'",
        "UPDATE unreadable SET raw = '{ }'",
        "DELETE FROM journal_entry WHERE kind = 9",
        "DELETE FROM journal_entry WHERE kind = 8",
        "UPDATE journal_entry SET body = zeroblob(32) WHERE kind = 9 AND orchestration = 7",
        "DELETE FROM journal_batch WHERE number = (SELECT min(number) FROM journal_batch)",
        "DELETE FROM checkpoint",
        "UPDATE checkpoint SET batch = batch + 1",
        "UPDATE checkpoint SET seq = seq + 1",
        "UPDATE checkpoint SET head = zeroblob(32)",
        "UPDATE checkpoint SET floor = floor + 1",
        "UPDATE checkpoint SET pruned_at = pruned_at + 1",
        "UPDATE ledger SET api_url = 'https://api.paxos.com/v2'",
        "UPDATE ledger SET created_at = 1",
        "INSERT INTO orchestration (id, listed_by, status, created_at, status_since, fingerprint) VALUES ('x', 1, 1, 0, 0, 0)",
    ];
    let (bench, _) = year().await.meanwhile(|path| pruned(path, day(50))).await;
    for (number, edit) in edits.iter().enumerate() {
        let copy = bench.folder.path().join(format!("copy-{number}.db"));
        backup(&bench.path(), &copy, Existing::Keep).unwrap();
        let forger = rusqlite::Connection::open(&copy).unwrap();
        forger.execute_batch("PRAGMA foreign_keys = OFF; DROP TRIGGER journal_entry_is_append_only").unwrap();
        assert_ne!(forger.execute(edit, []).unwrap(), 0, "{edit}");
        drop(forger);
        assert_ne!(findings(&tallyd::ledger::Reader::open(&copy).unwrap()), [""; 0], "{edit}");
        if edit.contains("unreadable") {
            // The script says itself that it does not check these.
            continue;
        }
        if let Some((is_sound, said)) = by_script(&copy, None) {
            assert!(!is_sound, "{edit}: {said}");
        }
    }
}

#[tokio::test]
async fn a_head_from_before_the_checkpoint_cannot_be_checked_and_verify_says_so() {
    let bench = year().await;
    let (bench, done) = bench.meanwhile(|path| pruned(path, day(50))).await;
    let check = |batch: i64, hash: &str| bench.reader().verify(Some((batch, hash))).unwrap().findings;
    let note = done.checkpoint.head.note();
    let hash = note.split_once(':').unwrap().1;
    assert_eq!(check(done.checkpoint.head.batch, hash), []);
    let up_to = done.checkpoint.head.batch;
    let found = Found::Pruned { pruned_at: day(400), up_to };
    let expected = Finding::HeadDiffers { batch: 1, noted: hash.to_owned(), found };
    assert!(expected.to_string().contains("were pruned on"), "{expected}");
    assert_eq!(check(1, hash), [expected]);
    if let Some((is_sound, said)) = by_script(&bench.path(), Some(&note)) {
        assert!(is_sound, "{said}");
    }
}

#[tokio::test]
async fn what_is_left_of_a_story_begins_at_the_state_that_the_pruned_part_ended_in() {
    let mut bench = Bench::new().await;
    bench.poll_on(1).await;
    for (on, status) in [(1, Status::Pending), (10, Status::Processing), (90, Status::Completed)] {
        bench.seen(on, vec![Orchestration { updated_at: Some(day(on)), ..created(1, 0, status) }]).await;
    }
    bench.poll_on(400).await;
    bench.cover(400).await;
    let (bench, _) = bench.meanwhile(|path| pruned(path, day(50))).await;
    bench.assert_sound();
    let history = bench.reader().history(&row(1).id).unwrap().unwrap();
    let Beginning::Pruned { values, .. } = history.beginning else { panic!("{history:?}") };
    assert_eq!(values[&Field::Status], "PROCESSING");
}
