//! The task that polls, at `[poll] every`.

use std::time::Duration;

use tokio::time::Instant;

use super::{Daemon, Ended, LOOK_AGAIN, Wanted, Whom};

/// Interval and jitter, in thousandths of the configured interval: daemons that were started together drift
/// apart.
const JITTER: std::ops::RangeInclusive<u32> = 900..=1100;

/// Polls until tallyd stops, the first time at once. A poll that takes longer than the interval is followed
/// by the next one at once.
pub(super) async fn run(daemon: Daemon, mut chance: fastrand::Rng) -> Ended {
    let mut last: Option<(Instant, u32)> = None;
    loop {
        if wait(&daemon, last).await == Due::Stopping {
            return Ok(());
        }
        let wanted = Wanted::Poll(Whom::All);
        let Some(turn) = daemon.turn(&wanted).await else { return Ok(()) };
        last = Some((Instant::now(), chance.u32(JITTER)));
        daemon.carry_out(turn, &wanted, daemon.session().selection()).await;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Now,
    Stopping,
}

/// Waits for the next poll: for the interval, and for the end of a pause that Paxos asked for.
async fn wait(daemon: &Daemon, last: Option<(Instant, u32)>) -> Due {
    let mut reloaded = daemon.sessions.clone();
    loop {
        if daemon.stopping.is_given() {
            return Due::Stopping;
        }
        let session = daemon.session();
        let interval = last.map_or(Duration::ZERO, |(began, thousandths)| {
            let every = session.config().poll.every * thousandths / 1000;
            (began + every).saturating_duration_since(Instant::now())
        });
        // A pause ends by the wall clock, which may be set while we wait.
        let pause = session.stop().map(|stop| stop.until.since(daemon.clock.now()).min(LOOK_AGAIN));
        let left = interval.max(pause.unwrap_or_default());
        if left.is_zero() {
            return Due::Now;
        }
        tokio::select! {
            () = daemon.stopping.given() => return Due::Stopping,
            () = tokio::time::sleep(left) => {}
            // Another interval may hold now. Who replaces sessions outlives this task.
            _ = reloaded.changed() => {}
        }
    }
}
