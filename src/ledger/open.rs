//! Opening a ledger, and refusing what is none.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::schema::{self, APPLICATION_ID};
use super::{LedgerError, Problem};

/// How long to wait for another process's short write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The writer's page cache, in KiB. It holds the upper pages of every index of a ledger of millions.
const WRITER_CACHE_KIB: i64 = 16 * 1024;

/// After how many pages of 4 KiB the write-ahead log is copied into the file. Four times the default:
/// pages that a backfill writes again and again are then copied a quarter as often.
const CHECKPOINT_PAGES: i64 = 4000;

/// The first bytes of every SQLite file.
const SQLITE_MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// How many prepared statements a connection keeps.
const STATEMENTS: usize = 64;

/// Opens the ledger at `path` for writing, makes it where there is none, and brings it up to the newest
/// format.
pub(super) fn for_writing(path: &Path) -> Result<Connection, LedgerError> {
    try_for_writing(path).map_err(|problem| problem.of(path))
}

/// Opens the ledger at `path` for reading only.
pub(super) fn for_reading(path: &Path) -> Result<Connection, LedgerError> {
    try_for_reading(path).map_err(|problem| problem.of(path))
}

fn try_for_writing(path: &Path) -> Result<Connection, Problem> {
    make_private(path)?;
    check_magic(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    check_application(&connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    schema::migrate(&mut connection, path)?;
    Ok(connection)
}

fn try_for_reading(path: &Path) -> Result<Connection, Problem> {
    match std::fs::metadata(path) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Problem::Missing),
        Err(error) => return Err(error.into()),
    }
    check_magic(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    check_application(&connection)?;
    let version = schema::user_version(&connection)?;
    if version == 0 {
        // Its maker was killed before the first commit: nothing was ever in it.
        return Err(Problem::Missing);
    }
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// Makes the file, readable for its owner only; SQLite gives its side files the same permissions.
fn make_private(path: &Path) -> Result<(), Problem> {
    let made = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    match made {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(Problem::ReadOnly),
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
            Err(Problem::NotALedger { found: "a folder".to_owned() })
        }
        Err(error) => Err(error.into()),
    }
}

fn check_magic(path: &Path) -> Result<(), Problem> {
    let mut head = Vec::new();
    let mut file = std::fs::File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(Problem::NotALedger { found: "a folder".to_owned() });
    }
    file.by_ref().take(SQLITE_MAGIC.len() as u64).read_to_end(&mut head)?;
    if head.is_empty() || head == SQLITE_MAGIC {
        Ok(())
    } else {
        Err(Problem::NotALedger { found: "not an SQLite file".to_owned() })
    }
}

fn check_application(connection: &Connection) -> Result<(), Problem> {
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
