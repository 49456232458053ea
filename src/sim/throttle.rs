//! The rate limit: so many requests for each endpoint, averaged over a window, and the penalty for
//! everything once one endpoint was asked for too much.
//!
//! All clients are one address here. A request during the penalty does not lengthen it: the documents
//! say nothing of the kind.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::config::{RateLimit, RetryAfter};
use super::endpoint::Endpoint;

/// Who asked how often lately.
#[derive(Debug)]
pub(super) struct Throttle {
    limit: Option<RateLimit>,
    /// Arrivals in the window, in microseconds, oldest first.
    recent: HashMap<Endpoint, VecDeque<i64>>,
    penalty_until: Option<i64>,
}

/// A request that is answered 429.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Whole seconds, where the limit says so.
    pub(super) retry_after: Option<u64>,
}

impl Throttle {
    pub(super) fn new(limit: Option<RateLimit>) -> Self {
        Self { limit, recent: HashMap::new(), penalty_until: None }
    }

    /// Counts a request, or refuses it.
    pub(super) fn pass(&mut self, endpoint: Endpoint, now: i64) -> Result<(), Refusal> {
        let Some(limit) = self.limit else { return Ok(()) };
        match self.penalty_until {
            Some(until) if now < until => return Err(refusal(limit, until - now)),
            _ => self.penalty_until = None,
        }
        let window = micros(limit.window).max(micros(Duration::from_secs(1)));
        let recent = self.recent.entry(endpoint).or_default();
        while recent.front().is_some_and(|arrival| arrival.saturating_add(window) <= now) {
            recent.pop_front();
        }
        let per_second = if endpoint == Endpoint::Token { limit.token_per_second } else { limit.per_second };
        let allowed = i64::from(per_second.get()).saturating_mul(window) / 1_000_000;
        if i64::try_from(recent.len()).unwrap_or(i64::MAX) < allowed {
            recent.push_back(now);
            return Ok(());
        }
        let penalty = micros(limit.penalty);
        self.penalty_until = Some(now.saturating_add(penalty));
        // What led to the penalty is paid for by it.
        self.recent.clear();
        Err(refusal(limit, penalty))
    }

    /// Until when everything is refused.
    pub(super) fn penalty_until(&self, now: i64) -> Option<i64> {
        self.penalty_until.filter(|until| now < *until)
    }
}

fn refusal(limit: RateLimit, left: i64) -> Refusal {
    let seconds = u64::try_from(left).unwrap_or(0).div_ceil(1_000_000);
    Refusal {
        retry_after: match limit.retry_after {
            RetryAfter::Sent => Some(seconds),
            RetryAfter::Omitted => None,
        },
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
