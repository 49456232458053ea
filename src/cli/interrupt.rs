//! What Ctrl-C and SIGTERM do to long work: the first one asks it to stop, the second one ends it.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::failure::Failure;
use super::terminal::Terminal;
use crate::sync::{Stopper, Stopping};

/// Runs work that stops by itself when it is asked to, and asks at the first signal. At the second one
/// the work is dropped where it is.
pub(super) async fn stoppable<T>(
    terminal: Terminal,
    work: impl AsyncFnOnce(Stopping) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let (stopper, stopping) = Stopper::new();
    let mut signals = Signals::catch().map_err(anyhow::Error::from)?;
    let mut work = std::pin::pin!(work(stopping));
    tokio::select! {
        done = &mut work => return done,
        () = signals.next() => {}
    }
    terminal.tell("stopping at the next page; press Ctrl-C again to end at once");
    stopper.stop();
    tokio::select! {
        done = &mut work => done,
        () = signals.next() => Err(Failure::Interrupted),
    }
}

/// The signals that ask a program to end. Once caught, they end nothing by themselves any more.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn catch() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for one of them.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
