//! Alertmanager: its wire by the rules of its `OpenAPI` document, and a real one where it is installed.

use std::process::Command;

use serde_json::Value;
use tallyd::alerts::{Sink, alert, alertmanager_payload};
use tallyd::config::{Login, SinkTarget};
use tallyd::model::{BreakKind, BreakNumber, Identifier, Occasion, Severity, Subject, Timestamp};

use super::{Receiver, Script, message, now, record, resolved, sink, summary};
use crate::harness::{DEADLINE, Foreign, installed};

fn target(urls: &[&str]) -> SinkTarget {
    SinkTarget::Alertmanager {
        urls: urls.iter().map(|url| url.parse().unwrap()).collect(),
        login: Login::None,
    }
}

/// A label's or an annotation's name, as Alertmanager checks it.
fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && chars.all(|char| char.is_ascii_alphanumeric() || char == '_')
}

#[test]
fn alerts_are_as_the_open_api_document_asks() {
    for kind in BreakKind::ALL {
        for (record, occasion) in [(record(kind), Occasion::Opened), (resolved(kind), Occasion::Resolved)] {
            let alerts: Value =
                serde_json::from_str(&alertmanager_payload(&[alert(&message(record, occasion), now())]))
                    .unwrap();
            let alert = &alerts[0];
            let time = |key: &str| Timestamp::parse_rfc3339(alert[key].as_str().unwrap()).unwrap();
            assert!(time("startsAt") <= time("endsAt"), "{kind} {occasion}");
            assert_eq!(time("endsAt") > now(), occasion == Occasion::Opened, "{kind} {occasion}");
            for part in ["labels", "annotations"] {
                for (name, value) in alert[part].as_object().unwrap() {
                    assert!(is_name(name) && value.is_string(), "{kind}: {part}.{name}");
                }
            }
            let labels = alert["labels"].as_object().unwrap();
            let names: Vec<&str> = labels.keys().map(String::as_str).collect();
            assert!(
                names
                    .iter()
                    .all(|name| ["alertname", "break", "kind", "profile", "service", "severity"]
                        .contains(name)),
                "{names:?}"
            );
        }
    }
}

#[test]
fn a_worse_break_is_another_alert_and_a_repeat_the_same() {
    let labels = |record| alert(&message(record, Occasion::Opened), now()).labels;
    let mut worse = record(BreakKind::StuckPending);
    worse.standing.severity = Severity::Critical;
    assert_eq!(labels(record(BreakKind::StuckPending)), labels(record(BreakKind::StuckPending)));
    assert_ne!(labels(record(BreakKind::StuckPending)), labels(worse));
}

#[tokio::test]
async fn one_of_several_is_enough_and_each_is_sent_everything() {
    let (one, two) = (Receiver::start([]).await, Receiver::start([Script::Answer(500, "")]).await);
    let both = sink(target(&[&one.url, &format!("{}/prefix/", two.url)]));
    both.send(&summary(11), now()).await.unwrap();
    assert_eq!(one.got()[0].path, "/api/v2/alerts");
    assert_eq!(two.got()[0].path, "/prefix/api/v2/alerts");
    assert_eq!(one.got()[0].header("content-type"), "application/json");
    one.then([Script::Answer(500, "")]);
    two.then([Script::Answer(503, "")]);
    both.send(&summary(11), now()).await.unwrap_err();
}

async fn send(sink: &Sink, numbers: std::ops::Range<i64>, is_over: bool, now: Timestamp) {
    for number in numbers {
        let (mut record, occasion) = if is_over {
            (resolved(BreakKind::Failed), Occasion::Resolved)
        } else {
            (record(BreakKind::Failed), Occasion::Opened)
        };
        record.standing.number = BreakNumber(number);
        record.standing.subject = Subject::Orchestration(Identifier::new(&format!("orch_{number}")));
        record.standing.opened_at = now.minus(std::time::Duration::from_secs(60));
        if let Some(resolved) = &mut record.resolved {
            resolved.at = now;
        }
        sink.send(&message(record, occasion), now).await.unwrap();
    }
}

#[tokio::test]
async fn a_real_alertmanager_groups_survives_a_restart_and_resolves() {
    use tallyd::clock::{Clock as _, SystemClock};
    let Some(program) = installed(&["prometheus-alertmanager", "alertmanager"]) else { return };
    let hook = Receiver::start([]).await;
    let config = format!(
        "route:\n  receiver: hook\n  group_by: [alertname, profile]\n  group_wait: 0s\n  group_interval: 1s\n\
         receivers:\n- name: hook\n  webhook_configs:\n  - url: {}\n    send_resolved: true\n",
        hook.url
    );
    let mut real =
        Foreign::start(program, &config, &["--storage.path=data", "--cluster.listen-address="]).await;
    let sink = sink(target(&[&real.url]));
    send(&sink, 0..3, false, SystemClock.now()).await;
    let told = real
        .until("three alerts", "/api/v2/alerts", |text| text.matches("\"fingerprint\"").count() == 3)
        .await;
    assert!(told.contains("TallydFailed") && told.contains("runbook_url"), "{told}");
    let groups =
        real.until("they are grouped", "/api/v2/alerts/groups", |text| text.contains("TallydFailed")).await;
    let groups: Value = serde_json::from_str(&groups).unwrap();
    assert_eq!(groups.as_array().unwrap().len(), 1, "one group for one kind and profile");
    // A restart forgets alerts: sending again, as tallyd does each minute, brings them back.
    real.restart().await;
    send(&sink, 0..3, false, SystemClock.now()).await;
    real.until("they are back", "/api/v2/alerts", |text| text.matches("\"fingerprint\"").count() == 3).await;
    if let Ok(amtool) =
        Command::new("amtool").args(["alert", "query", "--alertmanager.url", &real.url]).output()
    {
        let shown = String::from_utf8(amtool.stdout).unwrap();
        assert!(shown.contains("TallydFailed"), "{shown}{}", String::from_utf8(amtool.stderr).unwrap());
    }
    send(&sink, 0..3, true, SystemClock.now()).await;
    real.until("none stands", "/api/v2/alerts", |text| text.trim() == "[]").await;
    let is_resolved = |got: &super::Got| got.json()["status"] == "resolved";
    let began = std::time::Instant::now();
    while !hook.got().iter().any(is_resolved) {
        assert!(began.elapsed() < DEADLINE, "the end was never passed on");
        tokio::task::yield_now().await;
    }
}
