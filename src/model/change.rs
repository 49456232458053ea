//! What a poll observed of one orchestration.

use super::{
    Cause, Field, Identifier, LegStatus, Orchestration, Profile, Standing, Status, Timestamp, Tracked,
    UnreadableRow,
};

/// Which leg of an orchestration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LegSide {
    /// The leg that takes the money in.
    Source,
    /// The leg that delivers it.
    Destination,
}

/// One observed change. Values are in the text in which they are shown and journalled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Seen for the first time.
    Appeared,
    /// The status is another one.
    StatusMoved {
        /// The status before.
        from: Status,
        /// The status now.
        to: Status,
    },
    /// A leg that had a status has another one.
    LegMoved {
        /// Which leg.
        leg: LegSide,
        /// The leg's status before.
        from: LegStatus,
        /// The leg's status now.
        to: LegStatus,
    },
    /// A field that had a value has another one, or none.
    FieldChanged {
        /// Which field.
        field: Field,
        /// The value before.
        old: String,
        /// The value now.
        new: Option<String>,
    },
    /// A field that was missing has a value.
    FilledIn {
        /// Which field.
        field: Field,
        /// The value now.
        new: String,
    },
    /// An older state than the one known was confirmed and taken.
    WentBackInTime {
        /// The newest `updated_at` known before.
        from: Timestamp,
        /// The `updated_at` that was taken.
        to: Timestamp,
    },
    /// Paxos lists it no longer and answers 404 for it.
    WentMissing,
    /// It was missing and was met again.
    Reappeared,
}

/// Since when the legs of an orchestration are where they are: the earliest `updated_at` that was seen with
/// the present status of each, or when that was observed. They were there then or before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LegTimes {
    /// The source leg.
    pub source: Timestamp,
    /// The destination leg.
    pub destination: Timestamp,
}

/// What one row of a page came to, for judging. Rows without any change are observed too: rules
/// about time judge what was verified.
#[derive(Clone, Debug)]
pub enum Observation<'a> {
    /// A row that could be read.
    Row {
        /// The orchestration as the ledger knew it.
        before: Option<&'a Orchestration>,
        /// The orchestration as it is kept now: for one that went missing, as it was last seen.
        now: &'a Orchestration,
        /// See [`Tracked::status_since`](super::Tracked).
        status_since: Timestamp,
        /// Since when its legs are where they are.
        leg_times: LegTimes,
        /// What changed, in no particular order; empty for a row that is as it was.
        changes: &'a [Change],
        /// The unresolved breaks under its id.
        standing: &'a [Standing],
        /// Other orchestrations that the profile lists under the same `ref_id`; looked for where the row, or its
        /// `ref_id`, is new.
        namesakes: &'a [Lookalike],
        /// Other orchestrations with the same destination, assets and amount, created so near that
        /// they may be the same payment made twice, oldest first; none where nobody asks for that.
        lookalikes: &'a [Lookalike],
    },
    /// A row that could not be read.
    Unreadable {
        /// The row.
        row: &'a UnreadableRow,
        /// The unresolved breaks under its id.
        standing: &'a [Standing],
    },
}

/// An orchestration that may be another one's twin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookalike {
    /// Its id.
    pub id: Identifier,
    /// When it was created.
    pub created_at: Timestamp,
}

/// Which listing of a profile shows something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListingTurn {
    /// The one that its first poll began, in however many pieces: what it shows as final may have ended long ago.
    First,
    /// A later one, a sweep, a refresh or a look-up: what they show as new came to be, or to light, since.
    Later,
}

/// What a page is judged by: pure values, no clock.
#[derive(Clone, Debug)]
pub struct PageFacts<'a> {
    /// The profile under which the page was listed.
    pub profile: &'a Identifier,
    /// When the page was seen, by Paxos's clock: ages are measured against it.
    pub seen_at: Timestamp,
    /// When the profile's first poll began; what was final before is history.
    pub first_poll_began_at: Timestamp,
    /// Which listing the page belongs to.
    pub listing: ListingTurn,
    /// What the rows of the page came to.
    pub observations: &'a [Observation<'a>],
}

/// What comparing a received orchestration with the known one came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was not known.
    Appeared {
        /// See [`Tracked::status_since`].
        status_since: Timestamp,
    },
    /// It means what the known one means.
    Unchanged,
    /// It differs.
    Changed {
        /// What to keep from now on.
        kept: Box<Tracked>,
        /// What is different; never empty.
        changes: Vec<Change>,
    },
    /// It is older than the known one and must not overwrite it.
    Stale,
}

/// How far an answer that is older than the known one is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Not: it may come from a stale replica.
    Listed,
    /// It is: several polls running were given the same older answer.
    Confirmed,
}

/// What polls came to, for judging.
#[derive(Clone, Debug)]
pub struct PollFacts<'a> {
    /// When, by Paxos's clock as far as it is known.
    pub now: Timestamp,
    /// The profiles that are polled.
    pub profiles: &'a [ProfileFacts],
    /// The unresolved breaks that are about no single orchestration.
    pub standing: &'a [Standing],
    /// The unresolved breaks that resolve by themselves, of orchestrations of profiles that are no longer polled:
    /// nothing would ever resolve them.
    pub removed: &'a [Standing],
    /// The unresolved breaks whose acknowledgement has come to its end.
    pub mute_ended: &'a [Standing],
}

/// How one profile fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileFacts {
    /// Which.
    pub profile: Profile,
    /// Up to when it was completely polled: when its last complete poll began; for one that was never completely
    /// polled, when its first poll began.
    pub polled_at: Timestamp,
    /// Why its last poll was not complete; `None` where it was.
    pub trouble: Option<Trouble>,
    /// So many rows gone at once, as last seen by its polls and sweeps, that the account is in doubt.
    pub many_gone: Option<ManyGone>,
}

/// Why a poll was not complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What kept it from it.
    pub cause: Cause,
    /// In words.
    pub reason: String,
}

/// Rows that are gone at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManyGone {
    /// How many.
    pub missing: u64,
    /// Of how many that were looked for.
    pub of: u64,
}
