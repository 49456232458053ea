//! The sinks, one file for each kind: small, each with its own client, limits and form.

mod alertmanager;
mod email;
mod log;
mod pagerduty;
mod slack;
mod webhook;

pub use alertmanager::{Alert, Alertmanagers, MAX_ALERTS, alert, payload as alertmanager_payload};
pub use email::Email;
pub use pagerduty::{PagerDuty, payload as pagerduty_payload};
pub use slack::{Slack, payload as slack_payload};
pub use webhook::{Webhook, payload as webhook_payload, signature};

pub use email::attachments::MAX_ATTACHED;
pub use slack::report_payload as slack_report_payload;
pub use webhook::report_payload as webhook_report_payload;

pub(super) use alertmanager::over_the_cap;

use super::failure::{SendError, SinkError};
use super::http::Http;
use super::message::Message;
use crate::config::{SinkConfig, SinkTarget, TAKE_REPORTS};
use crate::model::{MadeReport, Timestamp};

/// A sink that can be told something.
#[derive(Debug)]
pub enum Sink {
    /// The log of this process.
    Log,
    /// A URL that takes tallyd's own JSON.
    Webhook(Webhook),
    /// Alertmanagers.
    Alertmanager(Alertmanagers),
    /// A channel of Slack.
    Slack(Slack),
    /// A service of PagerDuty.
    PagerDuty(PagerDuty),
    /// E-mail.
    Email(Box<Email>),
}

impl Sink {
    /// The sink that a configuration describes. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// Its certificates or addresses cannot be used.
    pub fn new(config: &SinkConfig) -> Result<Self, SinkError> {
        let http = || Http::new(&config.name.0, config.timeout, config.extra_roots.as_ref());
        Ok(match &config.target {
            SinkTarget::Log => Self::Log,
            SinkTarget::Webhook { url, secret } => {
                Self::Webhook(Webhook { http: http()?, url: url.clone(), secret: secret.clone() })
            }
            SinkTarget::Alertmanager { urls, login } => {
                Self::Alertmanager(Alertmanagers::new(http()?, urls, login.clone()))
            }
            SinkTarget::Slack { url } => Self::Slack(Slack { http: http()?, url: url.clone() }),
            SinkTarget::PagerDuty { url, routing_key } => Self::PagerDuty(PagerDuty {
                http: http()?,
                url: url.clone(),
                routing_key: routing_key.clone(),
            }),
            SinkTarget::Email(email) => Self::Email(Box::new(Email::new(email, config)?)),
        })
    }

    /// Tells a message.
    ///
    /// # Errors
    ///
    /// The sink did not take it.
    pub async fn send(&self, message: &Message, now: Timestamp) -> Result<(), SendError> {
        match self {
            Self::Log => {
                log::tell(message);
                Ok(())
            }
            Self::Webhook(webhook) => webhook.send(message, now).await,
            Self::Alertmanager(alertmanagers) => alertmanagers.send(&[alert(message, now)], now).await,
            Self::Slack(slack) => slack.send(message, now).await,
            Self::PagerDuty(pagerduty) => pagerduty.send(message, now).await,
            Self::Email(email) => email.send(message).await,
        }
    }

    /// Tells that a report was made.
    ///
    /// # Errors
    ///
    /// The sink did not take it, or is of a type that takes none: the configuration names no such sink for a report,
    /// but what waits may be older than it.
    pub async fn send_report(&self, report: &MadeReport, now: Timestamp) -> Result<(), SendError> {
        match self {
            Self::Webhook(webhook) => webhook.send_report(report, now).await,
            Self::Slack(slack) => slack.send_report(report, now).await,
            Self::Email(email) => email.send_report(report).await,
            Self::Log | Self::Alertmanager(_) | Self::PagerDuty(_) => Err(SendError::MessageRefused {
                what: format!("a sink of this type takes no reports; {TAKE_REPORTS} do"),
            }),
        }
    }
}
