//! Proving that nobody edited the ledger.
//!
//! The journal's chain is recomputed from the stored bytes, and every row is taken back through its
//! changes to the state in which it appeared, whose digest the journal holds. An edit of either shows,
//! unless the whole chain was computed anew: that shows against a head that was noted elsewhere. Where
//! the journal's beginning was pruned, both begin at the checkpoint that was left.
//!
//! Not covered is what the journal does not tell: which profiles list a row, since when it has its
//! status, polls, coverage, and what people were told of breaks.

mod breaks;
mod chain;
mod missing;
pub(super) mod stories;
mod unreadable;

use std::fmt;

use rusqlite::Connection;

use crate::model::{Identifier, Timestamp};

use super::Problem;
use super::checkpoint::{self, Checkpoint};
use super::counts::{self, WrongCount};
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
        /// What the journal has of that batch.
        found: Found,
    },
    /// The checkpoint is not the one that the journal tells of.
    CheckpointAltered,
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
    /// A break is not what the journal's entries about it come to, or one of the two is not there.
    BreakAltered {
        /// The break.
        number: i64,
    },
    /// How many there are is not what is kept of it.
    CountWrong(WrongCount),
    /// A row that the journal never saw appear.
    RowWithoutJournal {
        /// The orchestration.
        id: Identifier,
    },
    /// An orchestration of the journal that has no row.
    RowMissing {
        /// The first entry about it.
        seq: i64,
    },
}

/// What the journal has of a batch whose head was noted elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Another hash.
    Other {
        /// The hash.
        hash: String,
        /// How often the ledger was restored: a backup lacks what came after it.
        epoch: i64,
    },
    /// Nothing: the journal ends before.
    Beyond {
        /// How often the ledger was restored.
        epoch: i64,
    },
    /// Nothing any more: the journal's beginning was pruned.
    Pruned {
        /// When.
        pruned_at: Timestamp,
        /// The last batch that is gone.
        up_to: i64,
    },
}

/// Why a head from before a restore may not be found.
fn reason(epoch: i64) -> String {
    match epoch {
        0 => String::new(),
        _ => format!(
            "; the ledger was restored from a backup (epoch {epoch}), and what was noted after that backup was \
             taken is in the ledger that was kept aside"
        ),
    }
}

impl fmt::Display for Found {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other { hash, epoch } => write!(formatter, "which has head {hash}{}", reason(*epoch)),
            Self::Beyond { epoch } => write!(formatter, "which is not there{}", reason(*epoch)),
            Self::Pruned { pruned_at, up_to } => write!(
                formatter,
                "which cannot be checked any more: the batches up to {up_to} were pruned on {}",
                pruned_at.to_rfc3339_seconds()
            ),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(what) => write!(formatter, "the file is damaged: {what}"),
            Self::ChainBroken { batch } => {
                write!(formatter, "journal batch {batch} is not what was written: its hash does not follow")
            }
            Self::HeadDiffers { batch, noted, found } => {
                write!(formatter, "head {noted} was noted for journal batch {batch}, {found}")
            }
            Self::CheckpointAltered => {
                formatter.write_str("where the journal was pruned up to is not what the journal says of it")
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
            Self::BreakAltered { number } => {
                write!(formatter, "break {number} is not what the journal says of it")
            }
            Self::CountWrong(of) => {
                let of = match of {
                    WrongCount::Orchestrations => "orchestrations",
                    WrongCount::Breaks => "breaks",
                };
                write!(formatter, "the counts that are kept of {of} are not what the rows come to")
            }
            Self::RowWithoutJournal { id } => {
                write!(formatter, "orchestration {id} is there, and the journal never saw it appear")
            }
            Self::RowMissing { seq } => {
                write!(formatter, "the orchestration that journal entry {seq} tells of has no row")
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
    let checkpoint = checkpoint::find(connection)?;
    let chain = chain::check(connection, checkpoint.as_ref(), noted, &mut findings)?;
    let carried_in = carrying_batch(connection, checkpoint.as_ref(), &mut findings)?;
    let orchestrations = stories::check(connection, carried_in, &mut findings)?;
    unreadable::check(connection, &mut findings)?;
    missing::check(connection, &mut findings)?;
    breaks::check(connection, carried_in, &mut findings)?;
    for wrong in counts::wrong(connection)? {
        findings.add(Finding::CountWrong(wrong));
    }
    Ok(Verification {
        batches: chain.batches,
        entries: chain.entries,
        orchestrations,
        head: chain.head,
        findings: findings.0,
    })
}

/// The batch in which the last pruning carried what it kept, once its checkpoint is proven.
fn carrying_batch(
    connection: &Connection,
    checkpoint: Option<&Checkpoint>,
    findings: &mut Findings,
) -> Result<Option<i64>, Problem> {
    let Some(checkpoint) = checkpoint else { return Ok(None) };
    let batch = checkpoint::proven_by(connection, checkpoint)?;
    if batch.is_none() {
        findings.add(Finding::CheckpointAltered);
    }
    Ok(batch)
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
