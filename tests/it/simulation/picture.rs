//! What a ledger says of itself at one moment, read from its file by its public reader and views.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::{Connection, Row};
use serde_json::Value;
use tallyd::ledger::Reader;
use tallyd::model::{Coverage, Identifier, Timestamp};

use super::contract::Checked;
use crate::harness::{NOTES, rows_read_by};

/// A ledger at one moment.
#[derive(Debug, Default)]
pub(super) struct Picture {
    /// Every orchestration by id, by meaning.
    pub(super) rows: BTreeMap<String, Value>,
    /// What is covered, by profile.
    pub(super) coverage: BTreeMap<String, Coverage>,
    /// The journal, in order.
    pub(super) journal: Vec<Entry>,
    /// Which orchestration each kept consequence is about.
    pub(super) judged: Vec<String>,
    /// How each profile's last poll ended.
    pub(super) last_polls: BTreeMap<String, String>,
}

/// One entry of the journal.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) kind: String,
    /// Which orchestration it is about.
    pub(super) id: String,
    /// What was before, by path, as JSON.
    pub(super) old_values: Option<String>,
}

impl Picture {
    /// The journal's entries that came after an earlier picture.
    pub(super) fn journal_since<'a>(&'a self, before: &Self) -> &'a [Entry] {
        self.journal.get(before.journal.len()..).unwrap_or_default()
    }

    /// Whether the journal says that a row is gone.
    pub(super) fn says_missing(&self, id: &str) -> bool {
        let told = self.journal.iter().rev().find(|entry| entry.id == id && entry.is_about_presence());
        told.is_some_and(|entry| entry.kind == "went_missing")
    }
}

impl Entry {
    /// Whether it says what a row is.
    pub(super) fn is_change(&self) -> bool {
        ["appeared", "changed", "went_back_in_time"].contains(&self.kind.as_str())
    }

    /// Whether it says that a row is gone or there again.
    pub(super) fn is_about_presence(&self) -> bool {
        ["went_missing", "reappeared"].contains(&self.kind.as_str())
    }

    /// The documented fields that it says were something else before, as JSON pointers.
    pub(super) fn changed_paths(&self) -> Vec<String> {
        let old: Value =
            self.old_values.as_deref().map_or(Value::Null, |old| serde_json::from_str(old).unwrap());
        let paths = old.as_object().into_iter().flatten().map(|(path, _)| path);
        // All that no document knows is kept under one name, which is no path.
        paths.filter(|path| !path.contains(' ')).map(|path| format!("/{}", path.replace('.', "/"))).collect()
    }
}

/// Looks at a ledger's file beside its writer, over restarts too. Opening a ledger and preparing its views costs
/// more than a small poll, so it is done once.
pub(super) struct Viewer {
    reader: Reader,
    views: Connection,
}

impl Viewer {
    pub(super) fn of(path: &Path) -> Self {
        Self { reader: Reader::open(path).unwrap(), views: Connection::open(path).unwrap() }
    }

    pub(super) fn picture(&self) -> Picture {
        let coverage = "SELECT profile_id, covered_from, covered_to, verified_at FROM coverage
                        WHERE covered_to IS NOT NULL";
        let time = |row: &Row<'_>, column| -> rusqlite::Result<Timestamp> {
            Ok(Timestamp::parse_rfc3339(&row.get::<_, String>(column)?).unwrap())
        };
        let covered = self.all(coverage, |row| {
            Ok((row.get(0)?, Coverage { from: time(row, 1)?, to: time(row, 2)?, verified_at: time(row, 3)? }))
        });
        let last_polls = self.all("SELECT profile_id, result FROM polls ORDER BY number", |row| {
            Ok((row.get(0)?, row.get(1)?))
        });
        let entries =
            "SELECT kind, orchestration_id, old_values FROM journal WHERE details IS NULL ORDER BY seq";
        Picture {
            rows: rows_read_by(&self.reader),
            coverage: covered.into_iter().collect(),
            journal: self.all(entries, |row| {
                Ok(Entry { kind: row.get(0)?, id: row.get(1)?, old_values: row.get(2)? })
            }),
            judged: self.all(&format!("{NOTES} ORDER BY number"), |row| row.get(0)),
            last_polls: last_polls.into_iter().collect(),
        }
    }

    /// The profiles that list a row, as the ledger has it.
    pub(super) fn listed_under(&self, id: &str) -> BTreeSet<String> {
        let profiles = self.reader.listed_under(&Identifier::new(id)).unwrap();
        profiles.into_iter().map(|profile| profile.id.to_string()).collect()
    }

    /// Rule 3: the journal's chain and every digest hold.
    pub(super) fn check_sound(&self) -> Checked {
        let findings = self.reader.verify(None).unwrap().findings;
        if findings.is_empty() {
            Ok(())
        } else {
            Err(format!("rule 3: the ledger is not sound: {findings:?}"))
        }
    }

    /// All that the ledger says of orchestrations, as text; the same for two ledgers that went through the same.
    pub(super) fn transcript(&self) -> Vec<String> {
        let queries = [
            "SELECT * FROM orchestrations ORDER BY id",
            "SELECT seq, at, kind, orchestration_id, digest, old_values FROM journal ORDER BY seq",
            "SELECT * FROM coverage ORDER BY profile_id",
            "SELECT subject, evidence, opened_at FROM breaks ORDER BY number",
        ];
        let line = |row: &Row<'_>| {
            let columns = 0..row.as_ref().column_count();
            let text = |column| -> rusqlite::Result<String> { Ok(format!("{:?}", row.get_ref(column)?)) };
            Ok(columns.map(text).collect::<rusqlite::Result<Vec<_>>>()?.join(" "))
        };
        queries.iter().flat_map(|query| self.all(query, line)).collect()
    }

    fn all<T>(&self, query: &str, read: impl Fn(&Row<'_>) -> rusqlite::Result<T>) -> Vec<T> {
        let mut statement = self.views.prepare_cached(query).unwrap();
        let rows = statement.query_map([], |row| read(row)).unwrap();
        rows.map(Result::unwrap).collect()
    }
}
