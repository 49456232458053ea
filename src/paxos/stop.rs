//! The pause that a 429 asks for.
//!
//! Beyond its limit Paxos slows down every request from an address for five minutes, and asking again
//! makes it worse: so a 429 stops everything to that host. Owns which stops are in force and the
//! waiting for their end. Where they are kept over a restart is for the owner of the client to say.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::clock::SharedClock;
use crate::model::Timestamp;

/// The documented length of the penalty, where the answer names none.
pub(super) const DEFAULT_STOP: Duration = Duration::from_secs(300);
/// At once is never what a 429 means.
pub(super) const SHORTEST_STOP: Duration = Duration::from_secs(1);
/// More than a day is a mistake rather than a wish.
pub(super) const LONGEST_STOP: Duration = Duration::from_secs(24 * 60 * 60);

/// How often a waiting request looks at the clock again: it may run faster than the runtime's.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// Requests that were under way when a stop began are refused too. A stop that they would make longer
/// by less than this is the same stop.
const SAME_STOP: Duration = Duration::from_secs(1);

/// Paxos may name a pause that is too short, again and again: one shorter than this that begins no longer than
/// this after another one goes on with it.
const SHORT_STOP: Duration = Duration::from_secs(60);

/// What a stop that begins is beside those that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// One that is worth telling.
    New,
    /// A short one that goes on with another one.
    GoesOn,
    /// One that is in force already.
    Known,
}

/// A pause of everything to one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// `host:port`.
    pub host: String,
    /// When requests may be sent again, by the local clock as it is set now.
    pub until: Timestamp,
    /// What was asked and answered, for people.
    pub reason: String,
}

/// Keeps stops over a restart.
pub trait StopKeeper: Send + Sync {
    /// Keeps a stop that has just begun or grown longer, replacing the one for the same host. Called
    /// and awaited before the request that met the 429 goes on.
    fn keep(&self, stop: &Stop) -> BoxFuture<'_, ()>;
}

/// Keeps nothing: a restart forgets the stop.
#[derive(Clone, Copy, Debug, Default)]
pub struct ForgetStops;

impl StopKeeper for ForgetStops {
    fn keep(&self, _stop: &Stop) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// The stops now known, one a host.
#[derive(Debug)]
pub(super) struct Stops {
    clock: SharedClock,
    known: Mutex<HashMap<String, Known>>,
}

/// A stop that began. A wall clock that is set meanwhile moves its end no more than it moves anything else.
#[derive(Debug)]
struct Known {
    /// By the clock's monotonic reading.
    ends: Duration,
    /// The same by the wall clock as it was when the stop began: so it is kept, and so it is known again.
    until: Timestamp,
    reason: String,
}

impl Stops {
    pub(super) fn new(clock: SharedClock, kept: Vec<Stop>) -> Self {
        let stops = Self { clock, known: Mutex::default() };
        let now = stops.clock.now();
        for stop in kept {
            stops.begin(&stop, stop.until.since(now));
        }
        stops
    }

    /// Puts a stop into force for the time of `pause`.
    pub(super) fn begin(&self, stop: &Stop, pause: Duration) -> Begun {
        let now = self.clock.monotonic();
        let ends = now.saturating_add(pause);
        let mut known = self.known();
        let former = known.get(&stop.host).map(|former| former.ends);
        if former.is_some_and(|former| former.saturating_add(SAME_STOP) > ends) {
            return Begun::Known;
        }
        let Stop { host, until, reason } = stop.clone();
        known.insert(host, Known { ends, until, reason });
        let is_near = former.is_some_and(|former| former.saturating_add(SHORT_STOP) > now);
        if is_near && pause < SHORT_STOP { Begun::GoesOn } else { Begun::New }
    }

    /// Puts a stop into force that somebody else kept, unless it is one that is known here.
    pub(super) fn heed(&self, stop: &Stop) -> Begun {
        if self.known().get(&stop.host).is_some_and(|known| known.until == stop.until) {
            return Begun::Known;
        }
        self.begin(stop, stop.until.since(self.clock.now()))
    }

    /// The stop in force for a host.
    pub(super) fn of(&self, host: &str) -> Option<Stop> {
        self.known().get(host).and_then(|known| self.in_force(host, known)).map(|(stop, _)| stop)
    }

    /// Of the stops in force the one that ends last.
    pub(super) fn longest(&self) -> Option<Stop> {
        let known = self.known();
        let (host, last) = known.iter().max_by_key(|(_, stop)| stop.ends)?;
        self.in_force(host, last).map(|(stop, _)| stop)
    }

    /// Waits until no stop is in force for a host. One that outlasts `patience` is returned at once.
    pub(super) async fn wait(&self, host: &str, patience: Duration) -> Result<(), Stop> {
        loop {
            let in_force = self.known().get(host).and_then(|known| self.in_force(host, known));
            let Some((stop, left)) = in_force else { return Ok(()) };
            if left > patience {
                return Err(stop);
            }
            tokio::time::sleep(left.min(LOOK_AGAIN)).await;
        }
    }

    /// The stop and how long it still holds; `None` once it is over.
    fn in_force(&self, host: &str, known: &Known) -> Option<(Stop, Duration)> {
        let left = known.ends.checked_sub(self.clock.monotonic()).filter(|left| !left.is_zero())?;
        let until = self.clock.now().plus(left);
        Some((Stop { host: host.to_owned(), until, reason: known.reason.clone() }, left))
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, Known>> {
        // No code between lock and unlock can panic half-way, so a poisoned map is whole.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
