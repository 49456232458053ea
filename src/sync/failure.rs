//! What went wrong below, as the failure of a poll.

use crate::ledger::{LedgerError, Problem};
use crate::model::{FailureKind, PollFailure, with_causes};
use crate::paxos::{FetchError, WalkError};

/// A request failed.
pub(super) fn of_fetch(error: &FetchError) -> PollFailure {
    PollFailure { kind: error.kind(), message: format!("failed to {}", with_causes(error)) }
}

/// A listing cannot be trusted.
pub(super) fn of_walk(error: &WalkError) -> PollFailure {
    PollFailure { kind: error.kind(), message: format!("failed to {}", with_causes(error)) }
}

/// The ledger refused.
pub(super) fn of_ledger(error: &LedgerError) -> PollFailure {
    let kind = match &error.problem {
        Problem::OtherCustomer { .. } | Problem::OtherEnvironment { .. } => FailureKind::WrongLedger,
        _ => FailureKind::Ledger,
    };
    PollFailure { kind, message: with_causes(error) }
}
