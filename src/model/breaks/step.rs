//! What becomes of breaks when something was observed.

use std::fmt;

use super::{Audience, BreakKind, BreakNumber, Cause, Evidence, Resolution, Severity};
use crate::model::Identifier;

/// What a break is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// An orchestration, or a row under its id.
    Orchestration(Identifier),
    /// A profile.
    Profile(Identifier),
    /// Whatever keeps profiles from being polled.
    Cause(Cause),
    /// A report of `[[reports]]`, by its name.
    Report(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Orchestration(id) | Self::Profile(id) => fmt::Display::fmt(id, formatter),
            Self::Cause(cause) => fmt::Display::fmt(cause, formatter),
            Self::Report(name) => formatter.pad(name),
        }
    }
}

/// Something wrong that a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub kind: BreakKind,
    /// With what.
    pub subject: Subject,
    /// How bad it is.
    pub severity: Severity,
    /// What it rests on.
    pub evidence: Evidence,
    /// Whether people are told.
    pub audience: Audience,
}

/// Whether a step is told to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tell {
    /// It is.
    People,
    /// It is not: they know, do not want to know, or are told something worse.
    Nobody,
}

/// One step in the life of a break, to be taken in the transaction of what was observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A break opens.
    Open {
        /// What was found.
        finding: Finding,
        /// Whether it is told.
        tell: Tell,
    },
    /// An unresolved break is another one than it was.
    Revise {
        /// Which.
        number: BreakNumber,
        /// How bad it is now.
        severity: Severity,
        /// What it rests on now.
        evidence: Evidence,
        /// Whether it is told.
        tell: Tell,
    },
    /// The acknowledgement of a break is over: its time has come, or it is worse than what was acknowledged.
    Unmute {
        /// Which.
        number: BreakNumber,
        /// Whether it is told again.
        tell: Tell,
    },
    /// A break resolves.
    Resolve {
        /// Which.
        number: BreakNumber,
        /// Why.
        why: Resolution,
        /// Whether it is told.
        tell: Tell,
    },
}
