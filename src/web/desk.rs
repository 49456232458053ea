//! Where readers of the ledger take turns.
//!
//! One connection, one reader at a time, and a share of one processor for all of them together: what a reader took is
//! debited, and the next one waits until it is paid off. So a single reader never waits, and however many ask, polls
//! have the rest.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;

use super::refusal::Refusal;
use crate::ledger::Reader;

/// One part in so many of the time is for readers.
const SHARE: u32 = 4;

/// How much unused time is kept for later.
const SAVED: Duration = Duration::from_millis(500);

/// How long a reader waits for its turn before it is asked to come again.
const WAIT: Duration = Duration::from_secs(5);

/// Where readers take turns.
#[derive(Debug)]
pub(super) struct Desk {
    path: PathBuf,
    turn: Arc<Mutex<Turn>>,
}

/// What whoever has the turn holds.
#[derive(Debug)]
struct Turn {
    /// The connection, once there is one.
    reader: Option<Reader>,
    /// When what was read is paid off; before now by what is saved.
    paid_at: Instant,
}

impl Desk {
    pub(super) fn new(path: PathBuf) -> Self {
        let turn = Turn { reader: None, paid_at: Instant::now() };
        Self { path, turn: Arc::new(Mutex::new(turn)) }
    }

    /// Reads the ledger when it is this reader's turn.
    ///
    /// # Errors
    ///
    /// Too many ask, the ledger cannot be read, or the job refuses.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Reader) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let turn = tokio::time::timeout(WAIT, self.turn()).await.map_err(|_| Refusal::Busy)?;
        let path = self.path.clone();
        // The turn goes with the job: whoever gives up waiting for an answer does not make room for another reader.
        let reading = tokio::task::spawn_blocking(move || answer(turn, &path, job));
        reading.await.unwrap_or(Err(Refusal::Fault))
    }

    async fn turn(&self) -> OwnedMutexGuard<Turn> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        tokio::time::sleep_until(turn.paid_at).await;
        turn
    }
}

fn answer<T>(
    mut turn: OwnedMutexGuard<Turn>,
    path: &std::path::Path,
    job: impl FnOnce(&Reader) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let began_at = Instant::now();
    let reader = match turn.reader.take() {
        Some(reader) => reader,
        None => Reader::open(path)?,
    };
    let answer = job(&reader);
    // After an error the next reader begins anew.
    if !matches!(answer, Err(Refusal::Ledger(_))) {
        turn.reader = Some(reader);
    }
    let saved = began_at.checked_sub(SAVED).unwrap_or(began_at);
    turn.paid_at = turn.paid_at.max(saved) + began_at.elapsed() * SHARE;
    answer
}
