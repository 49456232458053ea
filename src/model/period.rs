//! What was known of a period beside its orchestrations.

use super::{BreakKind, Identifier, Profile, Timestamp};

/// How completely a profile was read by some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileRead {
    /// The profile.
    pub profile: Profile,
    /// When its first poll began.
    pub first_poll_at: Timestamp,
    /// From which `created_at` on it was completely listed; `None` where it never was.
    pub covered_from: Option<Timestamp>,
    /// Up to which one complete polls had listed it.
    pub covered_to: Option<Timestamp>,
    /// When the last complete poll began.
    pub verified_at: Option<Timestamp>,
    /// The last complete sweep that compared the whole period again.
    pub swept: Option<SweptSpan>,
    /// Its polls from the period's beginning on.
    pub polls: PollTally,
}

/// What a sweep compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SweptSpan {
    /// When it began.
    pub began_at: Timestamp,
    /// The beginning of its window.
    pub from: Timestamp,
    /// The end of its window.
    pub to: Timestamp,
}

/// How many polls there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PollTally {
    /// Complete ones.
    pub complete: u64,
    /// All that ended.
    pub all: u64,
}

/// A break that stood in a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeriodBreak {
    /// Its kind.
    pub kind: BreakKind,
    /// Under which profile it was found; `None` of a cause.
    pub profile: Option<Identifier>,
    /// When it opened.
    pub opened_at: Timestamp,
    /// When it resolved; `None` where it still stood at the end.
    pub resolved_at: Option<Timestamp>,
}
