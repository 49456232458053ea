//! Proving that nobody edited the ledger.
//!
//! The journal's chain is recomputed from the stored bytes, and every row is taken back through its
//! changes to the state in which it appeared, whose digest the journal holds. An edit of either shows,
//! unless the whole chain was computed anew: that shows against a head that was noted elsewhere.

use std::collections::HashSet;
use std::fmt;

use rusqlite::{Connection, Row, Rows};

use crate::model::{Identifier, Orchestration, Timestamp};

use super::digest::{OldValues, digest_with};
use super::indexes::merged_values;
use super::journal::{self, EntryKind, JournalHead, Link, hex};
use super::{Problem, rows};

/// After how many findings verification stops looking for more.
const MAX_FINDINGS: usize = 100;

/// What verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// Batches whose hashes were recomputed.
    pub batches: u64,
    /// Entries in them.
    pub entries: u64,
    /// Orchestrations that were taken back to their first state.
    pub orchestrations: u64,
    /// The journal's head, worth noting elsewhere.
    pub head: JournalHead,
    /// What is wrong; empty for a sound ledger. At most 100 are listed.
    pub findings: Vec<Finding>,
}

/// Something that is wrong with a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// SQLite's own check failed.
    Damaged(String),
    /// A batch or its entries are not what was written.
    ChainBroken {
        /// The batch.
        batch: i64,
    },
    /// The journal does not reach, or passes differently, a head that was noted elsewhere.
    HeadDiffers {
        /// The batch.
        batch: i64,
        /// The hash that was noted.
        noted: String,
        /// The hash in the journal; `None` where the journal ends before.
        found: Option<String>,
    },
    /// An orchestration's row is not what the journal says of it.
    RowAltered {
        /// The orchestration.
        id: Identifier,
    },
    /// A row that the journal never saw appear.
    RowWithoutJournal {
        /// The orchestration.
        id: Identifier,
    },
    /// An orchestration of the journal that has no row.
    RowMissing {
        /// The entry that says it appeared.
        seq: i64,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(what) => write!(formatter, "the file is damaged: {what}"),
            Self::ChainBroken { batch } => {
                write!(formatter, "journal batch {batch} is not what was written: its hash does not follow")
            }
            Self::HeadDiffers { batch, noted, found: Some(found) } => {
                write!(formatter, "journal batch {batch} has head {found}, and {noted} was noted")
            }
            Self::HeadDiffers { batch, noted, found: None } => {
                write!(formatter, "head {noted} was noted for journal batch {batch}, which is not there")
            }
            Self::RowAltered { id } => {
                write!(formatter, "orchestration {id} is not what the journal says of it")
            }
            Self::RowWithoutJournal { id } => {
                write!(formatter, "orchestration {id} is there, and the journal never saw it appear")
            }
            Self::RowMissing { seq } => {
                write!(formatter, "the orchestration that appeared in journal entry {seq} has no row")
            }
        }
    }
}

/// Verifies the whole ledger; see the module.
pub(super) fn verify(connection: &Connection, noted: Option<(i64, &str)>) -> Result<Verification, Problem> {
    let mut findings = Vec::new();
    check_file(connection, &mut findings)?;
    let mut verification = check_chain(connection, noted, findings)?;
    check_rows(connection, &mut verification)?;
    verification.findings.truncate(MAX_FINDINGS);
    Ok(verification)
}

fn check_file(connection: &Connection, findings: &mut Vec<Finding>) -> Result<(), Problem> {
    let mut statement = connection.prepare("PRAGMA integrity_check(10)")?;
    for line in statement.query_map([], |row| row.get::<_, String>(0))? {
        match line? {
            fine if fine == "ok" => {}
            what => findings.push(Finding::Damaged(what)),
        }
    }
    Ok(())
}

fn check_chain(
    connection: &Connection,
    noted: Option<(i64, &str)>,
    mut findings: Vec<Finding>,
) -> Result<Verification, Problem> {
    let (api_url, created_at): (String, Timestamp) =
        connection
            .query_row("SELECT api_url, created_at FROM ledger", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut head = journal::genesis(&api_url, created_at);
    let mut found_noted = None;
    let (mut batches, mut entries) = (0, 0);
    let mut batch_statement =
        connection.prepare("SELECT number, at, poll, last_seq, head FROM journal_batch ORDER BY number")?;
    let mut entry_statement =
        connection.prepare("SELECT seq, batch, kind, orchestration, body FROM journal_entry ORDER BY seq")?;
    let mut batch_rows = batch_statement.query([])?;
    let mut entry_rows = entry_statement.query([])?;
    let mut entry = next_entry(&mut entry_rows)?;
    while let Some(row) = batch_rows.next()? {
        let stored = JournalHead { batch: row.get(0)?, seq: row.get(3)?, hash: row.get(4)? };
        let mut link = Link::begin(&head, row.get(1)?, row.get(2)?);
        let mut seq = head.seq;
        while let Some(current) = entry.take_if(|entry| entry.batch <= stored.batch) {
            seq += 1;
            entries += 1;
            // An entry of another batch, or a gap, changes the hash as an edit would.
            link.add(current.seq, current.kind, current.orchestration, &current.body);
            entry = next_entry(&mut entry_rows)?;
        }
        if stored.batch != head.batch + 1 || seq != stored.seq || link.finish() != stored.hash {
            findings.push(Finding::ChainBroken { batch: stored.batch });
        }
        if noted.is_some_and(|(batch, _)| batch == stored.batch) {
            found_noted = Some(hex(&stored.hash));
        }
        batches += 1;
        head = stored;
    }
    if entry.is_some() {
        findings.push(Finding::ChainBroken { batch: head.batch + 1 });
    }
    if let Some((batch, hash)) = noted
        && found_noted.as_deref() != Some(hash)
    {
        findings.push(Finding::HeadDiffers { batch, noted: hash.to_owned(), found: found_noted });
    }
    Ok(Verification { batches, entries, orchestrations: 0, head, findings })
}

struct StoredEntry {
    seq: i64,
    batch: i64,
    kind: i64,
    orchestration: Option<i64>,
    body: Vec<u8>,
}

fn next_entry(entries: &mut Rows<'_>) -> Result<Option<StoredEntry>, Problem> {
    Ok(entries.next()?.map(read_entry).transpose()?)
}

fn read_entry(row: &Row<'_>) -> rusqlite::Result<StoredEntry> {
    Ok(StoredEntry {
        seq: row.get(0)?,
        batch: row.get(1)?,
        kind: row.get(2)?,
        orchestration: row.get(3)?,
        body: row.get_ref(4)?.as_bytes().unwrap_or_default().to_vec(),
    })
}

/// Takes every row back to its first state. Rows and entries are both read in the order of the rows'
/// keys, so memory stays flat.
fn check_rows(connection: &Connection, verification: &mut Verification) -> Result<(), Problem> {
    let mut statement = connection.prepare(
        "SELECT seq, batch, kind, orchestration, body FROM journal_entry WHERE orchestration IS NOT NULL
         ORDER BY orchestration, seq",
    )?;
    let mut entry_rows = statement.query([])?;
    let mut entry = next_entry(&mut entry_rows)?;
    let findings = &mut verification.findings;
    let mut without_row: Vec<StoredEntry> = Vec::new();
    rows::by_key(connection, |stored| {
        let mut story = Vec::new();
        while let Some(current) =
            entry.take_if(|entry| entry.orchestration.is_some_and(|key| key <= stored.key))
        {
            if current.orchestration == Some(stored.key) {
                story.push(current)
            } else {
                without_row.push(current)
            }
            entry = next_entry(&mut entry_rows)?;
        }
        verification.orchestrations += 1;
        let row = stored.tracked.orchestration;
        match check_story(&row, &story) {
            Story::Sound => {}
            Story::NeverAppeared => findings.push(Finding::RowWithoutJournal { id: row.id }),
            Story::Altered => findings.push(Finding::RowAltered { id: row.id }),
        }
        Ok(())
    })?;
    while let Some(current) = entry {
        without_row.push(current);
        entry = next_entry(&mut entry_rows)?;
    }
    check_without_row(connection, without_row, findings)
}

enum Story {
    Sound,
    NeverAppeared,
    Altered,
}

fn check_story(row: &Orchestration, story: &[StoredEntry]) -> Story {
    let mut old = OldValues::new();
    let mut first = None;
    for entry in story.iter().rev() {
        match EntryKind::from_number(entry.kind) {
            Some(EntryKind::Appeared) => {
                if first.is_some() {
                    return Story::Altered;
                }
                first = Some(&entry.body);
            }
            Some(EntryKind::Changed | EntryKind::WentBackInTime) => {
                let before = std::str::from_utf8(&entry.body).ok().and_then(journal::old_values);
                let Some(before) = before else { return Story::Altered };
                old.extend(before);
            }
            Some(EntryKind::Unreadable | EntryKind::ReadableAgain) => {}
            Some(EntryKind::Merged) | None => return Story::Altered,
        }
    }
    match first {
        None => Story::NeverAppeared,
        Some(body) if digest_with(row, &old).is_some_and(|digest| digest[..] == body[..]) => Story::Sound,
        Some(_) => Story::Altered,
    }
}

/// A row may be gone only because it was merged into another one; its values are in that entry.
fn check_without_row(
    connection: &Connection,
    entries: Vec<StoredEntry>,
    findings: &mut Vec<Finding>,
) -> Result<(), Problem> {
    let mut checked = HashSet::new();
    for merged in entries.iter().filter(|entry| entry.kind == EntryKind::Merged.number()) {
        let Some(key) = merged.orchestration else { continue };
        let body = std::str::from_utf8(&merged.body).unwrap_or_default();
        let into =
            serde_json::from_str::<serde_json::Value>(body).ok().and_then(|body| body.get("into")?.as_i64());
        let row = into.map(|into| rows::find_by_key(connection, into)).transpose()?.flatten();
        let story: Vec<_> = entries
            .iter()
            .filter(|entry| entry.orchestration == Some(key) && entry.kind == EntryKind::Appeared.number())
            .collect();
        let sound = match (row, merged_values(body), story.as_slice()) {
            (Some(row), Some(values), [appeared]) => {
                // The merged row may have changed before it was merged; its digest then is that of its
                // first state, which its own changes lead back to.
                let mut old = values;
                let changes = entries.iter().rev().filter(|entry| {
                    entry.orchestration == Some(key) && entry.kind == EntryKind::Changed.number()
                });
                for change in changes {
                    old.extend(
                        std::str::from_utf8(&change.body)
                            .ok()
                            .and_then(journal::old_values)
                            .unwrap_or_default(),
                    );
                }
                digest_with(&row.tracked.orchestration, &old)
                    .is_some_and(|digest| digest[..] == appeared.body[..])
            }
            _ => false,
        };
        if sound {
            checked.insert(key);
        }
    }
    for entry in &entries {
        let is_sound = entry.orchestration.is_some_and(|key| checked.contains(&key));
        if entry.kind == EntryKind::Appeared.number() && !is_sound {
            findings.push(Finding::RowMissing { seq: entry.seq });
        }
    }
    Ok(())
}
