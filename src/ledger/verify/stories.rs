//! Every row, taken back through its changes to the state in which it appeared.
//!
//! Rows and entries are both read in the order of the rows' keys, so memory stays flat.

use rusqlite::{Connection, Rows};

use crate::ledger::digest::{OldValues, digest_with};
use crate::ledger::indexes::{merged_into, merged_values};
use crate::ledger::journal::EntryKind;
use crate::ledger::{Problem, rows};
use crate::model::Orchestration;

use super::chain::{StoredEntry, next_entry};
use super::{Finding, Findings};

/// Checks every row against the journal and says how many there are.
pub(super) fn check(connection: &Connection, findings: &mut Findings) -> Result<u64, Problem> {
    let mut statement = connection.prepare(
        "SELECT seq, batch, kind, seq AS story, body FROM journal_entry WHERE kind = 1
         UNION ALL
         SELECT seq, batch, kind, orchestration, body FROM journal_entry
         WHERE kind <> 1 AND orchestration IS NOT NULL
         ORDER BY story, seq",
    )?;
    let mut stories = Stories::begin(statement.query([])?)?;
    let mut orchestrations = 0;
    rows::by_key(connection, |key, row| {
        while let Some(story) = stories.next_if(|other| other < key)? {
            check_without_row(connection, &story, findings);
        }
        let story = stories.next_if(|other| other == key)?.unwrap_or_default();
        orchestrations += 1;
        match row {
            Err(error) => findings.add(Finding::RowUnreadable { key, detail: rows::told(&error) }),
            Ok(stored) => {
                let row = stored.tracked.orchestration;
                match end_of(&row, OldValues::new(), &story) {
                    End::Sound => {}
                    End::NeverAppeared => findings.add(Finding::RowWithoutJournal { id: row.id }),
                    End::Altered => findings.add(Finding::RowAltered { id: row.id }),
                }
            }
        }
        Ok(())
    })?;
    while let Some(story) = stories.next_if(|_| true)? {
        check_without_row(connection, &story, findings);
    }
    Ok(orchestrations)
}

/// A row may be gone only because it was merged into another one; its values are in that entry.
fn check_without_row(connection: &Connection, story: &[StoredEntry], findings: &mut Findings) {
    let Some(first) = story.first() else { return };
    if !was_merged(connection, story) {
        findings.add(Finding::RowMissing { seq: first.seq });
    }
}

fn was_merged(connection: &Connection, story: &[StoredEntry]) -> bool {
    let Some((last, life)) = story.split_last() else { return false };
    if EntryKind::from_number(last.kind) != Some(EntryKind::Merged) {
        return false;
    }
    let Some(body) = last.body.text() else { return false };
    let into = merged_into(body).and_then(|key| rows::find_by_key(connection, key).ok().flatten());
    let (Some(into), Some(values)) = (into, merged_values(body)) else { return false };
    matches!(end_of(&into.tracked.orchestration, values, life), End::Sound)
}

/// Where a story leads that is followed from its end to its beginning.
enum End {
    Sound,
    NeverAppeared,
    Altered,
}

/// Follows a story back from `row` with `values` in the place of its own. Every entry holds the digest of
/// the state that it led to: the present one must be that of the last entry, and so on back.
fn end_of(row: &Orchestration, mut values: OldValues, story: &[StoredEntry]) -> End {
    let mut appeared = false;
    for entry in story.iter().rev() {
        if appeared {
            return End::Altered;
        }
        let (digest, before) = match EntryKind::from_number(entry.kind) {
            Some(EntryKind::Appeared) => {
                appeared = true;
                (entry.body.digest(), OldValues::new())
            }
            Some(
                EntryKind::Changed
                | EntryKind::WentBackInTime
                | EntryKind::WentMissing
                | EntryKind::Reappeared,
            ) => match entry.body.change() {
                Some((digest, before)) => (Some(digest), before),
                None => return End::Altered,
            },
            Some(EntryKind::Unreadable | EntryKind::ReadableAgain) => continue,
            Some(EntryKind::Merged) | None => return End::Altered,
        };
        if digest.is_none() || digest != digest_with(row, &values) {
            return End::Altered;
        }
        values.extend(before);
    }
    if appeared { End::Sound } else { End::NeverAppeared }
}

/// The journal's entries, all of one key at a time.
struct Stories<'a> {
    entries: Rows<'a>,
    next: Option<StoredEntry>,
}

impl<'a> Stories<'a> {
    fn begin(mut entries: Rows<'a>) -> Result<Self, Problem> {
        let next = next_entry(&mut entries)?;
        Ok(Self { entries, next })
    }

    /// The next story, if it is one of a key that is wanted.
    fn next_if(&mut self, wanted: impl Fn(i64) -> bool) -> Result<Option<Vec<StoredEntry>>, Problem> {
        let Some(key) = self.next.as_ref().and_then(|entry| entry.orchestration).filter(|&key| wanted(key))
        else {
            return Ok(None);
        };
        let mut story = Vec::new();
        while let Some(entry) = self.next.take_if(|entry| entry.orchestration == Some(key)) {
            story.push(entry);
            self.next = next_entry(&mut self.entries)?;
        }
        Ok(Some(story))
    }
}
