//! What is asked of each endpoint, and what its answers become.

use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use tallyd::clock::Clock;
use tallyd::model::{FailureKind, Identifier, Lane, Profile, Status, Timestamp};
use tallyd::paxos::{CreatedRange, Cursor, FetchError, Got, ListQuery, Order, Row};

use super::server::{EMPTY, Server, answer, answer_with, client, manual_clock, page, row};

#[tokio::test]
async fn a_list_asks_for_every_filter_by_its_documented_name() {
    let server = Server::start(|_| answer(200, page(&["a"], Some("c2")))).await;
    let time = |text| Timestamp::parse_rfc3339(text).unwrap();
    let query = ListQuery {
        profile_ids: vec!["p1".into(), "p&2".into()],
        statuses: vec![Status::Pending, Status::Unknown("ODD".into())],
        orchestration_ids: vec!["o1".into()],
        ref_ids: vec!["r 1".into(), "r2".into()],
        created: CreatedRange {
            from: Bound::Excluded(time("2026-01-01T00:00:00+02:00")),
            to: Bound::Included(time("2026-02-01T00:00:00.5Z")),
        },
        order: Order::Descending,
        limit: 250,
    };
    let page = server.client().list(Lane::Sweep, &query, Some(&Cursor::new("c+1/="))).await.unwrap();
    assert_eq!(page.rows.len(), 1);
    assert_eq!(page.next, Some(Cursor::new("c2")));

    let asked = server.asked().remove(0);
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("GET", "/v2/orchestration/orchestrations"));
    let expected: &[(&str, &[&str])] = &[
        ("profile_id", &["p1", "p&2"]),
        ("status", &["PENDING", "ODD"]),
        ("orchestration_id", &["o1"]),
        ("ref_id", &["r 1", "r2"]),
        ("created_at.gt", &["2025-12-31T22:00:00.000000Z"]),
        ("created_at.lte", &["2026-02-01T00:00:00.500000Z"]),
        ("created_at.gte", &[]),
        ("created_at.lt", &[]),
        ("order", &["DESC"]),
        ("limit", &["250"]),
        ("page_cursor", &["c+1/="]),
    ];
    for (name, values) in expected {
        assert_eq!(asked.values(name), *values, "{name}");
    }
}

#[tokio::test]
async fn the_default_list_asks_for_everything_oldest_first() {
    let server = Server::start(|_| answer(200, EMPTY)).await;
    let page = server.client().list(Lane::Discover, &ListQuery::default(), None).await.unwrap();
    assert_eq!((page.rows.len(), page.next), (0, None));
    assert_eq!(server.asked()[0].query, "order=ASC&limit=1000");
}

#[tokio::test]
async fn a_list_that_the_api_would_not_take_is_not_sent() {
    let server = Server::start(|_| answer(200, EMPTY)).await;
    let client = server.client();
    let too_many: Vec<Identifier> = (0..101).map(|number| number.to_string().as_str().into()).collect();
    for query in [
        ListQuery { orchestration_ids: too_many, ..ListQuery::default() },
        ListQuery { limit: 0, ..ListQuery::default() },
        ListQuery { limit: 1001, ..ListQuery::default() },
    ] {
        let error = client.list(Lane::Refresh, &query, None).await.unwrap_err();
        assert!(matches!(error, FetchError::InvalidQuery { .. }), "{error}");
    }
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn get_takes_a_bare_row_and_a_wrapped_one() {
    let server = Server::start(|seen| match seen.path.rsplit('/').next() {
        Some("bare") => answer(200, row("bare")),
        Some("wrapped") => answer(200, format!(r#"{{"orchestration":{}}}"#, row("wrapped"))),
        Some("odd") => answer(200, r#"{"id":"odd","status":5}"#),
        Some("a%2Fb%3Fc%20d") => answer(200, row("a/b?c d")),
        _ => answer(404, r#"{"title":"Not Found"}"#),
    })
    .await;
    let client = server.client();
    for id in ["bare", "wrapped", "a/b?c d"] {
        let got = client.get(Lane::Refresh, &id.into()).await.unwrap();
        assert!(
            matches!(&got, Got::Found(row) if matches!(&**row, Row::Readable(found) if found.orchestration.id == id.into())),
            "{got:?}"
        );
    }
    let got = client.get(Lane::Refresh, &"odd".into()).await.unwrap();
    assert!(matches!(got, Got::Found(row) if matches!(&*row, Row::Unreadable(_))));
    assert_eq!(client.get(Lane::Refresh, &"gone".into()).await.unwrap(), Got::NotFound);
}

#[tokio::test]
async fn rule_6_only_a_404_says_that_there_is_none() {
    let server = Server::start(|seen| match seen.path.rsplit('/').next() {
        Some("other") => answer(200, row("another")),
        Some("none") => answer(200, EMPTY),
        Some("refused") => answer(403, "{}"),
        _ => answer(500, "{}"),
    })
    .await;
    let client = server.client();
    for (id, kind) in [
        ("other", FailureKind::Protocol),
        ("none", FailureKind::Protocol),
        ("refused", FailureKind::Credentials),
        ("broken", FailureKind::Unreachable),
        // These would be read as a step up the path, and ask something else.
        ("..", FailureKind::Protocol),
        (".", FailureKind::Protocol),
        ("", FailureKind::Protocol),
    ] {
        let error = client.get(Lane::Sweep, &id.into()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{id}: {error}");
    }
}

#[tokio::test]
async fn profiles_are_listed_to_the_last_page_under_either_cursor() {
    let server = Server::start(|seen| match seen.values("page_cursor").first().map(String::as_str) {
        None => answer(
            200,
            r#"{"items":[{"id":"p1","nickname":"ops","type":"NORMAL"}],"next_page_cursor":"two"}"#,
        ),
        Some("two") => answer(200, r#"{"items":[{"id":"p2","nickname":""}],"next_page":"three"}"#),
        Some(_) => answer(200, r#"{"items":[{"id":"p3"}]}"#),
    })
    .await;
    let profiles = server.client().profiles(Lane::Discover).await.unwrap();
    let profile = |id: &str, name: Option<&str>| Profile { id: id.into(), name: name.map(str::to_owned) };
    assert_eq!(profiles, [profile("p1", Some("ops")), profile("p2", None), profile("p3", None)]);
    assert!(server.asked().iter().all(|seen| seen.path == "/v2/profiles"));
}

#[tokio::test]
async fn rule_12_profiles_without_end_are_an_error() {
    let server = Server::start(|_| answer(200, r#"{"items":[{"id":"p"}],"next_page_cursor":"again"}"#)).await;
    let error = server.client().profiles(Lane::Discover).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Protocol);
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn rule_7_the_servers_clock_is_read_from_its_date() {
    let clock = manual_clock();
    let server = Server::start(|seen| {
        let date = match seen.values("page_cursor").first().map(String::as_str) {
            Some("garbled") => "yesterday",
            _ => "Mon, 04 May 2026 07:59:20 GMT",
        };
        answer_with(200, ("date", date), "{}")
    })
    .await;
    let client = client(server.settings(), clock.clone());
    assert_eq!(client.server_clock().date, None);
    assert_eq!(client.server_clock().skew_micros(), None);

    let began = clock.now();
    let query = ListQuery::default();
    let page = client.list(Lane::Discover, &query, None).await.unwrap();
    let date = Timestamp::parse_rfc3339("2026-05-04T07:59:20Z").unwrap();
    assert_eq!(page.server_date, Some(date));
    assert_eq!((client.server_clock().date, client.server_clock().received_at), (Some(date), began));
    assert_eq!(client.server_clock().skew_micros(), Some(40_000_000));

    clock.advance(Duration::from_secs(60));
    let page = client.list(Lane::Discover, &query, Some(&Cursor::new("garbled"))).await.unwrap();
    assert_eq!(page.server_date, None);
    assert_eq!(client.server_clock().received_at, began, "what carries no date changes nothing");
}

#[tokio::test]
async fn requests_are_counted_and_timed() {
    let server = Server::start(|_| answer(200, EMPTY)).await;
    let client = server.client();
    assert_eq!((client.requests_sent(), client.mean_latency()), (0, None));
    for _ in 0..3 {
        client.list(Lane::Discover, &ListQuery::default(), None).await.unwrap();
    }
    assert_eq!(client.requests_sent(), 4, "three lists and a token");
    assert!(client.mean_latency().is_some_and(|mean| !mean.is_zero()));
}

#[tokio::test]
async fn a_client_can_be_shared_among_tasks() {
    let server = Server::start(|_| answer(200, page(&["a"], None))).await;
    let client = server.client();
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(
                async move { client.list(Lane::Discover, &ListQuery::default(), None).await.unwrap() },
            )
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().rows.len(), 1);
    }
    assert_eq!(server.asked().len(), 20);
}

#[test]
fn a_client_outside_of_a_runtime_is_an_error_not_a_panic() {
    let settings = super::server::settings("http://127.0.0.1:1");
    let keeper = Arc::new(tallyd::paxos::ForgetStops);
    assert!(tallyd::paxos::Client::new(settings, manual_clock(), keeper, Vec::new()).is_err());
}
