//! What went wrong below, as the failure of a poll.

use crate::ledger::{LedgerError, Problem};
use crate::model::{FailureKind, PollFailure, with_causes};
use crate::paxos::{FetchError, PROFILE_SCOPE, WalkError};

/// A request failed.
pub(super) fn of_fetch(error: &FetchError) -> PollFailure {
    PollFailure { kind: error.kind(), message: format!("failed to {}", with_causes(error)) }
}

/// Which profiles there are could not be asked. Where only the scope for it is missing, naming them is the
/// other way.
pub(super) fn of_listing_profiles(error: &FetchError) -> PollFailure {
    let mut failure = of_fetch(error);
    if matches!(error, FetchError::MissingScope { scope: PROFILE_SCOPE, .. }) {
        failure.message.push_str(", or name the profiles to poll under [[profiles]]");
    }
    failure
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
