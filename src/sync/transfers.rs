//! Looking up the transfers of legs that hold orchestrations up or failed, at the end of a poll.
//!
//! It gives way to everything else at the limiter, takes a few seconds at most, and never fails the poll: what is not
//! known by then is told without it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Poller;
use crate::ledger::{LedgerError, ProfileKey, TransferAnswer, WantedTransfer};
use crate::model::{FailureKind, Identifier, Lane, TransferFacts, TransferLookUps};
use crate::paxos::{FetchError, Transfer};

/// How long the end of a poll, and with it what it found, waits for look-ups.
const WITHIN: Duration = Duration::from_secs(10);

/// Looks up what the breaks of a profile ask for, where the configuration wants that.
pub(super) async fn look_up(poller: &Poller, profile: ProfileKey) {
    if poller.client.transfer_look_ups() == TransferLookUps::Off {
        return;
    }
    tokio::select! {
        biased;
        () = poller.stopping.given() => {}
        ended = tokio::time::timeout(WITHIN, look_up_all(poller, profile)) => match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = %error, "what transfers say could not be kept"),
            Err(_) => tracing::info!("looking up transfers takes long; the next poll goes on with it"),
        }
    }
}

async fn look_up_all(poller: &Poller, profile: ProfileKey) -> Result<(), LedgerError> {
    let mut left = poller.ledger.wanted_transfers(profile).await?;
    while let Some(id) = left.first().map(|wanted| wanted.id.clone()) {
        // Several breaks may be about one orchestration.
        let (same, others) = left.into_iter().partition(|wanted| wanted.id == id);
        left = others;
        match poller.client.transfer(Lane::Sweep, &id).await {
            Ok(found) => {
                let found = found.unwrap_or_default();
                note(poller, same, TransferAnswer::Came, &found, None).await?;
            }
            Err(error) => {
                tell(poller, &id, &error);
                let request_id = error.problem().and_then(|problem| problem.request_id.as_deref());
                note(poller, same, TransferAnswer::Failed, &Transfer::default(), request_id).await?;
                // The next one would most likely fail the same.
                if error.kind() != FailureKind::Protocol {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// That the scope is missing is said once. What else went wrong is told with the break.
fn tell(poller: &Poller, id: &Identifier, error: &FetchError) {
    let is_news = matches!(error, FetchError::MissingScope { .. })
        && !poller.told_of_scope.swap(true, Ordering::Relaxed);
    if is_news {
        tracing::warn!("failed to {error}; breaks are told without what their transfers say");
    } else {
        tracing::debug!(transfer = %id, "failed to {error}");
    }
}

async fn note(
    poller: &Poller,
    wanted: Vec<WantedTransfer>,
    answer: TransferAnswer,
    found: &Transfer,
    request_id: Option<&str>,
) -> Result<(), LedgerError> {
    for one in wanted {
        let Transfer { secondary_status, network, transaction_hash } = found.clone();
        let (side, id, request_id) = (one.side, one.id.clone(), request_id.map(str::to_owned));
        let facts = TransferFacts { side, id, secondary_status, network, transaction_hash, request_id };
        poller.ledger.note_transfer(one, answer, facts).await?;
    }
    Ok(())
}
