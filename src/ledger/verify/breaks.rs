//! Breaks, against what the journal says of them.
//!
//! Breaks and entries are both read in the order of the breaks' numbers, so memory stays flat.

use std::collections::BTreeMap;

use rusqlite::{Connection, Rows};
use serde_json::{Value, json};

use crate::ledger::Problem;
use crate::ledger::breaks::{are_kept, carried};
use crate::ledger::indexes::merged_into;
use crate::ledger::journal::{EntryKind, StoredBody};
use crate::model::Timestamp;

use super::{Finding, Findings};

/// What the journal tells of one break.
struct Told {
    number: i64,
    /// What its entries come to; `None` where they come to nothing.
    state: Option<Value>,
    /// Whether a pruning says that it went with its row, or all that is left of it is that a pruning before the last
    /// one carried it.
    was_pruned: bool,
}

/// Checks that each break is what its entries come to, and that none is gone. `carried_in` is the batch of the last
/// pruning.
pub(super) fn check(
    connection: &Connection,
    carried_in: Option<i64>,
    findings: &mut Findings,
) -> Result<(), Problem> {
    if !are_kept(connection)? {
        return Ok(());
    }
    let merged = merged(connection)?;
    let mut statement = connection.prepare(
        "SELECT e.body ->> 'break' AS told_of, e.kind, e.orchestration, e.batch, b.at, e.body
         FROM journal_entry AS e JOIN journal_batch AS b ON b.number = e.batch
         WHERE e.kind >= 12 ORDER BY told_of, e.seq",
    )?;
    let mut stories = Stories { entries: statement.query([])?, ahead: None, carried_in };
    let mut told = stories.next()?;
    let mut breaks = connection.prepare(carried::ALL)?;
    let mut rows = breaks.query([])?;
    while let Some(row) = rows.next()? {
        let number = row.get(0)?;
        while let Some(other) = told.take_if(|told| told.number < number) {
            other.is_gone(findings);
            told = stories.next()?;
        }
        let expected = match told.take_if(|told| told.number == number) {
            Some(of_this) => {
                told = stories.next()?;
                of_this.state.map(|state| with_merged_row(state, &merged))
            }
            None => None,
        };
        if carried::state(row).ok().is_none_or(|found| expected.as_ref() != Some(&found)) {
            findings.add(Finding::BreakAltered { number });
        }
    }
    while let Some(other) = told {
        other.is_gone(findings);
        told = stories.next()?;
    }
    Ok(())
}

impl Told {
    /// It has no row.
    fn is_gone(&self, findings: &mut Findings) {
        if !self.was_pruned {
            findings.add(Finding::BreakAltered { number: self.number });
        }
    }
}

/// Break after break, with all entries about it.
struct Stories<'s> {
    entries: Rows<'s>,
    /// The first entry of the next break.
    ahead: Option<Step>,
    carried_in: Option<i64>,
}

struct Step {
    number: i64,
    kind: Option<EntryKind>,
    row: Option<i64>,
    batch: i64,
    at: String,
    body: Value,
}

impl Stories<'_> {
    fn next(&mut self) -> Result<Option<Told>, Problem> {
        let Some(first) = self.ahead.take().map_or_else(|| self.step(), |step| Ok(Some(step)))? else {
            return Ok(None);
        };
        let mut told = Told { number: first.number, state: None, was_pruned: true };
        let mut step = Some(first);
        while let Some(Step { kind, row, batch, at, body, .. }) =
            step.take_if(|step| step.number == told.number)
        {
            let went_with_its_row = kind == Some(EntryKind::BreakResolved)
                && body.get("by").is_some_and(Value::is_null)
                && body.get("why").and_then(Value::as_str) == Some(carried::PRUNED);
            let is_left_over = kind == Some(EntryKind::BreakCarried) && Some(batch) < self.carried_in;
            told.was_pruned = went_with_its_row || told.was_pruned && is_left_over;
            told.state = kind.and_then(|kind| carried::after(told.state.take(), kind, row, &at, body));
            step = self.step()?;
        }
        self.ahead = step;
        Ok(Some(told))
    }

    /// The next entry that names a break. One that does not breaks the chain, and is told as that.
    fn step(&mut self) -> Result<Option<Step>, Problem> {
        while let Some(entry) = self.entries.next()? {
            let body: StoredBody = entry.get(5)?;
            let body = body.text().and_then(|text| serde_json::from_str(text).ok());
            if let (Ok(number), Some(body)) = (entry.get(0), body) {
                let at: Timestamp = entry.get(4)?;
                return Ok(Some(Step {
                    number,
                    kind: EntryKind::from_number(entry.get(1)?),
                    row: entry.get(2)?,
                    batch: entry.get(3)?,
                    at: at.to_rfc3339(),
                    body,
                }));
            }
        }
        Ok(None)
    }
}

/// By the key of a row that was merged into another one, the key of that.
fn merged(connection: &Connection) -> Result<BTreeMap<i64, i64>, Problem> {
    let mut statement = connection.prepare(
        "SELECT orchestration, body FROM journal_entry WHERE kind = 6 AND orchestration IS NOT NULL",
    )?;
    let mut entries = statement.query([])?;
    let mut merged = BTreeMap::new();
    while let Some(entry) = entries.next()? {
        let body: StoredBody = entry.get(1)?;
        if let Some(into) = body.text().and_then(merged_into) {
            merged.insert(entry.get(0)?, into);
        }
    }
    Ok(merged)
}

/// The break with the row that its own was merged into. Merging goes to the row that came first, so it ends.
fn with_merged_row(mut state: Value, merged: &BTreeMap<i64, i64>) -> Value {
    let Some(row) = state.get_mut("row") else { return state };
    while let Some(&into) = row.as_i64().and_then(|key| merged.get(&key).filter(|&&into| into < key)) {
        *row = json!(into);
    }
    state
}
