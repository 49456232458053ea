//! The task that polls, at `[poll] every`.
//!
//! Each round asks once which profiles there are and polls each of them in a task of its own; the next round waits
//! for none of them. A profile that is still being polled is left to that, and polled again as soon as it is
//! over.

use std::collections::HashMap;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::service::{Asked, First};
use super::{Daemon, Ended, LOOK_AGAIN, Wanted, Whom};
use crate::model::{Identifier, ProfileSelection};
use crate::sync::{Begun, Choice, Chosen, Poller};

/// Interval and jitter, in thousandths of the configured interval: daemons that were started together drift
/// apart.
const JITTER: std::ops::RangeInclusive<u32> = 900..=1100;

/// Polls until tallyd stops, the first time at once, and ends with the last poll that it began.
pub(super) async fn run(daemon: Daemon, mut chance: fastrand::Rng) -> Ended {
    let mut rounds = Rounds { daemon, last: None, under_way: JoinSet::new(), left: HashMap::new() };
    while rounds.wait().await == Due::Now {
        rounds.last = Some((Instant::now(), chance.u32(JITTER)));
        rounds.begin().await;
    }
    while let Some(ended) = rounds.under_way.join_next().await {
        unwrapped(ended);
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Now,
    Stopping,
}

struct Rounds {
    daemon: Daemon,
    /// When the last round began, and its interval in thousandths.
    last: Option<(Instant, u32)>,
    /// The polls that were begun.
    under_way: JoinSet<Identifier>,
    /// Whom the last round found busy.
    left: HashMap<Identifier, Chosen>,
}

impl Rounds {
    /// Waits for the next round: for the interval, and for the end of a pause that Paxos asked for.
    async fn wait(&mut self) -> Due {
        let mut reloaded = self.daemon.sessions.clone();
        loop {
            self.daemon.service.beat();
            if self.daemon.stopping.is_given() {
                return Due::Stopping;
            }
            let session = self.daemon.session();
            let interval = self.last.map_or(Duration::ZERO, |(began, thousandths)| {
                let every = session.config().poll.every * thousandths / 1000;
                (began + every).saturating_duration_since(Instant::now())
            });
            // A pause ends by the wall clock, which may be set while we wait.
            let pause = session.stop().map(|stop| stop.until.since(self.daemon.clock.now()).min(LOOK_AGAIN));
            if pause.is_some() {
                self.daemon.service.ready(First::WaitingOutPause);
            }
            let left = interval.max(pause.unwrap_or_default());
            if left.is_zero() {
                return Due::Now;
            }
            tokio::select! {
                () = self.daemon.stopping.given() => return Due::Stopping,
                () = tokio::time::sleep(left.min(self.daemon.service.beat_every())) => {}
                // Another interval may hold now. Who replaces sessions outlives this task.
                _ = reloaded.changed() => {}
                Some(ended) = self.under_way.join_next() => {
                    let profile = unwrapped(ended);
                    if let Some(chosen) = self.left.remove(&profile).filter(|_| pause.is_none()) {
                        self.make_up(chosen);
                    }
                }
            }
        }
    }

    /// Begins a round.
    async fn begin(&mut self) {
        let poller = self.daemon.poller();
        let asking = self.daemon.service.asking(Asked::Account, poller.clone());
        self.daemon.service.ready(First::Polling);
        let Choice { chosen, account } = poller.choose(self.daemon.session().selection()).await;
        drop(asking);
        self.daemon.chosen(&chosen, &account);
        let now = self.daemon.clock.monotonic();
        self.daemon.report.outcome(&Wanted::Poll(Whom::All), &account, now);
        if let Some(heartbeat) = self.daemon.session().heartbeat() {
            // Who failed already, or is not known, was not polled.
            let all_known = account.account_failure.is_none() && account.profiles.is_empty();
            heartbeat.begin(chosen.iter().filter(|_| all_known).map(|chosen| chosen.profile().id.clone()));
        }
        self.left.clear();
        for chosen in chosen {
            let (poller, profile) = (poller.counted_apart(), chosen.profile().id.clone());
            match poller.begin(chosen) {
                Begun::Busy(chosen) => {
                    self.daemon.report.left(chosen.profile(), now);
                    self.left.insert(profile, chosen);
                }
                begun @ Begun::Poll(_) => self.follow(profile, &poller, begun),
            }
        }
    }

    /// Polls one that was busy when it was due, unless a reload has left it out since.
    fn make_up(&mut self, chosen: Chosen) {
        let is_polled = match self.daemon.session().selection() {
            ProfileSelection::All => true,
            ProfileSelection::Listed(profiles) => {
                profiles.iter().any(|profile| profile.id == chosen.profile().id)
            }
        };
        if is_polled {
            let (poller, profile) = (self.daemon.poller().counted_apart(), chosen.profile().id.clone());
            let begun = poller.begin_late(chosen);
            self.follow(profile, &poller, begun);
        }
    }

    fn follow(&mut self, profile: Identifier, poller: &Poller, begun: Begun) {
        // A request may have taken its turn meanwhile, and does what was due.
        let Begun::Poll(poll) = begun else { return };
        let daemon = self.daemon.clone();
        let Daemon { report, service, clock, polled, sessions, stopping, .. } = daemon.clone();
        let asking = service.asking(Asked::Profile(profile), poller.clone());
        self.under_way.spawn(async move {
            let poll = poll.await;
            drop(asking);
            daemon.ended(&poll);
            report.profile(&Wanted::Poll(Whom::All), &poll, clock.monotonic());
            polled.notify_one();
            let profile = poll.profile.id.clone();
            let heartbeat = sessions.borrow().heartbeat();
            if let Some(heartbeat) = heartbeat {
                tokio::spawn(async move {
                    // One that hangs holds up neither the next poll nor the end.
                    tokio::select! {
                        () = stopping.given() => {}
                        () = heartbeat.polled(&poll, clock.now()) => {}
                    }
                });
            }
            profile
        });
    }
}

fn unwrapped<T>(ended: Result<T, JoinError>) -> T {
    match ended.map_err(JoinError::into_panic) {
        Ok(value) => value,
        // Nothing cancels one but dropping them all, so it panicked.
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
