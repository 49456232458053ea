//! The journal's chain, recomputed from the bytes that are stored.

use rusqlite::{Connection, Row, Rows};

use crate::ledger::Problem;
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::journal::{self, JournalHead, Link, StoredBody, hex};

use super::{Finding, Findings, Found};

/// A journal entry as it is stored.
#[derive(Debug)]
pub(in crate::ledger) struct StoredEntry {
    pub(in crate::ledger) seq: i64,
    pub(in crate::ledger) batch: i64,
    pub(in crate::ledger) kind: i64,
    pub(super) orchestration: Option<i64>,
    pub(in crate::ledger) body: StoredBody,
}

/// What was recomputed.
pub(super) struct Chain {
    pub(super) batches: u64,
    pub(super) entries: u64,
    pub(super) head: JournalHead,
}

/// Recomputes the chain, from the checkpoint if there is one, and compares it with a head that was noted
/// elsewhere.
pub(super) fn check(
    connection: &Connection,
    checkpoint: Option<&Checkpoint>,
    noted: Option<(i64, &str)>,
    findings: &mut Findings,
) -> Result<Chain, Problem> {
    let beginning = match checkpoint {
        Some(checkpoint) => checkpoint.head.clone(),
        None => journal::genesis_of(connection)?,
    };
    let mut found_noted = checkpoint
        .filter(|checkpoint| noted.is_some_and(|(noted, _)| noted == checkpoint.head.batch))
        .map(|checkpoint| hex(&checkpoint.head.hash));
    let mut chain = Chain { batches: 0, entries: 0, head: beginning };
    let mut batch_statement =
        connection.prepare("SELECT number, at, poll, last_seq, head FROM journal_batch ORDER BY number")?;
    let mut entry_statement =
        connection.prepare("SELECT seq, batch, kind, orchestration, body FROM journal_entry ORDER BY seq")?;
    let mut batch_rows = batch_statement.query([])?;
    let mut entry_rows = entry_statement.query([])?;
    let mut entry = next_entry(&mut entry_rows)?;
    while let Some(row) = batch_rows.next()? {
        let (batch, last_seq) = (row.get(0)?, row.get(3)?);
        // A head that is no hash at all follows from nothing.
        let stored = row.get(4).map(|hash| JournalHead { batch, seq: last_seq, hash }).ok();
        let mut link = Link::begin(&chain.head, row.get(1)?, row.get(2)?);
        let mut seq = chain.head.seq;
        let mut is_sound = true;
        while let Some(current) = entry.take_if(|entry| entry.batch <= batch) {
            seq += 1;
            chain.entries += 1;
            is_sound &= current.batch == batch;
            link.add(current.seq, current.kind, current.orchestration, &current.body);
            entry = next_entry(&mut entry_rows)?;
        }
        let computed = JournalHead { batch: chain.head.batch + 1, seq, hash: link.finish() };
        if !is_sound || stored.as_ref() != Some(&computed) {
            findings.add(Finding::ChainBroken { batch });
        }
        // What follows is judged by what is stored, so that one break is told as one.
        chain.head = stored.unwrap_or(JournalHead { batch, seq: last_seq, ..computed });
        if noted.is_some_and(|(noted, _)| noted == batch) {
            found_noted = Some(hex(&chain.head.hash));
        }
        chain.batches += 1;
    }
    if entry.is_some() {
        findings.add(Finding::ChainBroken { batch: chain.head.batch + 1 });
    }
    if let Some((batch, hash)) = noted
        && !found_noted.as_deref().is_some_and(|found| {
            found.get(..hash.len()).is_some_and(|found| found.eq_ignore_ascii_case(hash))
        })
    {
        let epoch = connection.query_row("SELECT epoch FROM ledger", [], |row| row.get(0))?;
        let found = match (found_noted, checkpoint) {
            (Some(hash), _) => Found::Other { hash, epoch },
            (None, Some(&Checkpoint { ref head, pruned_at, .. })) if batch < head.batch => {
                Found::Pruned { pruned_at, up_to: head.batch }
            }
            (None, _) => Found::Beyond { epoch },
        };
        findings.add(Finding::HeadDiffers { batch, noted: hash.to_owned(), found });
    }
    Ok(chain)
}

/// The next entry of a query for `seq, batch, kind, orchestration, body`.
pub(super) fn next_entry(entries: &mut Rows<'_>) -> Result<Option<StoredEntry>, Problem> {
    Ok(entries.next()?.map(read_entry).transpose()?)
}

fn read_entry(row: &Row<'_>) -> rusqlite::Result<StoredEntry> {
    Ok(StoredEntry {
        seq: row.get(0)?,
        batch: row.get(1)?,
        kind: row.get(2)?,
        orchestration: row.get(3)?,
        body: row.get(4)?,
    })
}
