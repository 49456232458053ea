//! How the program ends.

use std::process::ExitCode;

use crate::daemon::outcome::Outcome;
use crate::model::FailureKind;

/// The exit codes; a public interface (`sysexits.h` where that has one).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: it did what was asked.
    Fine,
    /// 1: it did not.
    Failed,
    /// 2: the command line makes no sense.
    Usage,
    /// 3: it did what was asked, and breaks are open; only where `--exit-code` asks for it.
    BreaksOpen,
    /// 75: Paxos could not be reached, or asked for a pause; trying again later may help.
    Unreachable,
    /// 78: the configuration is wrong: the file, the credentials, a profile, or whose ledger it is.
    Configuration,
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::BreaksOpen => 3,
            Self::Unreachable => 75,
            Self::Configuration => 78,
        }
    }

    /// The code for one failure.
    pub const fn of_failure(kind: FailureKind) -> Self {
        match kind {
            FailureKind::Unreachable | FailureKind::Throttled => Self::Unreachable,
            FailureKind::Credentials | FailureKind::Profile | FailureKind::WrongLedger => Self::Configuration,
            FailureKind::Protocol | FailureKind::Ledger | FailureKind::Stopped => Self::Failed,
        }
    }

    /// The code for a poll: what only a person can mend comes before what may pass by itself.
    pub fn of_poll(outcome: &Outcome) -> Self {
        if outcome.complete {
            return Self::Fine;
        }
        let codes: Vec<_> = outcome.failure_kinds().map(Self::of_failure).collect();
        if codes.contains(&Self::Configuration) {
            Self::Configuration
        } else if codes.is_empty() || codes.contains(&Self::Failed) {
            Self::Failed
        } else {
            Self::Unreachable
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
