//! The indexes that a backfill does not need, which are built when the first one ends.
//!
//! Those with random keys, kept live, would cost three times the work of everything else that it does. Until they
//! are there, an orchestration is found by `(created_at, id)`. One whose `created_at` changed between
//! two listings then has two rows; they are merged before the unique index is built.

use rusqlite::{Connection, ErrorCode, params};
use serde_json::{Map, Value, json};

use crate::model::{Field, Identifier, Orchestration, Timestamp, Trust, Verdict};

use super::digest::OldValues;
use super::journal::{self, Body, Entry, EntryKind};
use super::rules::Rules;
use super::{Problem, breaks, rows};

/// By what a row is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    /// By the unique index on ids.
    ById,
    /// By the unique index on `(created_at, id)`, until the other one is built.
    ByCreation,
}

impl Lookup {
    /// What the indexes that exist allow.
    pub(super) fn of(connection: &Connection) -> rusqlite::Result<Self> {
        let built = connection
            .prepare_cached("SELECT 1 FROM sqlite_schema WHERE name = 'orchestration_by_id'")?
            .exists([])?;
        Ok(if built { Self::ById } else { Self::ByCreation })
    }
}

/// Builds the indexes that are missing. `at` is the time of the journal's entries about merged rows.
pub(super) fn build(connection: &Connection, rules: &Rules, at: Timestamp) -> Result<(), Problem> {
    if Lookup::of(connection)? == Lookup::ById {
        return Ok(());
    }
    // Sorting takes as much memory again as the page cache may have, and hardly longer with less of it.
    let cache: i64 = connection.pragma_query_value(None, "cache_size", |row| row.get(0))?;
    connection.pragma_update(None, "cache_size", -SORTING_CACHE_KIB)?;
    let built = build_both(connection, rules, at);
    connection.pragma_update(None, "cache_size", cache)?;
    built
}

fn build_both(connection: &Connection, rules: &Rules, at: Timestamp) -> Result<(), Problem> {
    match connection.execute(UNIQUE_IDS, []) {
        Ok(_) => {}
        // Rows that stand twice are so rare that looking for them first would be work for nothing.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
            merge_duplicates(connection, rules, at)?;
            connection.execute(UNIQUE_IDS, [])?;
        }
        Err(error) => return Err(error.into()),
    }
    connection.execute_batch("CREATE INDEX orchestration_by_ref_id ON orchestration (ref_id);")?;
    breaks::twins::judge_all(connection, rules, at)
}

/// The writer's page cache while it builds indexes, in KiB.
const SORTING_CACHE_KIB: i64 = 4 * 1024;

/// The index that makes one row of one id.
const UNIQUE_IDS: &str = "CREATE UNIQUE INDEX orchestration_by_id ON orchestration (id)";

fn merge_duplicates(connection: &Connection, rules: &Rules, at: Timestamp) -> Result<(), Problem> {
    let doubled: Vec<Identifier> = connection
        .prepare("SELECT id FROM orchestration GROUP BY id HAVING count(*) > 1")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut entries = Vec::new();
    for id in &doubled {
        let keys: Vec<i64> = connection
            .prepare_cached("SELECT key FROM orchestration WHERE id = ?1 ORDER BY key")?
            .query_map([id], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let Some((&first, later)) = keys.split_first() else { continue };
        for &second in later {
            merge(connection, rules, at, first, second, &mut entries)?;
        }
    }
    journal::append(connection, &entries, at, 0)
}

/// Takes the row `second` as a later answer about the row `first`, and removes it.
fn merge(
    connection: &Connection,
    rules: &Rules,
    at: Timestamp,
    first: i64,
    second: i64,
    entries: &mut Vec<Entry>,
) -> Result<(), Problem> {
    let (Some(kept), Some(merged)) =
        (rows::find_by_key(connection, first)?, rows::find_by_key(connection, second)?)
    else {
        return Err(Problem::Inconsistent("a row vanished while it was merged".to_owned()));
    };
    let id = merged.tracked.orchestration.id.to_string();
    let body = json!({ "id": id, "into": first, "row": values(&merged.tracked.orchestration) });
    entries.push(Entry {
        kind: EntryKind::Merged,
        orchestration: Some(second),
        body: Body::Json(body.to_string()),
    });
    connection.execute(
        "INSERT OR IGNORE INTO also_listed (profile, orchestration)
         SELECT listed_by, ?1 FROM orchestration WHERE key = ?2 AND listed_by <> ?3
         UNION SELECT profile, ?1 FROM also_listed WHERE orchestration = ?2 AND profile <> ?3",
        params![first, second, kept.listed_by],
    )?;
    connection.execute("DELETE FROM also_listed WHERE orchestration = ?1", [second])?;
    connection.execute("DELETE FROM stale_sighting WHERE orchestration = ?1", [second])?;
    connection.execute("DELETE FROM missing WHERE orchestration = ?1", [second])?;
    // A sweep under way may not have met it. Whether the orchestration is there, the row that is kept tells.
    connection.execute("DELETE FROM unmet WHERE orchestration = ?1", [second])?;
    connection.execute(
        "UPDATE OR REPLACE unjudged SET orchestration = ?1 WHERE orchestration = ?2",
        [first, second],
    )?;
    connection.execute("UPDATE break SET orchestration = ?1 WHERE orchestration = ?2", [first, second])?;
    connection.execute("DELETE FROM orchestration WHERE key = ?1", [second])?;
    let verdict = (rules.compare)(Some(&kept.tracked), &merged.tracked.orchestration, at, Trust::Listed);
    if let Verdict::Changed { kept, changes } = verdict {
        rows::update(connection, first, &kept, merged.fingerprint)?;
        entries.push(journal::changed(first, &changes, &kept.orchestration));
    }
    Ok(())
}

/// Every value of a row by field path, for the body of a `Merged` entry.
fn values(row: &Orchestration) -> Value {
    let present = Field::ALL.into_iter().filter_map(|field| {
        row.value(field).map(|value| (field.path().to_owned(), Value::from(value.to_string())))
    });
    Value::Object(present.collect::<Map<_, _>>())
}

/// The key of the row that another one was merged into, from the body of a `Merged` entry.
pub(super) fn merged_into(body: &str) -> Option<i64> {
    serde_json::from_str::<Value>(body).ok()?.get("into")?.as_i64()
}

/// Reads the values back from the body of a `Merged` entry; a field that is missing there was missing
/// in the row.
pub(super) fn merged_values(body: &str) -> Option<OldValues> {
    let body: Value = serde_json::from_str(body).ok()?;
    let row = body.get("row")?;
    let mut all: OldValues = Field::ALL.into_iter().map(|field| (field, None)).collect();
    all.extend(journal::old_values(&row.to_string())?);
    Some(all)
}
