//! What a ledger says of itself at one moment, read from its file by its public reader and views.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::types::FromSql;
use rusqlite::{Connection, Row};
use serde_json::Value;
use tallyd::ledger::Reader;
use tallyd::model::{Coverage, Timestamp};

use super::contract::Checked;
use crate::harness::rows_read_by;

/// A ledger at one moment.
#[derive(Debug, Default)]
pub(super) struct Picture {
    /// Every orchestration by id, by meaning.
    pub(super) rows: BTreeMap<String, Value>,
    /// What is covered, by profile.
    pub(super) coverage: BTreeMap<String, Coverage>,
    /// The journal: kind and orchestration of every entry, in order.
    pub(super) journal: Vec<(String, String)>,
    /// Which orchestration each kept consequence is about.
    pub(super) judged: Vec<String>,
    /// How each profile's last poll ended.
    pub(super) last_polls: BTreeMap<String, String>,
}

impl Picture {
    /// The journal's entries that came after an earlier picture.
    pub(super) fn journal_since<'a>(&'a self, before: &Self) -> &'a [(String, String)] {
        self.journal.get(before.journal.len()..).unwrap_or_default()
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
        Picture {
            rows: rows_read_by(&self.reader),
            coverage: covered.into_iter().collect(),
            journal: self.pairs("SELECT kind, orchestration_id FROM journal ORDER BY seq"),
            judged: self.all("SELECT payload FROM outbox ORDER BY number", |row| row.get(0)),
            last_polls: self.pairs("SELECT profile_id, result FROM polls ORDER BY number").into_iter().collect(),
        }
    }

    /// Rule 3: the journal's chain and every digest hold.
    pub(super) fn check_sound(&self) -> Checked {
        let findings = self.reader.verify(None).unwrap().findings;
        if findings.is_empty() { Ok(()) } else { Err(format!("rule 3: the ledger is not sound: {findings:?}")) }
    }

    /// All that the ledger says of orchestrations, as text; the same for two ledgers that went through the same.
    pub(super) fn transcript(&self) -> Vec<String> {
        let queries = [
            "SELECT * FROM orchestrations ORDER BY id",
            "SELECT seq, at, kind, orchestration_id, digest, old_values FROM journal ORDER BY seq",
            "SELECT * FROM coverage ORDER BY profile_id",
            "SELECT payload, at FROM outbox ORDER BY number",
        ];
        let line = |row: &Row<'_>| {
            let columns = 0..row.as_ref().column_count();
            let text = |column| -> rusqlite::Result<String> { Ok(format!("{:?}", row.get_ref(column)?)) };
            Ok(columns.map(text).collect::<rusqlite::Result<Vec<_>>>()?.join(" "))
        };
        queries.iter().flat_map(|query| self.all(query, line)).collect()
    }

    fn pairs<L: FromSql, R: FromSql>(&self, query: &str) -> Vec<(L, R)> {
        self.all(query, |row| Ok((row.get(0)?, row.get(1)?)))
    }

    fn all<T>(&self, query: &str, read: impl Fn(&Row<'_>) -> rusqlite::Result<T>) -> Vec<T> {
        let mut statement = self.views.prepare_cached(query).unwrap();
        let rows = statement.query_map([], |row| read(row)).unwrap();
        rows.map(Result::unwrap).collect()
    }
}
