//! Which orchestrations are missing, against what the journal says of it.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::ledger::journal::{EntryKind, StoredBody};
use crate::ledger::{Problem, checkpoint, rows};

use super::{Finding, Findings};

/// Since when one is missing, and which poll found it out: as stored, whatever that is.
type Mark = (i64, i64);

/// Checks that those are missing that the journal says went missing and did not come back.
pub(super) fn check(connection: &Connection, findings: &mut Findings) -> Result<(), Problem> {
    let mut expected = expected(connection)?;
    let mut statement = connection.prepare("SELECT orchestration, since, poll FROM missing")?;
    for row in statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, (row.get(1)?, row.get(2)?))))? {
        let (key, mark) = row?;
        if expected.remove(&key) != Some(mark) {
            add(connection, key, findings);
        }
    }
    for key in expected.into_keys() {
        add(connection, key, findings);
    }
    Ok(())
}

/// A key without a row is told by the check of the rows.
fn add(connection: &Connection, key: i64, findings: &mut Findings) {
    if let Ok(Some(stored)) = rows::find_by_key(connection, key) {
        findings.add(Finding::MissingAltered { id: stored.tracked.orchestration.id });
    }
}

fn expected(connection: &Connection) -> Result<BTreeMap<i64, Mark>, Problem> {
    let mut statement = connection.prepare(
        "SELECT e.kind, e.orchestration, b.at, b.poll, e.body
         FROM journal_entry AS e JOIN journal_batch AS b ON b.number = e.batch
         WHERE e.kind IN (6, 9, 10, 11) AND e.orchestration IS NOT NULL ORDER BY e.seq",
    )?;
    let mut entries = statement.query([])?;
    let mut expected = BTreeMap::new();
    while let Some(row) = entries.next()? {
        let key = row.get(1)?;
        match EntryKind::from_number(row.get(0)?) {
            Some(EntryKind::WentMissing) => {
                expected.insert(key, (row.get(2)?, row.get(3)?));
            }
            // Only what nothing was told of since is carried.
            Some(EntryKind::Carried) => {
                if let Some((_, Some((since, poll)))) = checkpoint::carried(&row.get::<_, StoredBody>(4)?) {
                    expected.insert(key, (since.as_micros(), poll));
                }
            }
            _ => {
                expected.remove(&key);
            }
        }
    }
    Ok(expected)
}
