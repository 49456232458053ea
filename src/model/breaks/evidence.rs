//! What a break rests on.

use crate::model::{Field, Identifier, LegSide, LegStatus, Profile, Timestamp};

/// Whether an instant is known, or only that it was no later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// It was then.
    Exactly,
    /// It was then or before: what is told of its age says "at least".
    AtLatest,
}

/// Since when something is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since {
    /// The instant, by Paxos's clock.
    pub at: Timestamp,
    /// How well it is known.
    pub certainty: Certainty,
}

/// A field that differs. Values are in the text in which they are shown and journalled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which field.
    pub field: Field,
    /// The value before.
    pub old: Option<String>,
    /// The value since.
    pub new: Option<String>,
}

/// What a break rests on, beside the orchestration itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// It is held up.
    HeldUp {
        /// The leg that holds it up; `None` where the legs do not say.
        leg: Option<LegSide>,
        /// Since when.
        since: Since,
        /// The limit that it passed, as the configuration spells it.
        limit: String,
        /// When it passed the limit.
        passed_at: Timestamp,
    },
    /// It ended without success.
    Ended {
        /// When, as far as was seen.
        at: Timestamp,
        /// What Paxos gives as the reason.
        reason: Option<String>,
    },
    /// Fields took values that they should not have.
    Differs {
        /// Which, in the order of the fields.
        fields: Vec<Difference>,
    },
    /// The legs say something else than the status.
    Legs {
        /// The source leg.
        source: Option<LegStatus>,
        /// The destination leg.
        destination: Option<LegStatus>,
        /// Since when.
        since: Since,
    },
    /// Paxos answers that there is no such orchestration.
    Gone {
        /// When that was found out.
        at: Timestamp,
        /// When it was met again; `None` while it is gone.
        met_again_at: Option<Timestamp>,
    },
    /// So many orchestrations of a profile are gone at once that its account is in doubt.
    ManyGone {
        /// How many.
        missing: u64,
        /// Of how many that were looked for.
        of: u64,
    },
    /// Others are the same in what should tell them apart.
    SameAs {
        /// Their ids.
        others: Vec<Identifier>,
    },
    /// Its status is not known to this version.
    UnknownStatus {
        /// As it came.
        status: String,
    },
    /// Its row cannot be read.
    Unreadable {
        /// Why.
        problem: String,
    },
    /// Profiles are not completely polled.
    Unpolled {
        /// Which, and since when each is not.
        profiles: Vec<(Profile, Timestamp)>,
        /// What the last poll of the first one says.
        reason: String,
    },
    /// A report could not be made.
    NotMade {
        /// The name of its period.
        period: String,
        /// When it was due.
        due_at: Timestamp,
        /// Why, as the last try told it.
        reason: String,
    },
}

impl Evidence {
    /// Since when the trouble lasts, for those kinds that tell it.
    pub fn since(&self) -> Option<Since> {
        match self {
            Self::HeldUp { since, .. } | Self::Legs { since, .. } => Some(*since),
            Self::Ended { at, .. } | Self::Gone { at, .. } => {
                Some(Since { at: *at, certainty: Certainty::AtLatest })
            }
            Self::Unpolled { profiles, .. } => {
                let first = profiles.iter().map(|(_, since)| *since).min()?;
                Some(Since { at: first, certainty: Certainty::Exactly })
            }
            Self::Differs { .. }
            | Self::ManyGone { .. }
            | Self::SameAs { .. }
            | Self::UnknownStatus { .. }
            | Self::Unreadable { .. }
            | Self::NotMade { .. } => None,
        }
    }
}
