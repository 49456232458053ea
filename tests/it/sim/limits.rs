//! The rate limit and its penalty, latency, and the log of requests.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use tallyd::sim::{Endpoint, Latency, RateLimit, RetryAfter};

use super::rig::{LIST, Rig, small};

fn limit(per_second: u32, window: u64) -> RateLimit {
    RateLimit {
        per_second: NonZeroU32::new(per_second).unwrap(),
        window: Duration::from_secs(window),
        ..RateLimit::default()
    }
}

#[tokio::test]
async fn beyond_the_limit_everything_is_refused_for_the_penalty() {
    let rig = Rig::start(small(1)).await;
    rig.control.set_rate_limit(Some(limit(2, 3)));
    for _ in 0..6 {
        assert_eq!(rig.list(&[]).await.status, 200);
    }
    // The limit is each endpoint's own.
    assert_eq!(rig.get("/profiles", &[]).await.status, 200);
    let refused = rig.list(&[]).await;
    refused.problem(429);
    assert_eq!(refused.header("retry-after"), Some("300"));
    assert!(rig.control.penalty_until().is_some());
    rig.advance(Duration::from_millis(299_500));
    let still = rig.get("/profiles", &[]).await;
    still.problem(429);
    assert_eq!(still.header("retry-after"), Some("1"));
    rig.advance(Duration::from_millis(500));
    assert_eq!(rig.list(&[]).await.status, 200);
    assert_eq!(rig.control.penalty_until(), None);
    rig.stop().await;
}

#[tokio::test]
async fn requests_that_keep_to_the_average_are_never_refused() {
    let rig = Rig::start(small(1)).await;
    rig.control.set_rate_limit(Some(limit(2, 2)));
    for _ in 0..20 {
        assert_eq!(rig.list(&[]).await.status, 200);
        rig.advance(Duration::from_millis(500));
    }
    rig.stop().await;
}

#[tokio::test]
async fn the_token_endpoint_has_a_limit_of_its_own() {
    let rig = Rig::start(small(1)).await;
    rig.control.set_rate_limit(Some(RateLimit {
        retry_after: RetryAfter::Omitted,
        penalty: Duration::from_secs(10),
        ..limit(50, 1)
    }));
    assert_eq!(rig.ask_token(&[]).await.status, 400);
    let refused = rig.ask_token(&[]).await;
    refused.problem(429);
    assert_eq!(refused.header("retry-after"), None);
    rig.list(&[]).await.problem(429);
    rig.advance(Duration::from_secs(10));
    assert_eq!(rig.list(&[]).await.status, 200);
    rig.stop().await;
}

#[tokio::test]
async fn requests_are_remembered_in_order_and_counted_at_once() {
    let rig = Rig::start(small(1)).await;
    rig.control.set_latency(Latency { fixed: Duration::from_millis(60), jitter: Duration::from_millis(10) });
    let began = Instant::now();
    let (one, two, three) =
        tokio::join!(rig.list(&[]), rig.list(&[("limit", "3")]), rig.get("/profiles", &[]));
    assert!(began.elapsed() >= Duration::from_millis(60));
    assert_eq!([one.status, two.status, three.status], [200; 3]);
    assert_eq!(rig.control.in_flight_max(), 3);
    assert_eq!(rig.control.count(Endpoint::List), 2);
    assert_eq!(rig.control.count(Endpoint::Get), 0);
    let requests = rig.control.requests_to(Endpoint::List);
    assert!(requests.iter().any(|request| request.path_and_query == format!("/v2{LIST}?limit=3")));
    assert!(requests.iter().all(|request| request.status == Some(200) && request.at == rig.control.now()));
    rig.control.forget_requests();
    assert!(rig.control.requests().is_empty());
    rig.stop().await;
}
