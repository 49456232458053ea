//! Reading orchestrations page by page, by when they were created.
//!
//! However many rows there are, one page costs no more than looking at a fixed number of them: it may be short, or
//! empty, and yet not the last. Where only open ones are meant, it costs going through the index of those instead.

use rusqlite::{Connection, OptionalExtension, ToSql, params_from_iter};

use crate::model::{Identifier, Status, Timestamp, Tracked};

use super::indexes::Lookup;
use super::reader::Indexes;
use super::{LedgerError, Problem, Reader, rows};

/// How many rows one page looks at. They lie side by side, and looking at so many takes some 10 ms.
const LOOKED_AT: u64 = 10_000;

/// Which way a list goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ListOrder {
    /// The newest first.
    #[default]
    NewestFirst,
    /// The oldest first.
    OldestFirst,
}

/// Which orchestrations are meant: all that fulfil everything that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct OrchestrationFilter {
    /// In one of these statuses; in any, where there is none.
    pub statuses: Vec<Status>,
    /// Listed first under one of these profiles; under any, where there is none.
    pub profiles: Vec<Identifier>,
    /// With this `ref_id`.
    pub ref_id: Option<Identifier>,
    /// Created at this instant or later.
    pub created_from: Option<Timestamp>,
    /// Created at this instant or before.
    pub created_to: Option<Timestamp>,
    /// In which order.
    pub order: ListOrder,
}

/// A place in the list: behind this row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrchestrationPlace {
    /// When it was created.
    pub created_at: Timestamp,
    /// Its id.
    pub id: Identifier,
}

/// A part of the list.
#[derive(Clone, Debug)]
pub struct OrchestrationPage {
    /// The rows.
    pub rows: Vec<Tracked>,
    /// Where the list goes on; `None` at its end.
    pub next: Option<OrchestrationPlace>,
}

impl Reader {
    /// Up to `limit` of the orchestrations that the filter admits, behind a place.
    pub fn orchestrations(
        &self,
        filter: &OrchestrationFilter,
        behind: Option<&OrchestrationPlace>,
        limit: u64,
    ) -> Result<OrchestrationPage, LedgerError> {
        self.snapshot(|connection| page(connection, filter, behind, limit.max(1)))
    }

    /// Whether an id is found at once.
    pub fn indexes(&self) -> Result<Indexes, LedgerError> {
        self.snapshot(|connection| {
            Ok(match Lookup::of(connection)? {
                Lookup::ById => Indexes::Built,
                Lookup::ByCreation => Indexes::AfterBackfill,
            })
        })
    }
}

fn page(
    connection: &Connection,
    filter: &OrchestrationFilter,
    behind: Option<&OrchestrationPlace>,
    limit: u64,
) -> Result<OrchestrationPage, Problem> {
    let mut query = Query::of(filter, Lookup::of(connection)?);
    query.cut(connection, behind, limit)?;
    let text = query.text(behind);
    let Query { parameters, .. } = query;
    let mut statement = connection.prepare_cached(&text)?;
    let mut found = statement.query(params_from_iter(&parameters))?;
    let mut page = OrchestrationPage { rows: Vec::new(), next: None };
    let mut looked_at = 0;
    while let Some(row) = found.next()? {
        let is_meant: bool = row.get(0)?;
        if is_meant {
            let key = row.get(1)?;
            let stored = rows::find_by_key(connection, key)?;
            let gone = || Problem::Inconsistent(format!("the row {key} vanished while it was read"));
            page.rows.push(stored.ok_or_else(gone)?.tracked);
        }
        looked_at += 1;
        if page.rows.len() as u64 == limit || looked_at == LOOKED_AT {
            page.next = Some(OrchestrationPlace { created_at: row.get(2)?, id: row.get(3)? });
            break;
        }
    }
    // Where nothing is behind it, the list has ended.
    if page.next.is_some() && found.next()?.is_none() {
        page.next = None;
    }
    Ok(page)
}

/// The rows in order, each with whether it is meant.
struct Query {
    index: Index,
    order: ListOrder,
    /// What the index answers.
    range: Vec<String>,
    /// What only the rows answer.
    meant: Vec<String>,
    parameters: Vec<Box<dyn ToSql>>,
}

/// By which index rows are gone through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Index {
    /// All, in order.
    ByCreation,
    /// Those with one `ref_id`.
    ByRefId,
    /// Those that are open. It answers everything but the id and the `ref_id`, and has each profile's in order.
    Open,
}

impl Query {
    fn of(filter: &OrchestrationFilter, lookup: Lookup) -> Self {
        let is_open = !filter.statuses.is_empty() && filter.statuses.iter().all(|status| !status.is_final());
        let index = match (&filter.ref_id, lookup) {
            (Some(_), Lookup::ById) => Index::ByRefId,
            _ if is_open => Index::Open,
            _ => Index::ByCreation,
        };
        let mut query =
            Self { index, order: filter.order, range: Vec::new(), meant: Vec::new(), parameters: Vec::new() };
        if index == Index::Open {
            query.range.push("status <> 3 AND status <> 4 AND status <> 5".to_owned());
        }
        for (comparison, time) in [(">=", filter.created_from), ("<=", filter.created_to)] {
            if let Some(time) = time {
                let condition = format!("created_at {comparison} {}", query.parameter(time));
                query.range.push(condition);
            }
        }
        if let Some(ref_id) = &filter.ref_id {
            let condition = format!("ref_id = {}", query.parameter(ref_id.clone()));
            let place = if index == Index::ByRefId { &mut query.range } else { &mut query.meant };
            place.push(condition);
        }
        let mut others = Vec::new();
        if !filter.statuses.is_empty() {
            others.push(format!("status IN ({})", query.list(&filter.statuses)));
        }
        if !filter.profiles.is_empty() {
            let profiles = query.list(&filter.profiles);
            others.push(format!("listed_by IN (SELECT key FROM profile WHERE id IN ({profiles}))"));
        }
        let place = if index == Index::Open { &mut query.range } else { &mut query.meant };
        place.extend(others);
        query
    }

    /// Where the index of open rows answers all, the rows behind the page are left out by it: to put them in order, the
    /// id of each would have to be read.
    fn cut(
        &mut self,
        connection: &Connection,
        behind: Option<&OrchestrationPlace>,
        limit: u64,
    ) -> Result<(), Problem> {
        if self.index != Index::Open || !self.meant.is_empty() {
            return Ok(());
        }
        let (beyond, direction) = self.direction();
        let mut range = self.range.clone();
        let known = self.parameters.len();
        if let Some(place) = behind {
            // Those of the same instant come on top of as many as are wanted.
            range.push(format!("created_at {beyond} {}", self.parameter(place.created_at)));
        }
        let text = format!(
            "SELECT created_at FROM orchestration INDEXED BY orchestration_open WHERE {}
             ORDER BY created_at {direction} LIMIT 1 OFFSET {limit}",
            range.join(" AND ")
        );
        let last: Option<Timestamp> = connection
            .prepare_cached(&text)?
            .query_row(params_from_iter(&self.parameters), |row| row.get(0))
            .optional()?;
        self.parameters.truncate(known);
        if let Some(last) = last {
            let last = self.parameter(last);
            self.range.push(format!("NOT created_at {beyond} {last}"));
        }
        Ok(())
    }

    fn text(&mut self, behind: Option<&OrchestrationPlace>) -> String {
        let (beyond, direction) = self.direction();
        if let Some(OrchestrationPlace { created_at, id }) = behind {
            let (created_at, id) = (self.parameter(*created_at), self.parameter(id.clone()));
            self.range.push(format!("(created_at, id) {beyond} ({created_at}, {id})"));
        }
        let index = match self.index {
            Index::ByCreation => "orchestration_by_creation",
            Index::ByRefId => "orchestration_by_ref_id",
            Index::Open => "orchestration_open",
        };
        let all = |conditions: &[String]| {
            if conditions.is_empty() { "1".to_owned() } else { conditions.join(" AND ") }
        };
        format!(
            "SELECT {}, key, created_at, id FROM orchestration INDEXED BY {index} WHERE {}
             ORDER BY created_at {direction}, id {direction}",
            all(&self.meant),
            all(&self.range),
        )
    }

    /// What is behind a place, and in which direction a list goes.
    const fn direction(&self) -> (&'static str, &'static str) {
        match self.order {
            ListOrder::NewestFirst => ("<", "DESC"),
            ListOrder::OldestFirst => (">", "ASC"),
        }
    }

    /// Takes a value in; the answer is its name in the query.
    fn parameter(&mut self, value: impl ToSql + 'static) -> String {
        self.parameters.push(Box::new(value));
        format!("?{}", self.parameters.len())
    }

    fn list<T: ToSql + Clone + 'static>(&mut self, values: &[T]) -> String {
        let names: Vec<_> = values.iter().map(|value| self.parameter(value.clone())).collect();
        names.join(", ")
    }
}
