//! Sending a request again.
//!
//! Owns which failures are worth it and how long to wait. Every attempt passes the limiter anew, which
//! is for `outbound` to see to.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

use super::outbound::Outbound;
use super::{BodyError, Call, Endpoint, FetchError, Observer, RetryPolicy};
use crate::clock::SharedClock;

/// How often people are told that requests are sent again.
const TOLD_EVERY: Duration = Duration::from_secs(600);

/// Why one attempt failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum AttemptError {
    /// The same request may well succeed a moment later.
    #[error(transparent)]
    Passing(FetchError),
    /// It would fail again.
    #[error(transparent)]
    Lasting(FetchError),
}

impl AttemptError {
    /// Why, whether it passes or not.
    pub(super) fn into_inner(self) -> FetchError {
        match self {
            Self::Passing(error) | Self::Lasting(error) => error,
        }
    }
}

impl From<FetchError> for AttemptError {
    fn from(error: FetchError) -> Self {
        if error.is_passing() { Self::Passing(error) } else { Self::Lasting(error) }
    }
}

/// When people were told last that requests are sent again. Whoever waits at a terminal hears of the first
/// one, and a daemon in an outage does not say it each minute.
pub(super) struct Told {
    clock: SharedClock,
    last: Mutex<Option<Duration>>,
}

impl Told {
    pub(super) fn never(clock: SharedClock) -> Self {
        Self { clock, last: Mutex::default() }
    }

    /// Whether it is time to tell it, which is then done.
    fn is_due(&self) -> bool {
        let now = self.clock.monotonic();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| now.saturating_sub(last) >= TOLD_EVERY);
        if is_due {
            *last = Some(now);
        }
        is_due
    }
}

/// What is left of the attempts at one request.
pub(super) struct Retries<'a> {
    call: &'a Call,
    endpoint: Endpoint,
    told: &'a Told,
    observer: &'a dyn Observer,
    delays: ExponentialBackoff,
    failed: u32,
}

impl<'a> Retries<'a> {
    /// As many attempts as the policy allows.
    pub(super) fn new(
        policy: &RetryPolicy,
        seed: u64,
        call: &'a Call,
        endpoint: Endpoint,
        outbound: &'a Outbound,
    ) -> Self {
        let retries = usize::try_from(policy.attempts.get() - 1).unwrap_or(usize::MAX);
        let delays = ExponentialBuilder::new()
            .with_min_delay(policy.first_delay)
            .with_max_delay(policy.max_delay)
            .with_max_times(retries)
            .with_jitter()
            .with_jitter_seed(seed)
            .build();
        Self { call, endpoint, told: &outbound.told, observer: &*outbound.observer, delays, failed: 0 }
    }

    /// Waits until the request may be sent again after this failure; an error where it may not.
    pub(super) async fn pause(&mut self, failure: AttemptError) -> Result<(), FetchError> {
        let failure = match failure {
            AttemptError::Passing(failure) => failure,
            AttemptError::Lasting(failure) => return Err(failure),
        };
        let Some(delay) = self.delays.next() else { return Err(failure) };
        self.failed += 1;
        self.observer.sent_again(self.endpoint);
        /// What is told, at this level.
        macro_rules! tell {
            ($level:ident) => {
                tracing::$level!(
                    attempt = self.failed,
                    delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
                    endpoint = %self.call,
                    error = %failure,
                    "a request to Paxos failed and is sent again"
                )
            };
        }
        // A pause was told when it began, and an empty object may be the usual answer where there is nothing.
        let may_be_usual = matches!(
            failure,
            FetchError::Throttled { .. } | FetchError::Unintelligible { problem: BodyError::SaysNothing, .. }
        );
        if !may_be_usual && self.told.is_due() {
            tell!(info);
        } else {
            tell!(debug);
        }
        tokio::time::sleep(delay).await;
        Ok(())
    }
}
