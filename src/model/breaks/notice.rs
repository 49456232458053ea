//! What sinks are to tell, as it waits in the outbox.

use std::fmt;

use super::{BreakKind, BreakNumber, Severity, Subject};
use crate::model::{Identifier, Timestamp};

/// The name of a sink, as the configuration gives it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SinkName(pub String);

impl fmt::Display for SinkName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// Why people are told of a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Occasion {
    /// It opened.
    Opened,
    /// It is worse than they were told.
    Worsened,
    /// It still stands.
    Reminded,
    /// Somebody looks after it.
    Acknowledged,
    /// It is resolved.
    Resolved,
}

impl Occasion {
    /// Every occasion.
    pub const ALL: [Self; 5] =
        [Self::Opened, Self::Worsened, Self::Reminded, Self::Acknowledged, Self::Resolved];

    /// The occasion's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Worsened => "worsened",
            Self::Reminded => "reminded",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }

    /// The occasion of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|occasion| occasion.as_str() == name)
    }
}

impl fmt::Display for Occasion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// Something that people are to be told; which sinks tell it is decided by what is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Which break.
    pub number: BreakNumber,
    /// Its kind.
    pub kind: BreakKind,
    /// What it is about.
    pub subject: Subject,
    /// Which episode of it.
    pub episode: u32,
    /// How bad it is.
    pub severity: Severity,
    /// The profile under which it was found; `None` for what is about several.
    pub profile: Option<Identifier>,
    /// Why it is told.
    pub occasion: Occasion,
    /// When that came about, by Paxos's clock.
    pub at: Timestamp,
}

impl Notice {
    /// Names the break for whoever receives notices, over restarts and restores: the same break of the same
    /// episode has the same key.
    pub fn key(&self) -> String {
        format!("tallyd/{}/{}/{}", self.kind, self.subject, self.episode)
    }
}
