//! A break as the ledger keeps it.

use std::fmt;

use super::{BreakKind, Evidence, Severity, Subject};
use crate::model::Timestamp;

/// Names a break in one ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BreakNumber(pub i64);

impl fmt::Display for BreakNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

/// Whether people are told of a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// They are.
    Everybody,
    /// It was over before the profile's first poll began: it is recorded, and nobody is told.
    Nobody,
}

/// What people were told last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    /// Nothing yet.
    Nothing,
    /// That it stands, with this severity.
    As(Severity),
}

/// Whether a break is muted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mute {
    /// It is not.
    Off,
    /// Somebody has acknowledged it.
    On(Acknowledgement),
}

/// That somebody looks after a break. It mutes and does no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
    /// When.
    pub at: Timestamp,
    /// Until when; `None` where it holds until the break resolves.
    pub until: Option<Timestamp>,
    /// The severity that was acknowledged: a worse one ends it.
    pub severity: Severity,
}

/// Why a break was resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// What opened it is over, in words such as "moved on to COMPLETED".
    Over(String),
    /// The limit that it had passed is another one now.
    LimitChanged,
    /// Its profile is no longer polled.
    ProfileRemoved,
    /// A person closed it.
    Person {
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
}

impl fmt::Display for Resolution {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Over(what) => formatter.write_str(what),
            Self::LimitChanged => formatter.write_str("the limit changed"),
            Self::ProfileRemoved => formatter.write_str("the profile is no longer polled"),
            Self::Person { by, why } => write!(formatter, "{by}: {why}"),
        }
    }
}

/// A break that is not resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its number in the ledger.
    pub number: BreakNumber,
    /// What is wrong.
    pub kind: BreakKind,
    /// With what.
    pub subject: Subject,
    /// How often the same came up for the same subject, this time included.
    pub episode: u32,
    /// How bad it is.
    pub severity: Severity,
    /// What it rests on.
    pub evidence: Evidence,
    /// When it opened, by Paxos's clock.
    pub opened_at: Timestamp,
    /// Whether people are told of it.
    pub audience: Audience,
    /// What they were told last.
    pub told: Told,
    /// Whether it is muted.
    pub mute: Mute,
}
