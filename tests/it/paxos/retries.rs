//! What is sent again, what is not, and what each failure says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use tallyd::clock::SystemClock;
use tallyd::model::{FailureKind, Lane};
use tallyd::paxos::{Client, ConnectFailure, FetchError, ListQuery, Page, Settings};
use tokio::net::TcpListener;

use super::server::{Server, answer, client, page, raw_server, settings};

async fn list(client: &Client) -> Result<Page, FetchError> {
    client.list(Lane::Discover, &ListQuery::default(), None).await
}

/// Answers `first` once and a page from then on; returns how often it was asked.
async fn after_one(
    first: impl Fn() -> Response<Body> + Send + Sync + 'static,
) -> (Result<Page, FetchError>, usize) {
    let asked = AtomicU32::new(0);
    let server = Server::start(move |_| {
        if asked.fetch_add(1, Ordering::SeqCst) == 0 { first() } else { answer(200, page(&["a"], None)) }
    })
    .await;
    (list(&server.client()).await, server.asked().len())
}

#[tokio::test]
async fn what_may_pass_is_sent_again() {
    for status in [408, 500, 502, 503, 504] {
        let (result, asked) = after_one(move || answer(status, "")).await;
        assert_eq!((result.unwrap().rows.len(), asked), (1, 2), "{status}");
    }
    for body in ["", "<html>", r#"{"items":["#, r#"{"message":"soon"}"#] {
        let (result, asked) = after_one(move || answer(200, body)).await;
        assert_eq!((result.unwrap().rows.len(), asked), (1, 2), "{body}");
    }
}

/// Catches: `{}` in place of a page with rows that is taken for an empty last page; an empty account that is never
/// believed to be one; a page that says that it is empty and is asked for again.
#[tokio::test]
async fn an_empty_object_is_believed_when_asking_again_says_the_same() {
    let (result, asked) = after_one(|| answer(200, "{}")).await;
    assert_eq!((result.unwrap().rows.len(), asked), (1, 2));
    for (body, times) in [("{}", 2), (r#"{"items":[]}"#, 1)] {
        let server = Server::start(move |_| answer(200, body)).await;
        let page = list(&server.client()).await.unwrap();
        assert_eq!((page.rows.len(), page.next, server.asked().len()), (0, None, times), "{body}");
        let profiles = server.client().profiles(Lane::Discover).await.unwrap();
        assert_eq!((profiles, server.asked().len()), (Vec::new(), 2 * times), "{body}");
    }
    // With one attempt nobody asks again, so it is not believed.
    let server = Server::start(|_| answer(200, "{}")).await;
    let mut settings = server.settings();
    settings.retry.attempts = 1.try_into().unwrap();
    let error = list(&client(settings, Arc::new(SystemClock))).await.unwrap_err();
    assert_eq!((error.kind(), server.asked().len()), (FailureKind::Protocol, 1), "{error}");
}

#[tokio::test]
async fn what_will_not_pass_is_not() {
    for (status, kind) in [
        (400, FailureKind::Protocol),
        (403, FailureKind::Credentials),
        (404, FailureKind::Protocol),
        (409, FailureKind::Protocol),
        (422, FailureKind::Protocol),
        (204, FailureKind::Protocol),
    ] {
        let server = Server::start(move |_| answer(status, "")).await;
        let mut settings = server.settings();
        settings.retry.attempts = if status == 204 { 1.try_into().unwrap() } else { settings.retry.attempts };
        let error = list(&client(settings, Arc::new(SystemClock))).await.unwrap_err();
        assert_eq!((error.kind(), server.asked().len()), (kind, 1), "{error}");
    }
}

#[tokio::test]
async fn a_profile_that_is_refused_is_told_from_an_account_that_is() {
    for (status, kind) in
        [(403, FailureKind::Profile), (404, FailureKind::Profile), (400, FailureKind::Protocol)]
    {
        let server = Server::start(move |_| {
            answer(status, r#"{"title":"No","detail":"not\nyours","request_id":"rq-9"}"#)
        })
        .await;
        let query = ListQuery { profile_ids: vec!["p".into()], ..ListQuery::default() };
        let error = server.client().list(Lane::Discover, &query, None).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        let text = error.to_string();
        assert!(
            text.contains("GET /v2/orchestration/orchestrations")
                && text.contains("No: not yours (request_id rq-9)"),
            "{text}"
        );
        assert!(!text.contains("limit="), "the query is nobody's business: {text}");
    }
}

#[tokio::test]
async fn attempts_are_bounded_and_the_last_failure_is_told() {
    let server = Server::start(|_| answer(503, r#"{"title":"Maintenance"}"#)).await;
    let error = list(&server.client()).await.unwrap_err();
    assert!(error.to_string().contains("503 (Maintenance)"), "{error}");
    assert_eq!((error.kind(), server.asked().len()), (FailureKind::Unreachable, 5));
}

#[tokio::test]
async fn a_refused_connection_is_told_and_tried_again() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let client = client(settings(&format!("http://{gone}")), Arc::new(SystemClock));
    let error = list(&client).await.unwrap_err();
    assert!(matches!(error, FetchError::Connect { reason: ConnectFailure::Refused, .. }), "{error:?}");
    assert!(
        error.to_string().starts_with(&format!("connect to {gone}: connection refused; is the")),
        "{error}"
    );
    assert_eq!((error.kind(), client.requests_sent()), (FailureKind::Unreachable, 5));
}

#[tokio::test]
async fn an_unknown_host_is_told() {
    let mut settings: Settings = settings("https://tallyd-test.invalid");
    settings.retry.attempts = 1.try_into().unwrap();
    let error = list(&client(settings, Arc::new(SystemClock))).await.unwrap_err();
    assert!(matches!(error, FetchError::Connect { reason: ConnectFailure::NameNotFound, .. }), "{error:?}");
    assert!(error.to_string().contains("tallyd-test.invalid:443"), "{error}");
}

#[tokio::test]
async fn a_body_that_is_cut_short_is_sent_for_again() {
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"access_token\":".to_vec();
    let address = raw_server(cut).await;
    let client = client(settings(&format!("http://{address}")), Arc::new(SystemClock));
    let error = list(&client).await.unwrap_err();
    assert!(matches!(error, FetchError::Interrupted { .. }), "{error:?}");
    assert_eq!((error.kind(), client.requests_sent()), (FailureKind::Unreachable, 5));
}

#[tokio::test]
async fn an_answer_that_never_comes_is_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = settings(&format!("http://{}", listener.local_addr().unwrap()));
    settings.limits.request_timeout = Duration::from_millis(100);
    settings.retry.attempts = 2.try_into().unwrap();
    let client = client(settings, Arc::new(SystemClock));
    let error = list(&client).await.unwrap_err();
    assert!(matches!(error, FetchError::TimedOut { .. }), "{error:?}");
    assert!(error.to_string().contains("POST /oauth/token within 100 ms"), "{error}");
    assert_eq!((error.kind(), client.requests_sent()), (FailureKind::Unreachable, 2));
}
