//! Where readers of the ledger take turns.
//!
//! One connection, one reader at a time, and a share of one processor for all of them together: what a reader took is
//! debited, and the next one waits until it is paid off. So a single reader never waits, and however many ask, polls
//! have the rest. Those who wait for the same are answered by one reading, which begins after the last of them asked:
//! nobody is told less than what the ledger held when they asked.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use super::refusal::Refusal;
use super::reply::Reply;
use crate::ledger::Reader;

/// One part in so many of the time is for readers.
const SHARE: u32 = 4;

/// How much unused time is kept for later.
const SAVED: Duration = Duration::from_millis(500);

/// How long a reader waits for its turn before it is asked to come again.
const WAIT: Duration = Duration::from_secs(5);

/// What a reading comes to.
type Outcome = Result<Reply, Refusal>;

/// A reading, held by everyone who waits for it.
type Reading = Shared<BoxFuture<'static, Outcome>>;

/// Where readers take turns.
#[derive(Debug)]
pub(super) struct Desk {
    path: PathBuf,
    turn: Arc<tokio::sync::Mutex<Turn>>,
    queue: Arc<Queue>,
}

/// What whoever has the turn holds.
#[derive(Debug)]
struct Turn {
    /// The connection, once there is one.
    reader: Option<Reader>,
    /// When what was read is paid off; before now by what is saved.
    paid_at: Instant,
}

/// The readings that have not begun, by what they are to answer.
type Waiting = HashMap<String, WeakShared<BoxFuture<'static, Outcome>>>;

/// Where they wait.
#[derive(Debug, Default)]
struct Queue(Mutex<Waiting>);

/// A reading's place in the queue; whoever comes after it is left waits for another reading.
struct Queued {
    queue: Arc<Queue>,
    question: String,
}

impl Desk {
    pub(super) fn new(path: PathBuf) -> Self {
        let turn = Turn { reader: None, paid_at: Instant::now() };
        Self { path, turn: Arc::new(tokio::sync::Mutex::new(turn)), queue: Arc::default() }
    }

    /// What `job` makes of the ledger when it is its turn, or a job that was queued for the same question before.
    ///
    /// # Errors
    ///
    /// Too many ask, the ledger cannot be read, or the job refuses.
    pub(super) async fn answer(
        &self,
        question: String,
        job: impl FnOnce(&Reader) -> Outcome + Send + 'static,
    ) -> Outcome {
        self.reading(question, job).await
    }

    fn reading(&self, question: String, job: impl FnOnce(&Reader) -> Outcome + Send + 'static) -> Reading {
        let mut queue = self.queue.lock();
        if let Some(reading) = queue.get(&question).and_then(WeakShared::upgrade) {
            return reading;
        }
        let queued = Queued { queue: Arc::clone(&self.queue), question: question.clone() };
        let reading = read(Arc::clone(&self.turn), queued, self.path.clone(), job).boxed().shared();
        queue.extend(reading.downgrade().map(|reading| (question, reading)));
        reading
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Whatever happens to one who holds it, what it has is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        // Where everybody gave up, another reading may have taken the place in this moment. It then answers those who wait
        // for it already, and whoever comes later has one of his own.
        self.queue.lock().remove(&self.question);
    }
}

async fn read(
    turn: Arc<tokio::sync::Mutex<Turn>>,
    queued: Queued,
    path: PathBuf,
    job: impl FnOnce(&Reader) -> Outcome + Send + 'static,
) -> Outcome {
    let turn = tokio::time::timeout(WAIT, next(turn)).await;
    drop(queued);
    let turn = turn.map_err(|_| Refusal::Busy)?;
    // The turn goes with the job: whoever gives up waiting for an answer does not make room for another reader.
    let reading = tokio::task::spawn_blocking(move || made(turn, &path, job));
    let outcome = reading.await.unwrap_or(Err(Refusal::Fault));
    if let Err(refusal) = &outcome {
        refusal.log();
    }
    outcome
}

async fn next(turn: Arc<tokio::sync::Mutex<Turn>>) -> OwnedMutexGuard<Turn> {
    let turn = turn.lock_owned().await;
    tokio::time::sleep_until(turn.paid_at).await;
    turn
}

fn made(mut turn: OwnedMutexGuard<Turn>, path: &Path, job: impl FnOnce(&Reader) -> Outcome) -> Outcome {
    let began_at = Instant::now();
    let reader = match turn.reader.take() {
        Some(reader) => reader,
        None => Reader::open(path)?,
    };
    let outcome = job(&reader);
    // After an error the next reader begins anew.
    if !matches!(outcome, Err(Refusal::Ledger(_))) {
        turn.reader = Some(reader);
    }
    let saved = began_at.checked_sub(SAVED).unwrap_or(began_at);
    turn.paid_at = turn.paid_at.max(saved) + began_at.elapsed() * SHARE;
    outcome
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;
    use crate::ledger::{Ledger, Rules};
    use crate::model::{Timestamp, Verdict};

    /// A desk over an empty ledger, and what keeps its folder.
    fn desk() -> (Arc<Desk>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let rules = Rules::without_breaks(|_, _, _, _| Verdict::Unchanged);
        drop(Ledger::open(&path, "http://127.0.0.1/v2", rules, Timestamp::from_micros(0)).unwrap());
        (Arc::new(Desk::new(path)), folder)
    }

    /// Takes the turn, and gives it back when told to.
    async fn taken(desk: &Arc<Desk>) -> mpsc::Sender<()> {
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let (end, ended) = mpsc::channel::<()>();
        let desk = Arc::clone(desk);
        tokio::spawn(async move {
            let job = move |_: &Reader| {
                begun.send(()).unwrap();
                ended.recv().unwrap();
                Reply::see_other("/")
            };
            desk.answer("held".to_owned(), job).await.unwrap();
        });
        has_begun.await.unwrap();
        end
    }

    fn counting(readings: &Arc<AtomicUsize>) -> impl FnOnce(&Reader) -> Outcome + Send + 'static + use<> {
        let readings = Arc::clone(readings);
        move |_| Reply::json(&readings.fetch_add(1, Ordering::SeqCst))
    }

    fn text(outcome: Outcome) -> String {
        match outcome.unwrap() {
            Reply::Document { body, .. } => String::from_utf8(body.to_vec()).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// Catches: a reading for each of many who ask the same; one answer for different questions.
    #[tokio::test]
    async fn those_who_wait_for_the_same_share_a_reading() {
        let (desk, _folder) = desk();
        let end = taken(&desk).await;
        let readings = Arc::new(AtomicUsize::new(0));
        let same: Vec<Reading> =
            (0..200).map(|_| desk.reading("same".to_owned(), counting(&readings))).collect();
        let other = desk.reading("other".to_owned(), counting(&readings));
        end.send(()).unwrap();
        for reading in same {
            assert_eq!(text(reading.await), "0\n");
        }
        assert_eq!(text(other.await), "1\n");
        assert_eq!(readings.load(Ordering::SeqCst), 2);
        assert!(desk.queue.lock().is_empty());
    }

    /// Catches: an answer from before somebody asked.
    #[tokio::test]
    async fn whoever_asks_once_a_reading_has_begun_gets_one_of_its_own() {
        let (desk, _folder) = desk();
        let end = taken(&desk).await;
        let readings = Arc::new(AtomicUsize::new(0));
        // The question is that of the reading under way.
        let late = desk.reading("held".to_owned(), counting(&readings));
        end.send(()).unwrap();
        assert_eq!(text(late.await), "0\n");
    }

    /// Catches: readings that hang on the one who asked first; places in the queue that nobody gives back.
    #[tokio::test]
    async fn whoever_gives_up_takes_nothing_from_the_others() {
        let (desk, _folder) = desk();
        let end = taken(&desk).await;
        let readings = Arc::new(AtomicUsize::new(0));
        let (mut first, second) = {
            let reading = || desk.reading("same".to_owned(), counting(&readings));
            (reading(), reading())
        };
        assert!((&mut first).now_or_never().is_none());
        drop(first);
        let alone = desk.reading("alone".to_owned(), counting(&readings));
        drop(alone);
        end.send(()).unwrap();
        assert_eq!(text(second.await), "0\n");
        assert_eq!(readings.load(Ordering::SeqCst), 1);
        assert!(desk.queue.lock().is_empty());
    }
}
