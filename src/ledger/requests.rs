//! Requests: what commands asked the daemon to do, and what came of it.
//!
//! What is asked and answered is text of the caller's; here it is only kept and handed on.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::model::Timestamp;

use super::{Ledger, LedgerError, Problem};

/// How many requests that ended are kept, for people who look later.
const KEPT: i64 = 100;

/// Names a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestNumber(i64);

impl RequestNumber {
    /// The number, for people.
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// Something that a command asked the daemon to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its number.
    pub number: RequestNumber,
    /// What is to be done, in one word.
    pub kind: String,
    /// With what, as JSON.
    pub arguments: String,
    /// When it was asked, by the local clock.
    pub asked_at: Timestamp,
    /// How far it is.
    pub state: RequestState,
}

/// How far a request is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestState {
    /// Nobody has begun with it.
    Open,
    /// A daemon is at it.
    Taken,
    /// It was done. What came of it, as JSON.
    Done(String),
    /// It was not done. Why, for people.
    Failed(String),
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestEnd {
    /// It was done. What came of it, as JSON.
    Done(String),
    /// It was not done. Why, for people.
    Failed(String),
}

impl Ledger {
    /// Takes over the requests that a former daemon left. Those from before `too_old` fail, for the reason
    /// `why`, and are counted; the others are open again.
    pub async fn take_over_requests(
        &self,
        too_old: Timestamp,
        now: Timestamp,
        why: &'static str,
    ) -> Result<usize, LedgerError> {
        self.transact("take_over_requests", move |connection| take_over(connection, too_old, now, why)).await
    }

    /// Notes that a request is being served.
    pub async fn take_request(&self, number: RequestNumber) -> Result<(), LedgerError> {
        self.transact("take_request", move |connection| take(connection, number)).await
    }

    /// Notes how a request ended. Of those that ended the last hundred are kept.
    pub async fn end_request(
        &self,
        number: RequestNumber,
        now: Timestamp,
        end: RequestEnd,
    ) -> Result<(), LedgerError> {
        self.transact("end_request", move |connection| note_end(connection, number, now, &end)).await
    }
}

/// Adds a request.
pub(super) fn add(
    connection: &Connection,
    kind: &str,
    arguments: &str,
    now: Timestamp,
) -> Result<RequestNumber, Problem> {
    let number = connection
        .prepare("INSERT INTO request (kind, arguments, asked_at) VALUES (?1, ?2, ?3)")?
        .insert(params![kind, arguments, now])?;
    Ok(RequestNumber(number))
}

/// Takes over what a former daemon left: what was asked before `too_old` fails, the rest is open again.
/// Returns how many failed.
fn take_over(
    connection: &Connection,
    too_old: Timestamp,
    now: Timestamp,
    why: &str,
) -> Result<usize, Problem> {
    let failed = connection.execute(
        "UPDATE request SET state = 'failed', outcome = ?3, ended_at = ?2
         WHERE ended_at IS NULL AND asked_at < ?1",
        params![too_old, now, why],
    )?;
    connection.execute("UPDATE request SET state = 'open' WHERE ended_at IS NULL", [])?;
    Ok(failed)
}

/// Notes that a daemon is at it.
fn take(connection: &Connection, number: RequestNumber) -> Result<(), Problem> {
    connection.execute("UPDATE request SET state = 'taken' WHERE number = ?1", [number.0])?;
    Ok(())
}

/// Notes how a request ended, and drops those that ended longest ago.
fn note_end(
    connection: &Connection,
    number: RequestNumber,
    now: Timestamp,
    end: &RequestEnd,
) -> Result<(), Problem> {
    let (state, outcome) = match end {
        RequestEnd::Done(outcome) => ("done", outcome),
        RequestEnd::Failed(why) => ("failed", why),
    };
    connection.execute(
        "UPDATE request SET state = ?2, outcome = ?3, ended_at = ?4 WHERE number = ?1",
        params![number.0, state, outcome, now],
    )?;
    connection.execute(
        "DELETE FROM request WHERE ended_at IS NOT NULL AND number NOT IN
         (SELECT number FROM request WHERE ended_at IS NOT NULL ORDER BY ended_at DESC, number DESC LIMIT ?1)",
        [KEPT],
    )?;
    Ok(())
}

/// Forgets all of them: who asked is told by another ledger.
pub(super) fn forget(connection: &Connection) -> Result<(), Problem> {
    connection.execute("DELETE FROM request", [])?;
    Ok(())
}

/// The requests that have not ended, oldest first.
pub(super) fn unended(connection: &Connection) -> Result<Vec<Request>, Problem> {
    Ok(connection
        .prepare_cached(
            "SELECT number, kind, arguments, asked_at, state, outcome FROM request
             WHERE ended_at IS NULL ORDER BY number",
        )?
        .query_map([], read)?
        .collect::<Result<_, _>>()?)
}

/// The request of this number; `None` where it ended so long ago that it is no longer kept.
pub(super) fn find(connection: &Connection, number: RequestNumber) -> Result<Option<Request>, Problem> {
    Ok(connection
        .prepare_cached(
            "SELECT number, kind, arguments, asked_at, state, outcome FROM request WHERE number = ?1",
        )?
        .query_row([number.0], read)
        .optional()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Request> {
    let state: String = row.get(4)?;
    Ok(Request {
        number: RequestNumber(row.get(0)?),
        kind: row.get(1)?,
        arguments: row.get(2)?,
        asked_at: row.get(3)?,
        state: match state.as_str() {
            "open" => RequestState::Open,
            "taken" => RequestState::Taken,
            "done" => RequestState::Done(row.get(5)?),
            _ => RequestState::Failed(row.get(5)?),
        },
    })
}
