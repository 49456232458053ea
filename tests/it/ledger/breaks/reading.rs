//! Which breaks are listed, in which order, and what is told of one.

use std::sync::Arc;

use tallyd::breaks::{History, Limits};
use tallyd::ledger::{
    BreakCounts, BreakFilter, BreakState, BreakStep, Ledger, Problem, Rest, Rules, WhichHistory,
};
use tallyd::model::{
    BreakKind, BreakNumber, Certainty, Endpoint, Evidence, Identifier, Lane, Occasion, Orchestration,
    PageFacts, PollResult, Rail, Resolution, Severity, Status,
};

use crate::ledger::{Bench, minute, moved, row};

use super::{acknowledged, failed, judged, late, resolved, rules, subject};

/// Breaks of every state: 1 and 2 are stuck, 3 failed, 4 is history, 5 is acknowledged, 6 is resolved.
async fn several() -> Bench {
    let bench = judged().await;
    let to_the_bank = Endpoint::Fiat { account_id: Some("bank-1".into()), memo: None };
    let second =
        Orchestration { destination: Some(to_the_bank), destination_asset: Some("USD".into()), ..row(9) };
    bench.commit(vec![second, row(2)]).await;
    bench.commit(vec![failed(13, "returned"), failed(4, "long ago")]).await;
    bench.commit(vec![late(5), failed(6, "refused")]).await;
    bench.deed(&[5], &acknowledged(), Rest::Left);
    bench.deed(&[6], &resolved(), Rest::Left);
    bench
}

#[tokio::test]
async fn what_needs_a_person_comes_first() {
    let bench = several().await;
    // Critical news, warnings with the older trouble in front, then what somebody looks after.
    assert_eq!(bench.numbers(&BreakFilter::default()), [3, 4, 2, 1, 5]);
    let all = BreakFilter { states: BreakState::ALL.to_vec(), ..BreakFilter::default() };
    assert_eq!(bench.numbers(&all), [3, 4, 2, 1, 5, 6]);
    let (total, page) = bench.reader().breaks(&BreakFilter::default(), 2).unwrap();
    assert_eq!((total.all, total.open), (5, 4));
    assert_eq!(page.iter().map(|record| record.standing.number.0).collect::<Vec<_>>(), [3, 4]);
    let counts = bench.reader().overview(minute(0)).unwrap().breaks;
    assert_eq!(counts, BreakCounts { critical: 1, warning: 2, acknowledged: 1, history: 1 });
}

#[tokio::test]
async fn each_filter_admits_what_it_says() {
    let bench = several().await;
    let any = BreakFilter::default;
    let opened =
        |number: i64| bench.reader().break_record(BreakNumber(number)).unwrap().unwrap().standing.opened_at;
    let crypto = |network: &str| Some(Rail::Crypto(Some(network.into())));
    let cases = [
        (BreakFilter { kinds: vec![BreakKind::Failed], ..any() }, vec![3, 4]),
        (
            BreakFilter { kinds: vec![BreakKind::Failed, BreakKind::StuckProcessing], ..any() },
            vec![3, 4, 2, 1, 5],
        ),
        (BreakFilter { kinds: vec![BreakKind::Rejected], ..any() }, vec![]),
        (BreakFilter { severity: Some(Severity::Warning), ..any() }, vec![2, 1]),
        (BreakFilter { profiles: vec!["treasury".into()], ..any() }, vec![3, 4, 2, 1, 5]),
        (BreakFilter { profiles: vec!["payouts".into()], ..any() }, vec![]),
        (BreakFilter { route: Some("usd -> usdg".to_owned()), ..any() }, vec![3, 4, 2, 5]),
        (BreakFilter { route: Some("→ fiat".to_owned()), ..any() }, vec![1]),
        (BreakFilter { route: Some("%".to_owned()), ..any() }, vec![]),
        (BreakFilter { destination_rail: crypto("solana"), ..any() }, vec![3, 4, 2, 5]),
        (BreakFilter { destination_rail: Some(Rail::Crypto(None)), ..any() }, vec![3, 4, 2, 5]),
        (BreakFilter { destination_rail: crypto("ETHEREUM"), ..any() }, vec![]),
        (BreakFilter { destination_rail: Some(Rail::Fiat), ..any() }, vec![1]),
        (BreakFilter { source_rail: Some(Rail::Profile), ..any() }, vec![3, 4, 2, 1, 5]),
        (BreakFilter { source_rail: Some(Rail::Unknown), ..any() }, vec![]),
        (BreakFilter { assets: vec!["usdg".to_owned()], ..any() }, vec![3, 4, 2, 5]),
        (BreakFilter { opened_before: Some(opened(3)), ..any() }, vec![2, 1]),
        (BreakFilter { opened_after: Some(opened(3)), ..any() }, vec![3, 4, 5]),
        (BreakFilter { in_trouble_since: Some(minute(6)), ..any() }, vec![2, 5]),
        (BreakFilter { states: vec![BreakState::Open], ..any() }, vec![3, 4, 2, 1]),
        (BreakFilter { states: vec![BreakState::Acknowledged], ..any() }, vec![5]),
        (BreakFilter { states: vec![BreakState::Resolved], ..any() }, vec![6]),
        (BreakFilter { history: WhichHistory::Without, ..any() }, vec![3, 2, 1, 5]),
        (BreakFilter { history: WhichHistory::Only, ..any() }, vec![4]),
        (
            BreakFilter {
                kinds: vec![BreakKind::Failed],
                states: vec![BreakState::Resolved, BreakState::Open],
                route: Some("SOLANA".to_owned()),
                ..any()
            },
            vec![3, 4, 6],
        ),
    ];
    for (filter, expected) in cases {
        assert_eq!(bench.numbers(&filter), expected, "{filter:?}");
        let (total, _) = bench.reader().breaks(&filter, 0).unwrap();
        assert_eq!(total.all, expected.len() as u64, "{filter:?}");
    }
}

#[tokio::test]
async fn a_break_is_told_with_its_orchestration_and_its_whole_story() {
    let bench = judged().await;
    bench.commit(vec![row(1)]).await;
    bench.commit(vec![late(1)]).await;
    bench.deed(&[1], &acknowledged(), Rest::Left);
    bench.commit(vec![moved(1, Status::Completed, 5)]).await;
    bench.commit(vec![moved(1, Status::Processing, 7)]).await;
    let reader = bench.reader();
    assert_eq!(reader.breaks_about(&subject(1)).unwrap(), [BreakNumber(1), BreakNumber(2)]);
    let story = reader.break_story(BreakNumber(1)).unwrap().unwrap();
    let record = &story.record;
    assert_eq!(record.orchestration.as_ref().unwrap().status, Status::Processing);
    assert_eq!(record.profile.as_ref().unwrap().id, Identifier::new("treasury"));
    assert_eq!(record.resolved.as_ref().unwrap().why, Resolution::Over("moved on to COMPLETED".to_owned()));
    let Evidence::HeldUp { since, .. } = &record.standing.evidence else { panic!("{record:?}") };
    assert_eq!((since.at, since.certainty), (minute(1), Certainty::AtLatest));
    let steps: Vec<_> = story.steps.iter().map(|step| &step.event.step).collect();
    assert!(
        matches!(
            steps.as_slice(),
            [
                BreakStep::Opened(_),
                BreakStep::Revised(_),
                BreakStep::Acknowledged { .. },
                BreakStep::Resolved { by: None, .. }
            ]
        ),
        "{steps:?}"
    );
    let told: Vec<_> =
        story.notices.iter().map(|notice| (notice.occasion, notice.deliveries.len())).collect();
    let expected = [
        (Occasion::Opened, 1),
        (Occasion::Worsened, 2),
        (Occasion::Acknowledged, 2),
        (Occasion::Resolved, 2),
    ];
    assert_eq!(told, expected);
    assert_eq!(story.episodes[0].standing.number, BreakNumber(2));
    let again = reader.break_story(BreakNumber(2)).unwrap().unwrap();
    assert_eq!((again.record.former, again.record.standing.episode), (Some(BreakNumber(1)), 2));
    assert!(reader.break_story(BreakNumber(3)).unwrap().is_none());
}

#[tokio::test]
async fn a_ledger_of_an_older_tallyd_says_what_brings_it_up_to_date() {
    let bench = Bench::new().await;
    let (bench, ()) = bench
        .meanwhile(|path| {
            let old = path.with_file_name("old.db");
            std::fs::copy(path, &old).unwrap();
            // The format before breaks were kept.
            let connection = rusqlite::Connection::open(&old).unwrap();
            connection
                .execute_batch(
                    "DROP VIEW breaks; DROP TABLE delivery; DROP TABLE notice; DROP TABLE break; PRAGMA user_version = 1",
                )
                .unwrap();
        })
        .await;
    let old = tallyd::ledger::Reader::open(&bench.folder.path().join("old.db")).unwrap();
    let error = old.breaks(&BreakFilter::default(), 1).unwrap_err();
    assert!(matches!(error.problem, Problem::Older { found: 1, wanted: 2 }), "{error}");
    assert_eq!(old.overview(minute(0)).unwrap().breaks, BreakCounts::default());
    assert_eq!(old.verify(None).unwrap().findings, []);
}

/// Catches: old failures that never get a break, because they stood in a ledger that kept none; history told as news;
/// the same told at each poll.
#[tokio::test]
async fn what_failed_in_a_ledger_that_kept_no_breaks_is_judged_once_by_the_next_poll() {
    let ended = |number: u32, status: Status, at: Option<i64>| Orchestration {
        updated_at: at.map(minute),
        ..moved(number, status, 0)
    };
    let mut bench = Bench::new().await;
    bench.profile = crate::ledger::open_profile(&bench.ledger, "other").await;
    let begin = |ledger: Ledger, profile, lane, at: i64| async move {
        ledger.begin_poll(profile, lane, minute(at), Some(minute(at))).await.unwrap()
    };
    bench.poll = begin(bench.ledger.clone(), bench.profile, Lane::Backfill, 600).await;
    let rows = vec![
        ended(1, Status::Failed, Some(599)),
        ended(2, Status::Failed, Some(600)),
        ended(3, Status::Rejected, None),
        ended(4, Status::Completed, Some(599)),
        ended(6, Status::Processing, None),
    ];
    bench.backfill(rows).await;
    bench.poll = begin(bench.ledger.clone(), bench.profile, Lane::Discover, 1500).await;
    bench.commit(vec![ended(5, Status::Rejected, None), ended(6, Status::Failed, None)]).await;
    // The format that has breaks and does not know of what stood before them.
    let (bench, ()) = bench.meanwhile(|path| crate::harness::take_back(path, 2)).await;
    let judge = |facts: &PageFacts<'_>| tallyd::breaks::judge(&Limits::default(), History::Recorded, facts);
    bench.ledger.set_rules(Rules { judge: Arc::new(judge), ..rules() });
    assert_eq!(bench.count("SELECT count(*) FROM breaks"), 0);
    for at in [2000, 2001] {
        bench.ledger.end_poll(bench.poll, minute(at), PollResult::Complete).await.unwrap();
        let found = crate::harness::texts_of(
            &bench.path(),
            "SELECT kind || ' ' || substr(subject, -1) || ' ' || history FROM breaks ORDER BY substr(subject, -1)",
        );
        assert_eq!(found, ["failed 1 1", "failed 2 0", "rejected 3 1", "rejected 5 0", "failed 6 0"]);
        let told = bench.count("SELECT count(DISTINCT break) * 100 + count(*) FROM notice");
        assert_eq!(told, 303);
        assert_eq!(bench.findings(), [""; 0]);
    }
}

/// `breaks list` over 100,000 breaks, as `docs/performance.md` tells: this makes the ledger.
#[tokio::test]
#[ignore = "it makes a ledger to be measured with the release build"]
async fn a_hundred_thousand_breaks_to_list() {
    let bench = judged().await;
    let ledger = bench.path();
    for page in 0..100 {
        let rows = (0..1000).map(|row_of_page| match row_of_page % 10 {
            0 => row(page * 1000 + row_of_page),
            1..4 => failed(page * 1000 + row_of_page, "returned"),
            _ => failed(page * 1000 + row_of_page, "long ago"),
        });
        bench.commit(rows.collect()).await;
    }
    assert_eq!(bench.numbers(&BreakFilter::default()).len(), 100_000);
    bench.backfill(Vec::new()).await;
    bench.ledger.close().await;
    std::fs::copy(&ledger, concat!(env!("CARGO_TARGET_TMPDIR"), "/breaks.db")).unwrap();
}
