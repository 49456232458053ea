//! The heartbeat: a URL that is called after a complete poll and never otherwise, so that somebody else notices
//! when there is none (a dead-man's switch).

use std::sync::atomic::{AtomicU32, Ordering};

use super::failure::SinkError;
use super::http::Http;
use crate::config::{AlertsConfig, DEFAULT_SINK_TIMEOUT, SecretUrl};
use crate::model::{Identifier, PollOutcome, PollResult, Timestamp};

/// The URLs that are called after complete polls.
#[derive(Debug)]
pub struct Heartbeat {
    http: Http,
    all: Option<Call>,
    each: Vec<(Identifier, Call)>,
}

#[derive(Debug)]
struct Call {
    url: SecretUrl,
    /// How often it failed since it went well.
    failures: AtomicU32,
}

impl Call {
    fn new(url: &SecretUrl) -> Self {
        Self { url: url.clone(), failures: AtomicU32::new(0) }
    }
}

impl Heartbeat {
    /// The heartbeat of a configuration; `None` where it has none.
    ///
    /// # Errors
    ///
    /// There is no HTTP client.
    pub fn new(alerts: &AlertsConfig) -> Result<Option<Self>, SinkError> {
        if alerts.heartbeat.is_none() && alerts.profile_heartbeats.is_empty() {
            return Ok(None);
        }
        let each = alerts.profile_heartbeats.iter().map(|(profile, url)| (profile.clone(), Call::new(url)));
        Ok(Some(Self {
            http: Http::new("heartbeat", DEFAULT_SINK_TIMEOUT, None)?,
            all: alerts.heartbeat.as_ref().map(Call::new),
            each: each.collect(),
        }))
    }

    /// Calls what a poll of every profile gives reason to call. What fails is called again after the next poll.
    pub async fn after(&self, outcome: &PollOutcome, now: Timestamp) {
        let is_complete = |id: &Identifier| {
            let mut polls = outcome.profiles.iter().filter(|poll| poll.profile.id == *id).peekable();
            polls.peek().is_some() && polls.all(|poll| poll.result == PollResult::Complete)
        };
        if let Some(call) = self.all.as_ref().filter(|_| outcome.is_complete()) {
            self.call(call, "every profile", now).await;
        }
        for (profile, call) in self.each.iter().filter(|(profile, _)| is_complete(profile)) {
            self.call(call, &profile.to_string(), now).await;
        }
    }

    async fn call(&self, call: &Call, profile: &str, now: Timestamp) {
        let taken = self.http.expect_taken(self.http.get(call.url.expose()), now).await;
        match taken {
            Ok(()) => {
                let failures = call.failures.swap(0, Ordering::Relaxed);
                if failures > 0 {
                    tracing::info!(profile, times = failures, "the heartbeat arrives again");
                }
            }
            Err(error) => {
                if call.failures.fetch_add(1, Ordering::Relaxed) == 0 {
                    let error = error.to_string();
                    tracing::warn!(
                        profile,
                        error,
                        "the heartbeat did not arrive; tried again after the next poll"
                    );
                }
            }
        }
    }
}
