//! Whose ledger it is: one Paxos environment, one Paxos customer.

use rusqlite::{Connection, OptionalExtension, params};

use crate::model::{Identifier, Timestamp};

use super::Problem;

/// Makes the ledger one of the environment at `api_url`, or checks that it is.
pub(super) fn bind_environment(
    connection: &Connection,
    api_url: &str,
    now: Timestamp,
) -> Result<(), Problem> {
    let bound: Option<String> =
        connection.query_row("SELECT api_url FROM ledger", [], |row| row.get(0)).optional()?;
    match bound {
        None => {
            connection.execute(
                "INSERT INTO ledger (only, api_url, created_at) VALUES (1, ?1, ?2)",
                params![api_url, now],
            )?;
            Ok(())
        }
        Some(bound) if bound == api_url => Ok(()),
        Some(bound) => Err(Problem::OtherEnvironment { ledger: bound, configured: api_url.to_owned() }),
    }
}

/// The customer that the ledger is bound to; `None` until one was seen.
pub(super) fn customer(connection: &Connection) -> rusqlite::Result<Option<Identifier>> {
    connection.prepare_cached("SELECT customer_id FROM ledger")?.query_row([], |row| row.get(0))
}

/// Binds the ledger to a customer.
pub(super) fn bind_customer(connection: &Connection, customer: &Identifier) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE ledger SET customer_id = ?1")?.execute([customer])?;
    Ok(())
}
