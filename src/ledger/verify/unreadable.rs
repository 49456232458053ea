//! The raw text of rows that could not be read, against what the journal says of it.

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::ledger::Problem;
use crate::ledger::journal::{EntryKind, StoredBody, hex};
use crate::model::Identifier;

use super::{Finding, Findings};

/// What the journal says of a raw text.
#[derive(Debug, PartialEq, Eq)]
struct Kept {
    problem: String,
    sha256: String,
}

/// Checks every raw text that is kept, and that none is gone that should be there.
pub(super) fn check(connection: &Connection, findings: &mut Findings) -> Result<(), Problem> {
    let mut expected = expected(connection)?;
    let mut statement = connection.prepare("SELECT id, problem, raw FROM unreadable ORDER BY id")?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let id = row.get::<_, Identifier>(0).map_or_else(|_| "(no id)".to_owned(), |id| id.to_string());
        let sha256 = hex(&Sha256::digest(row.get_ref(2)?.as_bytes().unwrap_or_default()));
        let kept = Kept { problem: row.get(1).unwrap_or_default(), sha256 };
        if expected.remove(&id) != Some(kept) {
            findings.add(Finding::RawAltered { id });
        }
    }
    for id in expected.into_keys() {
        findings.add(Finding::RawAltered { id });
    }
    Ok(())
}

/// By id, what the journal says is kept. An entry that cannot be understood breaks the chain, and is
/// told as that.
fn expected(connection: &Connection) -> Result<BTreeMap<String, Kept>, Problem> {
    let mut statement =
        connection.prepare("SELECT kind, body FROM journal_entry WHERE kind IN (4, 5, 9) ORDER BY seq")?;
    let mut entries = statement.query([])?;
    let mut expected = BTreeMap::new();
    while let Some(row) = entries.next()? {
        let body: StoredBody = row.get(1)?;
        let Some(body) = body.text().and_then(|text| serde_json::from_str::<Value>(text).ok()) else {
            continue;
        };
        let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
        let Some(id) = text("id") else { continue };
        if row.get::<_, i64>(0)? == EntryKind::ReadableAgain.number() {
            expected.remove(&id);
        } else if let (Some(problem), Some(sha256)) = (text("problem"), text("raw_sha256")) {
            expected.insert(id, Kept { problem, sha256 });
        }
    }
    Ok(expected)
}
