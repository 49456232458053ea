//! The ledger's format: its migrations and its public views.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, TransactionBehavior};

use super::Problem;

/// Marks the file as a tallyd ledger: "tlyd" in ASCII.
pub(super) const APPLICATION_ID: i64 = 0x746c_7964;

/// The migrations. The format's number (`user_version`) is how many of them were applied, so this list
/// only ever grows at its end.
const MIGRATIONS: [&str; 6] = [
    concat!(include_str!("schema.sql"), include_str!("views.sql")),
    include_str!("breaks.sql"),
    include_str!("telling.sql"),
    include_str!("reports.sql"),
    include_str!("open_money.sql"),
    include_str!("counts.sql"),
];

/// Brings a ledger up to the newest format. A copy of an older one is left beside it first.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), Problem> {
    apply(connection, path, &MIGRATIONS)
}

/// The newest format that this version knows.
pub(super) fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

fn apply(connection: &mut Connection, path: &Path, migrations: &[&str]) -> Result<(), Problem> {
    let version = user_version(connection)?;
    let applied = usize::try_from(version).unwrap_or(0);
    if applied >= migrations.len() {
        return Ok(());
    }
    if applied > 0 {
        keep_copy(connection, path, version)?;
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    for migration in &migrations[applied..] {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", i64::try_from(migrations.len()).unwrap_or(i64::MAX))?;
    transaction.commit()?;
    Ok(())
}

/// The format's number; 0 for an empty file.
pub(super) fn user_version(connection: &Connection) -> Result<i64, Problem> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Leaves a copy of the ledger as it was in format `version` beside it.
fn keep_copy(connection: &Connection, path: &Path, version: i64) -> Result<(), Problem> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".format-{version}"));
    let copy = PathBuf::from(name);
    if copy.exists() {
        // A former migration ended after the copy and before its commit; the copy is as good as new.
        return Ok(());
    }
    let mut partial = copy.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    if partial.exists() {
        std::fs::remove_file(&partial)?;
    }
    // As private as the ledger; SQLite fills an empty file, and would make one that others may read.
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
    connection.execute("VACUUM INTO ?1", [partial.to_string_lossy()])?;
    std::fs::rename(&partial, &copy)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const FIRST: &str = "CREATE TABLE note (text TEXT); INSERT INTO note VALUES ('kept');";
    const SECOND: &str = "ALTER TABLE note ADD COLUMN number INTEGER NOT NULL DEFAULT 7;";

    #[test]
    fn a_migration_keeps_rows_and_leaves_a_copy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let mut connection = Connection::open(&path).unwrap();
        apply(&mut connection, &path, &[FIRST]).unwrap();
        apply(&mut connection, &path, &[FIRST, SECOND]).unwrap();
        let row = |connection: &Connection, sql: &str| -> (String, i64) {
            connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
        };
        assert_eq!(row(&connection, "SELECT text, number FROM note"), ("kept".to_owned(), 7));
        assert_eq!(user_version(&connection).unwrap(), 2);
        let copy = folder.path().join("ledger.db.format-1");
        assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
        let copy = Connection::open(copy).unwrap();
        assert_eq!(row(&copy, "SELECT text, 1 FROM note").0, "kept");
        assert_eq!(user_version(&copy).unwrap(), 1);
    }

    #[test]
    fn a_migration_that_fails_leaves_everything_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let mut connection = Connection::open(&path).unwrap();
        apply(&mut connection, &path, &[FIRST]).unwrap();
        assert!(apply(&mut connection, &path, &[FIRST, SECOND, "NONSENSE"]).is_err());
        assert_eq!(user_version(&connection).unwrap(), 1);
        let columns: i64 = connection
            .query_row("SELECT count(*) FROM pragma_table_info('note')", [], |row| row.get(0))
            .unwrap();
        assert_eq!(columns, 1);
    }
}
