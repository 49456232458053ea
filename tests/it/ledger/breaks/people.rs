//! What people do with breaks, beside a writer: what is done, told, journalled and refused.

use tallyd::ledger::{ClockSkew, Deed, Refusal, Rest};
use tallyd::model::{Audience, Resolution};
use tallyd::model::{
    BreakKind, BreakNumber, Evidence, Finding, Identifier, Mute, Severity, Status, Step, Subject, Tell,
};

use crate::ledger::{Bench, minute, moved, row, rules_with};

use super::{acknowledged, failed, judged, late, resolved, rules};

fn why(bench: &Bench, numbers: &[i64], deed: &Deed) -> Vec<String> {
    let deeds = bench.deed(numbers, deed, Rest::Left);
    assert_eq!(deeds.done, []);
    deeds.refused.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_deed_beside_a_writer_is_journalled_and_the_writer_goes_on() {
    let bench = judged().await;
    bench.ledger.keep_skew(ClockSkew { micros: 60_000_000, seen_at: minute(0) }).await.unwrap();
    bench.commit(vec![failed(1, "returned"), row(2)]).await;
    assert_eq!(bench.deed(&[2, 1], &acknowledged(), Rest::Left).done, [BreakNumber(2), BreakNumber(1)]);
    bench.commit(vec![row(3)]).await;
    bench.deed(&[2], &Deed::Unacknowledge, Rest::Left);
    bench.deed(&[1], &resolved(), Rest::Left);
    bench.commit(vec![row(4)]).await;
    assert_eq!(bench.findings(), [""; 0]);

    let record = bench.reader().break_record(BreakNumber(1)).unwrap().unwrap();
    let ended = record.resolved.unwrap();
    // By Paxos's clock: the local one is a minute ahead of it.
    assert_eq!(ended.at, minute(2999));
    assert_eq!(ended.why, Resolution::Person { by: "ada".to_owned(), why: "sent again".to_owned() });
    let Mute::On(by) = record.standing.mute else { panic!("it was acknowledged") };
    assert_eq!((by.by.as_str(), by.why.as_str(), by.until), ("ada", "the bank knows", Some(minute(4000))));
    assert_eq!(by.severity, Severity::Critical);
    let kinds = crate::harness::texts_of(&bench.path(), "SELECT kind FROM journal WHERE kind LIKE 'break_%'");
    let expected = [
        "break_opened",
        "break_opened",
        "break_acknowledged",
        "break_acknowledged",
        "break_opened",
        "break_unacknowledged",
        "break_resolved",
        "break_opened",
    ];
    assert_eq!(kinds, expected);
}

#[tokio::test]
async fn those_are_told_what_became_of_a_break_who_were_told_that_it_stands() {
    let bench = judged().await;
    bench.commit(vec![failed(1, "returned"), row(2), failed(3, "long ago")]).await;
    bench.deed(&[1, 2, 3], &acknowledged(), Rest::Left);
    bench.deed(&[1, 2], &Deed::Unacknowledge, Rest::Left);
    bench.deed(&[1, 3], &resolved(), Rest::Left);
    let expected = [
        "1 opened critical pager",
        "1 opened critical slack",
        "2 opened warning slack",
        "1 acknowledged critical pager",
        "1 acknowledged critical slack",
        "2 acknowledged warning slack",
        // Resolving takes back what still waited to remind of it.
        "2 reminded warning slack",
        "1 resolved critical pager",
        "1 resolved critical slack",
    ];
    assert_eq!(bench.told(), expected);
    // A sink that was added since has nothing to take back.
    bench.ledger.set_rules(plain());
    bench.commit(vec![failed(4, "returned")]).await;
    let before = bench.told().len();
    bench.deed(&[4], &resolved(), Rest::Left);
    assert_eq!(bench.told().len(), before);
}

/// The judge, with nobody to tell.
fn plain() -> tallyd::ledger::Rules {
    tallyd::ledger::Rules { route: std::sync::Arc::new(|_| Vec::new()), ..rules() }
}

#[tokio::test]
async fn an_acknowledgement_that_ends_tells_of_the_worst_that_holds_it_up_alone() {
    let bench = judged().await;
    bench.commit(vec![row(1)]).await;
    let between = rules_with(std::sync::Arc::new(|facts| {
        let [tallyd::model::Observation::Row { now, .. }] = facts.observations else { return Vec::new() };
        let finding = Finding {
            kind: BreakKind::StuckBetweenLegs,
            subject: Subject::Orchestration(now.id.clone()),
            severity: Severity::Critical,
            evidence: Evidence::UnknownStatus { status: "x".to_owned() },
            audience: Audience::Everybody,
        };
        vec![Step::Open { finding, tell: Tell::Nobody }]
    }));
    bench.ledger.set_rules(between);
    bench.commit(vec![moved(1, Status::Processing, 1)]).await;
    bench.deed(&[1, 2], &acknowledged(), Rest::Left);
    bench.deed(&[1, 2], &Deed::Unacknowledge, Rest::Left);
    let told = bench.told();
    let reminded: Vec<_> = told.iter().filter(|told| told.contains("reminded")).collect();
    assert_eq!(reminded, ["2 reminded critical pager", "2 reminded critical slack"]);
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_and_nothing_else_is_done() {
    let bench = judged().await;
    bench.commit(vec![failed(1, "returned"), row(2)]).await;
    bench.deed(&[1], &resolved(), Rest::Left);
    let told = bench.told();
    assert_eq!(
        why(&bench, &[1, 2, 7], &resolved()),
        [
            "break 1 was resolved on 2026-05-30T22:26:40Z: ada: sent again",
            "break 2 (stuck_processing) resolves by itself when what opened it is over; acknowledge it instead, or \
             change its limit in the configuration",
            "break 7 is not in the ledger; `tallyd breaks list` shows the numbers",
        ]
    );
    assert_eq!(why(&bench, &[2], &Deed::Unacknowledge), ["break 2 is not acknowledged"]);
    assert_eq!(why(&bench, &[2, 1], &acknowledged()).len(), 1);
    assert_eq!(bench.told(), told, "nothing of it was done");
    // Where they come from a filter, the rest is done.
    let deeds = bench.deed(&[1, 2], &acknowledged(), Rest::Done);
    assert_eq!(deeds.done, [BreakNumber(2)]);
    assert!(matches!(deeds.refused[0].why, Refusal::Resolved(_)), "{deeds:?}");
    assert_eq!(bench.findings(), [""; 0]);
}

#[tokio::test]
async fn one_of_a_profile_resolves_by_itself_whatever_its_kind() {
    let bench = Bench::with(rules_with(std::sync::Arc::new(|_| {
        vec![Step::Open {
            finding: Finding {
                kind: BreakKind::MissingUpstream,
                subject: Subject::Profile(Identifier::new("treasury")),
                severity: Severity::Critical,
                evidence: Evidence::ManyGone { missing: 30, of: 100 },
                audience: Audience::Everybody,
            },
            tell: Tell::People,
        }]
    })))
    .await;
    bench.commit(vec![row(1)]).await;
    assert!(why(&bench, &[1], &resolved())[0].contains("resolves by itself"));
    assert_eq!(bench.findings(), [""; 0]);
}

#[tokio::test]
async fn many_are_done_a_few_at_a_time() {
    let bench = judged().await;
    bench.commit((1..=450).map(|number| failed(number, "returned")).collect()).await;
    let numbers: Vec<i64> = (1..=450).collect();
    assert_eq!(bench.deed(&numbers, &acknowledged(), Rest::Done).done.len(), 450);
    assert_eq!(bench.count("SELECT count(DISTINCT batch) FROM journal WHERE kind = 'break_acknowledged'"), 3);
    assert_eq!(bench.findings(), [""; 0]);
}

/// Catches: an acknowledgement that a rise in severity does not end, since nothing keeps what was acknowledged.
#[tokio::test]
async fn the_severity_that_was_acknowledged_is_kept() {
    let bench = judged().await;
    bench.commit(vec![row(1)]).await;
    bench.deed(&[1], &acknowledged(), Rest::Left);
    bench.commit(vec![late(1)]).await;
    let record = bench.reader().break_record(BreakNumber(1)).unwrap().unwrap();
    let Mute::On(by) = record.standing.mute else { panic!("{:?}", record.standing) };
    assert_eq!((by.severity, record.standing.severity), (Severity::Warning, Severity::Critical));
    assert_eq!(bench.findings(), [""; 0]);
}
