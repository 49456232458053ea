//! The task that delivers what waits to be told.

use std::sync::Arc;
use std::time::Duration;

use super::{Daemon, Ended, or_log};
use crate::alerts::DeliverError;

/// How long it waits where the ledger could not be written.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// Delivers until tallyd stops, by the configuration in effect.
pub(super) async fn run(daemon: Daemon, seed: u64) -> Ended {
    let mut reloaded = daemon.sessions.clone();
    while !daemon.stopping.is_given() {
        let session = Arc::clone(&reloaded.borrow_and_update());
        let delivery = session.delivery(seed);
        drop(session);
        let stopped = async {
            tokio::select! {
                () = daemon.stopping.given() => {}
                // Who replaces sessions outlives this task.
                _ = reloaded.changed() => {}
            }
        };
        match delivery.run(stopped).await {
            Ok(()) => {}
            Err(DeliverError::Ledger(error)) => {
                or_log(Err(error))?;
                tokio::select! {
                    () = daemon.stopping.given() => {}
                    () = tokio::time::sleep(TRY_AGAIN) => {}
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
