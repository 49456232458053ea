//! Alerts: how people are told of breaks, and are sent reports.
//!
//! Owns the words (`text`), what goes where, when and how often (`plan`), and one file for each kind of sink.
//! What is to be told comes from the ledger's outbox; whether something is to be told was decided by the rules.

mod deliver;
mod failure;
mod heartbeat;
mod http;
mod message;
mod observer;
mod plan;
mod report;
mod sinks;
mod text;

pub use deliver::{DeliverError, Delivery, TestError, test};
pub use failure::{SendError, SinkError};
pub use heartbeat::Heartbeat;
pub use message::{DeadLetters, Message, NAMED, OneBreak, Summary, SummaryLine, Test, bounded};
pub use observer::{Attempt, Beat, Observer, Unobserved};
pub use plan::{More, Parcel, Retry, Summing, Tone, after_failure, has_settled, parcels, route, tells};
pub use sinks::{
    Alert, Alertmanagers, Email, MAX_ALERTS, MAX_ATTACHED, PagerDuty, Sink, Slack, Webhook, alert,
    alertmanager_payload, pagerduty_payload, signature, slack_payload, slack_report_payload, webhook_payload,
    webhook_report_payload,
};
pub use text::{Fact, Links, Story, Telling};
