//! What a poll tells while it runs.

use std::sync::Arc;

use super::board::Span;
use crate::model::{Counts, Lane, Profile, ProfilePoll};

/// Something that happened in a poll, for people to watch. What counts is the outcome.
#[derive(Clone, Debug)]
pub enum Event {
    /// A listing began, or goes on where a former one was cut short.
    ListingBegan {
        /// The profile.
        profile: Profile,
        /// Whether it is a discovery or a backfill.
        lane: Lane,
    },
    /// A page was committed.
    PageCommitted {
        /// The profile.
        profile: Profile,
        /// What the page held.
        counts: Counts,
        /// How much of the listing's time is done.
        span: Span,
    },
    /// A profile's poll ended.
    ProfileEnded(Box<ProfilePoll>),
    /// The last backfill ended; the indexes that waited for it are being built, if they are not there.
    BuildingIndexes,
    /// The profiles of a sweep were compared; the account's own list is read for rows that none of them shows.
    LookingForStrays,
}

/// Receives what happens. Called from many tasks; must return at once.
pub type Watch = Arc<dyn Fn(Event) + Send + Sync>;

/// Watches nothing.
pub fn unwatched() -> Watch {
    Arc::new(|_| {})
}
