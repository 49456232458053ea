//! One page of List Orchestrations: its rows, its cursor, and what a fault makes of them.

use super::config::{Cursors, ListField};
use super::cursor::{Before, Cursor, Then};
use super::faults::Fault;
use super::listing::{Rest, Selection};
use super::query::ListQuery;
use super::row::Position;
use super::world::{Eyes, View, World};

/// A page before it is written.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) rows: Vec<usize>,
    pub(super) next: Next,
}

/// What the page says about the next one.
#[derive(Debug)]
pub(super) enum Next {
    Nothing,
    Cursor(Cursor),
    /// The cursor that was sent, once more.
    Same(String),
}

/// What a page is cut from.
pub(super) struct Turn<'a> {
    pub(super) world: &'a World,
    pub(super) query: &'a ListQuery,
    pub(super) cursor: Cursor,
    /// What the cursor stands for.
    pub(super) cursors: Cursors,
    /// The most rows.
    pub(super) most: usize,
    /// The time at which the world is looked at.
    pub(super) time: i64,
    /// A fault that concerns pages; others change nothing here.
    pub(super) twist: Option<Fault>,
}

impl Turn<'_> {
    /// Cuts the page. A fault that does not apply (the page before the first one, the swap with a
    /// page that is not there) leaves it honest.
    pub(super) fn page(&self) -> Page {
        match self.twist {
            Some(Fault::EmptyPage) => Page { rows: Vec::new(), next: Next::Cursor(self.cursor.clone()) },
            Some(Fault::RepeatPage) => self.page_before().unwrap_or_else(|| self.honest()),
            Some(Fault::SwapPages) => self.swapped().unwrap_or_else(|| self.honest()),
            Some(Fault::RepeatCursor) => {
                let page = self.honest();
                match &self.query.cursor {
                    Some(sent) => Page { next: Next::Same(sent.clone()), ..page },
                    None => page,
                }
            }
            Some(Fault::EndlessPages) => {
                let page = self.honest();
                match (&page.next, page.rows.last()) {
                    (Next::Nothing, Some(last)) => {
                        let next = self.cursor.onward(self.place(*last));
                        Page { next: Next::Cursor(next), ..page }
                    }
                    (Next::Nothing, None) => Page { next: Next::Cursor(self.cursor.clone()), ..page },
                    _ => page,
                }
            }
            _ => self.honest(),
        }
    }

    fn honest(&self) -> Page {
        if self.cursors == Cursors::Offset {
            return self.by_offset();
        }
        let found = self.select(self.cursor.after.as_ref(), self.cursor.until.as_ref());
        let next = match (found.rest, found.rows.last(), &self.cursor.then) {
            (Rest::More, Some(last), _) => Next::Cursor(self.cursor.onward(self.place(*last))),
            (_, _, Then::Jump(place)) => {
                Next::Cursor(Cursor { until: None, then: Then::Nothing, ..self.cursor.onward(place.clone()) })
            }
            _ => Next::Nothing,
        };
        Page { rows: found.rows, next }
    }

    /// The rows behind as many as the pages before held, whichever those were.
    fn by_offset(&self) -> Page {
        let passed = self.cursor.passed;
        let most = passed.saturating_add(self.most);
        let mut found = self.world.select(self.query, None, None, most, self.time);
        let rows = found.rows.split_off(passed.min(found.rows.len()));
        let next = match (found.rest, rows.last()) {
            (Rest::More, Some(last)) => {
                let onward = self.cursor.onward(self.place(*last));
                Next::Cursor(Cursor { passed: passed + rows.len(), ..onward })
            }
            _ => Next::Nothing,
        };
        Page { rows, next }
    }

    fn page_before(&self) -> Option<Page> {
        let start = match &self.cursor.before {
            Before::Nothing => return None,
            Before::Beginning => None,
            Before::After(place) => Some(place),
        };
        let found = self.select(start, None);
        Some(Page { rows: found.rows, next: Next::Cursor(self.cursor.clone()) })
    }

    /// The rows of the page after this one; the cursor leads back to this one, and from there on
    /// past both.
    fn swapped(&self) -> Option<Page> {
        if self.cursor.until.is_some() {
            return None;
        }
        let first = self.select(self.cursor.after.as_ref(), None);
        let first_end = self.place(*first.rows.last()?);
        let second = self.select(Some(&first_end), None);
        let second_end = self.place(*second.rows.last()?);
        let next = Cursor {
            until: Some(first_end),
            then: match second.rest {
                Rest::More => Then::Jump(second_end),
                Rest::Nothing => Then::Nothing,
            },
            ..self.cursor.clone()
        };
        Some(Page { rows: second.rows, next: Next::Cursor(next) })
    }

    fn select(&self, after: Option<&Position>, until: Option<&Position>) -> Selection {
        self.world.select(self.query, after, until, self.most, self.time)
    }

    fn place(&self, number: usize) -> Position {
        self.world.rows[number].place.clone()
    }
}

/// Room for one row: they are about this long.
const USUAL_ROW: usize = 1024;

/// The body of a list answer.
pub(super) fn write_page(
    world: &World,
    rows: &[usize],
    next: Option<&str>,
    time: i64,
    field: ListField,
) -> Vec<u8> {
    let view = View { time, eyes: Eyes::List };
    let mut out = Vec::with_capacity((rows.len() + 1) * USUAL_ROW * 2);
    out.extend_from_slice(match field {
        ListField::Both | ListField::Items => b"{\"items\":[".as_slice(),
        ListField::Orchestrations => b"{\"orchestrations\":[".as_slice(),
    });
    let begin = out.len();
    for (place, number) in rows.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        world.write(*number, view, &mut out);
    }
    let end = out.len();
    out.push(b']');
    if field == ListField::Both {
        out.extend_from_slice(b",\"orchestrations\":[");
        out.extend_from_within(begin..end);
        out.push(b']');
    }
    if let Some(next) = next {
        out.extend_from_slice(b",\"next_page_cursor\":\"");
        out.extend_from_slice(next.as_bytes());
        out.push(b'"');
    }
    out.push(b'}');
    out
}
