//! Rule 12: one limiter for all, open rows first, and a pause when Paxos asks for one.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use tallyd::clock::{Clock, ManualClock, SystemClock};
use tallyd::model::{FailureKind, Lane, Timestamp};
use tallyd::paxos::{Client, Cursor, FetchError, ListQuery, Stop, StopKeeper};

use super::server::{EMPTY, Server, answer, answer_with, client, eventually, manual_clock};

async fn list(client: &Client, lane: Lane) -> Result<(), FetchError> {
    let cursor = Cursor::new(lane.as_str());
    client.list(lane, &ListQuery::default(), Some(&cursor)).await.map(drop)
}

fn per_second(rate: u32) -> NonZeroU32 {
    NonZeroU32::new(rate).unwrap()
}

/// Remembers what it was given.
#[derive(Default)]
struct Notebook(Mutex<Vec<Stop>>);

impl StopKeeper for Notebook {
    fn keep(&self, stop: &Stop) -> BoxFuture<'_, ()> {
        let stop = stop.clone();
        Box::pin(async move { self.0.lock().unwrap().push(stop) })
    }
}

/// A server that answers its first list with a 429 and this header.
async fn throttling(clock: Arc<ManualClock>, header: (&'static str, &'static str)) -> Server {
    let asked = AtomicU32::new(0);
    Server::start_at(clock, move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => answer_with(429, header, "{}"),
        _ => answer(200, EMPTY),
    })
    .await
}

#[tokio::test]
async fn rule_12_requests_keep_to_the_rate() {
    let server = Server::start(|_| answer(200, EMPTY)).await;
    let mut settings = server.settings();
    settings.limits.requests_per_second = per_second(20);
    let client = client(settings, Arc::new(SystemClock));
    let began = Instant::now();
    for result in join_all((0..15).map(|_| list(&client, Lane::Discover))).await {
        result.unwrap();
    }
    // Sixteen requests with the token; four may go at once, the others one every twentieth second.
    assert!(began.elapsed() >= Duration::from_millis(590), "{:?}", began.elapsed());
}

#[tokio::test]
async fn rule_12_open_rows_go_first_and_sweeps_last() {
    let server = Server::start(|_| answer(200, EMPTY)).await;
    let mut settings = server.settings();
    settings.limits.requests_per_second = per_second(8);
    settings.limits.backfill_requests_per_second = per_second(8);
    let client = client(settings, Arc::new(SystemClock));
    list(&client, Lane::Discover).await.unwrap();
    let waiting = [Lane::Sweep, Lane::Backfill, Lane::Discover, Lane::Refresh, Lane::Sweep, Lane::Refresh]
        .map(|lane| list(&client, lane));
    for result in join_all(waiting).await {
        result.unwrap();
    }
    let lanes: Vec<_> = server.asked()[1..].iter().flat_map(|seen| seen.values("page_cursor")).collect();
    assert_eq!(lanes, ["refresh", "refresh", "discover", "backfill", "sweep", "sweep"]);
}

#[tokio::test]
async fn rule_12_a_request_that_is_given_up_leaves_the_queue() {
    let server = Server::start(|_| answer(200, EMPTY)).await;
    let mut settings = server.settings();
    settings.limits.requests_per_second = per_second(4);
    settings.limits.backfill_requests_per_second = per_second(4);
    let client = client(settings, Arc::new(SystemClock));
    list(&client, Lane::Discover).await.unwrap();
    let began = Instant::now();
    {
        // Polled once, so that each stands in the queue, and then dropped.
        let mut given_up: Vec<_> = (0..1000).map(|_| Box::pin(list(&client, Lane::Refresh))).collect();
        for request in &mut given_up {
            assert!(request.now_or_never().is_none());
        }
    }
    list(&client, Lane::Sweep).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(20), "a thousand places at 4/s would be over four minutes");
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn rule_12_a_429_stops_everything_to_that_host_and_is_kept() {
    let clock = manual_clock();
    let server = throttling(clock.clone(), ("retry-after", "90")).await;
    let notebook = Arc::new(Notebook::default());
    let client = Client::new(server.settings(), clock.clone(), notebook.clone(), Vec::new()).unwrap();
    let until = clock.now().plus(Duration::from_secs(90));

    let stopped = tokio::spawn({
        let client = client.clone();
        async move { list(&client, Lane::Discover).await }
    });
    eventually("the stop is kept", || !notebook.0.lock().unwrap().is_empty()).await;
    let kept = notebook.0.lock().unwrap().clone();
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].host.as_str(), kept[0].until), (server.address.to_string().as_str(), until));
    assert_eq!(client.stop(), Some(kept[0].clone()));

    let others: Vec<_> = Lane::ALL
        .map(|lane| {
            let client = client.clone();
            tokio::spawn(async move { list(&client, lane).await })
        })
        .into();
    tokio::task::yield_now().await;
    clock.advance(Duration::from_secs(90));
    stopped.await.unwrap().unwrap();
    for other in others {
        other.await.unwrap().unwrap();
    }
    assert_eq!(client.stop(), None);
    let asked = server.asked();
    assert_eq!(asked.len(), 6, "the refused one was sent again");
    assert!(asked[1..].iter().all(|seen| seen.at >= until), "{asked:?}");
}

#[tokio::test]
async fn rule_12_a_stop_also_holds_those_who_already_wait_at_the_limiter() {
    let clock = manual_clock();
    let server = throttling(clock.clone(), ("retry-after", "60")).await;
    let mut settings = server.settings();
    settings.limits.requests_per_second = per_second(50);
    let client = client(settings, clock.clone());
    let until = clock.now().plus(Duration::from_secs(60));
    // Two tenths of a second's worth may go at once: of these the last ones wait.
    let requests: Vec<_> = (0..40)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { list(&client, Lane::Discover).await })
        })
        .collect();
    eventually("the stop begins", || client.stop().is_some()).await;
    let under_way = server.asked().len();
    // All of them have had their turn by now, if turns were all they waited for.
    let began = Instant::now();
    eventually("a second goes by", || began.elapsed() > Duration::from_secs(1)).await;
    let before = server.asked().len();
    assert!(before <= under_way + 10, "{under_way} under way, {before} sent");
    clock.advance(Duration::from_secs(60));
    for request in requests {
        request.await.unwrap().unwrap();
    }
    assert!(server.asked()[before..].iter().all(|seen| seen.at >= until));
}

#[tokio::test]
async fn rule_12_a_stop_that_outlasts_the_patience_fails_at_once() {
    let clock = manual_clock();
    // No `Retry-After`: the documented five minutes.
    let server = throttling(clock.clone(), ("x-nothing", "1")).await;
    let client = client(server.settings(), clock.clone());
    let error = list(&client, Lane::Refresh).await.unwrap_err();
    let until = clock.now().plus(Duration::from_secs(300));
    assert!(matches!(&error, FetchError::Throttled { until: told, .. } if *told == until), "{error:?}");
    assert_eq!(error.kind(), FailureKind::Throttled);
    assert!(error.to_string().contains("2026-05-04T08:05:00Z"), "{error}");
    list(&client, Lane::Refresh).await.unwrap_err();
    assert_eq!(server.asked().len(), 1, "nothing is sent meanwhile");

    let patient = client.with_stop_patience(Duration::from_secs(3600));
    let waiting = tokio::spawn(async move { list(&patient, Lane::Backfill).await });
    tokio::task::yield_now().await;
    clock.advance(Duration::from_secs(300));
    waiting.await.unwrap().unwrap();
    list(&client, Lane::Refresh).await.unwrap();
}

/// Catches: a stop that is longer or shorter because somebody set the local clock.
#[tokio::test]
async fn rule_12_a_local_clock_that_is_set_moves_no_end_of_a_stop() {
    const HOUR: Duration = Duration::from_secs(3600);
    for step in [|now: Timestamp| now.plus(HOUR), |now: Timestamp| now.minus(HOUR)] {
        let clock = manual_clock();
        let server = throttling(clock.clone(), ("retry-after", "300")).await;
        let mut settings = server.settings();
        settings.stop_patience = Duration::ZERO;
        let client = client(settings, clock.clone());
        list(&client, Lane::Refresh).await.unwrap_err();
        clock.set(step(clock.now()));
        clock.advance(Duration::from_secs(299));
        list(&client, Lane::Refresh).await.unwrap_err();
        assert_eq!(server.asked().len(), 1, "still in force");
        let until = client.stop().map(|stop| stop.until);
        assert_eq!(
            until,
            Some(clock.now().plus(Duration::from_secs(1))),
            "told by the clock as it is set now"
        );
        clock.advance(Duration::from_secs(1));
        assert_eq!(client.stop(), None);
        list(&client, Lane::Refresh).await.unwrap();
    }
}

#[tokio::test]
async fn rule_12_the_stop_survives_a_restart() {
    let clock = manual_clock();
    let server = Server::start(|_| answer(200, EMPTY)).await;
    let stop = |after: Duration| Stop {
        host: server.address.to_string(),
        until: clock.now().plus(after),
        reason: "429".to_owned(),
    };
    let start = |stop: Stop| {
        Client::new(server.settings(), clock.clone(), Arc::new(Notebook::default()), vec![stop]).unwrap()
    };
    let held = start(stop(Duration::from_secs(200)));
    assert!(matches!(list(&held, Lane::Refresh).await, Err(FetchError::Throttled { .. })));
    assert_eq!((held.requests_sent(), server.seen().len()), (0, 0));
    assert!(held.stop().is_some());
    let over = start(stop(Duration::ZERO));
    assert_eq!(over.stop(), None);
    list(&over, Lane::Refresh).await.unwrap();
}

#[tokio::test]
async fn rule_12_retry_after_may_be_a_date_and_is_kept_within_reason() {
    for (header, seconds) in [
        ("Mon, 04 May 2026 08:00:45 GMT", 45),
        ("Mon, 04 May 2026 07:00:00 GMT", 1),
        ("0", 1),
        ("99999999", 86_400),
        ("soon", 300),
        ("-5", 300),
    ] {
        let clock = manual_clock();
        let server = Server::start_at(clock.clone(), move |_| {
            let mut answer = answer_with(429, ("retry-after", header), "");
            answer.headers_mut().insert("date", "Mon, 04 May 2026 08:00:00 GMT".parse().unwrap());
            answer
        })
        .await;
        let mut settings = server.settings();
        settings.stop_patience = Duration::ZERO;
        let error = list(&client(settings, clock.clone()), Lane::Refresh).await.unwrap_err();
        let FetchError::Throttled { until, .. } = error else { panic!("{error}") };
        assert_eq!(until.since(clock.now()), Duration::from_secs(seconds), "{header}");
    }
}

#[tokio::test]
async fn rule_12_429_after_429_ends_too() {
    let server = Server::start(|_| answer_with(429, ("retry-after", "1"), "")).await;
    let clock = Arc::new(tallyd::clock::FastClock::starting_at(Timestamp::EPOCH, 1000));
    let error = list(&client(server.settings(), clock), Lane::Discover).await.unwrap_err();
    assert_eq!((error.kind(), server.asked().len()), (FailureKind::Throttled, 5));
}

#[tokio::test]
async fn rule_12_a_429_of_the_token_endpoint_counts_too() {
    let clock = manual_clock();
    let server = Server::start_bare(clock.clone(), |_| answer_with(429, ("retry-after", "200"), "")).await;
    let client = client(server.settings(), clock);
    let error = list(&client, Lane::Refresh).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Throttled);
    assert_eq!(server.seen().len(), 1);
    assert!(client.stop().is_some_and(|stop| stop.reason.contains("POST /oauth/token")));
}
