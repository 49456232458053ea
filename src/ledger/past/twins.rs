//! Who was there beside an orchestration when it appeared, of those that may be the same payment.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension};

use crate::ledger::breaks::twins;
use crate::ledger::indexes::Lookup;
use crate::ledger::rules::Rules;
use crate::ledger::{Problem, rows};
use crate::model::{Change, Field, Identifier, Lookalike, Orchestration, Timestamp};

use super::Namesakes;

/// Finds them.
pub(super) struct Twins<'a> {
    connection: &'a Connection,
    lookup: Lookup,
    /// The `ref_id`s that several have.
    doubled: HashSet<Identifier>,
    /// When the first backfill was over: those with one `ref_id` that it brought were judged then, the later one.
    backfilled_at: Option<Timestamp>,
}

impl<'a> Twins<'a> {
    pub(super) fn new(connection: &'a Connection, lookup: Lookup) -> Result<Self, Problem> {
        let doubled = match lookup {
            Lookup::ByCreation => HashSet::new(),
            Lookup::ById => connection
                .prepare(
                    "SELECT ref_id FROM orchestration WHERE ref_id IS NOT NULL GROUP BY ref_id HAVING count(*) > 1",
                )?
                .query_map([], |row| row.get(0))?
                .collect::<Result<_, _>>()?,
        };
        Ok(Self { connection, lookup, doubled, backfilled_at: backfilled_at(connection)? })
    }

    pub(super) fn namesakes_known(&self) -> Namesakes {
        match self.lookup {
            Lookup::ById => Namesakes::Found,
            Lookup::ByCreation => Namesakes::NotYet,
        }
    }

    /// The namesakes and the lookalikes of a row that came in a batch, as `changes` tell.
    pub(super) fn of(
        &self,
        batch: i64,
        at: Timestamp,
        row: &Orchestration,
        changes: &[Change],
        rules: &Rules,
    ) -> Result<[Vec<Lookalike>; 2], Problem> {
        let has_appeared = changes.contains(&Change::Appeared);
        let is_new = has_appeared || has_another_ref_id(changes);
        let is_doubled = row.ref_id.as_ref().is_some_and(|ref_id| self.doubled.contains(ref_id));
        let mut namesakes = Vec::new();
        if is_new && is_doubled {
            namesakes = twins::namesakes(self.connection, row)?;
            let in_backfill = self.backfilled_at.is_some_and(|end| at <= end);
            self.keep(&mut namesakes, batch, row, if in_backfill { Order::Created } else { Order::Seen })?;
        }
        let mut lookalikes = Vec::new();
        if has_appeared && let Some(within) = (rules.lookalikes_within)(row) {
            lookalikes = twins::lookalikes(self.connection, row, within)?;
            self.keep(&mut lookalikes, batch, row, Order::Seen)?;
        }
        Ok([namesakes, lookalikes])
    }

    /// Leaves out those that were not there yet, and those of the same page that tell of both themselves.
    fn keep(
        &self,
        others: &mut Vec<Lookalike>,
        batch: i64,
        row: &Orchestration,
        order: Order,
    ) -> Result<(), Problem> {
        let mut kept = Vec::new();
        for other in others.drain(..) {
            let is_earlier = (other.created_at, &other.id) < (row.created_at, &row.id);
            let was_there = match (order, self.batch_of(&other)?) {
                (Order::Created, _) => is_earlier,
                (Order::Seen, Some(other)) if other == batch => is_earlier,
                (Order::Seen, Some(other)) => other < batch,
                (Order::Seen, None) => true,
            };
            if was_there {
                kept.push(other);
            }
        }
        *others = kept;
        Ok(())
    }

    /// The batch in which an orchestration appeared; `None` where that was pruned.
    fn batch_of(&self, other: &Lookalike) -> Result<Option<i64>, Problem> {
        let Some(stored) = rows::find_by_id(self.connection, &other.id)? else { return Ok(None) };
        Ok(self
            .connection
            .prepare_cached("SELECT batch FROM journal_entry WHERE seq = ?1 AND kind = 1")?
            .query_row([stored.key], |row| row.get(0))
            .optional()?)
    }
}

/// By what an orchestration is the later one of two.
#[derive(Clone, Copy)]
enum Order {
    /// When it was created.
    Created,
    /// When it was seen.
    Seen,
}

fn has_another_ref_id(changes: &[Change]) -> bool {
    changes.iter().any(|change| {
        matches!(change, Change::FieldChanged { field, .. } | Change::FilledIn { field, .. } if *field == Field::RefId)
    })
}

/// When the backfills that run from the beginning on, one beside the other, were over.
fn backfilled_at(connection: &Connection) -> Result<Option<Timestamp>, Problem> {
    let mut statement = connection.prepare(
        "SELECT began_at, ended_at FROM poll WHERE lane = 'backfill' AND ended_at IS NOT NULL
         AND result IN ('complete', 'partial') ORDER BY began_at, number",
    )?;
    let mut polls = statement.query([])?;
    let mut end: Option<Timestamp> = None;
    while let Some(poll) = polls.next()? {
        let (began_at, ended_at): (Timestamp, Timestamp) = (poll.get(0)?, poll.get(1)?);
        if end.is_some_and(|end| began_at > end) {
            break;
        }
        end = end.max(Some(ended_at));
    }
    Ok(end)
}
