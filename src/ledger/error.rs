//! What can go wrong with a ledger, each in its own plain words.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::model::Timestamp;

/// A ledger could not be opened, read or written.
#[derive(Debug)]
pub struct LedgerError {
    /// The ledger's file.
    pub path: PathBuf,
    /// What is wrong.
    pub problem: Problem,
}

impl fmt::Display for LedgerError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ledger {}: {}", self.path.display(), self.problem)
    }
}

impl Error for LedgerError {
    /// The cause of the problem: the problem itself is in the text.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.problem.source()
    }
}

/// What is wrong with a ledger.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// There is no file.
    #[error("there is no such file; `tallyd poll` makes it, or set `[ledger] path` to where it is")]
    Missing,
    /// The folder it would lie in is not there.
    #[error(
        "its folder does not exist; create it, writable for the user that tallyd runs as, or correct `[ledger] path`"
    )]
    NoFolder,
    /// Another process holds the lock.
    #[error("another tallyd ({holder}) is writing to it; wait until it ends or stop it")]
    Locked {
        /// The process that holds it, for example `pid 4711`.
        holder: String,
    },
    /// A daemon holds the lock.
    #[error("tallyd run (pid {pid}) is writing to it; stop that one first")]
    LockedByDaemon {
        /// Its process id.
        pid: u32,
    },
    /// The file or its folder may not be written.
    #[error(
        "it cannot be written; check the owner and permissions of the file and its folder, and that the disk is not mounted read-only"
    )]
    ReadOnly,
    /// The file may not be read.
    #[error(
        "this user may not open it; run as the user that tallyd runs as, or grant access to the file and its folder"
    )]
    Forbidden,
    /// The disk is full. What was committed before is safe.
    #[error("the disk is full; free space, then run again: everything committed so far is safe")]
    DiskFull,
    /// SQLite found the file damaged.
    #[error(
        "the file is damaged ({detail}); keep a copy, then restore a backup, or move it away and run `tallyd backfill` to build a new one"
    )]
    Corrupt {
        /// What SQLite said.
        detail: String,
    },
    /// The file is something else.
    #[error("it is not a tallyd ledger ({found}); set `[ledger] path` to another file")]
    NotALedger {
        /// What the file is instead.
        found: String,
    },
    /// A newer tallyd wrote it.
    #[error(
        "it has format {found}, and this tallyd knows formats up to {known}; run the newer tallyd that wrote it"
    )]
    Newer {
        /// The format of the file.
        found: i64,
        /// The newest format that this version knows.
        known: i64,
    },
    /// An older tallyd wrote it, and what is asked for is not in it yet.
    #[error(
        "it has format {found}, which keeps no breaks; `tallyd poll` or `tallyd run` brings it to format {wanted}"
    )]
    Older {
        /// The format of the file.
        found: i64,
        /// The format that is needed.
        wanted: i64,
    },
    /// It was made for another Paxos environment.
    #[error(
        "it belongs to {ledger}, and the configuration points to {configured}; use another `[ledger] path` for each environment"
    )]
    OtherEnvironment {
        /// The API that it was made for.
        ledger: String,
        /// The API that is configured.
        configured: String,
    },
    /// It was made for another Paxos customer.
    #[error(
        "it belongs to Paxos customer {ledger}, and these credentials show customer {received}; use another `[ledger] path` for each customer"
    )]
    OtherCustomer {
        /// The customer that it was made for.
        ledger: String,
        /// The customer that answers now.
        received: String,
    },
    /// Another process held SQLite's own lock for too long.
    #[error("another program keeps it locked; close what has it open and run again")]
    Busy,
    /// The system could not read or write the file.
    #[error("the system could not read or write it; check the disk and the system's log")]
    Io(#[source] io::Error),
    /// What is stored cannot be understood.
    #[error("{0}; run `tallyd ledger verify`")]
    Inconsistent(String),
    /// Verification found something, so what it proves must not be removed.
    #[error(
        "it is not sound ({finding}), and pruning would remove what proves it; run `tallyd ledger verify`"
    )]
    NotSound {
        /// The first thing that is wrong with it.
        finding: String,
    },
    /// What would be pruned is too young.
    #[error(
        "nothing created or observed on {} or later may be pruned, and {} was asked for: what was created in the last 7 days before the last poll may still come late or change; give an earlier --before",
        latest.to_rfc3339_seconds(),
        before.to_rfc3339_seconds()
    )]
    TooYoungToPrune {
        /// What was asked for.
        before: Timestamp,
        /// The latest that may be asked for.
        latest: Timestamp,
    },
    /// What a report would be about was pruned.
    #[error(
        "what was before {} was pruned, and the period begins at {}; ask for a later one, or restore a backup beside it",
        floor.to_rfc3339_seconds(),
        from.to_rfc3339_seconds()
    )]
    PeriodPruned {
        /// Where the period begins.
        from: Timestamp,
        /// Up to where all was pruned.
        floor: Timestamp,
    },
    /// A report would be about a time of which nothing was known.
    #[error(
        "it was made at {}, and what counts for a period up to {} was known by {}; ask for a later period, or for what is known now with --as-of now",
        began.to_rfc3339_seconds(),
        to.to_rfc3339_seconds(),
        until.to_rfc3339_seconds()
    )]
    PeriodBeforeLedger {
        /// Where the period ends.
        to: Timestamp,
        /// By when it is told.
        until: Timestamp,
        /// When the ledger was made.
        began: Timestamp,
    },
    /// A report would end before it begins.
    #[error(
        "what was known at the place {as_of} ends on {until}, before the period begins; give a later --as-of, or a \
         former period"
    )]
    AsOfBeforePeriod {
        /// The place that was asked for.
        as_of: String,
        /// Up to when things were known there.
        until: Timestamp,
    },
    /// The journal has no such batch.
    #[error(
        "its journal has no batch {number}: it ends with {last}; give another --as-of, `tallyd status` prints the head"
    )]
    NoSuchBatch {
        /// The batch that was asked for.
        number: i64,
        /// The last one.
        last: i64,
    },
    /// The journal is not the one of which a head was noted.
    #[error(
        "its journal is not the one whose head {noted} was noted: the head there is {found}; run `tallyd ledger verify --head {noted}`"
    )]
    OtherHead {
        /// What was noted.
        noted: String,
        /// What is there.
        found: String,
    },
    /// Its path no longer leads to the file that is open.
    #[error(
        "its file was moved, replaced or removed while tallyd had it open; put it back, or restore a backup, then start tallyd again"
    )]
    Moved,
    /// The writer thread is gone.
    #[error(
        "its writer has ended unexpectedly, and the log says why; start tallyd again: everything committed so far is safe"
    )]
    WriterGone,
    /// Anything else that SQLite says.
    #[error("SQLite reports an error")]
    Sqlite(#[source] rusqlite::Error),
}

impl Problem {
    /// This problem, of the ledger at `path`.
    pub(super) fn of(self, path: &Path) -> LedgerError {
        LedgerError { path: path.to_owned(), problem: self }
    }
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        let Some(code) = error.sqlite_error_code() else {
            return match error {
                rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::IntegralValueOutOfRange(..) => {
                    Self::Inconsistent(format!("a stored value cannot be read: {error}"))
                }
                other => Self::Sqlite(other),
            };
        };
        match code {
            ErrorCode::DiskFull => Self::DiskFull,
            ErrorCode::ReadOnly => Self::ReadOnly,
            ErrorCode::SystemIoFailure => Self::Io(io::Error::other(error)),
            ErrorCode::DatabaseCorrupt => Self::Corrupt { detail: error.to_string() },
            ErrorCode::NotADatabase => Self::NotALedger { found: "not an SQLite file".to_owned() },
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
            ErrorCode::CannotOpen | ErrorCode::PermissionDenied => Self::Forbidden,
            _ => Self::Sqlite(error),
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::NoFolder,
            io::ErrorKind::PermissionDenied => Self::Forbidden,
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            io::ErrorKind::StorageFull => Self::DiskFull,
            _ => Self::Io(error),
        }
    }
}
