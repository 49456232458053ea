//! PagerDuty: events of its API v2, all of one break under one `dedup_key`.

use reqwest::header::CONTENT_TYPE;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

use crate::alerts::failure::SendError;
use crate::alerts::http::Http;
use crate::alerts::message::{Message, bounded};
use crate::alerts::plan::Tone;
use crate::model::{Profile, Severity, Timestamp, cut};

/// The longest key, in characters, as PagerDuty documents it.
const MAX_KEY: usize = 255;
/// The longest summary.
const MAX_SUMMARY: usize = 1024;

/// A service of PagerDuty.
#[derive(Debug)]
pub struct PagerDuty {
    pub(super) http: Http,
    pub(super) url: String,
    pub(super) routing_key: SecretString,
}

impl PagerDuty {
    pub(super) async fn send(&self, message: &Message, now: Timestamp) -> Result<(), SendError> {
        let mut body = payload(message);
        body["routing_key"] = Value::from(self.routing_key.expose_secret());
        let request =
            self.http.post(&self.url).header(CONTENT_TYPE, "application/json").body(body.to_string());
        self.http.expect_taken(request, now).await
    }
}

/// The event for a message, but for the key of the integration.
pub fn payload(message: &Message) -> Value {
    let action = match message.tone() {
        Tone::Stands => "trigger",
        Tone::LookedAfter => "acknowledge",
        Tone::Over => "resolve",
    };
    let mut event = json!({
        "event_action": action,
        "dedup_key": bounded(&message.key(), MAX_KEY),
    });
    if action != "trigger" {
        return event;
    }
    let mut payload = json!({
        "summary": cut(&message.title(), MAX_SUMMARY),
        "source": source(message),
        "severity": match (message, message.severity()) {
            (Message::Test(_), _) => "info",
            (_, Severity::Critical) => "critical",
            (_, Severity::Warning) => "warning",
        },
        "timestamp": message.at().to_rfc3339(),
        "component": "tallyd",
        "class": class(message),
        "custom_details": details(message),
    });
    if let Some(group) = profile(message) {
        payload["group"] = Value::from(cut(&group.label(), 200));
    }
    event["payload"] = payload;
    event["client"] = Value::from("tallyd");
    let runbook = match message {
        Message::Break(one) => Some(&one.story.runbook),
        Message::Summary(summary) => Some(&summary.runbook),
        Message::DeadLetters(_) | Message::Test(_) => None,
    };
    if let Some(href) = runbook.filter(|runbook| runbook.starts_with("http")) {
        event["links"] = json!([{"href": href, "text": "Runbook"}]);
    }
    event
}

fn profile(message: &Message) -> Option<&Profile> {
    match message {
        Message::Break(one) => one.record.profile.as_ref(),
        Message::Summary(summary) => summary.profile.as_ref(),
        Message::DeadLetters(_) | Message::Test(_) => None,
    }
}

/// What is affected, as PagerDuty asks for.
fn source(message: &Message) -> String {
    match message {
        Message::Break(one) => cut(&format!("paxos {}", one.notice.subject), 200),
        Message::Summary(summary) => {
            let profile =
                summary.profile.as_ref().map_or("paxos".to_owned(), |profile| profile.id.to_string());
            cut(&profile, 200)
        }
        Message::DeadLetters(dead) => cut(&format!("tallyd sink {}", dead.sink), 200),
        Message::Test(_) => "tallyd".to_owned(),
    }
}

fn class(message: &Message) -> &'static str {
    match message {
        Message::Break(one) => one.notice.kind.as_str(),
        Message::Summary(summary) => summary.kind.as_str(),
        Message::DeadLetters(_) => "dead_letters",
        Message::Test(_) => "test",
    }
}

fn details(message: &Message) -> Value {
    let mut details = Map::new();
    match message {
        Message::Break(one) => {
            let story = &one.story;
            details.insert("what happened".to_owned(), Value::from(story.happened.join(" ")));
            for fact in &story.facts {
                details.insert(fact.name.to_owned(), Value::from(fact.value.clone()));
            }
            details.insert("next".to_owned(), Value::from(story.next.clone()));
            details.insert("runbook".to_owned(), Value::from(story.runbook.clone()));
        }
        Message::Summary(summary) => {
            let first = summary
                .first
                .iter()
                .map(|line| format!("{} ({})", cut(&line.title, 200), summary.subject_of(line)));
            details.insert("count".to_owned(), Value::from(summary.count));
            details.insert("first".to_owned(), Value::from(first.collect::<Vec<_>>()));
            details.insert("runbook".to_owned(), Value::from(summary.runbook.clone()));
        }
        Message::DeadLetters(_) | Message::Test(_) => {
            details.insert("text".to_owned(), Value::from(message.body()));
        }
    }
    Value::Object(details)
}
