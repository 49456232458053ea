//! What of the outbox is left: what waits, and what was given up.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension};

use crate::ledger::{LedgerError, Problem, Reader};
use crate::model::{DeliveryState, SinkBacklog, SinkName, Timestamp, Undelivered, UndeliveredItem};

use super::{QUEUED, QUEUED_COLUMNS, queued, reports};

impl Reader {
    /// How much waits for each sink, and how much was given up.
    pub fn backlogs(&self) -> Result<Vec<SinkBacklog>, LedgerError> {
        self.snapshot(backlogs)
    }

    /// What waits or was given up, sink by sink, the newest first; at most `most`.
    pub fn undelivered(&self, most: usize) -> Result<Vec<Undelivered>, LedgerError> {
        self.snapshot(|connection| undelivered(connection, most))
    }
}

pub(in crate::ledger) fn backlogs(connection: &Connection) -> Result<Vec<SinkBacklog>, Problem> {
    let mut backlogs: Vec<SinkBacklog> = connection
        .prepare_cached(
            // What was sent is left alone: there is much more of it.
            "SELECT sink, count(waits_since), min(waits_since), min(next_at), count(dead_at), max(dead_at) FROM (
                 SELECT d.sink, n.at AS waits_since, nullif(d.next_at, 0) AS next_at, NULL AS dead_at
                 FROM delivery AS d INDEXED BY delivery_waiting JOIN notice AS n ON n.number = d.notice
                 WHERE d.state = 'waiting'
                 UNION ALL
                 SELECT sink, NULL, NULL, ended_at FROM delivery INDEXED BY delivery_dead WHERE state = 'dead')
             GROUP BY sink ORDER BY sink",
        )?
        .query_map([], |row| {
            Ok(SinkBacklog {
                sink: SinkName(row.get(0)?),
                waiting: row.get(1)?,
                oldest_waiting_at: row.get(2)?,
                next_at: row.get(3)?,
                dead: row.get(4)?,
                last_dead_at: row.get(5)?,
                error: None,
            })
        })?
        .collect::<Result<_, _>>()?;
    for backlog in &mut backlogs {
        backlog.error = connection
            .prepare_cached(
                "SELECT error FROM (
                     SELECT error, next_at AS at FROM delivery INDEXED BY delivery_waiting
                     WHERE sink = ?1 AND state = 'waiting'
                     UNION ALL
                     SELECT error, ended_at FROM delivery INDEXED BY delivery_dead WHERE sink = ?1 AND state = 'dead')
                 WHERE error IS NOT NULL ORDER BY at DESC LIMIT 1",
            )?
            .query_row([&backlog.sink.0], |row| row.get(0))
            .optional()?;
    }
    Ok(backlogs)
}

fn undelivered(connection: &Connection, most: usize) -> Result<Vec<Undelivered>, Problem> {
    // A ledger of a former format is read as it is.
    let report = if reports::are_kept(connection)? { "n.report" } else { "NULL" };
    let query = format!(
        "SELECT {QUEUED}, d.sink, d.next_at, d.error, d.ended_at, {report} FROM delivery AS d
         JOIN notice AS n ON n.number = d.notice LEFT JOIN break AS k ON k.number = n.break
         LEFT JOIN profile AS p ON p.key = k.profile
         WHERE d.state IN ('waiting', 'dead') ORDER BY d.sink, d.state DESC, n.number DESC LIMIT ?1"
    );
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    Ok(connection
        .prepare_cached(&query)?
        .query_map([most], |row| {
            let at = |offset| QUEUED_COLUMNS + offset;
            let ended_at: Option<Timestamp> = row.get(at(3))?;
            let next_at = row.get(at(1))?;
            let item = match row.get_ref(at(4))? {
                ValueRef::Null => UndeliveredItem::Break(queued(row)?),
                _ => UndeliveredItem::Report(Box::new(reports::queued(row, [0, at(4), 9, 10])?)),
            };
            Ok(Undelivered {
                sink: SinkName(row.get(at(0))?),
                item,
                state: ended_at.map_or(DeliveryState::Waiting(next_at), DeliveryState::Dead),
                error: row.get(at(2))?,
            })
        })?
        .collect::<Result<_, _>>()?)
}
