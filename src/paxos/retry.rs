//! Sending a request again.
//!
//! Owns which failures are worth it and how long to wait. Every attempt passes the limiter anew, which
//! is for `outbound` to see to.

use backon::{ExponentialBuilder, Retryable};

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

impl AttemptError {
    /// The failure itself.
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

/// Makes attempts until one succeeds, one fails for good, or the policy says enough.
pub(super) async fn retrying<T, F>(
    policy: &RetryPolicy,
    seed: u64,
    call: &Call,
    attempt: impl FnMut() -> F,
) -> Result<T, FetchError>
where
    F: Future<Output = Result<T, AttemptError>>,
{
    let retries = usize::try_from(policy.attempts.get() - 1).unwrap_or(usize::MAX);
    let delays = ExponentialBuilder::new()
        .with_min_delay(policy.first_delay)
        .with_max_delay(policy.max_delay)
        .with_max_times(retries)
        .with_jitter()
        .with_jitter_seed(seed);
    let mut failed = 0_u32;
    attempt
        .retry(delays)
        .sleep(tokio::time::sleep)
        .when(|failure| matches!(failure, AttemptError::Passing(_)))
        .notify(|failure, delay| {
            failed += 1;
            tracing::warn!(
                attempt = failed,
                delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
                endpoint = %call,
                error = %failure,
                "a request to Paxos failed and is sent again"
            );
        })
        .await
        .map_err(AttemptError::into_inner)
}
