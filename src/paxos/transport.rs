//! One HTTP exchange.
//!
//! Owns what keeps an exchange within bounds: time, size, encryption, no redirects, no proxies. Knows
//! neither tokens nor retries.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use reqwest::{Request, Response, redirect};
use tokio::time::Instant;

use super::address::host_and_port;
use super::body::{Body, Spares};
use super::server_clock::parse_http_date;
use super::{BodyError, Call, ConnectFailure, FetchError, Problem, RootCertificate, Settings, Subject};
use crate::clock::SharedClock;
use crate::model::Timestamp;

/// Who is asking, for Paxos's own logs.
const USER_AGENT: &str = concat!("tallyd/", env!("CARGO_PKG_VERSION"));
/// A thousand rows in both lists are some 2 MiB; metadata may make them larger.
pub(super) const MAX_LIST_BYTES: usize = 64 << 20;
/// Far above any token, problem document or single row.
pub(super) const MAX_SMALL_BYTES: usize = 1 << 20;
/// How much room is made at once, whatever length an answer claims to have.
const MAX_CAPACITY: usize = 4 << 20;

/// One HTTP client for everything.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    http: reqwest::Client,
    clock: SharedClock,
    timeout: Duration,
    spares: Spares,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: u16,
    /// The body; of anything but a 200 only as much as could be had.
    pub(super) body: Body,
    /// The server's clock.
    pub(super) date: Option<Timestamp>,
    /// The local clock when the answer began.
    pub(super) received_at: Timestamp,
    /// Its monotonic reading then.
    pub(super) received: Duration,
    /// What `Retry-After` says.
    pub(super) retry_after: Option<Duration>,
    /// From sending to the last byte.
    pub(super) took: Duration,
}

impl Answer {
    /// The body of a 200.
    pub(super) fn expect_ok(self, call: &Call, subject: Subject) -> Result<Body, FetchError> {
        if self.status == 200 { Ok(self.body) } else { Err(self.unexpected(call, subject)) }
    }

    /// What an answer of this status means where it is not one that was hoped for.
    pub(super) fn unexpected(&self, call: &Call, subject: Subject) -> FetchError {
        let (call, status) = (call.clone(), self.status);
        let problem = || Problem::parse(&self.body);
        match status {
            300..400 => FetchError::Redirected { call, status },
            408 | 500..600 => FetchError::Server { call, status, problem: problem() },
            400..500 => FetchError::Refused { call, status, problem: problem(), subject },
            _ => {
                let problem = BodyError::UnexpectedShape { what: "not under the status 200" };
                FetchError::Unintelligible { call, problem }
            }
        }
    }
}

impl Transport {
    pub(super) fn new(settings: &Settings, clock: SharedClock) -> reqwest::Result<Self> {
        let extra = settings.extra_root_certificates.iter().map(RootCertificate::certificate);
        let builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(redirect::Policy::none())
            // A proxy named in the environment of the service would see what is asked, unasked.
            .no_proxy()
            .gzip(true)
            .timeout(settings.limits.request_timeout)
            .connect_timeout(settings.connect_timeout);
        let encrypted = settings.api_url.is_encrypted() || settings.token_url.is_encrypted();
        let builder = if encrypted {
            builder.tls_certs_merge(extra)
        } else {
            // Without TLS the system's certificates need not even be there.
            builder.tls_certs_only(extra)
        };
        Ok(Self {
            http: builder.build()?,
            clock,
            timeout: settings.limits.request_timeout,
            spares: Spares::default(),
        })
    }

    /// Sends a request and reads the answer, a 200 up to `limit` bytes.
    pub(super) async fn exchange(
        &self,
        call: &Call,
        request: Request,
        limit: usize,
    ) -> Result<Answer, FetchError> {
        let host = host_and_port(request.url());
        let sent = Instant::now();
        let response = self.http.execute(request).await.map_err(|error| self.explain(call, &host, error))?;
        let (received_at, received) = (self.clock.now(), self.clock.monotonic());
        let status = response.status().as_u16();
        let date = header(response.headers(), &DATE).and_then(parse_http_date);
        let retry_after = header(response.headers(), &RETRY_AFTER)
            .and_then(|text| parse_retry_after(text, date.unwrap_or(received_at)));
        let body = match self.read(call, &host, response, limit).await {
            Ok(body) => body,
            Err(error) if status == 200 => return Err(error),
            // The status says enough; its explanation is a courtesy.
            Err(_) => self.spares.body(0),
        };
        Ok(Answer { status, body, date, received_at, received, retry_after, took: sent.elapsed() })
    }

    async fn read(
        &self,
        call: &Call,
        host: &str,
        mut response: Response,
        limit: usize,
    ) -> Result<Body, FetchError> {
        let limit = if response.status() == 200 { limit } else { limit.min(MAX_SMALL_BYTES) };
        let too_large = || FetchError::TooLarge { call: call.clone(), limit };
        let announced =
            response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
        if announced > limit {
            return Err(too_large());
        }
        let mut body = self.spares.body(announced.min(MAX_CAPACITY));
        // Chunks are counted after decompression, so that a small answer cannot unfold into a huge one.
        while let Some(chunk) = response.chunk().await.map_err(|error| self.explain(call, host, error))? {
            if body.len() + chunk.len() > limit {
                return Err(too_large());
            }
            body.extend(&chunk);
        }
        Ok(body)
    }

    fn explain(&self, call: &Call, host: &str, error: reqwest::Error) -> FetchError {
        // The URL holds the query.
        let error = error.without_url();
        let host = host.to_owned();
        let (connecting, timed_out, dns) = (error.is_connect(), error.is_timeout(), error.is_dns());
        let system = system_error(&error).map(|found| (found.kind(), found.to_string()));
        let source = Arc::new(error);
        match system {
            // What rustls objects to, tokio-rustls passes on as an error of this kind.
            Some((io::ErrorKind::InvalidData, detail)) if connecting => {
                FetchError::Tls { host, detail, source }
            }
            _ if timed_out && !connecting => FetchError::TimedOut { call: call.clone(), after: self.timeout },
            _ if !connecting => FetchError::Interrupted { call: call.clone(), source },
            _ if timed_out => FetchError::Connect { host, reason: ConnectFailure::TimedOut, source: None },
            _ if dns => FetchError::Connect { host, reason: ConnectFailure::NameNotFound, source: None },
            Some((io::ErrorKind::ConnectionRefused, _)) => {
                FetchError::Connect { host, reason: ConnectFailure::Refused, source: None }
            }
            _ => FetchError::Connect { host, reason: ConnectFailure::Other, source: Some(source) },
        }
    }
}

/// The innermost error of the system among the causes.
fn system_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    let (mut cause, mut found) = (Some(error), None);
    while let Some(error) = cause {
        found = error.downcast_ref().or(found);
        cause = error.source();
    }
    let mut innermost: &io::Error = found?;
    // One that wraps another names its cause's cause, not its cause, as its source.
    while let Some(inner) = innermost.get_ref().and_then(|inner| inner.downcast_ref()) {
        innermost = inner;
    }
    Some(innermost)
}

fn header<'a>(headers: &'a HeaderMap, name: &reqwest::header::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Seconds, or an HTTP date, which counts from the server's own clock.
fn parse_retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    match text.parse::<u64>() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => parse_http_date(text).map(|date| date.since(now)),
    }
}
