//! What went wrong below, as the failure of a poll.

use crate::ledger::{LedgerError, Problem};
use crate::model::{FailureKind, PollFailure, with_causes};
use crate::paxos::{BodyError, FetchError, PROFILE_SCOPE, WalkError};

/// A request failed. Where the scope to list the profiles is missing, naming them is the other way.
pub(super) fn of_fetch(error: &FetchError) -> PollFailure {
    let mut message = format!("failed to {}", with_causes(error));
    if matches!(error, FetchError::MissingScope { scope: PROFILE_SCOPE, .. }) {
        message.push_str(", or name the profiles to poll under [[profiles]]");
    }
    PollFailure { kind: error.kind(), message }
}

/// A listing cannot be trusted.
pub(super) fn of_walk(error: &WalkError) -> PollFailure {
    PollFailure { kind: error.kind(), message: format!("failed to {}", with_causes(error)) }
}

/// A page that was taken at a glance is none.
pub(super) fn of_body(error: &BodyError) -> PollFailure {
    let message = format!("failed to understand a page of List Orchestrations: {error}");
    PollFailure { kind: FailureKind::Protocol, message }
}

/// The ledger refused.
pub(super) fn of_ledger(error: &LedgerError) -> PollFailure {
    let kind = match &error.problem {
        Problem::OtherCustomer { .. } | Problem::OtherEnvironment { .. } => FailureKind::WrongLedger,
        _ => FailureKind::Ledger,
    };
    PollFailure { kind, message: with_causes(error) }
}
