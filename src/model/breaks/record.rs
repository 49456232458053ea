//! A break with everything that is known of it, for those who tell it.

use super::{BreakNumber, Resolution, Standing, TransferFacts};
use crate::model::{Orchestration, Profile, Timestamp};

/// How a break ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// When, by Paxos's clock.
    pub at: Timestamp,
    /// Why.
    pub why: Resolution,
}

/// A break with everything that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakRecord {
    /// The break as it stands, or stood when it was resolved.
    pub standing: Standing,
    /// The break of the former episode.
    pub former: Option<BreakNumber>,
    /// The profile under which it was found; `None` for what is about several.
    pub profile: Option<Profile>,
    /// The orchestration that it is about, as the ledger has it now; `None` where it is about none, and for a
    /// row that could never be read.
    pub orchestration: Option<Orchestration>,
    /// How it ended; `None` while it is unresolved.
    pub resolved: Option<Resolved>,
    /// What Paxos said of its transfers, where that was asked for.
    pub transfers: Vec<TransferFacts>,
}
