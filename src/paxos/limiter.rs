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
