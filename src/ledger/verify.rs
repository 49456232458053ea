//! Proving that nobody edited the ledger.
//!
//! The journal's chain is recomputed from the stored bytes, and every row is taken back through its
//! changes to the state in which it appeared, whose digest the journal holds. An edit of either shows,
//! unless the whole chain was computed anew: that shows against a head that was noted elsewhere.
//!
//! Not covered is what the journal does not tell: which profiles list a row, since when it has its
//! status, polls, coverage and the outbox.

mod chain;
mod missing;
mod stories;
mod unreadable;

use std::fmt;

use rusqlite::Connection;

use crate::model::Identifier;

use super::Problem;
use super::journal::JournalHead;

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
    /// A row holds a value that can be none of its column.
    RowUnreadable {
        /// The row's key.
        key: i64,
        /// What is wrong with it.
        detail: String,
    },
    /// The raw text of a row that could not be read is not what the journal says of it, or is gone.
    RawAltered {
        /// The id under which it was kept.
        id: String,
    },
    /// An orchestration is missing, or is not, against what the journal says of it.
    MissingAltered {
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
            Self::RowUnreadable { key, detail } => {
                write!(formatter, "the orchestration with key {key} cannot be read: {detail}")
            }
            Self::RawAltered { id } => {
                write!(formatter, "the raw text kept of {id} is not what the journal says of it")
            }
            Self::MissingAltered { id } => {
                write!(formatter, "whether orchestration {id} is missing is not what the journal says of it")
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

/// The findings so far. What comes after the first hundred is not kept: an altered ledger of millions
/// would fill the memory with it.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, finding: Finding) {
        if self.0.len() < MAX_FINDINGS {
            self.0.push(finding);
        }
    }
}

/// Verifies the whole ledger; see the module.
pub(super) fn verify(connection: &Connection, noted: Option<(i64, &str)>) -> Result<Verification, Problem> {
    let mut findings = Findings::default();
    check_file(connection, &mut findings)?;
    let chain = chain::check(connection, noted, &mut findings)?;
    let orchestrations = stories::check(connection, &mut findings)?;
    unreadable::check(connection, &mut findings)?;
    missing::check(connection, &mut findings)?;
    Ok(Verification {
        batches: chain.batches,
        entries: chain.entries,
        orchestrations,
        head: chain.head,
        findings: findings.0,
    })
}

fn check_file(connection: &Connection, findings: &mut Findings) -> Result<(), Problem> {
    let mut statement = connection.prepare("PRAGMA integrity_check(10)")?;
    for line in statement.query_map([], |row| row.get::<_, String>(0))? {
        match line? {
            fine if fine == "ok" => {}
            what => findings.add(Finding::Damaged(what)),
        }
    }
    let mut statement = connection.prepare("PRAGMA foreign_key_check")?;
    for line in statement.query_map([], |row| Ok((row.get(0)?, row.get(2)?)))? {
        let (table, parent): (String, String) = line?;
        findings
            .add(Finding::Damaged(format!("a row of {table} points to one of {parent} that is not there")));
    }
    Ok(())
}
