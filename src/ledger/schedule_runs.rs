//! When what recurs was last done, so that a run that was missed while nobody was there can be told.

use rusqlite::{Connection, params};

use crate::model::Timestamp;

use super::{Ledger, LedgerError, Problem};

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

/// Every schedule that was ever known.
pub(super) fn all(connection: &Connection) -> Result<Vec<ScheduleRun>, Problem> {
    Ok(connection
        .prepare("SELECT name, last_due FROM schedule_run ORDER BY name")?
        .query_map([], |row| Ok(ScheduleRun { name: row.get(0)?, last_due: row.get(1)? }))?
        .collect::<Result<_, _>>()?)
}
