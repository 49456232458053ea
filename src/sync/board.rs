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
    /// Everything before this instant is listed, even if the last page changed places with the next.
    confirmed: Timestamp,
    /// The highest instant on any page.
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
            confirmed: slice.position,
            position: slice.position,
            ends_at: slice.ends_at,
            rows: 0,
            inherited,
        };
        self.runs.insert(slice.key, run);
    }

    /// Up to where the slice is surely listed, and where it ends.
    pub(super) fn place(&self, slice: SliceKey) -> Option<(Timestamp, Timestamp)> {
        self.runs.get(&slice).map(|run| (run.confirmed, run.ends_at))
    }

    /// Takes a slice back to what is confirmed, and to `to` if that is earlier. Says where it stands then.
    pub(super) fn rewind(&mut self, slice: SliceKey, to: Timestamp) -> Option<Timestamp> {
        let run = self.runs.get_mut(&slice)?;
        run.confirmed = run.confirmed.min(to);
        run.position = run.confirmed;
        run.from = run.from.min(run.position);
        Some(run.confirmed)
    }

    /// Notes a page of a slice: its lowest and highest `created_at`, and its rows.
    ///
    /// What is confirmed stays a page behind: only a next page that goes on in order proves that this
    /// one did not come too early.
    pub(super) fn reached(&mut self, slice: SliceKey, lowest: Timestamp, highest: Timestamp, rows: u64) {
        if let Some(run) = self.runs.get_mut(&slice) {
            if run.rows == 0 {
                run.from = run.from.max(lowest);
            }
            run.confirmed = run.position;
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
            // Pages that came while a cut was noted may reach past it.
            done: self.finished_micros + sum(|run| micros(run.from, run.position.min(run.ends_at))),
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(micros: u64) -> Timestamp {
        Timestamp::from_micros(i64::try_from(micros).unwrap())
    }

    fn slice(key: i64, begins_at: u64, ends_at: u64) -> Slice {
        let begins_at = at(begins_at);
        Slice { key: SliceKey(key), begins_at, ends_at: at(ends_at), position: begins_at }
    }

    /// A board and the slices that a ledger would hold for it.
    struct Table {
        board: Board,
        slices: Vec<Slice>,
    }

    impl Table {
        fn new(ends_at: u64) -> Self {
            let first = slice(0, 0, ends_at);
            let mut board = Board::default();
            board.add(&first);
            Self { board, slices: vec![first] }
        }

        /// A page with rows evenly up to `highest`.
        fn page(&mut self, key: usize, highest: u64, rows: u64) {
            let lowest = self.slices[key].position;
            self.slices[key].position = lowest.max(at(highest));
            self.board.reached(SliceKey(i64::try_from(key).unwrap()), lowest, at(highest), rows);
        }

        /// Cuts what the board would cut, as the ledger does it.
        fn cut(&mut self) -> Option<(usize, Slice)> {
            let (key, cut_at) = self.board.choose_split()?;
            let old = usize::try_from(key.0).unwrap();
            let new = Slice {
                key: SliceKey(i64::try_from(self.slices.len()).unwrap()),
                begins_at: cut_at,
                ends_at: self.slices[old].ends_at,
                position: cut_at,
            };
            self.slices[old].ends_at = cut_at;
            self.slices.push(new);
            self.board.split(key, &new);
            Some((old, new))
        }
    }

    #[test]
    fn nothing_is_cut_before_a_page_tells_how_dense_it_is() {
        assert_eq!(Table::new(1_000_000_000).board.choose_split(), None);
    }

    #[test]
    fn half_of_what_is_left_is_cut_off() {
        let mut table = Table::new(1_000_000);
        table.page(0, 200_000, 1000);
        assert_eq!(table.board.choose_split(), Some((SliceKey(0), at(600_000))));
    }

    #[test]
    fn what_would_not_fill_two_pages_is_left_whole() {
        let mut table = Table::new(1_000_000);
        table.page(0, 333_334, 1000);
        assert_eq!(table.board.choose_split(), None);
        let mut table = Table::new(1_000_000);
        table.page(0, 333_333, 1000);
        assert!(table.board.choose_split().is_some());
    }

    #[test]
    fn pages_past_a_cut_count_no_further_than_to_it() {
        let mut table = Table::new(1_000_000);
        table.page(0, 200_000, 1000);
        let (key, cut_at) = table.board.choose_split().unwrap();
        // The page is listed after the cut was chosen and before the ledger noted it.
        table.page(0, 900_000, 1000);
        table.board.split(
            key,
            &Slice { key: SliceKey(1), begins_at: cut_at, ends_at: at(1_000_000), position: cut_at },
        );
        assert_eq!(table.board.span(), Span { done: 600_000, all: 1_000_000 });
    }

    #[test]
    fn a_page_of_one_instant_tells_no_density() {
        let mut table = Table::new(1_000_000);
        table.page(0, 0, 1000);
        assert_eq!(table.board.choose_split(), None);
        table.page(0, 1, 1000);
        assert!(table.board.choose_split().is_some());
    }

    #[test]
    fn the_slice_with_the_most_rows_left_is_cut_not_the_longest() {
        let mut board = Board::default();
        board.add(&slice(1, 0, 10_000_000));
        board.add(&slice(2, 10_000_000, 12_000_000));
        board.reached(SliceKey(1), at(0), at(1_000_000), 500);
        board.reached(SliceKey(2), at(10_000_000), at(10_100_000), 1000);
        assert_eq!(board.choose_split(), Some((SliceKey(2), at(11_050_000))));
    }

    #[test]
    fn a_new_slice_is_as_dense_as_the_one_it_was_cut_from_until_it_has_rows() {
        let mut table = Table::new(10_000_000);
        table.page(0, 1_000_000, 10_000);
        let (_, new) = table.cut().unwrap();
        assert_eq!(new.begins_at, at(5_500_000));
        // Both halves are expected to hold 45,000 rows; the later one is cut first.
        assert_eq!(table.board.choose_split(), Some((SliceKey(1), at(7_750_000))));
        // A hundred rows of its own count for more: 4,400,000 us at 100 rows in 100,000 us.
        table.page(1, 5_600_000, 100);
        assert_eq!(table.board.choose_split().unwrap().0, SliceKey(0));
    }

    #[test]
    fn a_page_counts_once_the_next_one_goes_on_in_order() {
        let mut table = Table::new(1_000_000);
        let place = |table: &Table| table.board.place(SliceKey(0)).unwrap().0;
        table.page(0, 200_000, 1000);
        assert_eq!(place(&table), at(0));
        table.page(0, 300_000, 1000);
        assert_eq!(place(&table), at(200_000));
        assert_eq!(table.board.rewind(SliceKey(0), at(150_000)), Some(at(150_000)));
        assert_eq!(table.board.rewind(SliceKey(0), at(400_000)), Some(at(150_000)));
    }

    #[test]
    fn a_slice_that_is_finished_or_unknown_is_left_alone() {
        let mut table = Table::new(1_000_000);
        table.page(0, 200_000, 1000);
        table.board.finished(SliceKey(0));
        assert_eq!(table.board.choose_split(), None);
        assert_eq!(table.board.place(SliceKey(0)), None);
        table.board.finished(SliceKey(0));
        table.page(0, 300_000, 1000);
        assert_eq!(table.board.span(), Span { done: 1_000_000, all: 1_000_000 });
    }

    proptest! {
        #[test]
        fn cutting_loses_no_instant_and_lists_none_twice(
            ends_at in 1_u64..5_000_000,
            moves in proptest::collection::vec((0_u64..4, 0_u64..1000, 1_u64..1001), 1..60),
        ) {
            let mut table = Table::new(ends_at);
            for (kind, permille, rows) in moves {
                let count = table.slices.len() as u64;
                let key = usize::try_from(permille % count).unwrap();
                if kind == 0 {
                    if let Some((old, new)) = table.cut() {
                        let old = table.slices[old];
                        // The cut lies ahead of the old slice's position and takes nothing from its past.
                        prop_assert!(old.position < new.begins_at && new.begins_at < new.ends_at);
                        prop_assert_eq!(old.ends_at, new.begins_at);
                    }
                } else {
                    let chosen = table.slices[key];
                    let left = micros(chosen.position, chosen.ends_at);
                    let from = u64::try_from(chosen.position.as_micros()).unwrap();
                    table.page(key, from + left * permille / 1000, rows);
                }
                let mut spans: Vec<_> =
                    table.slices.iter().map(|slice| (slice.begins_at, slice.ends_at)).collect();
                spans.sort_unstable();
                prop_assert_eq!(spans[0].0, at(0));
                prop_assert_eq!(spans[spans.len() - 1].1, at(ends_at));
                prop_assert!(spans.windows(2).all(|pair| pair[0].1 == pair[1].0), "{:?}", spans);
                for slice in &table.slices {
                    let (confirmed, ends_at) = table.board.place(slice.key).unwrap();
                    prop_assert!(confirmed <= slice.position);
                    prop_assert_eq!(ends_at, slice.ends_at);
                }
                let span = table.board.span();
                prop_assert!(span.done <= span.all && span.all <= ends_at);
            }
        }
    }
}
