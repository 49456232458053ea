//! Reports in the outbox of a restored backup: what was sent since is not sent again.
//!
//! Where the ledger that is replaced does not know, the report waits as it did, and is sent under its key.

use rusqlite::{Connection, params};

use crate::ledger::Problem;
use crate::model::Timestamp;

use super::reports;

/// What became of a report at one sink, by what names it in any ledger of the same line.
pub(in crate::ledger) struct EndedReport {
    id: String,
    sink: String,
    state: String,
    attempts: u64,
    error: Option<String>,
    ended_at: Option<Timestamp>,
}

/// The reports that another ledger has sent or given up.
pub(in crate::ledger) fn ended(former: &Connection) -> Result<Vec<EndedReport>, Problem> {
    if !reports::are_kept(former)? {
        return Ok(Vec::new());
    }
    Ok(former
        .prepare(
            "SELECT n.report ->> 'id', d.sink, d.state, d.attempts, d.error, d.ended_at
             FROM notice AS n JOIN delivery AS d ON d.notice = n.number
             WHERE n.report IS NOT NULL AND d.state <> 'waiting'",
        )?
        .query_map([], |row| {
            Ok(EndedReport {
                id: row.get(0)?,
                sink: row.get(1)?,
                state: row.get(2)?,
                attempts: row.get(3)?,
                error: row.get(4)?,
                ended_at: row.get(5)?,
            })
        })?
        .collect::<Result<_, _>>()?)
}

/// Ends what waits in a backup and has ended since. Says how many.
pub(in crate::ledger) fn end(copy: &Connection, ended: &[EndedReport]) -> Result<u64, Problem> {
    let mut update = copy.prepare(
        "UPDATE delivery SET state = ?3, attempts = ?4, error = ?5, ended_at = ?6
         WHERE sink = ?2 AND state = 'waiting'
         AND notice IN (SELECT number FROM notice WHERE report IS NOT NULL AND report ->> 'id' = ?1)",
    )?;
    let mut changed = 0;
    for one in ended {
        let EndedReport { id, sink, state, attempts, error, ended_at } = one;
        changed += update.execute(params![id, sink, state, attempts, error, ended_at])?;
    }
    Ok(changed as u64)
}
