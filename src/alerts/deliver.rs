//! Delivering: from the ledger's outbox to the sinks, each by itself.
//!
//! What is told as one, or alone, is fixed in the ledger before it is sent, and what became of it is noted after: killed
//! in between, the next start sends the same again under the same key. What a sink does not take holds up no other sink.

mod reports;
mod sending;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::failure::{SendError, SinkError};
use super::message::{Message, Test};
use super::observer::Observer;
use super::plan::{More, has_settled};
use super::sinks::Sink;
use crate::clock::SharedClock;
use crate::config::{AlertsConfig, SinkConfig};
use crate::ledger::{Ledger, LedgerError, Reader};
use crate::model::{NoticeNumber, Timestamp};
use reports::ReportQueue;
use sending::{Extent, Sending};

/// How often the ledger is asked whether something came. The question costs next to nothing.
const LOOK: Duration = Duration::from_millis(500);
/// Why deliveries ended.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// The outbox cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A sink cannot be made.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// Delivering to a sink panicked.
    #[error("delivering to a sink ended by a fault of tallyd")]
    Panicked(#[source] JoinError),
}

/// Sends a marked test to a sink; no break is behind it.
///
/// # Errors
///
/// What the sink answered, or why there is none.
pub async fn test(config: &SinkConfig, now: Timestamp) -> Result<(), TestError> {
    let message = Message::Test(Test { sink: config.name.clone(), at: now });
    Ok(Sink::new(config)?.send(&message, now).await?)
}

/// Why a test did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// The sink cannot be made.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// It did not take it.
    #[error(transparent)]
    Send(#[from] SendError),
}

/// What deliveries need.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The ledger with the outbox.
    pub ledger: Ledger,
    /// Tells the wall time.
    pub clock: SharedClock,
    /// The sinks.
    pub alerts: AlertsConfig,
    /// Where the jitter starts.
    pub seed: u64,
    /// Is told what becomes of each message.
    pub observer: Arc<dyn Observer>,
}

/// How long to deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    /// Until it is stopped.
    Stopped,
    /// Until nothing is left that can be told now, or the time is over.
    Settled(Instant),
}

impl Delivery {
    /// Delivers until `stopped`: for each sink one task for alerts and one for reports.
    ///
    /// # Errors
    ///
    /// The outbox cannot be used, a sink cannot be made, or one panicked. Trouble with a sink is none.
    pub async fn run(&self, stopped: impl Future<Output = ()>) -> Result<(), DeliverError> {
        let mut tasks = self.start(Until::Stopped).await?;
        let ended = tokio::select! {
            () = stopped => Ok(()),
            // There is always the log's, and none ends but with an error.
            ended = tasks.join_next() => match ended {
                Some(Ok(ended)) => ended.map_err(DeliverError::Ledger),
                Some(Err(error)) => Err(DeliverError::Panicked(error)),
                None => Ok(()),
            },
        };
        // Whatever is under way is sent again under the same key.
        tasks.shutdown().await;
        ended
    }

    /// Delivers what waits, for at most `within`. What is not told by then waits for the next time.
    ///
    /// # Errors
    ///
    /// As of [`run`](Self::run).
    pub async fn flush(&self, within: Duration) -> Result<(), DeliverError> {
        let ends = Instant::now() + within;
        let mut tasks = self.start(Until::Settled(ends)).await?;
        while let Ok(Some(ended)) = tokio::time::timeout_at(ends, tasks.join_next()).await {
            ended.map_err(DeliverError::Panicked)??;
        }
        tasks.shutdown().await;
        Ok(())
    }

    async fn start(&self, until: Until) -> Result<JoinSet<Result<(), LedgerError>>, DeliverError> {
        let names = self.alerts.sinks.iter().map(|sink| sink.name.clone()).collect();
        let why = "the sink is no longer in the configuration";
        let given_up = self.ledger.give_up_other_sinks(names, self.clock.now(), why).await?;
        if given_up > 0 {
            tracing::warn!(
                notices = given_up,
                "given up what waited for sinks that are no longer configured"
            );
        }
        let mut tasks = JoinSet::new();
        for (index, config) in self.alerts.sinks.iter().enumerate() {
            let queue = self.queue(config, index)?;
            tasks.spawn(queue.work(until));
            // Reports have a queue of their own: a mail that takes its time delays no alert.
            tasks.spawn(ReportQueue::of(config, self, self.chance(index))?.work(until));
        }
        Ok(tasks)
    }

    fn queue(&self, config: &SinkConfig, index: usize) -> Result<Queue, DeliverError> {
        let reader = Reader::open(&self.ledger.path())?;
        let sending = Sending::new(Sink::new(config)?, config.clone(), reader, self.chance(index), self);
        Ok(Queue { sending })
    }

    /// What the jitter of a sink is drawn from.
    fn chance(&self, index: usize) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.seed.wrapping_add(u64::try_from(index).unwrap_or_default()))
    }
}

/// The queue of one sink.
struct Queue {
    sending: Sending,
}

/// What has come and waits for more to come.
#[derive(Clone, Copy, Debug)]
struct Settling {
    newest: Option<NoticeNumber>,
    first_at: Instant,
    last_at: Instant,
}

impl Queue {
    async fn work(mut self, until: Until) -> Result<(), LedgerError> {
        if let Until::Settled(ends) = until {
            while Instant::now() < ends && self.sending.round(Extent::Everything).await? {}
            return Ok(());
        }
        let mut version = None;
        let mut settling: Option<Settling> = None;
        loop {
            // Asked first: once no poll is under way, what is read next holds all that one brought.
            let more = self.more()?;
            let current = self.sending.reader.data_version()?;
            if version != Some(current) {
                version = Some(current);
                settling = self.look(settling)?;
            }
            if is_settled(settling, more) {
                // What comes in this moment has not settled.
                self.sending.round(Extent::UpTo(settling.and_then(|settling| settling.newest))).await?;
                // What came meanwhile begins anew; what is left now was tried.
                let now = Instant::now();
                let newest = self.sending.reader.newest_waiting(&self.sending.config.name)?;
                settling = settling.map(|_| Settling { newest, first_at: now, last_at: now });
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Whether more is to be expected of what waits.
    fn more(&self) -> Result<More, LedgerError> {
        let is_being_polled = self.sending.reader.is_being_polled(&self.sending.config.name)?;
        Ok(if is_being_polled { More::Expected } else { More::Unknown })
    }

    /// Sees whether something new came.
    fn look(&self, settling: Option<Settling>) -> Result<Option<Settling>, LedgerError> {
        let newest = self.sending.reader.newest_waiting(&self.sending.config.name)?;
        let now = Instant::now();
        Ok(match (newest, settling) {
            (None, _) => None,
            (Some(_), None) => Some(Settling { newest, first_at: now, last_at: now }),
            (Some(_), Some(former)) if former.newest != newest => {
                Some(Settling { newest, last_at: now, ..former })
            }
            (Some(_), former) => former,
        })
    }
}

fn is_settled(settling: Option<Settling>, more: More) -> bool {
    settling.is_none_or(|settling| has_settled(settling.first_at.elapsed(), settling.last_at.elapsed(), more))
}
