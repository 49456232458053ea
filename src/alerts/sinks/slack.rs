//! Slack: an incoming webhook, told in blocks.
//!
//! Text that came from outside stands in plain text alone, where Slack obeys no markup.

mod report;

use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::alerts::failure::SendError;
use crate::alerts::http::Http;
use crate::alerts::message::{Message, OneBreak, Summary};
use crate::alerts::plan::Tone;
use crate::config::SecretUrl;
use crate::model::{Severity, Timestamp, cut};

pub use self::report::report_payload;

/// The longest header, in characters, as Slack documents it.
const MAX_HEADER: usize = 150;
/// The longest text of a section.
const MAX_SECTION: usize = 3000;
/// The most fields of a section.
const MAX_FIELDS: usize = 10;
/// The longest text of a field.
const MAX_FIELD: usize = 2000;
/// The longest text for notifications on a phone.
const MAX_FALLBACK: usize = 500;

/// A channel of Slack.
#[derive(Debug)]
pub struct Slack {
    pub(super) http: Http,
    pub(super) url: SecretUrl,
}

impl Slack {
    pub(super) async fn send(&self, message: &Message, now: Timestamp) -> Result<(), SendError> {
        self.post(&payload(message), now).await
    }

    async fn post(&self, body: &Value, now: Timestamp) -> Result<(), SendError> {
        let request =
            self.http.post(self.url.expose()).header(CONTENT_TYPE, "application/json").body(body.to_string());
        self.http.expect_taken(request, now).await
    }
}

/// The body for a message.
pub fn payload(message: &Message) -> Value {
    let title = format!("{} {}", sign(message), message.title());
    let mut blocks = vec![json!({"type": "header", "text": plain_text(&title, MAX_HEADER)})];
    match message {
        Message::Break(one) => blocks.extend(of_break(one, &title)),
        Message::Summary(summary) => blocks.extend(of_summary(summary)),
        Message::DeadLetters(_) | Message::Test(_) => blocks.push(section(&message.body())),
    }
    json!({
        "text": escaped(&cut(&title, MAX_FALLBACK)),
        "blocks": blocks,
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

fn of_break(one: &OneBreak, title: &str) -> Vec<Value> {
    let story = &one.story;
    let mut told = story.happened.join("\n");
    if title.chars().count() > MAX_HEADER {
        told = format!("{title}\n{told}");
    }
    let mut blocks = vec![section(&told)];
    for facts in story.facts.chunks(MAX_FIELDS) {
        let fields: Vec<Value> = facts
            .iter()
            .map(|fact| plain_text(&format!("{}\n{}", fact.name, fact.value), MAX_FIELD))
            .collect();
        blocks.push(json!({"type": "section", "fields": fields}));
    }
    blocks.push(section(&format!("Next: {}", story.next)));
    blocks.push(context(&story.runbook));
    blocks
}

fn of_summary(summary: &Summary) -> Vec<Value> {
    let mut lines: Vec<String> = summary
        .first
        .iter()
        .map(|line| format!("• {} ({})", cut(&line.title, 200), summary.subject_of(line)))
        .collect();
    let more = summary.count.saturating_sub(summary.first.len());
    if more > 0 {
        lines.push(format!("• and {more} more: tallyd breaks list --kind {}", summary.kind));
    }
    vec![section(&lines.join("\n")), context(&summary.runbook)]
}

fn sign(message: &Message) -> &'static str {
    match (message, message.tone(), message.severity()) {
        (Message::Test(_), ..) => "🧪",
        (_, Tone::Over, _) => "✅",
        (_, Tone::LookedAfter, _) => "👀",
        (_, Tone::Stands, Severity::Critical) => "🔴",
        (_, Tone::Stands, Severity::Warning) => "🟡",
    }
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": plain_text(text, MAX_SECTION)})
}

/// A link to the runbook: the one text with markup, and it comes from the configuration.
fn context(runbook: &str) -> Value {
    let text = if runbook.starts_with("http") {
        format!("<{}|Runbook>", escaped(runbook).replace('|', "%7C"))
    } else {
        format!("Runbook: {}", escaped(runbook))
    };
    json!({"type": "context", "elements": [{"type": "mrkdwn", "text": text, "verbatim": true}]})
}

/// Text without markup. Slack refuses an empty one.
fn plain_text(text: &str, most: usize) -> Value {
    let text = if text.trim().is_empty() { "–" } else { text };
    json!({"type": "plain_text", "text": cut(text, most), "emoji": false})
}

/// The three characters that mean something in Slack's own markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
