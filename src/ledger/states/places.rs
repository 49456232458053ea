//! The places in the journal by which a report is made.

use rusqlite::{Connection, OptionalExtension, params};

use crate::ledger::journal::{self, JournalHead, hex};
use crate::ledger::{Problem, checkpoint};
use crate::model::Timestamp;

use super::{AsOf, Standing, StatesWanted};

/// The places of one report.
pub(super) struct Places {
    pub(super) opening: JournalHead,
    pub(super) settled: JournalHead,
    pub(super) closing: JournalHead,
    pub(super) until: Timestamp,
    pub(super) standing: Standing,
}

impl Places {
    /// The places of the report that is wanted.
    pub(super) fn find(connection: &Connection, wanted: &StatesWanted) -> Result<Self, Problem> {
        if let Some(checkpoint) = checkpoint::find(connection)?
            && wanted.from < checkpoint.floor
        {
            return Err(Problem::PeriodPruned { from: wanted.from, floor: checkpoint.floor });
        }
        let [opens_at, settles_at] = [wanted.from, wanted.to].map(|at| at.plus(wanted.settle));
        let (closing, until) = closing(connection, wanted, settles_at)?;
        let began: Timestamp = connection.query_row("SELECT created_at FROM ledger", [], |row| row.get(0))?;
        if until <= began {
            return Err(Problem::PeriodBeforeLedger { to: wanted.to, until, began });
        }
        let mut opening = reached(connection, opens_at)?;
        if until <= wanted.from {
            return Err(Problem::AsOfBeforePeriod { as_of: closing.note(), until });
        }
        if closing.batch < opening.batch {
            // It is told by a place at which the opening had not settled: what was known by then opens it, whatever
            // the journal told of the time before since.
            opening = closing.clone();
        }
        let settled = reached(connection, settles_at)?;
        let standing = match until.cmp(&settles_at) {
            std::cmp::Ordering::Less => Standing::Provisional,
            std::cmp::Ordering::Equal => Standing::Settled,
            std::cmp::Ordering::Greater => Standing::Later,
        };
        let settled = if standing == Standing::Later && settled.batch < closing.batch {
            settled
        } else {
            closing.clone()
        };
        Ok(Self { opening, settled, closing, until, standing })
    }
}

/// The closing place, and up to when polls count.
fn closing(
    connection: &Connection,
    wanted: &StatesWanted,
    settles_at: Timestamp,
) -> Result<(JournalHead, Timestamp), Problem> {
    let end = || -> Result<(JournalHead, Timestamp), Problem> {
        let until = Timestamp::from_micros(last_known(connection)?.as_micros().saturating_add(1));
        Ok((journal::head(connection)?, until))
    };
    match &wanted.as_of {
        AsOf::Now => end(),
        AsOf::Settled if !is_past(connection, settles_at)? => end(),
        AsOf::Settled => Ok((reached(connection, settles_at)?, settles_at)),
        AsOf::Instant(at) => Ok((reached(connection, *at)?, *at)),
        AsOf::Batch { number, hash, until } => {
            let Some((head, at)) = behind(connection, *number)? else {
                return Err(Problem::NoSuchBatch { number: *number, last: journal::head(connection)?.batch });
            };
            if let Some(noted) = hash
                && !hex(&head.hash).starts_with(noted.as_str())
            {
                return Err(Problem::OtherHead { noted: format!("{number}:{noted}"), found: head.note() });
            }
            let after = Timestamp::from_micros(at.as_micros().saturating_add(1));
            Ok((head, until.unwrap_or(after)))
        }
    }
}

/// The place that an instant has for good: behind the last batch before the first one that is not before it. A later
/// batch that tells of an earlier time does not move it.
fn reached(connection: &Connection, at: Timestamp) -> Result<JournalHead, Problem> {
    let next: Option<i64> = connection
        .prepare_cached("SELECT number FROM journal_batch WHERE at >= ?1 ORDER BY number LIMIT 1")?
        .query_row([at], |row| row.get(0))
        .optional()?;
    match next {
        None => journal::head(connection),
        Some(next) => match behind(connection, next - 1)? {
            Some((head, _)) => Ok(head),
            None => Err(Problem::Inconsistent(format!("the journal has no batch {}", next - 1))),
        },
    }
}

/// The head behind a batch, and when that was; `None` where the journal has no such place.
fn behind(connection: &Connection, number: i64) -> Result<Option<(JournalHead, Timestamp)>, Problem> {
    let batch = connection
        .prepare_cached("SELECT number, last_seq, head, at FROM journal_batch WHERE number = ?1")?
        .query_row([number], |row| {
            Ok((JournalHead { batch: row.get(0)?, seq: row.get(1)?, hash: row.get(2)? }, row.get(3)?))
        })
        .optional()?;
    if batch.is_some() {
        return Ok(batch);
    }
    Ok(match checkpoint::find(connection)? {
        Some(checkpoint) if checkpoint.head.batch == number => Some((checkpoint.head, checkpoint.floor)),
        None if number == 0 => Some((journal::genesis_of(connection)?, Timestamp::EPOCH)),
        _ => None,
    })
}

/// Whether the ledger knows of something at or after an instant.
pub(in crate::ledger) fn is_past(connection: &Connection, at: Timestamp) -> Result<bool, Problem> {
    Ok(connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM journal_batch WHERE at >= ?1) OR EXISTS (SELECT 1 FROM poll WHERE began_at >= ?1)",
        params![at],
        |row| row.get(0),
    )?)
}

/// The latest time of which the ledger knows.
fn last_known(connection: &Connection) -> Result<Timestamp, Problem> {
    Ok(connection.query_row(
        "SELECT max((SELECT created_at FROM ledger), coalesce((SELECT max(at) FROM journal_batch), 0),
             coalesce((SELECT max(ended_at) FROM poll), 0))",
        [],
        |row| row.get(0),
    )?)
}
