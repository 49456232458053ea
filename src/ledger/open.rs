//! Opening a ledger, and refusing what is none.

use std::fs::{Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::Problem;
use super::schema::{self, APPLICATION_ID};

/// How long to wait for another process's short write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The writer's page cache, in KiB. It holds the upper pages of every index of a ledger of millions.
const WRITER_CACHE_KIB: i64 = 16 * 1024;

/// The size of a new ledger's pages, in bytes. Twice the default: a backfill of rows of some 300 bytes
/// then spends a tenth less time and the file is a little smaller.
const PAGE_BYTES: i64 = 8192;

/// After how many pages the write-ahead log, 16 MiB of it, is copied into the file. Pages that a backfill
/// writes again and again are then copied once.
const CHECKPOINT_PAGES: i64 = 16 * 1024 * 1024 / PAGE_BYTES;

/// To how much the write-ahead log is cut back once it was taken over: building the late indexes of a
/// large ledger lets it grow to their size.
const WAL_KEPT_BYTES: i64 = 64 * 1024 * 1024;

/// The smallest page that an SQLite file can have, in bytes.
const SMALLEST_PAGE: u64 = 512;

/// How many prepared statements a connection keeps.
const STATEMENTS: usize = 64;

/// The file that `path` leads to, so that a ledger has one lock by whatever name it is opened; refuses
/// what cannot be a ledger before anything is written.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, Problem> {
    match std::fs::canonicalize(path) {
        Ok(real) => {
            check_kind(&std::fs::metadata(&real)?)?;
            Ok(real)
        }
        // It is yet to be made.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path.to_owned()),
        Err(error) => Err(error.into()),
    }
}

/// The file that `path` leads to, which must be there.
pub(super) fn existing(path: &Path) -> Result<PathBuf, Problem> {
    let path = resolve(path)?;
    match std::fs::metadata(&path) {
        Ok(_) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Problem::Missing),
        Err(error) => Err(error.into()),
    }
}

/// Opens the ledger at `path` for writing, makes it where there is none, and brings it up to the newest
/// format.
pub(super) fn for_writing(path: &Path) -> Result<Connection, Problem> {
    make(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    // SQLite opens what may not be written for reading, and says so only at the first write.
    if connection.is_readonly("main")? {
        return Err(Problem::ReadOnly);
    }
    connection.busy_timeout(BUSY_TIMEOUT)?;
    check_application(&connection).map_err(|problem| match problem {
        // The file could be opened: it is the files beside it that cannot be made.
        Problem::Forbidden => Problem::ReadOnly,
        other => other,
    })?;
    // It has no effect on a file that has pages already.
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", WAL_KEPT_BYTES)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // By default SQLite takes a value that is bound for a hint which plan is the best, and prepares a statement that was kept anew
    // for the next one: that was most of what judging a page cost (https://www.sqlite.org/queryplanner-ng.html#qpstab).
    // Readers keep the default: they ask little often, and much at once.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    schema::migrate(&mut connection, path)?;
    Ok(connection)
}

/// Opens the ledger at `path` for reading only.
pub(super) fn for_reading(path: &Path) -> Result<Connection, Problem> {
    present(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// Opens the ledger at `path` for a short write beside the writer, whose lock is not taken. SQLite's own
/// lock lets one transaction in at a time and waits for its turn, here and in the writer.
pub(super) fn for_writing_beside(path: &Path) -> Result<Connection, Problem> {
    let connection = present(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    if connection.is_readonly("main")? {
        return Err(Problem::ReadOnly);
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// Opens a ledger that is there; it is neither made nor migrated.
fn present(path: &Path, mode: OpenFlags) -> Result<Connection, Problem> {
    match std::fs::metadata(path) {
        Ok(found) => check_kind(&found)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Problem::Missing),
        Err(error) => return Err(error.into()),
    }
    let connection = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    check_application(&connection).map_err(|problem| match problem {
        // A reader makes the side files where there are none; it may not.
        Problem::ReadOnly => Problem::Forbidden,
        other => other,
    })?;
    let version = schema::user_version(&connection)?;
    if version == 0 {
        // Its maker was killed before the first commit: nothing was ever in it.
        return Err(Problem::Missing);
    }
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// Makes the file where there is none, readable for its owner only; SQLite gives its side files the same
/// permissions.
///
/// One that is there is left alone, here and everywhere: closing any descriptor of it would drop the locks
/// that SQLite holds on it for this whole process.
fn make(path: &Path) -> Result<(), Problem> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => {
            // Where one should have been, this line is all that tells of its loss.
            tracing::info!(ledger = %path.display(), "made a new ledger");
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(Problem::ReadOnly),
        Err(error) => Err(error.into()),
    }
}

fn check_kind(found: &Metadata) -> Result<(), Problem> {
    let found = match found.file_type() {
        // SQLite takes a file that is shorter than its smallest page for an empty one, and fills it.
        kind if kind.is_file() && (1..SMALLEST_PAGE).contains(&found.len()) => "not an SQLite file",
        kind if kind.is_file() => return Ok(()),
        kind if kind.is_dir() => "a folder",
        _ => "a device or the like",
    };
    Err(Problem::NotALedger { found: found.to_owned() })
}

/// Refuses a file of another program, and a ledger of a newer version.
pub(super) fn check_application(connection: &Connection) -> Result<(), Problem> {
    let application: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version = schema::user_version(connection)?;
    let objects: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let is_new = application == 0 && version == 0 && objects == 0;
    if application != APPLICATION_ID && !is_new {
        return Err(Problem::NotALedger { found: "an SQLite file of another program".to_owned() });
    }
    if version > schema::newest() {
        return Err(Problem::Newer { found: version, known: schema::newest() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    /// Catches: statements that are kept and yet prepared for each value anew.
    #[test]
    fn no_value_has_a_statement_prepared_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let connection = for_writing(&path).unwrap();
        let query = "SELECT number FROM break WHERE subject = ?1 AND resolved_at IS NULL ORDER BY number";
        for value in ["one", "two", "three"] {
            let mut statement = connection.prepare_cached(query).unwrap();
            assert!(!statement.exists([value]).unwrap());
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{value}");
        }
    }
}
