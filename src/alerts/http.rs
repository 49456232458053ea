//! One HTTP exchange with a sink, within bounds: time, size, no redirects, no proxies; and nothing secret told.

use std::error::Error;
use std::time::Duration;

use chrono::DateTime;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, Url, redirect};

use super::failure::{SendError, SinkError};
use crate::config::CertificateFile;
use crate::model::{Timestamp, cut, plain};

/// Who speaks, for the receiver's logs.
const USER_AGENT: &str = concat!("tallyd/", env!("CARGO_PKG_VERSION"));
/// How much of an answer is read, in bytes: receivers say "ok".
const MAX_ANSWER: usize = 16 * 1024;
/// How much of an answer is told, in characters.
const MAX_TOLD: usize = 200;
/// Parts of a secret URL that are at least this long are not told either.
const LEAST_SECRET: usize = 8;

/// A client for one sink.
#[derive(Clone, Debug)]
pub(super) struct Http {
    client: reqwest::Client,
    timeout: Duration,
}

impl Http {
    pub(super) fn new(
        sink: &str,
        timeout: Duration,
        extra_roots: Option<&CertificateFile>,
    ) -> Result<Self, SinkError> {
        let failed = |cause| SinkError::Http { sink: sink.to_owned(), cause };
        let mut builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(redirect::Policy::none())
            // A proxy named in the environment of the service would see what is told, unasked.
            .no_proxy()
            .timeout(timeout)
            .connect_timeout(timeout);
        if let Some(roots) = extra_roots {
            let roots = reqwest::Certificate::from_pem_bundle(roots.pem.as_bytes()).map_err(failed)?;
            builder = builder.tls_certs_merge(roots);
        }
        Ok(Self { client: builder.build().map_err(failed)?, timeout })
    }

    pub(super) fn post(&self, url: &str) -> RequestBuilder {
        self.client.post(url)
    }

    pub(super) fn get(&self, url: &str) -> RequestBuilder {
        self.client.get(url)
    }

    /// Sends a request and expects an answer of the 2xx.
    pub(super) async fn expect_taken(
        &self,
        request: RequestBuilder,
        now: Timestamp,
    ) -> Result<(), SendError> {
        let request = request.build().map_err(|error| SendError::SinkRefuses {
            what: format!("no request can be made: {}", error.without_url()),
        })?;
        let url = request.url().clone();
        let host = host_and_port(&url);
        let response = self.client.execute(request).await.map_err(|error| self.explain(&host, &error))?;
        let status = response.status().as_u16();
        if (200..300).contains(&status) {
            return Ok(());
        }
        let retry_after = retry_after(response.headers(), now);
        let beginning = redacted(&beginning(response).await, &url);
        let said = if beginning.is_empty() { String::new() } else { format!(": {beginning}") };
        let what = format!("{host} answered {status}{said}");
        Err(match status {
            408 | 425 | 429 | 500.. => SendError::Passing { what, retry_after },
            401 | 403 | 404 | 405 | 407 | 410 => SendError::SinkRefuses { what },
            300..=399 => {
                SendError::SinkRefuses { what: format!("{what} (a redirect, and none is followed)") }
            }
            _ => SendError::MessageRefused { what },
        })
    }

    fn explain(&self, host: &str, error: &reqwest::Error) -> SendError {
        let seconds = self.timeout.as_secs();
        SendError::passing(if error.is_timeout() {
            format!("{host} did not answer within {seconds} s")
        } else if error.is_connect() {
            format!("{host} cannot be reached: {}", innermost(error))
        } else {
            format!("the exchange with {host} broke: {}", innermost(error))
        })
    }
}

/// The cause behind all causes: the others repeat the URL.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    let mut text = String::from("no reason was given");
    while let Some(error) = cause {
        text = error.to_string();
        cause = error.source();
    }
    cut(&plain(&text), MAX_TOLD)
}

fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or("the sink");
    url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"))
}

/// The beginning of an answer; what cannot be had of it is left out.
async fn beginning(mut response: Response) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < MAX_ANSWER {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk[..chunk.len().min(MAX_ANSWER - bytes.len())]),
            Ok(None) | Err(_) => break,
        }
    }
    bytes
}

/// A text of an answer without what may be secret in the URL: some servers repeat it.
fn redacted(bytes: &[u8], url: &Url) -> String {
    let mut text = String::from_utf8_lossy(bytes).trim().to_owned();
    let query = url.query().unwrap_or_default();
    let parts = url.path().split('/').chain(query.split(['&', '=']));
    for part in parts.filter(|part| part.len() >= LEAST_SECRET) {
        text = text.replace(part, "***");
    }
    cut(&plain(&text), MAX_TOLD)
}

/// Seconds, or an HTTP date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    Some(Timestamp::from_micros(date.timestamp_micros()).since(now))
}
