//! Rule 4: an older answer is believed once Get Orchestration gave it in three polls running.

use tallyd::ledger::EventKind;
use tallyd::ledger::PageCommit;
use tallyd::model::{Lane, Orchestration, Status};

use super::{Bench, minute, moved, open_profile, row};

/// A ledger that knows a completed orchestration.
async fn bench() -> Bench {
    let bench = Bench::new().await;
    bench.commit(vec![moved(1, Status::Completed, 9)]).await;
    bench
}

/// The state that the replica insists on.
fn older() -> Orchestration {
    moved(1, Status::Processing, 4)
}

impl Bench {
    /// Looks up in a poll of its own; says whether the answer was taken.
    async fn poll_and_look_up(&mut self, row: &Orchestration) -> bool {
        self.next_poll().await;
        let committed = self.lookup(row).await;
        assert_eq!(committed.counts.stale, 0, "it was counted when it was listed");
        committed.counts.changed == 1
    }
}

#[tokio::test]
async fn rule_4_the_same_older_answer_in_three_polls_running_is_taken() {
    let mut bench = bench().await;
    assert!(!bench.poll_and_look_up(&older()).await);
    assert!(!bench.poll_and_look_up(&older()).await);
    assert!(bench.poll_and_look_up(&older()).await);
    let tracked = bench.reader().orchestration(&row(1).id).unwrap().unwrap();
    assert_eq!(tracked.orchestration, older());
    assert_eq!(tracked.status_since, minute(5));
    let history = bench.reader().history(&row(1).id).unwrap().unwrap();
    assert!(matches!(history.events[..], [_, ref last] if matches!(last.kind, EventKind::WentBackInTime(_))));
    assert_eq!(bench.findings(), [""; 0]);
    // It is the known state now: listing it again is nothing new, and going on from it is a change.
    assert_eq!(bench.commit(vec![older()]).await.counts.stale, 0);
    assert_eq!(bench.commit(vec![moved(1, Status::Failed, 5)]).await.counts.changed, 1);
    assert_eq!(bench.count("SELECT count(*) FROM stale_sighting"), 0);
}

#[tokio::test]
async fn a_poll_without_it_starts_over() {
    let mut bench = bench().await;
    assert!(!bench.poll_and_look_up(&older()).await);
    assert!(!bench.poll_and_look_up(&older()).await);
    bench.next_poll().await;
    for taken in [false, false, true] {
        assert_eq!(bench.poll_and_look_up(&older()).await, taken);
    }
}

#[tokio::test]
async fn another_older_answer_starts_over() {
    let mut bench = bench().await;
    assert!(!bench.poll_and_look_up(&older()).await);
    assert!(!bench.poll_and_look_up(&older()).await);
    let other = moved(1, Status::Pending, 3);
    for taken in [false, false, true] {
        assert_eq!(bench.poll_and_look_up(&other).await, taken);
    }
}

#[tokio::test]
async fn an_answer_that_is_not_older_starts_over() {
    let mut bench = bench().await;
    assert!(!bench.poll_and_look_up(&older()).await);
    assert!(!bench.poll_and_look_up(&older()).await);
    bench.lookup(&moved(1, Status::Completed, 9)).await;
    for taken in [false, false, true] {
        assert_eq!(bench.poll_and_look_up(&older()).await, taken);
    }
}

#[tokio::test]
async fn being_asked_several_times_in_one_poll_confirms_nothing() {
    let mut bench = bench().await;
    for _ in 0..4 {
        assert_eq!(bench.lookup(&older()).await.counts.changed, 0);
    }
    for taken in [false, true] {
        assert_eq!(bench.poll_and_look_up(&older()).await, taken);
    }
}

/// Catches: the rest of a listing and the new one after it, in one round, that count as two polls running.
#[tokio::test]
async fn two_polls_of_one_round_confirm_once() {
    let mut bench = bench().await;
    for taken in [false, false, true] {
        bench.next_poll().await;
        assert_eq!(bench.lookup(&older()).await.counts.changed == 1, taken);
        let (profile, former) = (bench.profile, bench.poll);
        bench.poll = bench
            .ledger
            .begin_next_poll(profile, former, Lane::Discover, minute(0), Some(minute(0)))
            .await
            .unwrap();
        assert_eq!(bench.lookup(&older()).await.counts.changed, 0);
    }
}

#[tokio::test]
async fn polls_of_other_profiles_in_between_do_not_matter() {
    let mut bench = bench().await;
    let other = open_profile(&bench.ledger, "payouts").await;
    for taken in [false, false, true] {
        bench.begin_poll(other).await;
        assert_eq!(bench.poll_and_look_up(&older()).await, taken);
        bench.begin_poll(other).await;
    }
}

/// Catches: sightings of one row that two profiles list, each of which starts the other's count over.
#[tokio::test]
async fn a_row_that_two_profiles_list_is_confirmed_by_either() {
    let mut bench = bench().await;
    let other = open_profile(&bench.ledger, "payouts").await;
    for taken in [false, false, true] {
        assert_eq!(bench.poll_and_look_up(&older()).await, taken);
        let poll = bench.begin_poll(other).await;
        let page = PageCommit { profile: other, poll, ..bench.page(vec![older()]) };
        bench.ledger.commit_lookup(page).await.unwrap();
    }
}

#[tokio::test]
async fn an_older_state_that_is_only_listed_is_never_taken() {
    let mut bench = bench().await;
    for _ in 0..5 {
        bench.next_poll().await;
        assert_eq!(bench.commit(vec![older()]).await.counts.stale, 1);
    }
    let tracked = bench.reader().orchestration(&row(1).id).unwrap().unwrap();
    assert_eq!(tracked.orchestration.status, Status::Completed);
}
