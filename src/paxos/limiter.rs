//! The one limiter that every request passes.
//!
//! Owns the rates and the order of those who wait: by lane, and within a lane first come, first
//! served. How long Paxos wants none at all (429) is for `stop` to say.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::model::Lane;

/// The span over which Paxos averages.
const AVERAGED_OVER: Duration = Duration::from_secs(300);
/// The least that can make up for a timer that comes late.
const LEAST_BURST: u32 = 2;
/// A burst is what a fifth of a second brings: with it a wake-up that is late by as much costs no
/// rate, and after an idle time no more than that is sent at once.
const BURSTS_PER_SECOND: u32 = 5;

/// The one limiter that every request passes.
#[derive(Clone, Debug)]
pub(super) struct Limiter {
    waiting: mpsc::UnboundedSender<(Lane, oneshot::Sender<()>)>,
}

/// The dispatcher is gone: the runtime is shutting down.
#[derive(Debug)]
pub(super) struct Gone;

impl Limiter {
    /// A limiter with its dispatcher on this runtime; it ends with the last handle.
    pub(super) fn start(
        runtime: &tokio::runtime::Handle,
        ordinary: NonZeroU32,
        backfill: NonZeroU32,
    ) -> Self {
        let (waiting, arrivals) = mpsc::unbounded_channel();
        let origin = Instant::now();
        let pace = Pace::new(ordinary, backfill, &SinceStart { origin });
        runtime.spawn(dispatch(pace, arrivals, origin));
        Self { waiting }
    }

    /// Waits for the permission to send one request. Dropping the wait gives up the place in the queue.
    pub(super) async fn permit(&self, lane: Lane) -> Result<(), Gone> {
        let (permit, granted) = oneshot::channel();
        self.waiting.send((lane, permit)).map_err(|_| Gone)?;
        granted.await.map_err(|_| Gone)
    }
}

async fn dispatch(
    mut pace: Pace<SinceStart, oneshot::Sender<()>>,
    mut arrivals: mpsc::UnboundedReceiver<(Lane, oneshot::Sender<()>)>,
    origin: Instant,
) {
    loop {
        let wake = match pace.next() {
            Next::Grant(lane, permit) => {
                if permit.send(()).is_err() {
                    pace.give_back(lane);
                }
                continue;
            }
            Next::NotBefore(at) => Some(origin + at),
            Next::Idle => None,
        };
        tokio::select! {
            arrival = arrivals.recv() => match arrival {
                Some((lane, permit)) => pace.push(lane, permit),
                None => return,
            },
            () = tokio::time::sleep_until(wake.unwrap_or(origin)), if wake.is_some() => {}
        }
    }
}

/// Time since the limiter began, on the runtime's own clock, so that a paused runtime pauses it too.
#[derive(Clone, Debug)]
struct SinceStart {
    origin: Instant,
}

impl Clock for SinceStart {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }
}

type Bucket<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<Duration>>;

/// Who may send next, and when. Does not wait itself.
struct Pace<C: Clock<Instant = Duration>, W> {
    queues: [VecDeque<W>; Lane::ALL.len()],
    /// What all lanes together may send.
    overall: Held<C>,
    /// What all lanes but backfill may send.
    ordinary: Held<C>,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
enum Next<W> {
    /// This one may send now.
    Grant(Lane, W),
    /// Nobody may send before this time.
    NotBefore(Duration),
    /// Nobody waits.
    Idle,
}

impl<C: Clock<Instant = Duration> + Clone, W> Pace<C, W> {
    fn new(ordinary: NonZeroU32, backfill: NonZeroU32, clock: &C) -> Self {
        Self {
            queues: Default::default(),
            overall: Held::new(ordinary.max(backfill), clock.clone()),
            ordinary: Held::new(ordinary, clock.clone()),
        }
    }

    fn push(&mut self, lane: Lane, waiter: W) {
        self.queues[lane as usize].push_back(waiter);
    }

    fn next(&mut self) -> Next<W> {
        let waits = |lane: &Lane| !self.queues[*lane as usize].is_empty();
        let waiting: Vec<Lane> = Lane::ALL.into_iter().filter(waits).collect();
        if waiting.is_empty() {
            return Next::Idle;
        }
        if let Err(at) = self.overall.fill() {
            return Next::NotBefore(at);
        }
        let mut earliest: Option<Duration> = None;
        for lane in waiting {
            let allowed = match lane {
                Lane::Backfill => Ok(()),
                Lane::Refresh | Lane::Discover | Lane::Sweep => self.ordinary.fill(),
            };
            match allowed {
                Ok(()) => {
                    if let Some(waiter) = self.queues[lane as usize].pop_front() {
                        self.set_held(lane, false);
                        return Next::Grant(lane, waiter);
                    }
                }
                Err(at) => earliest = Some(earliest.map_or(at, |other| other.min(at))),
            }
        }
        earliest.map_or(Next::Idle, Next::NotBefore)
    }

    /// Takes back a permission that nobody used.
    fn give_back(&mut self, lane: Lane) {
        self.set_held(lane, true);
    }

    fn set_held(&mut self, lane: Lane, held: bool) {
        self.overall.held = held;
        if lane != Lane::Backfill {
            self.ordinary.held = held;
        }
    }
}

/// A bucket, and whether a permission drawn from it is at hand. A request may need permissions from
/// two buckets; one that came early is held until the other is there.
struct Held<C: Clock<Instant = Duration>> {
    bucket: Bucket<C>,
    held: bool,
}

impl<C: Clock<Instant = Duration>> Held<C> {
    /// A bucket that never lets more than `per_second` through on the average of five minutes, its
    /// burst and the permission at hand included.
    fn new(per_second: NonZeroU32, clock: C) -> Self {
        let burst = (per_second.get() / BURSTS_PER_SECOND).max(LEAST_BURST);
        let most = u64::from(per_second.get()) * AVERAGED_OVER.as_secs();
        let refilled = most - u64::from(burst) - 1;
        let nanos = u64::try_from(AVERAGED_OVER.as_nanos()).unwrap_or(u64::MAX).div_ceil(refilled);
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(Duration::from_nanos(nanos)).unwrap_or(Quota::per_second(per_second));
        Self { bucket: RateLimiter::direct_with_clock(quota.allow_burst(burst), clock), held: false }
    }

    /// Sees to it that a permission is at hand, or says when one can be.
    fn fill(&mut self) -> Result<(), Duration> {
        if !self.held {
            self.bucket.check().map_err(|not_until| not_until.earliest_possible())?;
            self.held = true;
        }
        Ok(())
    }
}
