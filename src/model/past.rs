//! What the ledger tells of the past of one orchestration, for judging it again.

use super::{
    BreakKind, BreakNumber, Change, Identifier, LegTimes, ListingTurn, Lookalike, Profile, Resolved,
    Severity, Timestamp, Tracked, UnreadableRow,
};

/// A profile and how it was polled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolledProfile {
    /// Which.
    pub profile: Profile,
    /// When its first poll began; `None` for one that was never listed.
    pub first_poll_began_at: Option<Timestamp>,
    /// The polls that looked at what was open: those that ended complete or partial, sweeps left out, in the order
    /// of their beginnings.
    pub polls: Vec<PollSpan>,
}

/// When a poll ran, by Paxos's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PollSpan {
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
}

/// Which of the profiles that were polled, by its place among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfilePlace(pub usize);

/// The past of one orchestration, or of a row that could never be read.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// Its id.
    pub id: Identifier,
    /// The profile that listed it first.
    pub profile: ProfilePlace,
    /// From when on its past is known.
    pub known: KnownFrom,
    /// Every other state in which it was seen, oldest first.
    pub sightings: Vec<Sighting>,
    /// The breaks that the ledger has about it, oldest first.
    pub raised: Vec<Raised>,
}

/// From when on the past of an orchestration is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownFrom {
    /// From its first sighting.
    Beginning,
    /// From then; what was before was pruned.
    Pruned(Timestamp),
}

/// One time that an orchestration was seen in another state than before.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// When, by Paxos's clock.
    pub at: Timestamp,
    /// Under which profile.
    pub profile: ProfilePlace,
    /// By which of its listings.
    pub listing: ListingTurn,
    /// As what.
    pub shown: Shown,
}

/// As what an orchestration was seen.
#[derive(Clone, Debug)]
pub enum Shown {
    /// As a row that polls go on to show.
    Row(Box<SeenRow>),
    /// As a row that Paxos no longer knows since then.
    Gone(Box<SeenRow>),
    /// As a row that cannot be read.
    Unreadable(UnreadableRow),
}

impl Shown {
    /// The row, where it could be read.
    pub fn row(&self) -> Option<&SeenRow> {
        match self {
            Self::Row(row) | Self::Gone(row) => Some(row),
            Self::Unreadable(_) => None,
        }
    }
}

/// A row with what was known of it then.
#[derive(Clone, Debug)]
pub struct SeenRow {
    /// The row as it was.
    pub tracked: Tracked,
    /// Since when its legs were where they were.
    pub leg_times: LegTimes,
    /// What changed; nothing where only its beginning is gone.
    pub changes: Vec<Change>,
    /// Others that were there under its `ref_id`.
    pub namesakes: Vec<Lookalike>,
    /// Others that were there and like it.
    pub lookalikes: Vec<Lookalike>,
}

/// A break that the ledger raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised {
    /// Its number.
    pub number: BreakNumber,
    /// Its kind.
    pub kind: BreakKind,
    /// How bad it became.
    pub severity: Severity,
    /// When it opened.
    pub opened_at: Timestamp,
    /// How it ended; `None` while it is unresolved.
    pub resolved: Option<Resolved>,
}
