//! The journal's chain, recomputed from the bytes that are stored.

use rusqlite::{Connection, Row, Rows};

use crate::ledger::Problem;
use crate::ledger::journal::{self, JournalHead, Link, StoredBody, hex};
use crate::model::Timestamp;

use super::{Finding, Findings};

/// A journal entry as it is stored.
#[derive(Debug)]
pub(super) struct StoredEntry {
    pub(super) seq: i64,
    pub(super) batch: i64,
    pub(super) kind: i64,
    pub(super) orchestration: Option<i64>,
    pub(super) body: StoredBody,
}

/// What was recomputed.
pub(super) struct Chain {
    pub(super) batches: u64,
    pub(super) entries: u64,
    pub(super) head: JournalHead,
}

/// Recomputes the chain and compares it with a head that was noted elsewhere.
pub(super) fn check(
    connection: &Connection,
    noted: Option<(i64, &str)>,
    findings: &mut Findings,
) -> Result<Chain, Problem> {
    let (api_url, created_at): (String, Timestamp) =
        connection
            .query_row("SELECT api_url, created_at FROM ledger", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut chain = Chain { batches: 0, entries: 0, head: journal::genesis(&api_url, created_at) };
    let mut found_noted = None;
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
        && !found_noted.as_deref().is_some_and(|found| found.eq_ignore_ascii_case(hash))
    {
        findings.add(Finding::HeadDiffers { batch, noted: hash.to_owned(), found: found_noted });
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
