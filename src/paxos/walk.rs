//! The guard of a listing, page after page.
//!
//! Owns the answer to "can this go on?": pages that repeat, run backwards or never end are an error,
//! never a loop. Pure; fetching the pages and keeping their rows is for `sync`.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::{Cursor, Order, Page, Row, UnreadPage};
use crate::model::{FailureKind, Timestamp};

/// Watches one listing from its first page to its last.
#[derive(Clone, Debug)]
pub struct PageGuard {
    order: Order,
    pages: u32,
    empty_in_a_row: u32,
    cursors: HashSet<u64>,
    fingerprints: HashSet<u64>,
    /// The row that the pages so far have reached.
    reached: Option<Timestamp>,
}

/// Why a listing cannot be trusted to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WalkError {
    /// A page names a cursor that an earlier one named.
    #[error(
        "go on listing: page {page} names a cursor that an earlier page named, so the listing would run in a circle; try again, and tell Paxos support if it stays"
    )]
    CursorRepeated {
        /// Which page it was, from 1.
        page: u32,
    },
    /// A page holds exactly the rows of an earlier one.
    #[error(
        "go on listing: page {page} holds exactly the rows of an earlier page; try again, and tell Paxos support if it stays"
    )]
    PageRepeated {
        /// Which page it was, from 1.
        page: u32,
    },
    /// A page begins before the one before it ended.
    #[error(
        "go on listing: page {page} goes back to {found} after {reached} was reached, so rows may be skipped; try again, and tell Paxos support if it stays"
    )]
    OutOfOrder {
        /// Which page it was, from 1.
        page: u32,
        /// The `created_at` that is out of order.
        found: Timestamp,
        /// The `created_at` that the pages before had reached.
        reached: Timestamp,
    },
    /// Empty pages that promise more, one after the other.
    #[error(
        "go on listing: {limit} pages in a row were empty and promised more; try again, and tell Paxos support if it stays"
    )]
    TooManyEmptyPages {
        /// [`PageGuard::MAX_EMPTY_PAGES`].
        limit: u32,
    },
    /// More pages than there can be.
    #[error(
        "go on listing: no end after {limit} pages, more than there can be; try again, and tell Paxos support if it stays"
    )]
    TooManyPages {
        /// [`PageGuard::MAX_PAGES`].
        limit: u32,
    },
}

impl WalkError {
    /// Whose fault it is: the API's.
    pub fn kind(&self) -> FailureKind {
        FailureKind::Protocol
    }
}

impl PageGuard {
    /// Filters may leave a page empty in the middle of a listing; this many in a row are no accident.
    pub const MAX_EMPTY_PAGES: u32 = 50;
    /// Two hundred million rows of 1000 a page, and some 6 MiB of memory for this guard.
    pub const MAX_PAGES: u32 = 200_000;

    /// A guard for a listing in this order that begins now.
    pub fn new(order: Order) -> Self {
        Self {
            order,
            pages: 0,
            empty_in_a_row: 0,
            cursors: HashSet::new(),
            fingerprints: HashSet::new(),
            reached: None,
        }
    }

    /// Takes note of the next page. After an error the page must not be used.
    ///
    /// Rows that share an instant may stand in any order, and so may the rows of one page.
    pub fn check(&mut self, page: &Page) -> Result<(), WalkError> {
        let times = page.rows.iter().filter_map(|row| match row {
            Row::Readable(row) => Some(row.orchestration.created_at),
            Row::Unreadable(_) | Row::WithoutId { .. } => None,
        });
        let span = times.clone().min().zip(times.max());
        let mark = (!page.rows.is_empty()).then(|| fingerprint(&page.rows));
        self.check_shape(page.next.as_ref(), mark, span)
    }

    /// The same for a page whose rows are not all read: `span` is its first and last instant.
    pub fn check_unread(
        &mut self,
        page: &UnreadPage,
        span: Option<(Timestamp, Timestamp)>,
    ) -> Result<(), WalkError> {
        let mark = (!page.is_empty()).then(|| hash(|state| page.fingerprints().hash(state)));
        self.check_shape(page.next.as_ref(), mark, span)
    }

    /// `mark` tells the rows of one page from those of another; `None` for a page without any.
    fn check_shape(
        &mut self,
        next: Option<&Cursor>,
        mark: Option<u64>,
        span: Option<(Timestamp, Timestamp)>,
    ) -> Result<(), WalkError> {
        self.pages += 1;
        let number = self.pages;
        if number > Self::MAX_PAGES {
            return Err(WalkError::TooManyPages { limit: Self::MAX_PAGES });
        }
        if let Some(cursor) = next
            && !self.cursors.insert(hash(|state| cursor.hash(state)))
        {
            return Err(WalkError::CursorRepeated { page: number });
        }
        let Some(mark) = mark else {
            self.empty_in_a_row += 1;
            if self.empty_in_a_row >= Self::MAX_EMPTY_PAGES && next.is_some() {
                return Err(WalkError::TooManyEmptyPages { limit: Self::MAX_EMPTY_PAGES });
            }
            return Ok(());
        };
        self.empty_in_a_row = 0;
        if !self.fingerprints.insert(mark) {
            return Err(WalkError::PageRepeated { page: number });
        }
        span.map_or(Ok(()), |span| self.check_order(number, span))
    }

    fn check_order(&mut self, page: u32, (lowest, highest): (Timestamp, Timestamp)) -> Result<(), WalkError> {
        let (first, last) = match self.order {
            Order::Ascending => (lowest, highest),
            Order::Descending => (highest, lowest),
        };
        if let Some(reached) = self.reached {
            let goes_back = match self.order {
                Order::Ascending => first < reached,
                Order::Descending => first > reached,
            };
            if goes_back {
                return Err(WalkError::OutOfOrder { page, found: first, reached });
            }
        }
        self.reached = Some(last);
        Ok(())
    }
}

fn fingerprint(rows: &[Row]) -> u64 {
    hash(|state| {
        for row in rows {
            match row {
                Row::Readable(row) => row.orchestration.id.hash(state),
                Row::Unreadable(row) => row.id.hash(state),
                Row::WithoutId { raw, .. } => raw.hash(state),
            }
        }
    })
}

fn hash(write: impl FnOnce(&mut DefaultHasher)) -> u64 {
    let mut state = DefaultHasher::new();
    write(&mut state);
    state.finish()
}
