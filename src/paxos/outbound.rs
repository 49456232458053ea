//! The one way out, for requests of every kind.
//!
//! Owns the manners: nothing is sent while a 429 forbids it, nothing passes the limiter by, and a 429
//! stops everything to its host. Knows neither tokens nor what an answer means.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Request;
use tokio::time::Instant;

use super::address::host_and_port;
use super::limiter::Limiter;
use super::retry::{AttemptError, Told};
use super::stop::{Begun, DEFAULT_STOP, LONGEST_STOP, SHORTEST_STOP, Stops};
use super::transport::{Answer, Transport};
use super::{Call, Endpoint, FetchError, Observer, Stop, StopKeeper};
use crate::clock::SharedClock;
use crate::model::Lane;

/// Who asks, and how long that can wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner<'a> {
    /// The place at the limiter.
    pub(super) lane: Lane,
    /// What is asked.
    pub(super) endpoint: Endpoint,
    /// The longest pause that is waited out.
    pub(super) stop_patience: Duration,
    /// Counts what is sent.
    pub(super) sent: &'a AtomicU64,
}

/// The one way out, for requests of every kind.
pub(super) struct Outbound {
    pub(super) transport: Transport,
    pub(super) limiter: Limiter,
    pub(super) stops: Arc<Stops>,
    pub(super) keeper: Arc<dyn StopKeeper>,
    pub(super) told: Arc<Told>,
    pub(super) clock: SharedClock,
    pub(super) observer: Arc<dyn Observer>,
}

impl Outbound {
    /// Sends one request when it may be sent. Answers of any status but 429 are returned as they are.
    pub(super) async fn send(
        &self,
        manner: Manner<'_>,
        call: &Call,
        request: Request,
        limit: usize,
    ) -> Result<Answer, AttemptError> {
        let host = host_and_port(request.url());
        loop {
            self.stops.wait(&host, manner.stop_patience).await.map_err(|stop| {
                AttemptError::Lasting(FetchError::Throttled { host: stop.host, until: stop.until })
            })?;
            let stopped = |_| AttemptError::Lasting(FetchError::Stopped { call: call.clone() });
            let queued = Instant::now();
            self.limiter.permit(manner.lane).await.map_err(stopped)?;
            self.observer.waited(manner.lane, queued.elapsed());
            // A stop may have begun while this request waited for its turn.
            if self.stops.of(&host).is_none() {
                break;
            }
        }
        manner.sent.fetch_add(1, Ordering::Relaxed);
        let sent = Instant::now();
        let answer = self.transport.exchange(call, request, limit).await;
        let status = answer.as_ref().ok().map(|answer| answer.status);
        self.observer.answered(manner.endpoint, status, sent.elapsed());
        let answer = answer?;
        tracing::debug!(
            endpoint = %call,
            lane = %manner.lane,
            status = answer.status,
            body_bytes = answer.body.len(),
            duration_ms = u64::try_from(answer.took.as_millis()).unwrap_or(u64::MAX),
            "Paxos answered"
        );
        if answer.status == 429 {
            return Err(AttemptError::Passing(self.stop(call, host, &answer).await));
        }
        Ok(answer)
    }

    async fn stop(&self, call: &Call, host: String, answer: &Answer) -> FetchError {
        let pause = answer.retry_after.unwrap_or(DEFAULT_STOP).clamp(SHORTEST_STOP, LONGEST_STOP);
        let named = if answer.retry_after.is_some() { "Retry-After" } else { "no Retry-After" };
        let until = self.clock.now().plus(pause);
        let stop = Stop { host, until, reason: format!("{call} was answered 429, {named}") };
        // In force first: nothing may slip out while it is being kept.
        /// What is told, at this level.
        macro_rules! tell {
            ($level:ident) => {
                tracing::$level!(
                    host = stop.host,
                    until = %stop.until,
                    pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                    endpoint = %call,
                    "Paxos asked for a pause; nothing is sent to this host until then"
                )
            };
        }
        let begun = self.stops.begin(&stop, pause);
        match begun {
            Begun::New => tell!(warn),
            Begun::GoesOn => tell!(debug),
            Begun::Known => {}
        }
        if begun != Begun::Known {
            self.observer.stop_began(&stop);
            self.keeper.keep(&stop).await;
        }
        FetchError::Throttled { host: stop.host, until }
    }
}
