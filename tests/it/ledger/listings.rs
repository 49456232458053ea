//! Discoveries under way: slices, positions, and the coverage they end in.

use proptest::prelude::*;
use tallyd::ledger::{Listing, PageCommit, Problem, ProfileState, Progress, Slice};
use tallyd::model::{Coverage, Identifier, Lane, Profile, Status, Timestamp};
use tokio::runtime::Builder;

use super::{Bench, minute, moved, open_profile, reached, row};

impl Bench {
    async fn state(&self) -> ProfileState {
        let profile = Profile { id: Identifier::new("treasury"), name: None };
        self.ledger.open_profile(profile, minute(0)).await.unwrap()
    }

    async fn progress(&self, progress: Progress) {
        let page = PageCommit { progress, ..self.page(Vec::new()) };
        self.ledger.commit_page(page).await.unwrap();
    }

    /// Lists a window in one page that came to this, and completes it.
    async fn list(&self, from: i64, to: i64, page: PageCommit) -> Coverage {
        let listing = self.begin_listing(Lane::Discover, minute(from), minute(to)).await;
        let page = PageCommit { progress: Progress::Finished(listing.slices[0].key), ..page };
        self.ledger.commit_page(page).await.unwrap();
        self.ledger.complete_listing(self.profile, minute(to)).await.unwrap().unwrap()
    }
}

/// What is left of a listing, in minutes.
fn left(listing: &Listing) -> Vec<(i64, i64)> {
    let minutes = |time: Timestamp| (time.as_micros() - minute(0).as_micros()) / 60_000_000;
    listing.slices.iter().map(|slice| (minutes(slice.position), minutes(slice.ends_at))).collect()
}

#[tokio::test]
async fn rule_1_the_watermark_moves_when_the_last_page_is_committed() {
    let bench = Bench::new().await;
    assert_eq!(bench.state().await.coverage, None);
    let listing = bench.begin_listing(Lane::Backfill, Timestamp::EPOCH, minute(100)).await;
    let first = listing.slices[0].key;
    let second = bench.ledger.split_slice(first, minute(50)).await.unwrap();
    bench.progress(Progress::Finished(second.key)).await;
    bench.progress(reached(first, 49)).await;
    let error = bench.ledger.complete_listing(bench.profile, minute(100)).await.unwrap_err();
    assert!(matches!(error.problem, Problem::Inconsistent(_)), "{error}");
    assert_eq!(bench.state().await.coverage, None);
    bench.progress(Progress::Finished(first)).await;
    let coverage = bench.ledger.complete_listing(bench.profile, minute(100)).await.unwrap();
    let expected = Coverage { from: Timestamp::EPOCH, to: minute(100), verified_at: minute(100) };
    assert_eq!(coverage, Some(expected));
    let state = bench.state().await;
    assert_eq!((state.coverage, state.listing), (Some(expected), None));
    assert_eq!(bench.count("SELECT count(*) FROM slice"), 0);
}

#[tokio::test]
async fn a_listing_that_was_never_begun_cannot_be_completed() {
    let bench = Bench::new().await;
    let error = bench.ledger.complete_listing(bench.profile, minute(100)).await.unwrap_err();
    assert!(matches!(error.problem, Problem::Inconsistent(_)), "{error}");
    assert_eq!(bench.state().await.coverage, None);
}

#[tokio::test]
async fn the_watermark_never_moves_back_and_coverage_only_grows() {
    let bench = Bench::new().await;
    bench.list(100, 200, bench.page(vec![moved(2, Status::Completed, 9)])).await;
    let stale = bench.page(vec![row(2)]);
    let coverage = bench.list(190, 300, stale).await;
    assert_eq!((coverage.from, coverage.to), (minute(100), minute(200)));
    assert_eq!(coverage.verified_at, minute(300));
    let coverage = bench.list(50, 300, bench.page(Vec::new())).await;
    assert_eq!((coverage.from, coverage.to), (minute(50), minute(300)));
}

#[tokio::test]
async fn doubt_limits_the_watermark() {
    let bench = Bench::new().await;
    bench.list(0, 100, bench.page(vec![moved(90, Status::Completed, 60)])).await;
    // A replica that shows the row as of minute 120 knows what was created before, and no more.
    let coverage = bench.list(90, 200, bench.page(vec![moved(90, Status::Processing, 30)])).await;
    assert_eq!(coverage.to, minute(120));
    let page = PageCommit { without_id: 1, begins_at: minute(150), ..bench.page(Vec::new()) };
    assert_eq!(bench.list(110, 200, page).await.to, minute(150));
    assert_eq!(bench.list(140, 200, bench.page(Vec::new())).await.to, minute(200));
}

#[tokio::test]
async fn doubt_outlives_a_restart() {
    let bench = Bench::new().await;
    let listing = bench.begin_listing(Lane::Backfill, minute(0), minute(100)).await;
    let slice = listing.slices[0].key;
    let page = PageCommit {
        without_id: 2,
        begins_at: minute(30),
        progress: reached(slice, 60),
        ..bench.page(Vec::new())
    };
    bench.ledger.commit_page(page).await.unwrap();
    let bench = bench.reopened().await;
    let found = bench.state().await.listing.unwrap();
    assert_eq!((found.lane, found.stale, found.without_id), (Lane::Backfill, 0, 2));
    assert_eq!(left(&found), [(60, 100)]);
    bench.progress(Progress::Finished(slice)).await;
    let coverage = bench.ledger.complete_listing(bench.profile, minute(100)).await.unwrap().unwrap();
    assert_eq!(coverage.to, minute(30));
}

#[tokio::test]
async fn a_position_never_moves_back() {
    let bench = Bench::new().await;
    let listing = bench.begin_listing(Lane::Backfill, minute(0), minute(100)).await;
    bench.progress(reached(listing.slices[0].key, 40)).await;
    bench.progress(reached(listing.slices[0].key, 20)).await;
    assert_eq!(left(&bench.state().await.listing.unwrap()), [(40, 100)]);
}

#[tokio::test]
async fn a_slice_that_was_listed_past_a_cut_is_finished_and_the_new_one_goes_on_from_there() {
    // The page is committed before the cut.
    let bench = Bench::new().await;
    let listing = bench.begin_listing(Lane::Backfill, minute(0), minute(100)).await;
    let slice = listing.slices[0].key;
    bench.progress(reached(slice, 70)).await;
    let new = bench.ledger.split_slice(slice, minute(60)).await.unwrap();
    assert_eq!((new.begins_at, new.position, new.ends_at), (minute(60), minute(70), minute(100)));
    assert_eq!(left(&bench.state().await.listing.unwrap()), [(70, 100)]);
    // The page is committed after the cut.
    let newer = bench.ledger.split_slice(new.key, minute(80)).await.unwrap();
    bench.progress(reached(new.key, 85)).await;
    assert_eq!(left(&bench.state().await.listing.unwrap()), [(80, 100)]);
    // At the ceiling there may be more rows of that very instant.
    bench.progress(reached(newer.key, 100)).await;
    assert_eq!(left(&bench.state().await.listing.unwrap()), [(100, 100)]);
}

#[tokio::test]
async fn a_cut_that_is_not_inside_its_slice_is_refused() {
    let bench = Bench::new().await;
    let listing = bench.begin_listing(Lane::Backfill, minute(10), minute(100)).await;
    for at in [5, 10, 100, 200] {
        let error = bench.ledger.split_slice(listing.slices[0].key, minute(at)).await.unwrap_err();
        assert!(matches!(error.problem, Problem::Inconsistent(_)), "{error}");
    }
    assert_eq!(left(&bench.state().await.listing.unwrap()), [(10, 100)]);
}

#[tokio::test]
async fn a_backlog_is_told_by_the_span_that_has_rows() {
    let bench = Bench::new().await;
    let backlog = |bench: &Bench| bench.reader().overview(minute(0)).unwrap().profiles[0].backlog;
    assert!(backlog(&bench).is_none());
    let listing = bench.begin_listing(Lane::Backfill, Timestamp::EPOCH, minute(100)).await;
    let page = PageCommit { progress: reached(listing.slices[0].key, 25), ..bench.page(vec![row(0)]) };
    bench.ledger.commit_page(page).await.unwrap();
    let told = backlog(&bench).unwrap();
    assert_eq!((told.ceiling, told.percent_left), (minute(100), 75));
}

/// Catches: a profile that came later, and whose backlog is told by the whole time since 1970, or by the rows of others.
#[tokio::test]
async fn the_backlog_of_a_later_profile_is_told_by_its_oldest_open_row() {
    let mut bench = Bench::new().await;
    bench.commit((0..1001).map(|number| moved(number, Status::Completed, 1)).collect()).await;
    bench.profile = crate::ledger::open_profile(&bench.ledger, "other").await;
    bench.poll = bench.begin_poll(bench.profile).await;
    let slice = bench.ledger.begin_listing(
        bench.profile,
        Lane::Backfill,
        minute(3000),
        Timestamp::EPOCH,
        minute(3000),
    );
    let slice = slice.await.unwrap().slices[0].key;
    let page = bench.page(vec![row(2000), row(2250)]);
    bench.ledger.commit_page(PageCommit { progress: reached(slice, 2250), ..page }).await.unwrap();
    let profiles = bench.reader().overview(minute(0)).unwrap().profiles;
    let backlogs: Vec<_> =
        profiles.iter().map(|profile| profile.backlog.map(|known| known.percent_left)).collect();
    assert_eq!(backlogs, [Some(75), None]);
}

/// Something that happens to one of the slices.
#[derive(Clone, Copy, Debug)]
enum Step {
    Cut(i64),
    Reach(i64),
    Finish,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_i64..1000).prop_map(Step::Cut),
        4 => (0_i64..1000).prop_map(Step::Reach),
        2 => Just(Step::Finish),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn what_is_left_is_always_exactly_what_was_not_committed(
        steps in proptest::collection::vec((0_usize..8, step()), 1..30),
    ) {
        Builder::new_current_thread().build().unwrap().block_on(async {
            let mut bench = Bench::new().await;
            bench.begin_listing(Lane::Backfill, minute(0), minute(1000)).await;
            let mut listed = [false; 1000];
            for (which, step) in steps {
                let open = bench.state().await.listing.unwrap().slices;
                let Some(&Slice { key, position, ends_at, .. }) = open.get(which % open.len().max(1)) else {
                    break;
                };
                let place = |time: Timestamp| {
                    usize::try_from((time.as_micros() - minute(0).as_micros()) / 60_000_000).unwrap()
                };
                match step {
                    Step::Cut(at) => drop(bench.ledger.split_slice(key, minute(at)).await),
                    Step::Reach(at) => {
                        let to = place(minute(at)).min(place(ends_at));
                        bench.progress(reached(key, i64::try_from(to).unwrap())).await;
                        listed[place(position)..to.max(place(position))].fill(true);
                    }
                    Step::Finish => {
                        bench.progress(Progress::Finished(key)).await;
                        listed[place(position)..place(ends_at)].fill(true);
                    }
                    Step::Reopen => bench = bench.reopened().await,
                }
                let left = bench.state().await.listing.unwrap().slices;
                let mut open = [false; 1000];
                for slice in &left {
                    let span = &mut open[place(slice.position)..place(slice.ends_at)];
                    prop_assert!(span.iter().all(|&taken| !taken), "two slices share an instant");
                    span.fill(true);
                }
                for minute in 0..1000 {
                    prop_assert_eq!(open[minute], !listed[minute], "minute {}", minute);
                }
            }
            Ok(())
        })?;
    }
}

/// Catches: a poll whose end could not be written, and that `status` shows under way for ever.
#[tokio::test]
async fn a_poll_that_never_ended_runs_no_more_once_the_next_one_begins() {
    let mut bench = Bench::new().await;
    let window = tallyd::model::SweepWindow::Everything;
    let sweep =
        bench.ledger.begin_sweep(bench.profile, window, minute(9), minute(0), minute(0)).await.unwrap();
    bench.ledger.begin_sweep_poll(bench.profile, minute(9), &sweep).await.unwrap();
    bench.next_poll().await;
    let other = open_profile(&bench.ledger, "payouts").await;
    bench.begin_poll(other).await;
    // The poll before this one; neither the sweep nor what runs of other profiles.
    assert_eq!(bench.count("SELECT sum(number) FROM poll WHERE result = 'interrupted'"), 1);
    assert_eq!(bench.count("SELECT count(*) FROM poll WHERE result = 'running'"), 3);
}
