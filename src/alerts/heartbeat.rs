//! The heartbeat: a URL that is called after a complete poll and never otherwise, so that somebody else notices
//! when there is none (a dead-man's switch).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::failure::SinkError;
use super::http::Http;
use super::observer::{Beat, Observer, Unobserved};
use crate::config::{AlertsConfig, DEFAULT_SINK_TIMEOUT, SecretUrl};
use crate::model::{Identifier, PollOutcome, PollResult, ProfilePoll, Timestamp};

/// The URLs that are called after complete polls.
#[derive(Debug)]
pub struct Heartbeat {
    http: Http,
    all: Option<Call>,
    each: Vec<(Identifier, Call)>,
    /// The profiles that are polled, and which of them were since the last call for all.
    round: Mutex<HashMap<Identifier, Polled>>,
    observer: Arc<dyn Observer>,
}

/// Whether a profile was completely polled since the last call for every profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Polled {
    NotYet,
    Completely,
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
            round: Mutex::default(),
            observer: Arc::new(Unobserved),
        }))
    }

    /// The same heartbeat, which tells `observer` what comes of its calls.
    #[must_use]
    pub fn observed_by(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer, ..self }
    }

    /// Calls what one round over every profile gives reason to call. What fails is called again after the next poll.
    pub async fn after(&self, outcome: &PollOutcome, now: Timestamp) {
        self.begin(outcome.profiles.iter().map(|poll| poll.profile.id.clone()));
        if outcome.account_failure.is_some() {
            self.begin([]);
        }
        for poll in &outcome.profiles {
            self.polled(poll, now).await;
        }
    }

    /// Notes which profiles a round polls; none where that is not known for all of them. Profiles that were
    /// completely polled since the last call, and are still polled, count.
    pub fn begin(&self, profiles: impl IntoIterator<Item = Identifier>) {
        let mut round = self.round.lock().unwrap_or_else(PoisonError::into_inner);
        let former = std::mem::take(&mut *round);
        round.extend(profiles.into_iter().map(|profile| {
            let state = former.get(&profile).copied().unwrap_or(Polled::NotYet);
            (profile, state)
        }));
    }

    /// Calls what the poll of one profile gives reason to call: its own URL where it was complete, and that for
    /// every profile where it was the last one of the round that was missing.
    pub async fn polled(&self, poll: &ProfilePoll, now: Timestamp) {
        let profile = &poll.profile.id;
        let is_complete = poll.result == PollResult::Complete;
        let is_last = self.note(profile, is_complete);
        if !is_complete {
            return;
        }
        for (_, call) in self.each.iter().filter(|(of, _)| of == profile) {
            self.call(call, &profile.to_string(), now).await;
        }
        if let Some(call) = self.all.as_ref().filter(|_| is_last) {
            self.call(call, "every profile", now).await;
        }
    }

    /// Notes how a poll ended. Returns whether every profile is now completely polled; counting begins anew then.
    fn note(&self, profile: &Identifier, is_complete: bool) -> bool {
        let mut round = self.round.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = round.get_mut(profile) {
            *state = if is_complete { Polled::Completely } else { Polled::NotYet };
        }
        let all = !round.is_empty() && round.values().all(|state| *state == Polled::Completely);
        if all {
            round.values_mut().for_each(|state| *state = Polled::NotYet);
        }
        all
    }

    async fn call(&self, call: &Call, profile: &str, now: Timestamp) {
        let taken = self.http.expect_taken(self.http.get(call.url.expose()), now).await;
        self.observer.beat(if taken.is_ok() { Beat::Called } else { Beat::Failed });
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
