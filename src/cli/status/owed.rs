//! The part of `status` about sweeps that a restore owes, for people.

use crate::cli::terminal::{Paint, Terminal};
use crate::display::status::Owed;

/// The line for people, name and text.
pub(super) fn line(owed: &Owed, terminal: Terminal) -> (&'static str, String) {
    let Owed { label, reason, .. } = owed;
    let sweep = if owed.is_polled {
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
