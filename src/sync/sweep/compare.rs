//! Which rows of a page are as the ledger holds them, which are to be read, and which are not there.
//!
//! Pure: a page and what is known of its span of time in, three heaps out. A row whose text was read
//! before, byte for byte, is not read again.

use std::collections::{HashMap, HashSet};

use crate::ledger::{OrchestrationKey, SweptRow};
use crate::model::{Fingerprint, Identifier, Timestamp};
use crate::paxos::{Row, UnreadPage};

/// What comparing a page came to.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// The rows that are not as the ledger holds them, or are not held.
    pub(super) differing: Vec<Row>,
    /// The known rows that were met.
    pub(super) met: HashSet<OrchestrationKey>,
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

/// Compares a page with the rows that are known.
pub(super) fn compare(page: &UnreadPage, known: &[SweptRow]) -> Compared {
    let mut by_mark: HashMap<Fingerprint, &SweptRow> = HashMap::with_capacity(known.len());
    by_mark.extend(known.iter().map(|row| (row.fingerprint, row)));
    let mut compared = Compared::default();
    let mut ids: HashSet<Identifier> = HashSet::new();
    let mut times: Option<(Timestamp, Timestamp)> = None;
    let mut reach = |at: Timestamp| {
        times = Some(times.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
    };
    for (index, fingerprint) in page.fingerprints().enumerate() {
        if let Some(same) = by_mark.get(&fingerprint) {
            compared.met.insert(same.row.key);
            reach(same.row.created_at);
        } else if let Some(row) = page.row(index) {
            created_at(&row).into_iter().for_each(&mut reach);
            ids.extend(row.id().cloned());
            compared.differing.push(row);
        }
    }
    if !ids.is_empty() {
        let differing = known.iter().filter(|known| ids.contains(&known.row.id));
        compared.met.extend(differing.map(|known| known.row.key));
    }
    compared.span = times;
    compared
}

/// When a row was created, where it can be read.
pub(super) fn created_at(row: &Row) -> Option<Timestamp> {
    match row {
        Row::Readable(row) => Some(row.orchestration.created_at),
        Row::Unreadable(_) | Row::WithoutId { .. } => None,
    }
}
