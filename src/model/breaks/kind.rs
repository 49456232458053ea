//! What kinds of breaks there are, and how bad one is.

use std::fmt;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BreakKind {
    /// PROCESSING for longer than the limit.
    StuckProcessing,
    /// The source leg is COMPLETED and the destination leg is not, for longer than the limit: money has left
    /// and not arrived.
    StuckBetweenLegs,
    /// PENDING, which is waiting for approval, for longer than the limit.
    StuckPending,
    /// FAILED.
    Failed,
    /// REJECTED.
    Rejected,
    /// What was final took another value.
    ChangedAfterFinal,
    /// A state that cannot be reached from the one before, or an immutable field with another value.
    IllegalTransition,
    /// The legs say something else than the status.
    InconsistentLegs,
    /// Paxos no longer knows it.
    MissingUpstream,
    /// A second orchestration with the same `ref_id` in one profile.
    DuplicateRefId,
    /// The same destination, assets and amount shortly after another one, under another `ref_id`.
    PossibleDuplicate,
    /// A status that this version does not know.
    UnknownStatus,
    /// A row that cannot be read.
    Unreadable,
    /// Profiles were not completely polled for longer than the limit.
    ProfileUnpolled,
    /// A report of `[[reports]]` was due and could not be made.
    ReportFailed,
}

/// Who closes a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// It resolves when what opened it is over.
    ByItself,
    /// Only a person does, with a reason: what happened does not unhappen.
    ByPerson,
}

impl BreakKind {
    /// Every kind, in the order of the design.
    pub const ALL: [Self; 15] = [
        Self::StuckProcessing,
        Self::StuckBetweenLegs,
        Self::StuckPending,
        Self::Failed,
        Self::Rejected,
        Self::ChangedAfterFinal,
        Self::IllegalTransition,
        Self::InconsistentLegs,
        Self::MissingUpstream,
        Self::DuplicateRefId,
        Self::PossibleDuplicate,
        Self::UnknownStatus,
        Self::Unreadable,
        Self::ProfileUnpolled,
        Self::ReportFailed,
    ];

    /// The kind's name, everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StuckProcessing => "stuck_processing",
            Self::StuckBetweenLegs => "stuck_between_legs",
            Self::StuckPending => "stuck_pending",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::ChangedAfterFinal => "changed_after_final",
            Self::IllegalTransition => "illegal_transition",
            Self::InconsistentLegs => "inconsistent_legs",
            Self::MissingUpstream => "missing_upstream",
            Self::DuplicateRefId => "duplicate_ref_id",
            Self::PossibleDuplicate => "possible_duplicate",
            Self::UnknownStatus => "unknown_status",
            Self::Unreadable => "unreadable",
            Self::ProfileUnpolled => "profile_unpolled",
            Self::ReportFailed => "report_failed",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Who closes one about an orchestration. One of a profile resolves by itself, whatever its kind.
    pub const fn closing(self) -> Closing {
        match self {
            Self::StuckProcessing
            | Self::StuckBetweenLegs
            | Self::StuckPending
            | Self::InconsistentLegs
            | Self::UnknownStatus
            | Self::Unreadable
            | Self::ProfileUnpolled
            | Self::ReportFailed => Closing::ByItself,
            Self::Failed
            | Self::Rejected
            | Self::ChangedAfterFinal
            | Self::IllegalTransition
            | Self::MissingUpstream
            | Self::DuplicateRefId
            | Self::PossibleDuplicate => Closing::ByPerson,
        }
    }

    /// How much worse than others it is among the kinds that say "it is held up", of which only the worst
    /// one is told; `None` for the other kinds.
    pub const fn held_up_rank(self) -> Option<u8> {
        match self {
            Self::StuckPending => Some(1),
            Self::StuckProcessing => Some(2),
            Self::StuckBetweenLegs => Some(3),
            _ => None,
        }
    }
}

impl fmt::Display for BreakKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// How bad a break is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Look at it today.
    Warning,
    /// Look at it now.
    Critical,
}

impl Severity {
    /// Every severity, the least first.
    pub const ALL: [Self; 2] = [Self::Warning, Self::Critical];

    /// The severity's name, everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// The severity of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.as_str() == name)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// Why profiles are not completely polled. All that one cause keeps from it are one break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The credentials or their scopes are refused.
    Credentials,
    /// The profile is refused.
    Forbidden,
    /// Paxos cannot be reached, answers 5xx, or answers what cannot be understood.
    Outage,
    /// Paxos asked for a pause (429).
    Throttled,
    /// The ledger cannot be written.
    Ledger,
    /// Polls end, but not complete, or do not end.
    Incomplete,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 6] =
        [Self::Credentials, Self::Forbidden, Self::Outage, Self::Throttled, Self::Ledger, Self::Incomplete];

    /// The cause's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Forbidden => "forbidden",
            Self::Outage => "outage",
            Self::Throttled => "throttled",
            Self::Ledger => "ledger",
            Self::Incomplete => "incomplete",
        }
    }

    /// The cause of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == name)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}
