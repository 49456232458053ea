//! The webhook's wire, and what HTTP sinks make of answers.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;
use tallyd::alerts::{Message, SendError, Test, signature, webhook_payload};
use tallyd::config::{SecretUrl, SinkTarget};
use tallyd::model::{BreakKind, Occasion, SinkName};

use crate::harness::faults_by_schema;

use super::{Receiver, Script, message, now, record, resolved, sink, summary, webhook_at};

#[test]
fn every_message_is_as_the_published_schema_says() {
    let schema: Value = serde_json::from_str(include_str!("../../../docs/webhook-v1.schema.json")).unwrap();
    let mut messages = vec![summary(500), message(resolved(BreakKind::StuckPending), Occasion::Resolved)];
    messages.extend(BreakKind::ALL.map(|kind| message(record(kind), Occasion::Opened)));
    messages.push(Message::Test(Test { sink: SinkName("desk".to_owned()), at: now() }));
    for message in messages {
        let found = faults_by_schema(&webhook_payload(&message, now()), &schema);
        assert_eq!(found, [""; 0], "{}", message.title());
    }
}

#[test]
fn the_wire_of_a_break_is_what_it_was() {
    let payload = webhook_payload(&message(record(BreakKind::StuckProcessing), Occasion::Opened), now());
    insta::assert_snapshot!(format!("{payload:#}"));
}

#[tokio::test]
async fn a_body_is_signed_and_has_a_key_of_its_own() {
    let receiver = Receiver::start([]).await;
    let sink = sink(webhook_at(&format!("{}/hooks/tallyd?team=7", receiver.url)));
    let opened = message(record(BreakKind::Failed), Occasion::Opened);
    sink.send(&opened, now()).await.unwrap();
    sink.send(&opened, now()).await.unwrap();
    sink.send(&message(resolved(BreakKind::Failed), Occasion::Resolved), now()).await.unwrap();
    let got = receiver.got();
    assert_eq!(got[0].path, "/hooks/tallyd?team=7");
    assert_eq!(got[0].header("content-type"), "application/json");
    // Made with: printf '%s' "$t.$body" | openssl dgst -sha256 -hmac hunter2
    assert_eq!(
        signature("hunter2", 1_795_279_320, "{}"),
        "t=1795279320,v1=14dfdca842b80a1fc0a8716bde56b3391cbd94cfc9440581dd14073bf5e6ee5c",
    );
    for got in &got {
        let seconds = now().as_micros() / 1_000_000;
        assert_eq!(got.header("tallyd-signature"), signature("hunter2", seconds, &got.body));
    }
    let keys: Vec<&str> = got.iter().map(|got| got.header("idempotency-key")).collect();
    assert_eq!(keys[0], keys[1], "the same telling");
    assert_ne!(keys[0], keys[2], "another telling of the same break");
    assert_eq!(got[0].json()["key"], got[2].json()["key"]);
}

#[tokio::test]
async fn answers_are_told_apart() {
    let cases = [
        (Script::Answer(204, ""), "taken"),
        (Script::Answer(500, "oops"), "passing 500: oops"),
        (Script::Answer(408, ""), "passing 408"),
        (Script::AnswerWith(429, ("retry-after", "17"), "slow down"), "passing 429: slow down after 17"),
        (
            Script::AnswerWith(503, ("retry-after", "Sat, 21 Nov 2026 16:43:00 GMT"), ""),
            "passing 503 after 60",
        ),
        (Script::Answer(404, "no_service"), "sink 404: no_service"),
        (Script::Answer(403, ""), "sink 403"),
        (
            Script::AnswerWith(302, ("location", "http://127.0.0.1:1/"), ""),
            "sink 302 (a redirect, and none is followed)",
        ),
        (Script::Answer(400, "invalid_payload\n\u{1b}[2J"), "message 400: invalid_payload\\n\\u{1b}[2J"),
        (Script::Answer(413, ""), "message 413"),
    ];
    let receiver = Receiver::start(cases.iter().map(|(script, _)| script.clone())).await;
    let sink = sink(webhook_at(&receiver.url));
    let host = receiver.url.trim_start_matches("http://").to_owned();
    for (script, expected) in cases {
        let told = match sink.send(&summary(11), now()).await {
            Ok(()) => "taken".to_owned(),
            Err(SendError::Passing { what, retry_after }) => {
                let after = retry_after.map_or(String::new(), |after| format!(" after {}", after.as_secs()));
                format!("passing {what}{after}")
            }
            Err(SendError::SinkRefuses { what }) => format!("sink {what}"),
            Err(SendError::MessageRefused { what }) => format!("message {what}"),
        };
        assert_eq!(told.replace(&format!("{host} answered "), ""), expected, "{script:?}");
    }
    assert_eq!(receiver.got().len(), 10, "nothing was followed");
}

#[tokio::test]
async fn who_does_not_answer_is_told_by_name_alone() {
    let receiver = Receiver::start([Script::Hang]).await;
    let mut config =
        super::sink_config("desk", webhook_at(&format!("{}/T00/B00/very-secret-token", receiver.url)));
    config.timeout = Duration::from_millis(200);
    let sink = tallyd::alerts::Sink::new(&config).unwrap();
    let error = sink.send(&summary(11), now()).await.unwrap_err();
    assert!(error.to_string().contains("did not answer within"), "{error}");
    // A port on which nobody listens.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    config.target = webhook_at(&format!("http://{free}/T00/B00/very-secret-token"));
    let sink = tallyd::alerts::Sink::new(&config).unwrap();
    let refused = sink.send(&summary(11), now()).await.unwrap_err();
    assert!(refused.to_string().contains("cannot be reached: Connection refused"), "{refused}");
    for text in
        [format!("{error} {error:?}"), format!("{refused} {refused:?}"), format!("{sink:?} {config:?}")]
    {
        assert!(!text.contains("very-secret") && !text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn an_answer_that_repeats_the_secret_gives_nothing_away() {
    let receiver = Receiver::start([Script::Answer(
        404,
        "no such hook: /services/T0AAAAAAA/B0BBBBBBB/xyzzy-xyzzy-xyzzy",
    )])
    .await;
    let url = format!("{}/services/T0AAAAAAA/B0BBBBBBB/xyzzy-xyzzy-xyzzy", receiver.url);
    let sink = sink(SinkTarget::Slack { url: SecretUrl::new(&url.parse().unwrap()) });
    let error = sink.send(&summary(11), now()).await.unwrap_err().to_string();
    assert!(error.contains("no such hook: /***/***/***/***"), "{error}");
}

#[test]
fn debug_forms_hold_no_secret() {
    let target = SinkTarget::PagerDuty {
        url: tallyd::config::PAGERDUTY_URL.to_owned(),
        routing_key: SecretString::from("R0UT1NGK3Y".to_owned()),
    };
    let shown = format!("{target:?} {:?}", sink(target.clone()));
    assert!(!shown.contains("R0UT1NGK3Y"), "{shown}");
}
