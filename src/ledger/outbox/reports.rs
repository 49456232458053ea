//! Reports in the outbox: each is told once to every sink that its configuration names.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::ledger::{LedgerError, Problem, Reader, schema};
use crate::model::{MadeReport, NoticeNumber, QueuedReport, Severity, SinkName, Timestamp};

use super::stored_report;

/// The format since which reports are in the outbox.
const SINCE_FORMAT: i64 = 4;

/// Whether the ledger has reports in its outbox.
pub(super) fn are_kept(connection: &Connection) -> Result<bool, Problem> {
    Ok(schema::user_version(connection)? >= SINCE_FORMAT)
}

/// The occasion of a notice that tells of a report.
const MADE: &str = "made";

/// How long what is known of a report that was sent or given up is kept: so long the same is not sent again, and a dead
/// letter is shown.
const KEPT_FOR: std::time::Duration = std::time::Duration::from_secs(90 * 24 * 3600);

impl Reader {
    /// The report that a sink is to be told now: the oldest one.
    pub fn due_report(&self, sink: &SinkName, now: Timestamp) -> Result<Option<QueuedReport>, LedgerError> {
        self.snapshot(|connection| {
            Ok(connection
                .prepare_cached(
                    "SELECT n.number, n.report, n.at, d.attempts FROM delivery AS d
                     JOIN notice AS n ON n.number = d.notice
                     WHERE d.sink = ?1 AND d.state = 'waiting' AND d.next_at <= ?2 AND n.report IS NOT NULL
                     ORDER BY n.number LIMIT 1",
                )?
                .query_row(params![sink.0, now], |row| queued(row, [0, 1, 2, 3]))
                .optional()?)
        })
    }
}

/// Reads a report from the columns of its notice's number, its text, its time and the tries.
pub(super) fn queued(row: &Row<'_>, columns: [usize; 4]) -> rusqlite::Result<QueuedReport> {
    let [number, report, at, attempts] = columns;
    let text: String = row.get(report)?;
    let read = stored_report::from_text(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(report, Type::Text, Box::new(error)))?;
    Ok(QueuedReport {
        number: NoticeNumber(row.get(number)?),
        report: read,
        at: row.get(at)?,
        attempts: row.get(attempts)?,
    })
}

/// Puts a report that was made into the queues of these sinks. One that was put there before, byte for byte the same,
/// is left as it is: who makes a report of a period twice tells it once.
pub(in crate::ledger) fn put(
    connection: &Connection,
    report: &MadeReport,
    sinks: &[SinkName],
    now: Timestamp,
) -> Result<(), Problem> {
    forget_old(connection, now)?;
    if sinks.is_empty() {
        return Ok(());
    }
    let known = connection
        .prepare_cached("SELECT number FROM notice WHERE report IS NOT NULL AND report ->> 'id' = ?1")?
        .query_row([report.delivery_key()], |row| row.get::<_, i64>(0))
        .optional()?;
    let notice = match known {
        Some(notice) => notice,
        None => connection
            .prepare_cached("INSERT INTO notice (report, occasion, severity, at) VALUES (?1, ?2, ?3, ?4)")?
            .insert(params![stored_report::to_text(report), MADE, Severity::Warning, now])?,
    };
    let mut insert = connection
        .prepare_cached("INSERT OR IGNORE INTO delivery (sink, notice, next_at) VALUES (?1, ?2, 0)")?;
    for sink in sinks {
        insert.execute(params![sink.0, notice])?;
    }
    Ok(())
}

/// Forgets reports of which nothing waits any more since long.
fn forget_old(connection: &Connection, now: Timestamp) -> Result<(), Problem> {
    let old = "SELECT n.number FROM notice AS n WHERE n.report IS NOT NULL AND n.at < ?1 AND NOT EXISTS
        (SELECT 1 FROM delivery AS d WHERE d.notice = n.number AND (d.state = 'waiting' OR d.ended_at >= ?1))";
    let before = now.minus(KEPT_FOR);
    connection.execute(&format!("DELETE FROM delivery WHERE notice IN ({old})"), [before])?;
    connection.execute(
        "DELETE FROM notice WHERE report IS NOT NULL AND at < ?1
         AND NOT EXISTS (SELECT 1 FROM delivery WHERE notice = notice.number)",
        [before],
    )?;
    Ok(())
}
