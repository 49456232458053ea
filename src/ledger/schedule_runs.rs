//! When what recurs was last done, so that a run that was missed while nobody was there can be told.

use rusqlite::{Connection, params};

use crate::model::Timestamp;

use super::{Ledger, LedgerError, Problem, schema};

/// When a schedule was last done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleRun {
    /// The schedule's name.
    pub name: String,
    /// The instant up to which its runs are done.
    pub last_due: Timestamp,
}

impl Ledger {
    /// The last runs of all schedules. Those of `names` that are new count from `now` on.
    pub async fn schedule_runs(
        &self,
        names: Vec<String>,
        now: Timestamp,
    ) -> Result<Vec<ScheduleRun>, LedgerError> {
        self.transact("schedule_runs", move |connection| {
            begin(connection, &names, now)?;
            all(connection)
        })
        .await
    }

    /// Notes that the runs of a schedule are done up to an instant.
    pub async fn note_schedule_run(&self, run: ScheduleRun) -> Result<(), LedgerError> {
        self.transact("note_schedule_run", move |connection| note(connection, &run)).await
    }
}

/// Begins to count the runs of every schedule that is not known yet at `now`.
fn begin(connection: &Connection, names: &[String], now: Timestamp) -> Result<(), Problem> {
    let mut add = connection
        .prepare("INSERT INTO schedule_run (name, last_due) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING")?;
    for name in names {
        add.execute(params![name, now])?;
    }
    Ok(())
}

/// Notes that the runs of a schedule are done up to an instant.
fn note(connection: &Connection, run: &ScheduleRun) -> Result<(), Problem> {
    connection.execute(
        "INSERT INTO schedule_run (name, last_due) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET last_due = excluded.last_due",
        params![run.name, run.last_due],
    )?;
    Ok(())
}

/// Notes the same of a report, and when its last run was made.
pub(super) fn note_made(connection: &Connection, run: &ScheduleRun, at: Timestamp) -> Result<(), Problem> {
    note(connection, run)?;
    connection.execute("UPDATE schedule_run SET done_at = ?2 WHERE name = ?1", params![run.name, at])?;
    Ok(())
}

/// The format since which a ledger tells when a run was made.
const SINCE_FORMAT: i64 = 4;

/// When the last run of each schedule was made of which that is told, by the local clock.
pub(super) fn made(connection: &Connection) -> Result<Vec<(String, Timestamp)>, Problem> {
    if schema::user_version(connection)? < SINCE_FORMAT {
        return Ok(Vec::new());
    }
    Ok(connection
        .prepare_cached("SELECT name, done_at FROM schedule_run WHERE done_at IS NOT NULL ORDER BY name")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?)
}

/// Every schedule that was ever known.
pub(super) fn all(connection: &Connection) -> Result<Vec<ScheduleRun>, Problem> {
    Ok(connection
        .prepare("SELECT name, last_due FROM schedule_run ORDER BY name")?
        .query_map([], |row| Ok(ScheduleRun { name: row.get(0)?, last_due: row.get(1)? }))?
        .collect::<Result<_, _>>()?)
}
