//! What the service manager is told, by `sd_notify(3)`: that tallyd is ready, what it does, and that it goes on.
//!
//! Says nothing where no manager listens (`NOTIFY_SOCKET`). Whether there is progress is judged here alone, for the
//! watchdog and for `/healthz`. The watchdog is fed by progress and not by a timer:
//! a round of polls that stands still is found out by the manager, which starts tallyd again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sd_notify::NotifyState;

use super::standing::Standings;
use super::{Daemon, Ended};
use crate::model::{Identifier, ProfilePoll};
use crate::paxos::{RetryPolicy, Stop};
use crate::server::{Lacking, Verdict};
use crate::sync::Poller;

/// How often waiting tasks show that they wait, where no watchdog asks for more.
const BEAT_EVERY: Duration = Duration::from_secs(30);

/// How long nothing may go on where no watchdog says so; the same as in the unit that is shipped.
const STANDS_STILL_AFTER: Duration = Duration::from_secs(300);

/// How often the watchdog is fed in its time, where there is progress.
const FEEDINGS: u32 = 4;

/// At how many looks in a row something may have sent no request: others may have their turn at the limiter.
const PATIENCE: u32 = 2;

/// The service manager, as tallyd sees it.
#[derive(Debug)]
pub(super) struct Service {
    watchdog: Option<Duration>,
    told_ready: AtomicBool,
    /// Grows whenever the task that polls has looked whether something is due.
    beats: AtomicU64,
    asks: Mutex<BTreeMap<Asked, Ask>>,
    standings: Mutex<Standings>,
    /// As it was judged last.
    health: Mutex<Verdict>,
}

/// What tallyd does when it is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// It polls.
    Polling,
    /// It keeps to a pause that a former process met.
    WaitingOutPause,
}

/// What a round of polls waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asked {
    /// Which profiles there are.
    Account,
    /// A profile's poll.
    Profile(Identifier),
}

/// Something that is asked of Paxos.
#[derive(Debug)]
struct Ask {
    /// Who sends its requests, and nobody else's.
    poller: Poller,
    /// How many requests it had sent when that was looked at.
    sent: u64,
    /// At how many looks in a row it had sent none.
    still_for: u32,
}

/// Something is asked of Paxos for as long as it is held.
#[derive(Debug)]
pub(super) struct Asking(Arc<Service>, Asked);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.asks().remove(&self.1);
    }
}

impl Service {
    /// The manager that started this process, if one did.
    pub(super) fn of_process() -> Self {
        Self {
            watchdog: sd_notify::watchdog_enabled(),
            told_ready: AtomicBool::default(),
            beats: AtomicU64::default(),
            asks: Mutex::default(),
            standings: Mutex::default(),
            health: Mutex::default(),
        }
    }

    /// Logs that the watchdog has less time than Paxos has for one request and the delay before the next: a poll that
    /// goes on, however slowly, would be taken for one that stands still.
    pub(super) fn warn_of(&self, request_timeout: Duration) {
        let silence = request_timeout + RetryPolicy::MAX_DELAY;
        if let Some(watchdog) = self.watchdog.filter(|watchdog| *watchdog < silence) {
            tracing::warn!(
                watchdog_ms = watchdog.as_millis(),
                request_timeout_ms = request_timeout.as_millis(),
                "the watchdog may end tallyd while Paxos is merely slow: set WatchdogSec= to {} s or more, or \
                 [paxos] request_timeout to less",
                silence.as_secs()
            );
        }
    }

    /// Whatever waits for tallyd may start. Told once.
    pub(super) fn ready(&self, first: First) {
        if self.told_ready.swap(true, Ordering::Relaxed) {
            return;
        }
        let status = match first {
            First::Polling => "polling for the first time",
            First::WaitingOutPause => "waiting out a pause that Paxos asked for",
        };
        tell(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    /// The configuration was read again, or the former one stays.
    pub(super) fn reloaded(&self) {
        // It is no sooner ready for that.
        if self.told_ready.load(Ordering::Relaxed) {
            tell(&[NotifyState::Ready]);
        }
    }

    /// How often whoever waits has to [`beat`](Self::beat).
    pub(super) fn beat_every(&self) -> Duration {
        self.watchdog.map_or(BEAT_EVERY, |watchdog| BEAT_EVERY.min(watchdog / (2 * FEEDINGS)))
    }

    /// Notes that the task that polls has looked whether something is due.
    pub(super) fn beat(&self) {
        self.beats.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that Paxos is asked something that a round waits for, by a poller that asks nothing else.
    pub(super) fn asking(self: &Arc<Self>, what: Asked, poller: Poller) -> Asking {
        let ask = Ask { sent: poller.requests_sent(), poller, still_for: 0 };
        self.asks().insert(what.clone(), ask);
        Asking(Arc::clone(self), what)
    }

    /// Notes that the poll of a profile asks nothing more. What it does then in the ledger may take long.
    pub(super) fn asked_all(&self, profile: &Identifier) {
        self.asks().remove(&Asked::Profile(profile.clone()));
    }

    fn asks(&self) -> MutexGuard<'_, BTreeMap<Asked, Ask>> {
        self.asks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What stands still, of what a round waits for. To be called [`FEEDINGS`] times in a watchdog's time.
    fn standing_still(&self) -> Vec<Asked> {
        let mut asks = self.asks();
        for ask in asks.values_mut() {
            let sent = ask.poller.requests_sent();
            ask.still_for = if sent == ask.sent { ask.still_for + 1 } else { 0 };
            ask.sent = sent;
        }
        asks.iter().filter(|(_, ask)| ask.still_for > PATIENCE).map(|(asked, _)| asked.clone()).collect()
    }

    /// Notes how a poll ended, at this reading of the monotonic clock, and tells how all profiles stand.
    pub(super) fn polled(&self, poll: &ProfilePoll, now: Duration) {
        let mut standings = self.standings();
        standings.polled(poll, now);
        tell(&[NotifyState::Status(&standings.status(poll.ended_at))]);
    }

    /// How the profiles stand.
    pub(super) fn standings(&self) -> MutexGuard<'_, Standings> {
        self.standings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is progress, as it was judged last.
    pub(super) fn health(&self) -> Verdict {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Judges whether there is progress. To be called [`FEEDINGS`] times in a watchdog's time.
    fn judge(&self, beats: &mut Option<u64>, pause: Option<&Stop>) -> Verdict {
        let still = self.standing_still();
        let now = Some(self.beats.load(Ordering::Relaxed));
        // While the account is asked which profiles there are, the task looks for nothing else.
        let is_looking = now != *beats || self.asks().contains_key(&Asked::Account);
        *beats = now;
        let mut verdict = Verdict::default();
        if !is_looking {
            verdict.lacking.push(lacks("polls", "nobody looks whether one is due"));
        }
        let reason = "Paxos was sent no request for too long, and nothing else is done";
        for asked in still.into_iter().filter(|_| pause.is_none()) {
            let subject = match asked {
                Asked::Account => "account".to_owned(),
                Asked::Profile(profile) => self.standings().label(&profile),
            };
            verdict.lacking.push(lacks(&subject, reason));
        }
        self.health.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&verdict);
        verdict
    }
}

fn lacks(subject: &str, reason: &str) -> Lacking {
    Lacking { subject: subject.to_owned(), reason: reason.to_owned(), age: None }
}

/// Tells that the configuration is being read again. [`Service::reloaded`] ends it.
pub(super) fn reloading() {
    // The manager takes it for stale without the time.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(error = %error, "the service manager is not told of the reload"),
    }
}

/// Tells that tallyd stops.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("stopping at the next page")]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(error = %error, "the service manager could not be told");
    }
}

/// Judges whether there is progress, and feeds the manager's watchdog for as long as there is, until tallyd stops: the
/// task that polls looks whether something is due, and whatever it waits for sends requests, or keeps to a pause that
/// Paxos asked for.
pub(super) async fn run(daemon: Daemon) -> Ended {
    let watchdog = daemon.service.watchdog;
    let mut beats = None;
    loop {
        let stop = daemon.session().stop();
        let verdict = daemon.service.judge(&mut beats, stop.as_ref());
        let waited_for: Vec<&str> = verdict.lacking.iter().map(|lacking| lacking.subject.as_str()).collect();
        match (verdict.is_good(), watchdog) {
            (true, Some(_)) => tell(&[NotifyState::Watchdog]),
            (true, None) => {}
            (false, Some(_)) => tracing::warn!(
                ?waited_for,
                "polls stand still; the service manager will start tallyd again if that lasts"
            ),
            (false, None) => tracing::warn!(?waited_for, "polls stand still"),
        }
        tokio::select! {
            () = daemon.stopping.given() => return Ok(()),
            () = tokio::time::sleep(watchdog.unwrap_or(STANDS_STILL_AFTER) / FEEDINGS) => {}
        }
    }
}
