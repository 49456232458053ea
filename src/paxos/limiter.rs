//! The one limiter that every request passes.
//!
//! Owns the waiting; who is next, and when, is for `pace` to say, and how long Paxos wants no request
//! at all (429) for `stop`.

mod pace;

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use self::pace::{Next, Pace};
use crate::model::Lane;

/// The one limiter that every request passes.
#[derive(Clone, Debug)]
pub(super) struct Limiter {
    dispatcher: mpsc::UnboundedSender<Message>,
}

/// What the dispatcher is told.
enum Message {
    /// Somebody waits.
    Wait(Lane, oneshot::Sender<()>),
    /// The rates are others from now on.
    Rates { ordinary: NonZeroU32, backfill: NonZeroU32 },
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
        let (dispatcher, messages) = mpsc::unbounded_channel();
        let origin = Instant::now();
        let pace = Pace::new(ordinary, backfill, &SinceStart { origin });
        runtime.spawn(dispatch(pace, messages, origin));
        Self { dispatcher }
    }

    /// Waits for the permission to send one request. Dropping the wait gives up the place in the queue.
    pub(super) async fn permit(&self, lane: Lane) -> Result<(), Gone> {
        let (permit, granted) = oneshot::channel();
        self.dispatcher.send(Message::Wait(lane, permit)).map_err(|_| Gone)?;
        granted.await.map_err(|_| Gone)
    }

    /// Sets other rates, for those who wait already too.
    pub(super) fn set_rates(&self, ordinary: NonZeroU32, backfill: NonZeroU32) {
        // Without a dispatcher nobody sends anything, at whatever rate.
        self.dispatcher.send(Message::Rates { ordinary, backfill }).unwrap_or_default();
    }
}

async fn dispatch(
    mut pace: Pace<SinceStart, oneshot::Sender<()>>,
    mut messages: mpsc::UnboundedReceiver<Message>,
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
            message = messages.recv() => match message {
                Some(Message::Wait(lane, permit)) => pace.push(lane, permit),
                Some(Message::Rates { ordinary, backfill }) => {
                    pace.set_rates(ordinary, backfill, &SinceStart { origin });
                }
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    const ORDINARY: usize = 10;
    const BACKFILL: usize = 40;

    /// The requests that were let through, in order, and when.
    type Log = Arc<Mutex<Vec<(Lane, Duration)>>>;

    fn limiter() -> Limiter {
        let rate = |per_second: usize| NonZeroU32::new(u32::try_from(per_second).unwrap()).unwrap();
        Limiter::start(&tokio::runtime::Handle::current(), rate(ORDINARY), rate(BACKFILL))
    }

    /// As many waiters of a lane as given, each of which sends that many requests one after the other.
    fn wait(limiter: &Limiter, log: &Log, origin: Instant, lane: Lane, waiters: usize, requests: usize) {
        for _ in 0..waiters {
            let (limiter, log) = (limiter.clone(), Arc::clone(log));
            tokio::spawn(async move {
                for _ in 0..requests {
                    limiter.permit(lane).await.unwrap();
                    log.lock().unwrap().push((lane, origin.elapsed()));
                }
            });
        }
    }

    /// The most that went through in any second, of the lanes that are wanted.
    fn most_in_a_second(log: &[(Lane, Duration)], wanted: impl Fn(Lane) -> bool) -> usize {
        let times: Vec<_> = log.iter().filter(|(lane, _)| wanted(*lane)).map(|(_, at)| *at).collect();
        let within = |first: Duration| move |at: &Duration| at.saturating_sub(first).as_secs() < 1;
        let counts = times.iter().enumerate().map(|(at, first)| times[at..].partition_point(within(*first)));
        counts.max().unwrap_or(0)
    }

    fn count(log: &[(Lane, Duration)], wanted: Lane) -> usize {
        log.iter().filter(|(lane, _)| *lane == wanted).count()
    }

    #[tokio::test(start_paused = true)]
    async fn rule_12_no_second_of_minutes_holds_more_than_the_rate_and_its_burst() {
        let (log, origin) = (Log::default(), Instant::now());
        let limiter = limiter();
        for lane in Lane::ALL {
            wait(&limiter, &log, origin, lane, 8, usize::MAX);
        }
        tokio::time::sleep(Duration::from_secs(180)).await;
        let log = log.lock().unwrap().clone();
        // A fifth of a second's worth, and the one permission that is drawn ahead.
        let burst = |rate: usize| rate + rate / 5 + 1;
        let ordinary = most_in_a_second(&log, |lane| lane != Lane::Backfill);
        assert!((ORDINARY - 1..=burst(ORDINARY)).contains(&ordinary), "{ordinary}");
        let all = most_in_a_second(&log, |_| true);
        assert!((BACKFILL - 1..=burst(BACKFILL)).contains(&all), "{all}");
        // Open rows take all of the ordinary rate while they want it; the backfill has the rest of its own.
        let refreshes = count(&log, Lane::Refresh);
        assert!((1770..=1803).contains(&refreshes), "{refreshes}");
        assert!((7080..=7210).contains(&log.len()), "{}", log.len());
        assert_eq!((count(&log, Lane::Discover), count(&log, Lane::Sweep)), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn rule_12_who_waits_goes_by_lane_and_a_backfill_alone_has_its_own_rate() {
        let (log, origin) = (Log::default(), Instant::now());
        let limiter = limiter();
        // Once the burst is gone, everybody below has to queue.
        for _ in 0..ORDINARY {
            limiter.permit(Lane::Discover).await.unwrap();
        }
        for lane in [Lane::Sweep, Lane::Discover, Lane::Refresh] {
            wait(&limiter, &log, origin, lane, 300, 1);
        }
        tokio::time::sleep(Duration::from_secs(120)).await;
        let lanes: Vec<_> = log.lock().unwrap().iter().map(|(lane, _)| *lane).collect();
        assert_eq!(lanes.len(), 900);
        // Lanes are ordered by priority.
        assert!(lanes.is_sorted(), "{:?}", lanes.chunk_by(PartialEq::eq).map(<[_]>::len).collect::<Vec<_>>());

        log.lock().unwrap().clear();
        wait(&limiter, &log, origin, Lane::Backfill, 8, usize::MAX);
        tokio::time::sleep(Duration::from_secs(60)).await;
        let backfills = log.lock().unwrap().len();
        assert!((39 * 60..=40 * 60 + 9).contains(&backfills), "{backfills}");
    }
}
