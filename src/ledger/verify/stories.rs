//! Every row, taken back through its changes to the state in which it appeared, or in which the last
//! pruning carried it.
//!
//! Rows and entries are both read in the order of the rows' keys, so memory stays flat.

use rusqlite::{Connection, Rows};

use crate::ledger::digest::{Digest, OldValues, digest_with};
use crate::ledger::indexes::{merged_into, merged_values};
use crate::ledger::journal::EntryKind;
use crate::ledger::{Problem, checkpoint, rows};
use crate::model::Orchestration;

use super::chain::{StoredEntry, next_entry};
use super::{Finding, Findings};

/// The entries of every orchestration with a `seq` from ?1 to ?2, one orchestration after the other. What they
/// tell of breaks is left out.
pub(in crate::ledger) const ALL: &str =
    "SELECT seq, batch, kind, seq AS story, body FROM journal_entry WHERE kind = 1 AND seq BETWEEN ?1 AND ?2
     UNION ALL
     SELECT seq, batch, kind, orchestration, body FROM journal_entry
     WHERE kind <> 1 AND kind < 12 AND orchestration IS NOT NULL AND seq BETWEEN ?1 AND ?2
     ORDER BY story, seq";

/// Checks every row against the journal and says how many there are. `carried_in` is the batch in which
/// the last pruning carried the rows whose beginning it removed.
pub(super) fn check(
    connection: &Connection,
    carried_in: Option<i64>,
    findings: &mut Findings,
) -> Result<u64, Problem> {
    let mut statement = connection.prepare(ALL)?;
    let mut stories = Stories::begin(statement.query([i64::MIN, i64::MAX])?)?;
    let mut orchestrations = 0;
    rows::by_key(connection, |key, row| {
        while let Some(story) = stories.next_if(|other| other < key)? {
            check_without_row(connection, &story, carried_in, findings);
        }
        let story = stories.next_if(|other| other == key)?.unwrap_or_default();
        orchestrations += 1;
        match row {
            Err(error) => findings.add(Finding::RowUnreadable { key, detail: rows::told(&error) }),
            Ok(stored) => {
                let row = stored.tracked.orchestration;
                match end_of(&row, OldValues::new(), &story) {
                    End::Appeared => {}
                    End::Before(_) if last_carried(&story).is_none() => {
                        findings.add(Finding::RowWithoutJournal { id: row.id });
                    }
                    End::Before(digest) if was_carried(&story, digest, carried_in) => {}
                    End::Before(_) | End::Altered => findings.add(Finding::RowAltered { id: row.id }),
                }
            }
        }
        Ok(())
    })?;
    while let Some(story) = stories.next_if(|_| true)? {
        check_without_row(connection, &story, carried_in, findings);
    }
    Ok(orchestrations)
}

/// A row may be gone because it was merged into another one; its values are in that entry. Or because it
/// was pruned, and all that is left is that a pruning before that one carried it.
fn check_without_row(
    connection: &Connection,
    story: &[StoredEntry],
    carried_in: Option<i64>,
    findings: &mut Findings,
) {
    let Some(first) = story.first() else { return };
    let was_pruned =
        story.iter().all(|entry| is(entry, EntryKind::Carried) && Some(entry.batch) < carried_in);
    if !was_pruned && !was_merged(connection, story) {
        findings.add(Finding::RowMissing { seq: first.seq });
    }
}

fn is(entry: &StoredEntry, kind: EntryKind) -> bool {
    entry.kind == kind.number()
}

/// The last entry that carries the row; those before it are of former prunings.
fn last_carried(story: &[StoredEntry]) -> Option<&StoredEntry> {
    story.iter().rev().find(|entry| is(entry, EntryKind::Carried))
}

fn was_carried(story: &[StoredEntry], digest: Digest, carried_in: Option<i64>) -> bool {
    let Some(entry) = last_carried(story) else { return false };
    let carried = checkpoint::carried(&entry.body).map(|(carried, _)| carried);
    Some(entry.batch) == carried_in && carried == Some(digest)
}

fn was_merged(connection: &Connection, story: &[StoredEntry]) -> bool {
    let Some((last, life)) = story.split_last() else { return false };
    if EntryKind::from_number(last.kind) != Some(EntryKind::Merged) {
        return false;
    }
    let Some(body) = last.body.text() else { return false };
    let into = merged_into(body).and_then(|key| rows::find_by_key(connection, key).ok().flatten());
    let (Some(into), Some(values)) = (into, merged_values(body)) else { return false };
    matches!(end_of(&into.tracked.orchestration, values, life), End::Appeared)
}

/// Where a story leads that is followed from its end to its beginning.
pub(in crate::ledger) enum End {
    /// To where the row appeared.
    Appeared,
    /// To a state, with this digest, that was there before.
    Before(Digest),
    /// To nothing that fits.
    Altered,
}

/// Follows a story back from `row` with `values` in the place of its own. Every entry holds the digest of
/// the state that it led to: the present one must be that of the last entry, and so on back. What a
/// pruning carried tells nothing of a change.
pub(in crate::ledger) fn end_of(row: &Orchestration, mut values: OldValues, story: &[StoredEntry]) -> End {
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
            Some(EntryKind::Unreadable | EntryKind::ReadableAgain | EntryKind::Carried) => continue,
            Some(
                EntryKind::Merged
                | EntryKind::Restored
                | EntryKind::Pruned
                | EntryKind::BreakOpened
                | EntryKind::BreakRevised
                | EntryKind::BreakAcknowledged
                | EntryKind::BreakUnacknowledged
                | EntryKind::BreakResolved
                | EntryKind::BreakCarried,
            )
            | None => return End::Altered,
        };
        if digest.is_none() || digest != digest_with(row, &values) {
            return End::Altered;
        }
        values.extend(before);
    }
    match (appeared, digest_with(row, &values)) {
        (true, _) => End::Appeared,
        (false, Some(digest)) => End::Before(digest),
        (false, None) => End::Altered,
    }
}

/// The journal's entries, all of one key at a time.
pub(in crate::ledger) struct Stories<'a> {
    entries: Rows<'a>,
    next: Option<StoredEntry>,
}

impl<'a> Stories<'a> {
    /// Begins with the first one of a query for [`ALL`].
    pub(in crate::ledger) fn begin(mut entries: Rows<'a>) -> Result<Self, Problem> {
        let next = next_entry(&mut entries)?;
        Ok(Self { entries, next })
    }

    /// The next story, if it is one of a key that is wanted.
    pub(in crate::ledger) fn next_if(
        &mut self,
        wanted: impl Fn(i64) -> bool,
    ) -> Result<Option<Vec<StoredEntry>>, Problem> {
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
