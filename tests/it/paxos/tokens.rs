//! Tokens: how they are asked for, how long they are used, what is done when one is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tallyd::clock::{Clock as _, SystemClock};
use tallyd::model::{FailureKind, Lane};
use tallyd::paxos::{Client, FetchError, ListQuery};

use super::server::{EMPTY, Seen, Server, answer, client, manual_clock, page, token};

const READ: &str = "orchestration:read_orchestration";
const PROFILES: &str = "funding:read_profile";

async fn list(client: &Client) -> Result<(), FetchError> {
    client.list(Lane::Discover, &ListQuery::default(), None).await.map(drop)
}

fn form(seen: &Seen, name: &str) -> Option<String> {
    let as_query = Seen { query: seen.body.clone(), ..seen.clone() };
    as_query.values(name).pop()
}

#[tokio::test]
async fn credentials_go_in_the_form_and_only_reading_is_asked_for() {
    let server = Server::start(|_| answer(200, EMPTY)).await;
    list(&server.client()).await.unwrap();
    let [grant, listing] = &server.seen()[..] else { panic!() };
    assert_eq!((grant.method.as_str(), grant.header("authorization")), ("POST", ""));
    assert_eq!(form(grant, "grant_type").as_deref(), Some("client_credentials"));
    assert_eq!(form(grant, "client_id").as_deref(), Some("client-7"));
    assert_eq!(form(grant, "client_secret").as_deref(), Some("hush-hush"));
    assert_eq!(form(grant, "scope"), Some(format!("{READ} {PROFILES}")));
    assert!(!grant.body.contains("write"));
    assert_eq!(listing.header("authorization"), "Bearer t");
}

#[tokio::test]
async fn one_token_is_fetched_at_a_time_however_many_wait() {
    let server = Server::start(|_| answer(200, EMPTY)).await;
    let client = server.client();
    for result in join_all((0..50).map(|_| list(&client))).await {
        result.unwrap();
    }
    assert_eq!(server.seen().len(), 51);
}

#[tokio::test]
async fn those_who_wait_share_a_refusal_too() {
    let server = Server::start_bare(Arc::new(SystemClock), |_| {
        answer(401, r#"{"error":"invalid_client","error_description":"no such client"}"#)
    })
    .await;
    let client = server.client();
    for result in join_all((0..50).map(|_| list(&client))).await {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Credentials);
        assert!(error.to_string().contains("invalid_client: no such client"), "{error}");
        assert!(error.to_string().contains("client_secret"), "{error}");
    }
    assert_eq!(server.seen().len(), 1);
    list(&client).await.unwrap_err();
    assert_eq!(server.seen().len(), 2, "the next one asks anew");
}

#[tokio::test]
async fn a_token_is_used_until_a_minute_before_its_end() {
    for (lifetime, used) in [(3600, 3540), (61, 1), (60, 30), (10, 5)] {
        let clock = manual_clock();
        let server = Server::start_bare(clock.clone(), move |seen| {
            if seen.is_for_token() { token("t", lifetime, None) } else { answer(200, EMPTY) }
        })
        .await;
        let client = client(server.settings(), clock.clone());
        let tokens = || server.seen().iter().filter(|seen| seen.is_for_token()).count();
        list(&client).await.unwrap();
        clock.advance(Duration::from_millis(used * 1000 - 1));
        list(&client).await.unwrap();
        assert_eq!(tokens(), 1, "{lifetime} s");
        clock.advance(Duration::from_millis(1));
        list(&client).await.unwrap();
        assert_eq!(tokens(), 2, "{lifetime} s");
    }
}

/// Catches: a token that is used past its end, or thrown away before, because the local clock was set.
#[tokio::test]
async fn a_local_clock_that_is_set_makes_no_token_older_or_younger() {
    let clock = manual_clock();
    let server = Server::start_at(clock.clone(), |_| answer(200, EMPTY)).await;
    let client = client(server.settings(), clock.clone());
    let tokens = || server.seen().iter().filter(|seen| seen.is_for_token()).count();
    let day = Duration::from_secs(86_400);
    list(&client).await.unwrap();
    clock.set(clock.now().plus(day));
    list(&client).await.unwrap();
    assert_eq!(tokens(), 1);
    clock.set(clock.now().minus(3 * day));
    clock.advance(Duration::from_secs(3540));
    list(&client).await.unwrap();
    assert_eq!(tokens(), 2);
}

#[tokio::test]
async fn after_a_401_one_more_token_is_fetched_and_the_request_sent_once_more() {
    let tokens = AtomicU32::new(0);
    let server = Server::start_bare(Arc::new(SystemClock), move |seen| {
        if seen.is_for_token() {
            token(&format!("t{}", tokens.fetch_add(1, Ordering::SeqCst)), 3599, None)
        } else if seen.header("authorization") == "Bearer t0" {
            answer(401, "{}")
        } else {
            answer(200, page(&["a"], None))
        }
    })
    .await;
    let client = server.client();
    for result in join_all((0..10).map(|_| list(&client))).await {
        result.unwrap();
    }
    let tokens = server.seen().iter().filter(|seen| seen.is_for_token()).count();
    assert_eq!(tokens, 2, "a newer token is not dropped for an older one's refusal");
}

#[tokio::test]
async fn a_second_401_is_a_matter_of_credentials() {
    let server =
        Server::start(|_| answer(401, r#"{"title":"Unauthorized","detail":"revoked","request_id":"rq-3"}"#))
            .await;
    let error = list(&server.client()).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Credentials);
    assert_eq!(error.problem().unwrap().request_id.as_deref(), Some("rq-3"));
    assert_eq!(server.seen().len(), 4, "two tokens, two lists");
}

#[tokio::test]
async fn a_scope_that_was_not_granted_is_named_and_the_rest_goes_on() {
    let server = Server::start_bare(Arc::new(SystemClock), |seen| {
        if seen.is_for_token() { token("t", 3599, Some(READ)) } else { answer(200, EMPTY) }
    })
    .await;
    let client = server.client();
    list(&client).await.unwrap();
    let error = client.profiles(Lane::Discover).await.unwrap_err();
    assert!(matches!(error, FetchError::MissingScope { scope: PROFILES, .. }), "{error}");
    assert!(error.to_string().contains(PROFILES));
    assert_eq!(error.kind(), FailureKind::Credentials);
    assert_eq!(server.asked().len(), 1, "what cannot succeed is not sent");
}

#[tokio::test]
async fn without_the_needed_scope_nothing_goes_on() {
    let server = Server::start_bare(Arc::new(SystemClock), |seen| {
        if seen.is_for_token() { token("t", 3599, Some(PROFILES)) } else { answer(200, EMPTY) }
    })
    .await;
    let client = server.client();
    assert!(list(&client).await.unwrap_err().to_string().contains(READ));
    client.profiles(Lane::Discover).await.unwrap();
}

#[tokio::test]
async fn a_scope_that_the_endpoint_does_not_know_is_left_out() {
    let server = Server::start_bare(Arc::new(SystemClock), |seen| match form(seen, "scope").as_deref() {
        None => answer(200, EMPTY),
        Some(READ) => token("t", 3599, None),
        Some(_) => answer(400, r#"{"error":"invalid_scope"}"#),
    })
    .await;
    let client = server.client();
    list(&client).await.unwrap();
    assert!(matches!(
        client.profiles(Lane::Sweep).await,
        Err(FetchError::MissingScope { scope: PROFILES, .. })
    ));

    let server =
        Server::start_bare(Arc::new(SystemClock), |_| answer(400, r#"{"error":"invalid_scope"}"#)).await;
    let error = list(&server.client()).await.unwrap_err();
    assert!(matches!(error, FetchError::MissingScope { scope: READ, .. }), "{error}");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_failing_token_endpoint_is_asked_as_often_as_the_policy_says() {
    let tries = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&tries);
    let server = Server::start_bare(Arc::new(SystemClock), move |seen| {
        if !seen.is_for_token() {
            return answer(200, EMPTY);
        }
        match count.fetch_add(1, Ordering::SeqCst) {
            0 => answer(503, ""),
            1 => answer(200, "<html>"),
            _ => token("t", 3599, None),
        }
    })
    .await;
    list(&server.client()).await.unwrap();
    assert_eq!(tries.load(Ordering::SeqCst), 3);

    let server = Server::start_bare(Arc::new(SystemClock), |_| answer(502, "bad gateway")).await;
    let error = list(&server.client()).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Unreachable);
    assert_eq!(server.seen().len(), 5, "not five times five");
}

#[tokio::test]
async fn each_refusal_of_the_token_endpoint_has_its_kind() {
    for (status, body, kind) in [
        (400, r#"{"error":"unauthorized_client"}"#, FailureKind::Credentials),
        (403, r#"{"title":"Forbidden"}"#, FailureKind::Credentials),
        (401, "", FailureKind::Credentials),
        (404, "", FailureKind::Protocol),
        (302, "", FailureKind::Protocol),
    ] {
        let server = Server::start_bare(Arc::new(SystemClock), move |_| answer(status, body)).await;
        let error = list(&server.client()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{status}: {error}");
        assert_eq!(server.seen().len(), 1, "{status}");
    }
}
