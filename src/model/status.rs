//! The statuses of an orchestration and of its legs.

use std::fmt;

/// The status of an orchestration.
///
/// `PENDING → PROCESSING | REJECTED`, `PROCESSING → COMPLETED | FAILED`; polls may skip steps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Awaits approval.
    Pending,
    /// Under way.
    Processing,
    /// Done.
    Completed,
    /// Ended without success.
    Failed,
    /// Approval was refused.
    Rejected,
    /// A status that this version does not know; counted as open.
    Unknown(Box<str>),
}

impl Status {
    /// Reads the API's word. Never fails: new values are no breaking change by the API's policy.
    pub fn new(text: &str) -> Self {
        match text {
            "PENDING" => Self::Pending,
            "PROCESSING" => Self::Processing,
            "COMPLETED" => Self::Completed,
            "FAILED" => Self::Failed,
            "REJECTED" => Self::Rejected,
            other => Self::Unknown(other.into()),
        }
    }

    /// The API's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pending => "PENDING",
            Self::Processing => "PROCESSING",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Rejected => "REJECTED",
            Self::Unknown(text) => text,
        }
    }

    /// Whether the API documents no way out of it.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Rejected)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// The status of one leg, a source or destination transfer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LegStatus {
    /// Planned.
    Pending,
    /// Under way.
    Processing,
    /// Done.
    Completed,
    /// Ended without success.
    Failed,
    /// A status that this version does not know.
    Unknown(Box<str>),
}

impl LegStatus {
    /// Reads the API's word. Never fails.
    pub fn new(text: &str) -> Self {
        match text {
            "PENDING" => Self::Pending,
            "PROCESSING" => Self::Processing,
            "COMPLETED" => Self::Completed,
            "FAILED" => Self::Failed,
            other => Self::Unknown(other.into()),
        }
    }

    /// The API's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pending => "PENDING",
            Self::Processing => "PROCESSING",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Unknown(text) => text,
        }
    }
}

impl fmt::Display for LegStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}
