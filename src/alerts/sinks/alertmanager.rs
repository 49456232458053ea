//! Alertmanager: alerts of its API v2, to every configured one at once.
//!
//! An Alertmanager forgets: an alert that is not sent again ends. So what stands is sent over and over, each time
//! with an end some minutes ahead, and what is over is sent for a while with its true end. Alertmanagers of a
//! cluster expect to be sent everything each, and group and deduplicate by labels.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use secrecy::ExposeSecret as _;
use serde::Serialize;

use crate::alerts::failure::SendError;
use crate::alerts::http::Http;
use crate::alerts::message::{Message, bounded};
use crate::config::Login;
use crate::model::{Profile, Timestamp, cut, plain};

/// The most alerts that are sent at once, the worst first.
pub const MAX_ALERTS: usize = 1000;
/// When an alert ends that is not sent again.
const ENDS_AFTER: Duration = Duration::from_secs(5 * 60);
/// The longest value of a label.
const MAX_LABEL: usize = 250;

/// Alertmanagers.
#[derive(Debug)]
pub struct Alertmanagers {
    http: Http,
    login: Login,
    each: Vec<One>,
}

#[derive(Debug)]
struct One {
    url: String,
    /// For messages.
    host: String,
    /// Whether it did not take what it was sent last.
    failing: AtomicBool,
}

/// One alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// What it is, to Alertmanager: two alerts of the same labels are the same.
    pub labels: BTreeMap<&'static str, String>,
    /// What people read.
    pub annotations: BTreeMap<String, String>,
    /// Since when.
    pub starts_at: String,
    /// Until when: ahead for what stands.
    pub ends_at: String,
}

impl Alertmanagers {
    pub(super) fn new(http: Http, urls: &[Url], login: Login) -> Self {
        let each = urls
            .iter()
            .map(|url| One {
                url: format!("{}/api/v2/alerts", url.as_str().trim_end_matches('/')),
                host: url.host_str().unwrap_or_default().to_owned(),
                failing: AtomicBool::new(false),
            })
            .collect();
        Self { http, login, each }
    }

    /// Sends alerts to each. One that takes them is enough: they are sent again in a minute to all.
    ///
    /// # Errors
    ///
    /// None has taken them.
    pub async fn send(&self, alerts: &[Alert], now: Timestamp) -> Result<(), SendError> {
        let body = payload(alerts);
        let results = join_all(self.each.iter().map(|one| self.send_to(one, body.clone(), now))).await;
        let mut error = None;
        let mut taken = false;
        for (one, result) in self.each.iter().zip(results) {
            match result {
                Ok(()) => {
                    taken = true;
                    if one.failing.swap(false, Ordering::Relaxed) {
                        tracing::info!(host = one.host, "an Alertmanager takes alerts again");
                    }
                }
                Err(failed) => {
                    if !one.failing.swap(true, Ordering::Relaxed) && self.each.len() > 1 {
                        let error = failed.to_string();
                        tracing::warn!(host = one.host, error, "an Alertmanager does not take alerts");
                    }
                    error = error.or(Some(failed));
                }
            }
        }
        match error {
            Some(error) if !taken => Err(error),
            _ => Ok(()),
        }
    }

    async fn send_to(&self, one: &One, body: String, now: Timestamp) -> Result<(), SendError> {
        let request = self.http.post(&one.url).header(CONTENT_TYPE, "application/json").body(body);
        let request = match &self.login {
            Login::None => request,
            Login::Bearer(token) => request.bearer_auth(token.expose_secret()),
            Login::Basic { user, password } => request.basic_auth(user, Some(password.expose_secret())),
        };
        self.http.expect_taken(request, now).await
    }
}

/// The body for alerts.
pub fn payload(alerts: &[Alert]) -> String {
    serde_json::to_string(alerts).unwrap_or_default()
}

/// The alert for a message.
pub fn alert(message: &Message, now: Timestamp) -> Alert {
    let mut labels = BTreeMap::from([
        ("service", "tallyd".to_owned()),
        ("severity", message.severity().as_str().to_owned()),
        ("break", bounded(&plain(&message.key()), MAX_LABEL)),
    ]);
    let mut annotations = BTreeMap::from([("summary".to_owned(), message.title())]);
    let mut starts_at = message.at();
    let mut ends_at = now.plus(ENDS_AFTER);
    match message {
        Message::Break(one) => {
            let standing = &one.record.standing;
            labels.insert("alertname", alert_name(standing.kind.as_str()));
            labels.insert("kind", standing.kind.to_string());
            labels.extend(one.record.profile.as_ref().map(|profile| ("profile", label(profile))));
            for fact in &one.story.facts {
                annotations.insert(fact.name.replace(' ', "_"), fact.value.clone());
            }
            annotations.insert("description".to_owned(), one.story.happened.join(" "));
            annotations.insert("next".to_owned(), one.story.next.clone());
            annotations.insert("runbook_url".to_owned(), one.story.runbook.clone());
            starts_at = standing.opened_at;
            ends_at = one.record.resolved.as_ref().map_or(ends_at, |resolved| resolved.at.min(now));
        }
        Message::Summary(summary) => {
            labels.insert("alertname", alert_name(summary.kind.as_str()));
            labels.insert("kind", summary.kind.to_string());
            labels.extend(summary.profile.as_ref().map(|profile| ("profile", label(profile))));
            annotations.insert("description".to_owned(), message.body());
        }
        Message::DeadLetters(_) => {
            labels.insert("alertname", alert_name("dead_letters"));
            annotations.insert("description".to_owned(), message.body());
        }
        Message::Test(_) => {
            labels.insert("alertname", alert_name("test"));
            annotations.insert("description".to_owned(), message.body());
        }
    }
    // An alert that ends before it starts is refused; clocks may differ that much.
    let starts_at = starts_at.min(ends_at);
    Alert { labels, annotations, starts_at: starts_at.to_rfc3339(), ends_at: ends_at.to_rfc3339() }
}

/// The alert that says how many others were not sent.
pub(in crate::alerts) fn over_the_cap(beyond: usize, now: Timestamp) -> Alert {
    let labels = BTreeMap::from([
        ("alertname", alert_name("more_breaks")),
        ("service", "tallyd".to_owned()),
        ("severity", "critical".to_owned()),
    ]);
    let summary = format!("At least {beyond} more breaks than the {MAX_ALERTS} worst that are sent here");
    let annotations = BTreeMap::from([
        ("summary".to_owned(), summary),
        ("next".to_owned(), "tallyd breaks list".to_owned()),
    ]);
    let (starts_at, ends_at) = (now.to_rfc3339(), now.plus(ENDS_AFTER).to_rfc3339());
    Alert { labels, annotations, starts_at, ends_at }
}

/// The name of an alert: `stuck_pending` is `TallydStuckPending`.
fn alert_name(kind: &str) -> String {
    let capital = |word: &str| {
        let mut chars = word.chars();
        chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
    };
    format!("Tallyd{}", kind.split('_').map(capital).collect::<String>())
}

fn label(profile: &Profile) -> String {
    cut(&plain(&profile.label()), MAX_LABEL)
}
