//! Where the slices of a listing stand, and which of them to cut in two.
//!
//! Pure arithmetic on positions. A slice is worth cutting if much of it is left, judged by how densely
//! the part that was listed is filled; a new slice inherits that density until it has rows of its own.

use std::collections::HashMap;

use crate::ledger::{Slice, SliceKey};
use crate::model::Timestamp;

/// A slice is cut only where each half is expected to fill at least a page of this many rows.
const PAGE: u64 = 1000;

/// From how many rows on a slice's own density counts for more than the inherited one.
const OWN_ROWS: u64 = 100;

/// The slices of one listing.
#[derive(Clone, Debug, Default)]
pub(super) struct Board {
    runs: HashMap<SliceKey, Run>,
    finished_micros: u64,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    /// The first row's instant; where nothing was listed yet, the slice's beginning.
    from: Timestamp,
    position: Timestamp,
    ends_at: Timestamp,
    rows: u64,
    inherited: Option<Density>,
}

/// Rows over a span of time.
#[derive(Clone, Copy, Debug)]
struct Density {
    rows: u64,
    micros: u64,
}

/// How much of a listing's time is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Microseconds of `created_at` that are listed.
    pub done: u64,
    /// Microseconds of `created_at` in all, counted from the first row.
    pub all: u64,
}

impl Board {
    /// Adds a slice.
    pub(super) fn add(&mut self, slice: &Slice) {
        self.add_with(slice, None);
    }

    fn add_with(&mut self, slice: &Slice, inherited: Option<Density>) {
        let run = Run {
            from: slice.position,
            position: slice.position,
            ends_at: slice.ends_at,
            rows: 0,
            inherited,
        };
        self.runs.insert(slice.key, run);
    }

    /// Where the slice stands and where it ends.
    pub(super) fn place(&self, slice: SliceKey) -> Option<(Timestamp, Timestamp)> {
        self.runs.get(&slice).map(|run| (run.position, run.ends_at))
    }

    /// Notes a page of a slice: its lowest and highest `created_at`, and its rows.
    pub(super) fn reached(&mut self, slice: SliceKey, lowest: Timestamp, highest: Timestamp, rows: u64) {
        if let Some(run) = self.runs.get_mut(&slice) {
            if run.rows == 0 {
                run.from = run.from.max(lowest);
            }
            run.position = run.position.max(highest);
            run.rows += rows;
        }
    }

    /// Notes that a slice is finished.
    pub(super) fn finished(&mut self, slice: SliceKey) {
        if let Some(run) = self.runs.remove(&slice) {
            self.finished_micros += micros(run.from, run.ends_at);
        }
    }

    /// The slice with the most left to list, and the instant at which to cut it; `None` where no cut
    /// would gain anything.
    pub(super) fn choose_split(&self) -> Option<(SliceKey, Timestamp)> {
        let (key, run, left) = self
            .runs
            .iter()
            .filter_map(|(key, run)| Some((key, run, run.rows_left()?)))
            .max_by_key(|&(_, run, left)| (left, run.position))?;
        let half = micros(run.position, run.ends_at) / 2;
        let is_worth_it = left >= 2 * PAGE && half > 0;
        is_worth_it.then(|| (*key, run.position.plus(std::time::Duration::from_micros(half))))
    }

    /// Takes a cut into account that the ledger has noted: `slice` ends where `new` begins.
    pub(super) fn split(&mut self, slice: SliceKey, new: &Slice) {
        let inherited = self.runs.get_mut(&slice).and_then(|run| {
            run.ends_at = run.ends_at.min(new.begins_at);
            run.density()
        });
        self.add_with(new, inherited);
    }

    /// How much of the listing's time is done.
    pub(super) fn span(&self) -> Span {
        let sum = |of: fn(&Run) -> u64| self.runs.values().map(of).sum::<u64>();
        Span {
            done: self.finished_micros + sum(|run| micros(run.from, run.position)),
            all: self.finished_micros + sum(|run| micros(run.from, run.ends_at)),
        }
    }
}

impl Run {
    fn density(&self) -> Option<Density> {
        let own = Density { rows: self.rows, micros: micros(self.from, self.position) };
        if self.rows >= OWN_ROWS && own.micros > 0 { Some(own) } else { self.inherited }
    }

    fn rows_left(&self) -> Option<u64> {
        let density = self.density()?;
        let left = u128::from(density.rows) * u128::from(micros(self.position, self.ends_at));
        u64::try_from(left / u128::from(density.micros.max(1))).ok()
    }
}

fn micros(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.since(from).as_micros()).unwrap_or(u64::MAX)
}
