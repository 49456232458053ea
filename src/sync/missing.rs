//! What becomes of rows that a complete list did not show.
//!
//! Only Get Orchestration's 404 makes one missing. Where many are gone at once, the account or the
//! credentials are in doubt, and none is.

use super::failure::of_ledger;
use super::tally::Tally;
use super::visit::Visit;
use crate::ledger::{KnownRow, Lost, OrchestrationKey};
use crate::model::{FailureKind, PollFailure, Shortfall};
use crate::paxos::Got;

/// Up to this many that are gone at once are asked about, whatever part of all they are.
const FEW: usize = 20;

/// More than one in this many that are gone at once are too many.
const SMALL_PART: usize = 100;

/// After so many failures one after the other, what is left is not asked for: each may have taken a while.
pub(super) const MAX_FAILURES_RUNNING: u32 = 3;

/// What asking about one row came to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Decision {
    /// It is there.
    Met,
    /// There is none with this id.
    Gone,
    /// That was not to be had.
    Undecided,
}

/// Whether so many of a window are gone at once that none of them is to be called missing.
fn are_too_many(gone: usize, window: usize) -> bool {
    gone > FEW && gone > window / SMALL_PART
}

/// Asks about each of the rows that a complete list of `window` rows did not show. What stays unknown
/// makes the poll partial. Returns those that are there all the same.
pub(super) async fn settle(
    visit: &Visit<'_>,
    candidates: &[KnownRow],
    window: usize,
    tally: &mut Tally,
) -> Result<Vec<OrchestrationKey>, PollFailure> {
    if are_too_many(candidates.len(), window) {
        let (missing, of) = (candidates.len() as u64, window as u64);
        tally.doubts.push(Shortfall::ManyMissing { missing, of });
        return Ok(Vec::new());
    }
    let mut there = Vec::new();
    let mut undecided = candidates.len() as u64;
    let mut failures = 0;
    let mut outcome = Ok(());
    for candidate in candidates {
        if failures == MAX_FAILURES_RUNNING {
            break;
        }
        match decide(visit, candidate, tally).await {
            Ok(Decision::Undecided) => {}
            Ok(decision @ (Decision::Met | Decision::Gone)) => {
                failures = 0;
                undecided -= 1;
                if decision == Decision::Met {
                    there.push(candidate.key);
                }
            }
            Err(failure) if ends_all(failure.kind) => {
                outcome = Err(failure);
                break;
            }
            Err(failure) => {
                tracing::debug!(orchestration = %candidate.id, reason = %failure.message, "an orchestration could not be looked up");
                failures += 1;
            }
        }
    }
    if undecided > 0 {
        tally.doubts.push(Shortfall::Unanswered(undecided));
    }
    outcome.map(|()| there)
}

/// Whether a failure says that asking about others is no use either.
fn ends_all(kind: FailureKind) -> bool {
    match kind {
        FailureKind::Throttled | FailureKind::Ledger | FailureKind::WrongLedger | FailureKind::Stopped => {
            true
        }
        FailureKind::Unreachable
        | FailureKind::Credentials
        | FailureKind::Profile
        | FailureKind::Protocol => false,
    }
}

async fn decide(visit: &Visit<'_>, candidate: &KnownRow, tally: &mut Tally) -> Result<Decision, PollFailure> {
    let (got, asked_at) = visit.get(&candidate.id).await?;
    match got {
        Got::Found(row) if row.id() == Some(&candidate.id) => {
            let committed = visit.commit_found(*row, asked_at).await?;
            tally.counts.add(&committed.counts);
            Ok(Decision::Met)
        }
        // An id in another spelling would come in as another orchestration.
        Got::Found(_) => Ok(Decision::Undecided),
        Got::NotFound => {
            let now = visit.poller.server_now();
            // A replica that lags may not know a young one yet.
            if candidate.created_at >= now.minus(visit.poller.settings.overlap) {
                return Ok(Decision::Undecided);
            }
            let orchestrations = vec![candidate.key];
            let lost = Lost { poll: visit.poll, profile: visit.key, seen_at: now, orchestrations };
            let committed = visit.poller.ledger.commit_lost(lost).await;
            tally.counts.add(&committed.map_err(|error| of_ledger(&error))?.counts);
            Ok(Decision::Gone)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_06_too_many_are_more_than_twenty_and_more_than_one_in_a_hundred() {
        for (gone, window, too_many) in [
            (0, 0, false),
            (20, 20, false),
            (21, 21, true),
            (21, 2_000, true),
            (21, 2_100, false),
            (21, 2_199, false),
            (1_000, 100_000, false),
            (1_001, 100_000, true),
        ] {
            assert_eq!(are_too_many(gone, window), too_many, "{gone} of {window}");
        }
    }
}
