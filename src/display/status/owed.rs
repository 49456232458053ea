//! The sweeps that a restore owes: who does them, and which nobody does.

use serde::Serialize;

use super::is_polled;
use crate::ledger::Overview;
use crate::model::{Profile, ProfileSelection};

/// A sweep that is owed, version 1.
#[derive(Debug, Serialize)]
pub struct Owed {
    /// Of which profile.
    pub profile_id: String,
    /// What that is called.
    #[serde(skip)]
    pub label: String,
    /// Why.
    pub reason: String,
    /// Since when, RFC 3339.
    pub since: String,
    /// Whether the configuration has the profile polled, and with it swept.
    pub is_polled: bool,
}

impl Owed {
    /// Every sweep that is owed, where `polled` is what the configuration polls.
    pub fn all(overview: &Overview, polled: &ProfileSelection) -> Vec<Self> {
        let is_polled = |profile: &Profile| {
            overview.profiles.iter().any(|known| known.profile.id == profile.id && is_polled(known, polled))
        };
        let owed = overview.owed_sweeps.iter().map(|owed| Self {
            profile_id: owed.profile.id.to_string(),
            label: owed.profile.label(),
            reason: owed.reason.clone(),
            since: owed.since.to_rfc3339(),
            is_polled: is_polled(&owed.profile),
        });
        owed.collect()
    }
}
