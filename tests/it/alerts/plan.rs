//! What goes where, as what, and when again.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use tallyd::alerts::{More, Parcel, SendError, Summing, after_failure, has_settled, parcels, route, tells};
use tallyd::config::{ProfileFilter, ResolvedNotices, SinkConfig, SinkTarget};
use tallyd::model::{
    BreakKind, BreakNumber, Notice, NoticeNumber, Occasion, Outcome, Queued, Severity, SinkName, Subject,
};

use super::{notice, now, record, sink_config, webhook_at};

fn configs() -> Vec<SinkConfig> {
    let webhook = || webhook_at("http://127.0.0.1:1/");
    let mut critical = sink_config("critical", webhook());
    critical.routing.min_severity = Severity::Critical;
    let mut stuck = sink_config("stuck", webhook());
    stuck.routing.kinds = BTreeSet::from([BreakKind::StuckPending]);
    stuck.routing.resolved = ResolvedNotices::Untold;
    let mut other = sink_config("other-profile", webhook());
    other.routing.profiles = ProfileFilter::Only(BTreeSet::from(["prof_9".into()]));
    vec![sink_config("log", SinkTarget::Log), critical, stuck, other]
}

fn routed(kind: BreakKind, occasion: Occasion) -> Vec<String> {
    route(&configs(), &notice(&record(kind), occasion)).into_iter().map(|SinkName(name)| name).collect()
}

#[test]
fn routing_goes_by_severity_kind_and_profile() {
    for (kind, occasion, sinks) in [
        (BreakKind::Failed, Occasion::Opened, &["log", "critical"][..]),
        (BreakKind::Rejected, Occasion::Opened, &["log"]),
        (BreakKind::StuckPending, Occasion::Opened, &["log", "stuck"]),
        (BreakKind::StuckPending, Occasion::Reminded, &["log", "stuck"]),
        // Whoever was told of a critical one is told of its end, even if it is a warning by then.
        (BreakKind::StuckPending, Occasion::Resolved, &["log", "critical"]),
        (BreakKind::Failed, Occasion::Acknowledged, &["log", "critical"]),
        // What is about several profiles is everybody's.
        (BreakKind::ProfileUnpolled, Occasion::Opened, &["log", "critical", "other-profile"]),
    ] {
        assert_eq!(routed(kind, occasion), sinks, "{kind} {occasion}");
    }
}

#[test]
fn an_acknowledgement_goes_to_what_keeps_a_state() {
    let notice = notice(&record(BreakKind::Failed), Occasion::Acknowledged);
    let url = || tallyd::config::SecretUrl::new(&"https://hooks.example.com/x".parse().unwrap());
    assert!(!tells(&sink_config("slack", SinkTarget::Slack { url: url() }), &notice));
    assert!(tells(&sink_config("webhook", webhook_at("http://127.0.0.1:1/")), &notice));
}

fn queued(number: i64, kind: BreakKind, occasion: Occasion) -> Queued {
    let subject = Subject::Orchestration(format!("orch_{number}").as_str().into());
    let notice = Notice { number: BreakNumber(number), subject, ..notice(&record(kind), occasion) };
    Queued { number: NoticeNumber(number), notice, attempts: 0, batch: None }
}

fn told(waiting: Vec<Queued>, summing: Summing) -> Vec<String> {
    let parcels = parcels(waiting, NonZeroU32::new(2).unwrap(), summing);
    let numbers = |parcel: &Parcel| {
        let numbers = parcel.members().iter().map(|queued| queued.number.to_string());
        numbers.collect::<Vec<_>>().join("+")
    };
    parcels.iter().map(numbers).collect()
}

#[test]
fn more_than_the_burst_of_a_kind_and_profile_become_one() {
    let opened = Occasion::Opened;
    let waiting = vec![
        queued(9, BreakKind::Failed, Occasion::Resolved),
        queued(5, BreakKind::Rejected, opened),
        queued(3, BreakKind::Failed, opened),
        queued(1, BreakKind::Failed, opened),
        queued(2, BreakKind::Failed, Occasion::Reminded),
        queued(4, BreakKind::MissingUpstream, opened),
    ];
    // The worst first, then the oldest; what is over last.
    assert_eq!(told(waiting, Summing::Everything), ["1+2+3", "4", "5", "9"]);
}

#[test]
fn a_batch_that_was_fixed_stays_what_it_is() {
    let batch = |number| Queued {
        batch: Some(NoticeNumber(1)),
        ..queued(number, BreakKind::Failed, Occasion::Opened)
    };
    let mut waiting = vec![batch(2), batch(1)];
    waiting.extend([3, 4, 5].map(|number| queued(number, BreakKind::Failed, Occasion::Opened)));
    assert_eq!(told(waiting, Summing::Everything), ["1+2", "3+4+5"]);
}

/// Catches: what was tried alone being told once more in a summary, under another key.
#[test]
fn what_was_fixed_alone_stays_alone() {
    let mut waiting =
        Vec::from([1, 2, 3, 4].map(|number| queued(number, BreakKind::Failed, Occasion::Opened)));
    waiting[1].batch = Some(NoticeNumber(2));
    assert_eq!(told(waiting, Summing::Everything), ["1+3+4", "2"]);
}

/// Catches: a sink that was away and is told first that a break got worse, then that it opened, or that somebody looks
/// after it when that is over: it would keep what is no longer so.
#[test]
fn what_belongs_to_one_break_is_told_as_it_came_about() {
    let of_first = |number, occasion, severity| {
        let mut queued = queued(number, BreakKind::StuckPending, occasion);
        (queued.notice.number, queued.notice.severity) = (BreakNumber(1), severity);
        queued
    };
    let (warning, critical) = (Severity::Warning, Severity::Critical);
    let mut waiting = vec![
        of_first(1, Occasion::Opened, warning),
        queued(2, BreakKind::Rejected, Occasion::Opened),
        of_first(3, Occasion::Worsened, critical),
        queued(4, BreakKind::MissingUpstream, Occasion::Opened),
        of_first(5, Occasion::Resolved, critical),
    ];
    // The worst first, and in front of it what came before of the same break.
    assert_eq!(told(waiting.clone(), Summing::Everything), ["1", "3", "4", "2", "5"]);
    // Somebody looked after it, and it got worse all the same: what stands is no sooner told than that.
    waiting[0] = of_first(1, Occasion::Acknowledged, warning);
    assert_eq!(told(waiting, Summing::Everything), ["1", "3", "4", "2", "5"]);
    // Of several at once the newest counts. The critical one of two that were summed up brings the others along.
    let opened = [10, 11].map(|number| queued(number, BreakKind::StuckPending, Occasion::Opened));
    let mut waiting =
        vec![of_first(1, Occasion::Opened, warning), of_first(2, Occasion::Acknowledged, warning)];
    waiting.extend(opened);
    waiting.push(of_first(12, Occasion::Worsened, critical));
    assert_eq!(told(waiting, Summing::Everything), ["2", "1+10+11+12"]);
}

#[test]
fn where_each_has_an_incident_each_end_is_told() {
    let over = |number| queued(number, BreakKind::Failed, Occasion::Resolved);
    let waiting = || (1..=3).map(over).collect::<Vec<_>>();
    assert_eq!(told(waiting(), Summing::WhatStands), ["1", "2", "3"]);
    assert_eq!(told(waiting(), Summing::Everything), ["1+2+3"]);
}

const GIVE_UP: Duration = Duration::from_secs(72 * 3600);

fn seconds_until_retry(error: &SendError, attempts: u32, jitter: u32) -> Option<u64> {
    match after_failure(error, attempts, now(), now(), GIVE_UP, jitter).outcome {
        Outcome::TryAgain { at, .. } => Some(at.since(now()).as_secs()),
        Outcome::Dead { .. } => None,
        Outcome::Delivered => panic!("it was not"),
    }
}

fn passing(retry_after: Option<u64>) -> SendError {
    SendError::Passing {
        what: "it answered 503".to_owned(),
        retry_after: retry_after.map(Duration::from_secs),
    }
}

#[test]
fn retries_wait_longer_each_time_and_as_long_as_asked() {
    let waits = |attempts| seconds_until_retry(&passing(None), attempts, 500);
    assert_eq!((1..=9).map(waits).collect::<Vec<_>>(), [5, 10, 20, 40, 80, 160, 320, 640, 900].map(Some));
    assert_eq!(waits(u32::MAX), Some(900));
    // A quarter less or more, so that sinks that failed together do not come back together.
    let spread = [0, 999].map(|jitter| seconds_until_retry(&passing(None), 4, jitter).unwrap());
    assert!(spread[0] == 30 && (48..=50).contains(&spread[1]), "{spread:?}");
    assert_eq!(seconds_until_retry(&passing(Some(120)), 1, 500), Some(120));
    assert_eq!(seconds_until_retry(&passing(Some(1)), 4, 500), Some(40), "not sooner than by itself");
    assert_eq!(seconds_until_retry(&passing(Some(u64::MAX / 2)), 1, 500), Some(6 * 3600));
}

#[test]
fn what_is_refused_is_not_hammered() {
    let sink = SendError::SinkRefuses { what: "it answered 404".to_owned() };
    assert_eq!(
        [1, 2, 3, 30].map(|tries| seconds_until_retry(&sink, tries, 0)),
        [600, 3600, 3600, 3600].map(Some)
    );
    let message = SendError::MessageRefused { what: "it answered 400".to_owned() };
    let retry = after_failure(&message, 1, now(), now(), GIVE_UP, 0);
    assert!(matches!(retry.outcome, Outcome::Dead { .. }));
    assert_eq!(retry.pause_until, None, "the others go on");
}

#[test]
fn what_cannot_be_delivered_in_time_is_given_up_after_a_last_try() {
    let since = now().minus(GIVE_UP);
    let almost = since.plus(Duration::from_secs(60));
    let retry = after_failure(&passing(None), 9, almost, now(), GIVE_UP, 500);
    assert!(matches!(retry.outcome, Outcome::TryAgain { at, .. } if at == almost.plus(GIVE_UP)));
    let retry = after_failure(&passing(None), 10, since, now(), GIVE_UP, 500);
    assert!(matches!(retry.outcome, Outcome::Dead { .. }));
    assert!(retry.pause_until.is_some(), "the sink itself is left alone all the same");
}

/// Catches: a poll of hours that holds up what it found first; pages of one poll that are told one by one.
#[test]
fn what_came_waits_for_the_end_of_its_poll_and_no_longer_than_a_minute() {
    for (first, last, more, expected) in [
        (0, 0, More::Unknown, false),
        (1_999, 1_999, More::Unknown, false),
        (2_000, 2_000, More::Unknown, true),
        (30_000, 1_000, More::Unknown, false),
        (30_000, 30_000, More::Expected, false),
        (59_999, 59_999, More::Expected, false),
        (60_000, 0, More::Expected, true),
        (60_000, 0, More::Unknown, true),
    ] {
        let [first, last] = [first, last].map(Duration::from_millis);
        assert_eq!(has_settled(first, last, more), expected, "{first:?} {last:?} {more:?}");
    }
}
