//! The generic webhook: tallyd's own JSON, signed.
//!
//! The wire types are a public interface, described in docs/alerts.md and docs/webhook-v1.schema.json.

mod report;

use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::header::CONTENT_TYPE;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use sha2::Sha256;

use crate::alerts::failure::SendError;
use crate::alerts::http::Http;
use crate::alerts::message::{Message, OneBreak, Summary, bounded, hex};
use crate::alerts::plan::Tone;
use crate::config::SecretUrl;
use crate::model::{Certainty, Orchestration, Profile, Subject, Timestamp, cut};

use self::report::WireReport;
pub use self::report::report_payload;

/// The longest `Idempotency-Key`.
const MAX_KEY: usize = 255;
/// The longest text from outside in a field of the JSON; the ids are told whole up to it.
const MAX_FIELD: usize = 1000;

/// A URL that takes tallyd's own JSON.
#[derive(Debug)]
pub struct Webhook {
    pub(super) http: Http,
    pub(super) url: SecretUrl,
    pub(super) secret: SecretString,
}

impl Webhook {
    pub(super) async fn send(&self, message: &Message, now: Timestamp) -> Result<(), SendError> {
        self.post(payload(message, now).to_string(), &message.delivery_key(), now).await
    }

    /// Posts a body, signed and under a key.
    async fn post(&self, body: String, key: &str, now: Timestamp) -> Result<(), SendError> {
        let seconds = now.as_micros().div_euclid(1_000_000);
        let signature = signature(self.secret.expose_secret(), seconds, &body);
        let request = self
            .http
            .post(self.url.expose())
            .header(CONTENT_TYPE, "application/json")
            .header("Idempotency-Key", header_text(key))
            .header("Tallyd-Signature", signature)
            .body(body);
        self.http.expect_taken(request, now).await
    }
}

/// A key as a header may carry it.
fn header_text(key: &str) -> String {
    let visible = |char: char| if char.is_ascii_graphic() { char } else { '_' };
    bounded(&bounded(key, MAX_KEY).chars().map(visible).collect::<String>(), MAX_KEY)
}

/// The header that proves who sent a body, and when: `t=<unix seconds>,v1=<HMAC-SHA256 of "t.body" in hex>`.
pub fn signature(secret: &str, seconds: i64, body: &str) -> String {
    // A key of HMAC may have any length, so there is always one.
    let code = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map(|mut mac| {
        mac.update(format!("{seconds}.{body}").as_bytes());
        hex(&mac.finalize().into_bytes())
    });
    format!("t={seconds},v1={}", code.unwrap_or_default())
}

#[derive(Serialize)]
struct Wire {
    version: &'static str,
    /// What of the following is there.
    r#type: &'static str,
    /// The same for everything that is told of one break.
    key: String,
    /// The same when this is sent a second time.
    id: String,
    sent_at: String,
    at: String,
    severity: &'static str,
    state: &'static str,
    title: String,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#break: Option<WireBreak>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<WireSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letters: Option<WireDeadLetters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<WireReport>,
}

#[derive(Serialize)]
struct WireBreak {
    number: i64,
    kind: &'static str,
    occasion: &'static str,
    subject: WireSubject,
    episode: u32,
    former: Option<i64>,
    profile: Option<WireProfile>,
    opened_at: String,
    since: Option<WireSince>,
    resolved_at: Option<String>,
    resolved_why: Option<String>,
    facts: Vec<WireFact>,
    next: String,
    runbook: String,
    orchestration: Option<WireOrchestration>,
}

#[derive(Serialize)]
struct WireSubject {
    r#type: &'static str,
    id: String,
}

#[derive(Serialize)]
struct WireProfile {
    id: String,
    name: Option<String>,
}

#[derive(Serialize)]
struct WireSince {
    at: String,
    /// `exactly`, or `at_latest`: it was then or earlier.
    certainty: &'static str,
}

#[derive(Serialize)]
struct WireFact {
    name: &'static str,
    value: String,
}

#[derive(Serialize)]
struct WireOrchestration {
    id: String,
    ref_id: Option<String>,
    status: String,
    source_asset: Option<String>,
    destination_asset: Option<String>,
    source_amount: Option<String>,
    source_transfer_id: Option<String>,
    source_transfer_status: Option<String>,
    destination_transfer_id: Option<String>,
    destination_transfer_status: Option<String>,
    fail_reason: Option<String>,
    created_at: String,
    updated_at: Option<String>,
}

#[derive(Serialize)]
struct WireSummary {
    kind: &'static str,
    profile: Option<WireProfile>,
    count: usize,
    members: Vec<WireMember>,
    first: Vec<WireSummaryLine>,
    runbook: String,
}

#[derive(Serialize)]
struct WireMember {
    number: i64,
    key: String,
}

#[derive(Serialize)]
struct WireSummaryLine {
    number: i64,
    subject: WireSubject,
    title: String,
}

#[derive(Serialize)]
struct WireDeadLetters {
    sink: String,
    count: u64,
    error: String,
}

/// The body for a message.
pub fn payload(message: &Message, now: Timestamp) -> serde_json::Value {
    let (kind, one, summary, dead) = match message {
        Message::Break(one) => ("break", Some(of_break(one)), None, None),
        Message::Summary(summary) => ("summary", None, Some(of_summary(summary)), None),
        Message::DeadLetters(dead) => {
            let error = cut(&dead.error, MAX_FIELD);
            let dead = WireDeadLetters { sink: dead.sink.0.clone(), count: dead.count, error };
            ("dead_letters", None, None, Some(dead))
        }
        Message::Test(_) => ("test", None, None, None),
    };
    let wire = Wire {
        version: "v1",
        r#type: kind,
        key: message.key(),
        id: message.delivery_key(),
        sent_at: now.to_rfc3339(),
        at: message.at().to_rfc3339(),
        severity: message.severity().as_str(),
        state: match message.tone() {
            Tone::Stands => "open",
            Tone::LookedAfter => "acknowledged",
            Tone::Over => "resolved",
        },
        title: message.title(),
        text: message.body(),
        r#break: one,
        summary,
        dead_letters: dead,
        report: None,
    };
    serde_json::to_value(&wire).unwrap_or_default()
}

fn of_break(one: &OneBreak) -> WireBreak {
    let (notice, standing) = (&one.notice, &one.record.standing);
    let resolved = one.record.resolved.as_ref();
    WireBreak {
        number: notice.number.0,
        kind: notice.kind.as_str(),
        occasion: notice.occasion.as_str(),
        subject: of_subject(&notice.subject),
        episode: notice.episode,
        former: one.record.former.map(|former| former.0),
        profile: one.record.profile.as_ref().map(of_profile),
        opened_at: standing.opened_at.to_rfc3339(),
        since: standing.evidence.since().map(|since| WireSince {
            at: since.at.to_rfc3339(),
            certainty: match since.certainty {
                Certainty::Exactly => "exactly",
                Certainty::AtLatest => "at_latest",
            },
        }),
        resolved_at: resolved.map(|resolved| resolved.at.to_rfc3339()),
        resolved_why: resolved.map(|resolved| cut(&resolved.why.to_string(), MAX_FIELD)),
        facts: one
            .story
            .facts
            .iter()
            .map(|fact| WireFact { name: fact.name, value: fact.value.clone() })
            .collect(),
        next: one.story.next.clone(),
        runbook: one.story.runbook.clone(),
        orchestration: one.record.orchestration.as_ref().map(of_orchestration),
    }
}

fn of_subject(subject: &Subject) -> WireSubject {
    let kind = match subject {
        Subject::Orchestration(_) => "orchestration",
        Subject::Profile(_) => "profile",
        Subject::Cause(_) => "cause",
        Subject::Report(_) => "report",
    };
    WireSubject { r#type: kind, id: cut(&subject.to_string(), MAX_FIELD) }
}

fn of_profile(profile: &Profile) -> WireProfile {
    WireProfile { id: cut(&profile.id.to_string(), MAX_FIELD), name: profile.name.clone() }
}

fn of_orchestration(row: &Orchestration) -> WireOrchestration {
    fn text(value: Option<&impl ToString>) -> Option<String> {
        value.map(|value| cut(&value.to_string(), MAX_FIELD))
    }
    WireOrchestration {
        id: cut(&row.id.to_string(), MAX_FIELD),
        ref_id: text(row.ref_id.as_ref()),
        status: cut(row.status.as_str(), MAX_FIELD),
        source_asset: text(row.source_asset.as_ref()),
        destination_asset: text(row.destination_asset.as_ref()),
        source_amount: text(row.source_amount.as_ref()),
        source_transfer_id: text(row.source_transfer.transfer_id.as_ref()),
        source_transfer_status: text(row.source_transfer.status.as_ref()),
        destination_transfer_id: text(row.destination_transfer.transfer_id.as_ref()),
        destination_transfer_status: text(row.destination_transfer.status.as_ref()),
        fail_reason: text(row.fail_reason.as_ref()),
        created_at: row.created_at.to_rfc3339(),
        updated_at: row.updated_at.map(Timestamp::to_rfc3339),
    }
}

fn of_summary(summary: &Summary) -> WireSummary {
    let line = |line: &crate::alerts::message::SummaryLine| WireSummaryLine {
        number: line.number.0,
        subject: of_subject(&line.subject),
        title: line.title.clone(),
    };
    WireSummary {
        kind: summary.kind.as_str(),
        profile: summary.profile.as_ref().map(of_profile),
        count: summary.count,
        members: summary
            .members
            .iter()
            .map(|(number, key)| WireMember { number: number.0, key: key.clone() })
            .collect(),
        first: summary.first.iter().map(line).collect(),
        runbook: summary.runbook.clone(),
    }
}
