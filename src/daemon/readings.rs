//! The task that reads the ledger for the metrics about it, beside the writer and at a bounded cost.

use std::time::Duration;

use tokio::time::Instant;

use super::{Daemon, Ended, or_later};
use crate::ledger::Reader;

/// How often it is seen whether the ledger changed. The question costs next to nothing.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How many times as long as a reading took nothing is read after it: readings take a twentieth of one core at most.
const REST: u32 = 20;

/// Reads the ledger when it has changed, until tallyd stops.
pub(super) async fn run(daemon: Daemon, mut reader: Reader) -> Ended {
    let mut seen = None;
    loop {
        let mut rest = LOOK_EVERY;
        let version = Some(reader.data_version()?);
        if version == seen {
            daemon.metrics.reading_holds(daemon.clock.now());
        } else {
            let began = Instant::now();
            let reading = tokio::task::spawn_blocking(move || {
                let measures = reader.measures();
                (reader, measures)
            });
            let (back, measures) = tokio::select! {
                // It is left to itself: it holds nothing that anybody waits for.
                () = daemon.stopping.given() => return Ok(()),
                read = reading => read?,
            };
            reader = back;
            if let Some(measures) = or_later(measures)? {
                daemon.metrics.read(measures, daemon.clock.now());
                seen = version;
            }
            rest = rest.max(began.elapsed() * REST);
        }
        tokio::select! {
            () = daemon.stopping.given() => return Ok(()),
            () = tokio::time::sleep(rest) => {}
        }
    }
}
