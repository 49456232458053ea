//! Giving the space of deleted rows back to the disk.

use std::path::Path;

use crate::model::Timestamp;

use super::partial::beside;
use super::take_over::take_over;
use super::{LedgerError, Problem, Role, open};

/// What giving back came to, in bytes of the file and its write-ahead log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vacuumed {
    /// Before.
    pub bytes_before: u64,
    /// After.
    pub bytes_after: u64,
}

/// Rewrites the ledger without its empty pages. Needs that nobody else writes to it, and room for two more
/// copies of it; on a full disk it stays as it was.
pub fn vacuum(ledger: &Path, api_url: &str, now: Timestamp) -> Result<Vacuumed, LedgerError> {
    run(ledger, api_url, now).map_err(|problem| problem.of(ledger))
}

fn run(ledger: &Path, api_url: &str, now: Timestamp) -> Result<Vacuumed, Problem> {
    let path = open::existing(ledger)?;
    let bytes_before = size(&path);
    let (lock, connection) = take_over(&path, Role::Command, api_url, now)?;
    connection.execute_batch("VACUUM")?;
    // A reader that is at an older state holds this up; then the next writer does it.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    let bytes_after = size(&path);
    connection.close().map_err(|(_, error)| Problem::from(error))?;
    drop(lock);
    Ok(Vacuumed { bytes_before, bytes_after })
}

fn size(path: &Path) -> u64 {
    let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
    bytes(path) + bytes(&beside(path, "-wal"))
}
