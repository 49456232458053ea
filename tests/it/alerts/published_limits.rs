//! Slack's and PagerDuty's payloads against what these publish, with text that means harm.

use proptest::prelude::*;
use serde_json::Value;
use tallyd::alerts::{Message, pagerduty_payload, slack_payload};
use tallyd::model::{BreakKind, Evidence, Occasion, Subject};

use super::{message, now, record, resolved, summary};

/// Slack's rules for messages of blocks (docs.slack.dev/reference/block-kit): what breaks them.
fn slack_faults(payload: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let text = |value: &Value, most: usize, found: &mut Vec<String>| {
        let kind = value["type"].as_str().unwrap();
        let length = value["text"].as_str().unwrap().chars().count();
        if length == 0 || length > most {
            found.push(format!("{kind} of {length} characters, of {most}"));
        }
        if value["emoji"].is_boolean() && kind != "plain_text" {
            found.push("emoji in mrkdwn".to_owned());
        }
    };
    let blocks = payload["blocks"].as_array().unwrap();
    if blocks.is_empty() || blocks.len() > 50 {
        found.push(format!("{} blocks", blocks.len()));
    }
    for block in blocks {
        match block["type"].as_str().unwrap() {
            "header" => {
                text(&block["text"], 150, &mut found);
                assert_eq!(block["text"]["type"], "plain_text");
            }
            "section" => {
                if block["text"].is_object() {
                    text(&block["text"], 3000, &mut found);
                }
                let fields = block["fields"].as_array().cloned().unwrap_or_default();
                if fields.len() > 10 || (fields.is_empty() && !block["text"].is_object()) {
                    found.push(format!("{} fields", fields.len()));
                }
                for field in &fields {
                    text(field, 2000, &mut found);
                }
            }
            "context" => {
                let elements = block["elements"].as_array().unwrap();
                assert!((1..=10).contains(&elements.len()));
                for element in elements {
                    text(element, 2000, &mut found);
                }
            }
            other => found.push(format!("an unknown block {other}")),
        }
    }
    found
}

/// PagerDuty's rules for events (developer.pagerduty.com, Events API v2): what breaks them.
fn pagerduty_faults(event: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut check = |holds: bool, what: &str| {
        if !holds {
            found.push(what.to_owned());
        }
    };
    check(event.to_string().len() < 512_000, "larger than 512 kB");
    let key = event["dedup_key"].as_str().unwrap();
    check(!key.is_empty() && key.chars().count() <= 255, "dedup_key");
    let action = event["event_action"].as_str().unwrap();
    check(["trigger", "acknowledge", "resolve"].contains(&action), "event_action");
    if action == "trigger" {
        let payload = &event["payload"];
        let summary = payload["summary"].as_str().unwrap().chars().count();
        check((1..=1024).contains(&summary), "summary");
        check(payload["source"].as_str().is_some_and(|source| !source.is_empty()), "source");
        let severity = payload["severity"].as_str().unwrap();
        check(["critical", "error", "warning", "info"].contains(&severity), "severity");
        let is_time = tallyd::model::Timestamp::parse_rfc3339(payload["timestamp"].as_str().unwrap()).is_ok();
        check(is_time, "timestamp");
        check(payload["custom_details"].is_object(), "custom_details");
    } else {
        check(event.get("payload").is_none(), "a payload that is not read");
    }
    for link in event["links"].as_array().into_iter().flatten() {
        check(link["href"].as_str().unwrap().starts_with("https://"), "href");
    }
    found
}

fn all() -> Vec<Message> {
    let mut messages = vec![summary(11), summary(100_000)];
    for kind in BreakKind::ALL {
        messages.push(message(record(kind), Occasion::Opened));
        messages.push(message(resolved(kind), Occasion::Resolved));
    }
    messages
}

#[test]
fn every_message_is_within_the_published_limits() {
    for message in all() {
        assert_eq!(slack_faults(&slack_payload(&message)), [""; 0], "{}", message.title());
        assert_eq!(pagerduty_faults(&pagerduty_payload(&message)), [""; 0], "{}", message.title());
    }
}

#[test]
fn one_incident_is_triggered_acknowledged_and_resolved() {
    let of = |occasion| pagerduty_payload(&message(record(BreakKind::Failed), occasion));
    let events = [Occasion::Opened, Occasion::Worsened, Occasion::Acknowledged, Occasion::Resolved].map(of);
    let actions = events.each_ref().map(|event| event["event_action"].as_str().unwrap());
    assert_eq!(actions, ["trigger", "trigger", "acknowledge", "resolve"]);
    assert!(events.iter().all(|event| event["dedup_key"] == events[0]["dedup_key"]), "{events:?}");
    let mut again = record(BreakKind::Failed);
    again.standing.episode = 2;
    let again = pagerduty_payload(&message(again, Occasion::Opened));
    assert_ne!(again["dedup_key"], events[0]["dedup_key"], "a new episode is a new incident");
}

#[test]
fn sample_payloads() {
    let slack = slack_payload(&message(record(BreakKind::StuckBetweenLegs), Occasion::Opened));
    let burst = slack_payload(&summary(500));
    let pagerduty = pagerduty_payload(&message(record(BreakKind::StuckBetweenLegs), Occasion::Opened));
    insta::assert_snapshot!(format!("{slack:#}\n\n{burst:#}\n\n{pagerduty:#}"));
}

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        Just("<!channel> <@U012> <https://evil.example|click me> & *bold*".to_owned()),
        Just("é".repeat(10_000)),
        Just("\n".repeat(10_000)),
        Just(String::new()),
    ]
}

proptest! {
    #[test]
    fn hostile_text_breaks_no_limit_and_no_markup(text in hostile()) {
        let mut record = record(BreakKind::Failed);
        let row = record.orchestration.as_mut().unwrap();
        row.ref_id = Some(text.as_str().into());
        row.fail_reason = Some(text.as_str().into());
        record.standing.subject = Subject::Orchestration(text.as_str().into());
        record.standing.evidence = Evidence::Ended { at: now(), reason: Some(text.clone()) };
        record.profile.as_mut().unwrap().name = Some(text.clone());
        let message = message(record, Occasion::Opened);
        let slack = slack_payload(&message);
        prop_assert_eq!(slack_faults(&slack), [""; 0]);
        prop_assert_eq!(pagerduty_faults(&pagerduty_payload(&message)), [""; 0]);
        // Outside of plain text Slack would obey it.
        let fallback = slack["text"].as_str().unwrap();
        prop_assert!(!fallback.contains('<') && !fallback.contains('>'), "{}", fallback);
        for block in slack["blocks"].as_array().unwrap().iter().filter(|block| block["type"] != "context") {
            prop_assert!(!block.to_string().contains("\"mrkdwn\""), "{}", block);
        }
    }
}
