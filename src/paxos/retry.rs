//! Sending a request again.
//!
//! Owns which failures are worth it and how long to wait. Every attempt passes the limiter anew, which
//! is for `outbound` to see to.

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

use super::{Call, FetchError, RetryPolicy};

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

impl From<FetchError> for AttemptError {
    fn from(error: FetchError) -> Self {
        if error.is_passing() { Self::Passing(error) } else { Self::Lasting(error) }
    }
}

/// What is left of the attempts at one request.
pub(super) struct Retries<'a> {
    call: &'a Call,
    delays: ExponentialBackoff,
    failed: u32,
}

impl<'a> Retries<'a> {
    /// As many attempts as the policy allows.
    pub(super) fn new(policy: &RetryPolicy, seed: u64, call: &'a Call) -> Self {
        let retries = usize::try_from(policy.attempts.get() - 1).unwrap_or(usize::MAX);
        let delays = ExponentialBuilder::new()
            .with_min_delay(policy.first_delay)
            .with_max_delay(policy.max_delay)
            .with_max_times(retries)
            .with_jitter()
            .with_jitter_seed(seed)
            .build();
        Self { call, delays, failed: 0 }
    }

    /// Waits until the request may be sent again after this failure; an error where it may not.
    pub(super) async fn pause(&mut self, failure: AttemptError) -> Result<(), FetchError> {
        let failure = match failure {
            AttemptError::Passing(failure) => failure,
            AttemptError::Lasting(failure) => return Err(failure),
        };
        let Some(delay) = self.delays.next() else { return Err(failure) };
        self.failed += 1;
        // A daemon in an outage would repeat it each minute; what failed for good is in the outcome.
        tracing::debug!(
            attempt = self.failed,
            delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
            endpoint = %self.call,
            error = %failure,
            "a request to Paxos failed and is sent again"
        );
        tokio::time::sleep(delay).await;
        Ok(())
    }
}
