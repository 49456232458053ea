//! Each fault of a request shows what it says, and leaves the next request alone.

use std::time::Duration;

use serde_json::Value;
use tallyd::sim::{Canned, Endpoint, Fault, FaultRate, Rate, Scripted};

use super::rig::{LIST, Rig, ids, small, text};

#[tokio::test]
async fn error_statuses_come_as_problems_or_pages() {
    let rig = Rig::start(small(3)).await;
    for (name, status) in [("401", 401), ("403", 403), ("429", 429), ("500", 500), ("502", 502), ("503", 503)]
    {
        rig.control.script(Endpoint::List, [name.parse::<Fault>().unwrap()]);
        let answer = rig.list(&[]).await;
        answer.problem(status);
        assert_eq!(answer.header("retry-after"), None);
        assert_eq!(rig.list(&[]).await.status, 200, "{name} was to happen once");
    }
    for (name, status) in [("500-html", 500), ("502-html", 502), ("503-html", 503), ("html-page", 200)] {
        rig.control.script(Endpoint::Get, [name.parse::<Fault>().unwrap()]);
        let answer = rig.get_one("x").await;
        assert_eq!(answer.status, status);
        assert!(answer.header("content-type").unwrap().starts_with("text/html"));
        assert!(serde_json::from_str::<Value>(&answer.text).is_err());
    }
    let wait = Fault::TooManyRequests { retry_after: Some(Duration::from_secs(7)) };
    rig.control.script(Endpoint::List, [wait]);
    assert_eq!(rig.list(&[]).await.header("retry-after"), Some("7"));
    assert_eq!(rig.list(&[]).await.status, 200, "this 429 carries no penalty");
    rig.control.script(Endpoint::Token, [Fault::Unauthorized]);
    let answer = rig.ask_token(&[]).await;
    assert_eq!((answer.status, answer.json()["error"].as_str()), (401, Some("invalid_client")));
    rig.control.script(Endpoint::List, [Fault::ForgetTokens]);
    rig.list(&[]).await.problem(401);
    rig.list(&[]).await.problem(401);
    rig.stop().await;
}

#[tokio::test]
async fn bodies_are_cut_malformed_or_too_large() {
    let rig = Rig::start(small(50)).await;
    rig.control.script(Endpoint::List, [Fault::CutBody]);
    let error = rig.try_get(LIST, &[]).await.unwrap_err();
    assert!(error.is_body() || error.is_decode(), "{error:?}");
    rig.control.script(Endpoint::List, [Fault::NotJson]);
    let answer = rig.list(&[]).await;
    assert_eq!(answer.status, 200);
    assert!(serde_json::from_str::<Value>(&answer.text).is_err());
    rig.control.script(Endpoint::List, [Fault::NoLists]);
    let answer = rig.list(&[]).await.json();
    assert!(answer.get("items").is_none() && answer.get("orchestrations").is_none());
    assert_ne!(answer, serde_json::json!({}));
    rig.control.script(Endpoint::List, [Fault::EmptyObject]);
    assert_eq!(rig.list(&[]).await.text, "{}");
    rig.control.script(Endpoint::List, [Fault::Oversized { bytes: 3 << 20 }]);
    let answer = rig.list(&[]).await;
    assert_eq!(answer.text.len(), (3 << 20) + 2);
    assert_eq!(answer.json(), serde_json::json!({}));
    assert_eq!(rig.list(&[]).await.items().len(), 50);
    rig.stop().await;
}

#[tokio::test]
async fn dates_go_missing_and_redirects_point_home() {
    let rig = Rig::start(small(2)).await;
    rig.control.script(Endpoint::List, [Fault::MissingDate]);
    let answer = rig.list(&[]).await;
    assert_eq!((answer.header("date"), answer.items().len()), (None, 2));
    assert!(rig.list(&[]).await.header("date").is_some());
    rig.control.script(Endpoint::List, [Fault::Redirect]);
    let answer = rig.list(&[("limit", "1")]).await;
    assert_eq!(answer.status, 302);
    let target = answer.header("location").unwrap();
    assert_eq!(target, rig.url(&format!("{LIST}?limit=1&redirected=1")));
    assert_eq!(rig.list(&[("limit", "1"), ("redirected", "1")]).await.items().len(), 1);
    rig.stop().await;
}

#[tokio::test]
async fn a_hanging_request_is_let_go_at_shutdown() {
    let rig = Rig::start(small(1)).await;
    rig.control.script(Endpoint::List, [Fault::Hang]);
    let control = rig.control.clone();
    let url = rig.url(LIST);
    let waiting =
        tokio::spawn(
            async move { reqwest::Client::builder().no_proxy().build().unwrap().get(url).send().await },
        );
    tokio::time::timeout(super::rig::DEADLINE, control.reached(Endpoint::List, 1)).await.unwrap();
    assert_eq!(control.requests()[0].status, None);
    assert!(!waiting.is_finished());
    rig.stop().await;
    let _ = tokio::time::timeout(super::rig::DEADLINE, waiting).await.unwrap().unwrap();
}

#[tokio::test]
async fn pages_repeat_swap_and_come_empty_without_losing_a_row() {
    let rig = Rig::start(small(47)).await;
    let truth = rig.control.truth();
    let walk = [("limit", "10"), ("order", "ASC")];

    rig.control.script(Endpoint::List, [Scripted::Honest, Fault::RepeatPage.into()]);
    let rows = rig.walk(&walk).await;
    assert_eq!(ids(&rows[10..20]), ids(&rows[..10]));
    assert_eq!(rows[10..], truth);

    rig.control.script(Endpoint::List, [Scripted::Honest, Scripted::Honest, Fault::SwapPages.into()]);
    let rows = rig.walk(&walk).await;
    let swapped = [&truth[..20], &truth[30..40], &truth[20..30], &truth[40..]].concat();
    assert_eq!(rows, swapped);

    rig.control.script(Endpoint::List, [Scripted::Honest, Fault::EmptyPage.into(), Fault::EmptyPage.into()]);
    rig.control.forget_requests();
    assert_eq!(rig.walk(&walk).await, truth);
    assert_eq!(rig.control.count(Endpoint::List), 7);
    rig.stop().await;
}

#[tokio::test]
async fn cursors_expire_repeat_and_never_end() {
    let rig = Rig::start(small(25)).await;
    let truth = rig.control.truth();
    let first = rig.list(&[("limit", "10"), ("order", "ASC")]).await;
    let cursor = first.cursor().unwrap();
    let second = [("limit", "10"), ("order", "ASC"), ("page_cursor", cursor.as_str())];
    rig.control.script(Endpoint::List, [Fault::ExpiredCursor]);
    assert!(rig.list(&second).await.problem(400).contains("expired"));
    rig.control.script(Endpoint::List, [Fault::RepeatCursor]);
    let same = rig.list(&second).await;
    assert_eq!(same.cursor().as_deref(), Some(cursor.as_str()));
    assert_eq!(ids(&same.items()), ids(&truth[10..20]));

    rig.control.set_faults([FaultRate::everywhere(Fault::EndlessPages, Rate::ALWAYS)]);
    let mut cursors = std::collections::BTreeSet::new();
    let mut rows = Vec::new();
    let mut next = rig.list(&[("limit", "10"), ("order", "ASC")]).await;
    for _ in 0..20 {
        rows.extend(next.items());
        let cursor = next.cursor().unwrap();
        next = rig.list(&[("limit", "10"), ("order", "ASC"), ("page_cursor", &cursor)]).await;
        cursors.insert(cursor);
    }
    assert_eq!(rows, truth);
    assert_eq!(cursors.len(), 20);
    rig.stop().await;
}

#[tokio::test]
async fn some_ids_that_were_asked_for_are_not_answered() {
    let rig = Rig::start(small(40)).await;
    let truth = rig.control.truth();
    let query: Vec<_> = ids(&truth).into_iter().map(|id| ("orchestration_id", id)).collect();
    rig.control.script(Endpoint::List, [Fault::OmitIds, Fault::OmitIds]);
    let found = rig.list(&query).await.items();
    assert!(!found.is_empty() && found.len() < 40);
    assert_eq!(rig.list(&query[..1]).await.items(), Vec::<Value>::new());
    assert_eq!(rig.list(&query).await.items().len(), 40);

    let shy = text(&truth[7], "id");
    rig.control.never_answer(shy);
    assert_eq!(rig.list(&query).await.items().len(), 39);
    assert_eq!(rig.list(&[]).await.items().len(), 40);
    assert_eq!(rig.get_one(shy).await.json(), truth[7]);
    rig.control.answer_again(shy);
    assert_eq!(rig.list(&query).await.items().len(), 40);
    rig.stop().await;
}

#[tokio::test]
async fn a_stale_replica_shows_an_earlier_world() {
    let mut config = small(100);
    config.world.arrivals_per_hour = 600;
    let rig = Rig::start(config).await;
    let query = [("limit", "1000"), ("order", "ASC")];
    let earlier = rig.control.truth();
    rig.advance(Duration::from_secs(600));
    let now = rig.control.truth();
    assert!(now.len() > earlier.len());
    rig.control.script(Endpoint::List, [Fault::Stale { lag: Duration::from_secs(600) }]);
    assert_eq!(rig.list(&query).await.items(), earlier);
    assert_eq!(rig.list(&query).await.items(), now);
    let newest = text(now.last().unwrap(), "id");
    rig.control.script(Endpoint::Get, [Fault::Stale { lag: Duration::from_secs(600) }]);
    rig.get_one(newest).await.problem(404);
    assert_eq!(rig.get_one(newest).await.status, 200);
    rig.stop().await;
}

#[tokio::test]
async fn rates_come_from_the_seed_and_spare_the_token_endpoint() {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let mut config = small(2);
        config.faults = vec!["500=30%".parse().unwrap(), "list:403=30%".parse().unwrap()];
        let rig = Rig::start(config).await;
        let mut statuses = Vec::new();
        for _ in 0..60 {
            statuses.push(rig.list(&[]).await.status);
            assert_ne!(rig.ask_token(&[]).await.status, 500);
        }
        for status in [200, 403, 500] {
            assert!(statuses.contains(&status));
        }
        rig.control.clear_faults();
        assert_eq!(rig.list(&[]).await.status, 200);
        seen.push(statuses);
        rig.stop().await;
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn a_canned_answer_is_sent_as_it_stands() {
    let rig = Rig::start(small(2)).await;
    rig.control.script(Endpoint::List, [Canned::json("{\"items\":[],\"extra\":1.50}")]);
    let answer = rig.list(&[]).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "{\"items\":[],\"extra\":1.50}"));
    let teapot = Canned {
        status: 418,
        headers: vec![("date".to_owned(), "yesterday".to_owned())],
        body: b"short and stout".to_vec(),
    };
    rig.control.script(Endpoint::List, [teapot]);
    let answer = rig.list(&[]).await;
    assert_eq!((answer.status, answer.header("date")), (418, Some("yesterday")));
    rig.stop().await;
}
