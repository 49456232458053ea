//! Why a command could not do what was asked, and the exit code that goes with it.

use super::exit::Exit;
use crate::config::ConfigError;
use crate::daemon::{RunError, SessionError};
use crate::ledger::{BackupError, BackupProblem, LedgerError, Problem};
use crate::model::FailureKind;
use crate::paxos::FetchError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The configuration cannot be used. It shows itself.
    #[error("the configuration cannot be used")]
    Config(#[source] ConfigError),
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A backup could not be made or restored.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// Paxos did not answer as it should.
    #[error("failed to ask Paxos")]
    Fetch(#[from] FetchError),
    /// It was told to end at once.
    #[error("ended at once; nothing that was committed is lost, and the next poll goes on from there")]
    Interrupted,
    /// Standard output or the terminal cannot be written.
    #[error("cannot write the output")]
    Output(#[source] std::io::Error),
    /// Anything else.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Ledger(error) => Self::Ledger(error),
            other => Self::Other(other.into()),
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Session(error) => error.into(),
            other => Self::Other(other.into()),
        }
    }
}

impl Failure {
    /// The exit code.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Config(_)
            | Self::Backup(BackupError::File {
                problem: BackupProblem::OtherEnvironment { .. } | BackupProblem::OtherCustomer { .. },
                ..
            }) => Exit::Configuration,
            Self::Ledger(error) | Self::Backup(BackupError::Ledger(error)) => match error.problem {
                Problem::NotALedger { .. }
                | Problem::OtherEnvironment { .. }
                | Problem::OtherCustomer { .. }
                | Problem::NoFolder => Exit::Configuration,
                _ => Exit::Failed,
            },
            Self::Fetch(error) => match error.kind() {
                // Asked for one orchestration, a refusal is an answer about it.
                FailureKind::Profile => Exit::Failed,
                kind => Exit::of_failure(kind),
            },
            Self::Backup(BackupError::File { .. }) | Self::Interrupted | Self::Output(_) | Self::Other(_) => {
                Exit::Failed
            }
        }
    }
}
