//! The reports of one sink: the oldest one that is due is sent, and what became of it is noted.
//!
//! What is sent stands in the ledger since the report was made, so a kill between sending and noting repeats the same
//! under the same key. Each report is tried by itself: one that a sink does not take holds up neither alerts nor the
//! reports after it.

use std::sync::Arc;

use super::super::observer::{Attempt, Observer};
use super::super::plan::after_failure;
use super::super::sinks::Sink;
use super::{DeliverError, Delivery, LOOK, Until};
use crate::clock::SharedClock;
use crate::config::SinkConfig;
use crate::ledger::{Ledger, LedgerError, Reader};
use crate::model::{Outcome, QueuedReport};

/// The reports of one sink.
#[derive(Debug)]
pub(super) struct ReportQueue {
    sink: Sink,
    config: SinkConfig,
    observer: Arc<dyn Observer>,
    ledger: Ledger,
    reader: Reader,
    clock: SharedClock,
    chance: fastrand::Rng,
}

impl ReportQueue {
    pub(super) fn of(
        config: &SinkConfig,
        delivery: &Delivery,
        chance: fastrand::Rng,
    ) -> Result<Self, DeliverError> {
        Ok(Self {
            sink: Sink::new(config)?,
            config: config.clone(),
            observer: Arc::clone(&delivery.observer),
            ledger: delivery.ledger.clone(),
            reader: Reader::open(&delivery.ledger.path())?,
            clock: SharedClock::clone(&delivery.clock),
            chance,
        })
    }

    pub(super) async fn work(mut self, until: Until) -> Result<(), LedgerError> {
        loop {
            while let Some(queued) = self.reader.due_report(&self.config.name, self.clock.now())? {
                self.deliver(queued).await?;
            }
            if let Until::Settled(_) = until {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Sends one and notes what became of it.
    async fn deliver(&mut self, queued: QueuedReport) -> Result<(), LedgerError> {
        let QueuedReport { number, report, at, attempts } = queued;
        let sent = self.sink.send_report(&report, self.clock.now()).await;
        let (now, jitter) = (self.clock.now(), self.chance.u32(0..1000));
        let (sink, name, period) =
            (self.config.name.0.as_str(), report.name.as_str(), report.period.as_str());
        let (attempt, outcome) = match sent {
            Ok(()) => {
                tracing::info!(sink, report = name, period, "a report was sent: {name}, {period}, to {sink}");
                (Attempt::Sent, Outcome::Delivered)
            }
            Err(error) => {
                let give_up_after = self.config.give_up_after;
                let outcome = after_failure(&error, attempts + 1, at, now, give_up_after, jitter).outcome;
                match &outcome {
                    Outcome::Dead { error } => {
                        tracing::error!(
                            sink,
                            report = name,
                            period,
                            error,
                            "a report could not be sent and is given up: {name}, {period}, to {sink}: {error}"
                        );
                        (Attempt::Dead, outcome)
                    }
                    Outcome::TryAgain { .. } | Outcome::Delivered => {
                        let tries = attempts + 1;
                        // The first try tells, the outbox shows the rest.
                        if attempts == 0 {
                            tracing::warn!(
                                sink, report = name, period, %error,
                                "a report could not be sent yet: {name}, {period}, to {sink}: {error}"
                            );
                        } else {
                            tracing::debug!(sink, report = name, period, tries, %error, "still not sent");
                        }
                        (Attempt::Failed, outcome)
                    }
                }
            }
        };
        self.observer.delivered(&self.config.name, attempt);
        self.ledger.note_delivery(self.config.name.clone(), vec![number], outcome, now).await
    }
}
