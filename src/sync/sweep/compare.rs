//! Which rows of a page are as the ledger holds them, which are to be read, and which are not there.
//!
//! Pure: a page and what is known of its span of time in, three heaps out. A row whose text was read
//! before, byte for byte, is not read again.

use std::collections::{HashMap, HashSet};

use crate::ledger::SweptRow;
use crate::model::{Fingerprint, Identifier, Timestamp};
use crate::paxos::{Row, UnreadPage};

/// What comparing a page came to.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// The rows that are not as the ledger holds them, or are not held.
    pub(super) differing: Vec<Row>,
    /// Which of the known rows were met, in their order.
    pub(super) met: Vec<bool>,
    /// The first and the last instant of the page; `None` where no row of it tells one.
    pub(super) span: Option<(Timestamp, Timestamp)>,
}

/// The first and the last instant that the ends of a page tell, without reading what lies between. It is a
/// guess: a page that is out of order reaches further.
pub(super) fn guess_span(page: &UnreadPage) -> Option<(Timestamp, Timestamp)> {
    let first = (0..page.len()).find_map(|index| created_at(&page.row(index)?))?;
    let last = (0..page.len()).rev().find_map(|index| created_at(&page.row(index)?))?;
    Some((first.min(last), first.max(last)))
}

/// Compares a page with the rows that are known. Of one that was not judged, what differs may be nonsense.
pub(super) fn compare(page: &UnreadPage, known: &[SweptRow]) -> Compared {
    let mut find = Finder { known, expected: 0, by_mark: None };
    let mut compared = Compared { met: vec![false; known.len()], ..Compared::default() };
    let mut ids: HashSet<Identifier> = HashSet::new();
    let mut times: Option<(Timestamp, Timestamp)> = None;
    let mut reach = |at: Timestamp| {
        times = Some(times.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
    };
    for (index, fingerprint) in page.fingerprints().iter().enumerate() {
        if let Some((place, same)) = find.next(*fingerprint) {
            reach(same.row.created_at);
            if let Some(met) = compared.met.get_mut(place) {
                *met = true;
            }
        } else if let Some(row) = page.row(index) {
            created_at(&row).into_iter().for_each(&mut reach);
            ids.extend(row.id().cloned());
            compared.differing.push(row);
        }
    }
    if !ids.is_empty() {
        for (met, known) in compared.met.iter_mut().zip(known) {
            *met |= ids.contains(&known.row.id);
        }
    }
    compared.span = times;
    compared
}

/// Finds known rows by their marks. They come in the order of the list, so that the next one is mostly it.
struct Finder<'a> {
    known: &'a [SweptRow],
    expected: usize,
    /// Where each stands, once one was not as expected.
    by_mark: Option<HashMap<Fingerprint, usize>>,
}

impl<'a> Finder<'a> {
    fn next(&mut self, mark: Fingerprint) -> Option<(usize, &'a SweptRow)> {
        let known = self.known;
        let is_there = |place: &usize| known.get(*place).is_some_and(|row| row.fingerprint == mark);
        let place = Some(self.expected).filter(is_there).or_else(|| {
            let places = || known.iter().enumerate().map(|(place, row)| (row.fingerprint, place)).collect();
            self.by_mark.get_or_insert_with(places).get(&mark).copied()
        })?;
        self.expected = place + 1;
        Some((place, known.get(place)?))
    }
}

/// When a row was created, where it can be read.
pub(super) fn created_at(row: &Row) -> Option<Timestamp> {
    match row {
        Row::Readable(row) => Some(row.orchestration.created_at),
        Row::Unreadable(_) | Row::WithoutId { .. } => None,
    }
}
