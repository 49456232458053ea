//! Taking a ledger over for writing: its lock, its environment, and what a killed process left in it.

use std::path::Path;

use rusqlite::Connection;

use crate::model::Timestamp;

use super::lock::{self, Lock, Role};
use super::writer::in_transaction;
use super::{Problem, identity, open, polls};

/// Takes the lock of the ledger at `path` and opens it for writing; makes it where there is none.
pub(super) fn take_over(
    path: &Path,
    role: Role,
    api_url: &str,
    now: Timestamp,
) -> Result<(Lock, Connection), Problem> {
    let path = open::resolve(path)?;
    let lock = lock::take(&path, role)?;
    let mut connection = open::for_writing(&path)?;
    adopt(&mut connection, api_url, now)?;
    Ok((lock, connection))
}

/// Makes an opened file this environment's ledger and takes over what a killed process left.
fn adopt(connection: &mut Connection, api_url: &str, now: Timestamp) -> Result<(), Problem> {
    in_transaction(connection, |transaction| {
        identity::bind_environment(transaction, api_url, now)?;
        let interrupted = polls::mark_interrupted(transaction)?;
        if interrupted > 0 {
            tracing::warn!(
                polls = interrupted,
                "a former tallyd ended in the middle of a poll; going on from its last page"
            );
        }
        Ok(())
    })
}
