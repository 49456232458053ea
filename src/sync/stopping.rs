//! Ending a poll when tallyd shuts down.
//!
//! Owns the signal and what it cuts: waiting for Paxos, never work on the ledger. Who gives it, and why,
//! is for the caller.

use tokio::sync::watch;

use super::failure::of_fetch;
use crate::model::{FailureKind, PollFailure};
use crate::paxos::FetchError;

/// Gives the signal to stop.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// Receives it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Stopping(watch::Receiver<bool>);

impl Stopper {
    /// A signal that was not given yet, and who receives it.
    pub fn new() -> (Self, Stopping) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stopping(receiver))
    }

    /// Gives the signal: every poll ends at its next page boundary. Once given it stays given.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stopping {
    /// A signal that is never given.
    pub fn never() -> Self {
        let (_, receiver) = watch::channel(false);
        Self(receiver)
    }

    /// Whether the signal was given.
    pub fn is_given(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for the signal.
    pub async fn given(&self) {
        let mut receiver = self.0.clone();
        // Nobody is left who could give it.
        if receiver.wait_for(|given| *given).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits for an answer of Paxos, or for the signal.
    pub(super) async fn or_answer<T>(
        &self,
        answer: impl Future<Output = Result<T, FetchError>>,
    ) -> Result<T, PollFailure> {
        tokio::select! {
            biased;
            () = self.given() => Err(shutting_down()),
            answer = answer => answer.map_err(|error| of_fetch(&error)),
        }
    }
}

/// Why a poll ends that was told to.
pub(super) fn shutting_down() -> PollFailure {
    PollFailure { kind: FailureKind::Stopped, message: "tallyd is shutting down".to_owned() }
}
