//! Ledgers of former formats, made of one of the newest.

use std::path::Path;

use rusqlite::Connection;

/// What takes away what each format brought, the newest first: the format before it, and how.
const STEPS: [(i64, &str); 4] = [
    (
        5,
        "DROP TRIGGER orchestration_count_changed; DROP TRIGGER orchestration_count_deleted;
         DROP TRIGGER break_count_inserted; DROP TRIGGER break_count_changed; DROP TRIGGER break_count_deleted;
         DROP TABLE orchestration_count; DROP TABLE break_count",
    ),
    (
        4,
        "DROP INDEX break_by_end; DROP INDEX orchestration_open;
         CREATE INDEX orchestration_open ON orchestration (listed_by, created_at)
             WHERE status <> 3 AND status <> 4 AND status <> 5",
    ),
    // The tables of what is told were only made anew: what reads and writes them sees no difference.
    (3, "ALTER TABLE schedule_run DROP COLUMN done_at"),
    (
        2,
        "DROP TABLE transfer_seen; DROP TABLE unjudged; ALTER TABLE profile DROP COLUMN first_listing",
    ),
];

/// Takes a ledger that nobody has open back to the given format.
pub(crate) fn take_back(path: &Path, format: i64) {
    let connection = Connection::open(path).unwrap();
    for (before, how) in STEPS.iter().filter(|(before, _)| *before >= format) {
        connection.execute_batch(how).unwrap_or_else(|error| panic!("format {before}: {error}"));
    }
    connection.pragma_update(None, "user_version", format).unwrap();
}
