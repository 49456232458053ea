//! What went wrong below, as the failure of a poll.

use std::error::Error;

use crate::ledger::{LedgerError, Problem};
use crate::model::{FailureKind, PollFailure};
use crate::paxos::{FetchError, WalkError};

/// A request failed.
pub(super) fn of_fetch(error: &FetchError) -> PollFailure {
    PollFailure { kind: error.kind(), message: format!("failed to {}", in_full(error)) }
}

/// A listing cannot be trusted.
pub(super) fn of_walk(error: &WalkError) -> PollFailure {
    PollFailure { kind: error.kind(), message: format!("failed to {}", in_full(error)) }
}

/// The ledger refused.
pub(super) fn of_ledger(error: &LedgerError) -> PollFailure {
    let kind = match &error.problem {
        Problem::OtherCustomer { .. } | Problem::OtherEnvironment { .. } => FailureKind::WrongLedger,
        _ => FailureKind::Ledger,
    };
    PollFailure { kind, message: in_full(error) }
}

/// The error and its causes, each said once.
fn in_full(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}
