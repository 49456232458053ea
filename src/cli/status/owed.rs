//! The part of `status` about sweeps that a restore owes: who does them, and which nobody does.

use serde::Serialize;

use super::super::terminal::{Paint, Terminal};
use super::is_polled;
use crate::ledger::Overview;
use crate::model::{Profile, ProfileSelection};

/// A sweep that is owed, version 1.
#[derive(Debug, Serialize)]
pub(super) struct Owed {
    profile_id: String,
    #[serde(skip)]
    label: String,
    reason: String,
    since: String,
    /// Whether the configuration has the profile polled, and with it swept.
    is_polled: bool,
}

impl Owed {
    /// Every sweep that is owed, where `polled` is what the configuration polls.
    pub(super) fn all(overview: &Overview, polled: &ProfileSelection) -> Vec<Self> {
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

    /// The line for people, name and text.
    pub(super) fn line(&self, terminal: Terminal) -> (&'static str, String) {
        let Self { label, reason, .. } = self;
        let sweep = if self.is_polled {
            format!(
                "of everything of {label}: {reason}; until it is done, what happened to final rows since may \
                 not be known; `tallyd run` or `tallyd poll` does it"
            )
        } else {
            format!(
                "of everything of {label}: {reason}; [[profiles]] does not name it, so nobody does it, and its \
                 rows are as they were in the backup; add it there if it is still yours to watch"
            )
        };
        ("sweep owed", terminal.paint(&sweep, Paint::Warning))
    }
}
