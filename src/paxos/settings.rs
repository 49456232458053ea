//! What the client has to be told.
//!
//! Checked values, and the defaults of those that a user cannot set. Where they come from (file, environment, flags) is for
//! `config` to know.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::{ApiUrl, Observer, Unobserved};
use crate::model::TransferLookUps;

/// What the client has to be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The API root, for example `https://api.paxos.com/v2`.
    pub api_url: ApiUrl,
    /// The token endpoint, for example `https://oauth.paxos.com/oauth2/token`.
    pub token_url: ApiUrl,
    /// The OAuth client.
    pub client_id: String,
    /// Its secret. Never shown.
    pub client_secret: SecretString,
    /// How much may be asked, and how long an answer may take.
    pub limits: Limits,
    /// How long connecting may take, TLS included.
    pub connect_timeout: Duration,
    /// How often and when a failed request is sent again.
    pub retry: RetryPolicy,
    /// The longest pause (429) that a request waits out; for a longer one it fails at once. See
    /// [`Client::with_stop_patience`](super::Client::with_stop_patience) for work that can wait.
    pub stop_patience: Duration,
    /// Certificates to trust beside the system's, for a proxy or a test server.
    pub extra_root_certificates: Vec<RootCertificate>,
    /// Where the jitter of the retries starts.
    pub jitter_seed: u64,
    /// Whether the scope for looking up transfers is asked for.
    pub look_up_transfers: TransferLookUps,
    /// Is told what the client does.
    pub observer: Arc<dyn Observer>,
}

impl Settings {
    /// Three lost SYN packets (1 + 2 + 4 s) and some.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
    /// Shorter than the usual pause of five minutes: a poll says that it is held up rather than
    /// waiting in silence.
    pub const STOP_PATIENCE: Duration = Duration::from_secs(120);

    /// Settings with the defaults of all that a user cannot set.
    pub fn new(
        api_url: ApiUrl,
        token_url: ApiUrl,
        client_id: String,
        client_secret: SecretString,
        limits: Limits,
    ) -> Self {
        Self {
            api_url,
            token_url,
            client_id,
            client_secret,
            limits,
            connect_timeout: Self::CONNECT_TIMEOUT,
            retry: RetryPolicy::default(),
            stop_patience: Self::STOP_PATIENCE,
            extra_root_certificates: Vec::new(),
            jitter_seed: 0,
            look_up_transfers: TransferLookUps::Off,
            observer: Arc::new(Unobserved),
        }
    }
}

/// How much may be asked, and how long an answer may take. The user sets all of it, so its defaults are
/// not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many requests a second all lanes but backfill may send together.
    pub requests_per_second: NonZeroU32,
    /// How many requests a second a backfill may send. All lanes together stay under the greater of
    /// this and [`requests_per_second`](Self::requests_per_second).
    pub backfill_requests_per_second: NonZeroU32,
    /// How long one request may take, its body included.
    pub request_timeout: Duration,
}

/// How often and when a failed request is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often it is sent at most, the first time included.
    pub attempts: NonZeroU32,
    /// The wait before the second time; it doubles each time. Jitter adds up to as much again.
    pub first_delay: Duration,
    /// The longest wait, before jitter.
    pub max_delay: Duration,
}

impl RetryPolicy {
    /// Outlives a restart behind a load balancer, and ends before a poll is late.
    pub const ATTEMPTS: NonZeroU32 = NonZeroU32::new(5).unwrap();
    /// Long enough for a single lost packet or a failing replica to be over.
    pub const FIRST_DELAY: Duration = Duration::from_millis(500);
    /// Beyond this a new poll is the better retry.
    pub const MAX_DELAY: Duration = Duration::from_secs(20);
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts: Self::ATTEMPTS, first_delay: Self::FIRST_DELAY, max_delay: Self::MAX_DELAY }
    }
}

/// A certificate to trust beside the system's.
#[derive(Clone, Debug)]
pub struct RootCertificate(reqwest::Certificate);

/// A text that holds no usable PEM certificate.
#[derive(Debug, thiserror::Error)]
#[error("read a PEM certificate; expected a block that begins with -----BEGIN CERTIFICATE-----")]
pub struct InvalidCertificate {
    #[source]
    source: Option<reqwest::Error>,
}

impl RootCertificate {
    /// Reads every certificate of a PEM file; one without any is an error.
    pub fn from_pem(pem: &[u8]) -> Result<Vec<Self>, InvalidCertificate> {
        let certificates = reqwest::Certificate::from_pem_bundle(pem)
            .map_err(|source| InvalidCertificate { source: Some(source) })?;
        if certificates.is_empty() {
            return Err(InvalidCertificate { source: None });
        }
        Ok(certificates.into_iter().map(Self).collect())
    }

    pub(super) fn certificate(&self) -> reqwest::Certificate {
        self.0.clone()
    }
}
