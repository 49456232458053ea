//! A copy of the ledger in one file, taken beside whoever writes to it.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::journal::{self, JournalHead};
use super::partial::{Partial, SIDE_FILES, beside};
use super::{LedgerError, Problem, open};

/// What to do where the file is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Keep it, and make no backup.
    Keep,
    /// Replace it, once the new one is whole.
    Replace,
}

/// A backup that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Its file.
    pub file: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// The head of the journal in it.
    pub head: JournalHead,
}

/// A backup could not be made or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The ledger stands in the way.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The backup does.
    #[error("backup {}: {problem}", path.display())]
    File {
        /// The backup's file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        problem: BackupProblem,
    },
}

/// What is wrong with a backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupProblem {
    /// The file is there already.
    #[error("it exists already; name another file, or replace it with --force")]
    Exists,
    /// The file is the ledger, or one that SQLite keeps beside it.
    #[error("this is the ledger itself or belongs to it; name another file")]
    OfTheLedger,
    /// It is no file.
    #[error("this is a folder or a device; name a file")]
    NotAFile,
    /// Another process makes a backup under the same name.
    #[error("another `tallyd ledger backup` is making it; wait until that ends, or name another file")]
    UnderWay,
    /// There is no such folder.
    #[error("its folder does not exist; create it, or name another")]
    NoFolder,
    /// There is no such file.
    #[error("there is no such file; name one that `tallyd ledger backup` made")]
    Missing,
    /// The file or its folder may not be read or written.
    #[error("this user may not read or write it; check the owner and permissions of the file and its folder")]
    Forbidden,
    /// The disk is full.
    #[error("the disk is full; free space or name a file on another disk: the ledger is as it was")]
    DiskFull,
    /// The file is something else.
    #[error("it is not a tallyd ledger ({found}); name a file that `tallyd ledger backup` made")]
    NotALedger {
        /// What it is instead.
        found: String,
    },
    /// It is damaged or was edited.
    #[error("it is not sound ({finding}); restore another backup")]
    NotSound {
        /// The first thing that is wrong with it.
        finding: String,
    },
    /// It is of another Paxos environment.
    #[error(
        "it belongs to {backup}, and the configuration points to {configured}; restore a backup of the same environment"
    )]
    OtherEnvironment {
        /// The API that it was made for.
        backup: String,
        /// The API that is configured.
        configured: String,
    },
    /// It is of another Paxos customer.
    #[error(
        "it belongs to Paxos customer {backup}, and the ledger to {ledger}; restore a backup of the same customer"
    )]
    OtherCustomer {
        /// The customer that it was made for.
        backup: String,
        /// The customer of the ledger.
        ledger: String,
    },
    /// Anything else.
    #[error(transparent)]
    Other(Problem),
}

impl BackupProblem {
    /// This problem, of the backup at `path`.
    pub(super) fn of(self, path: &Path) -> BackupError {
        BackupError::File { path: path.to_owned(), problem: self }
    }
}

impl From<Problem> for BackupProblem {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Missing => Self::Missing,
            Problem::NoFolder => Self::NoFolder,
            Problem::ReadOnly | Problem::Forbidden => Self::Forbidden,
            Problem::DiskFull => Self::DiskFull,
            Problem::NotALedger { found } => Self::NotALedger { found },
            Problem::Corrupt { detail } => Self::NotSound { finding: detail },
            Problem::OtherEnvironment { ledger, configured } => {
                Self::OtherEnvironment { backup: ledger, configured }
            }
            other => Self::Other(other),
        }
    }
}

impl From<io::Error> for BackupProblem {
    fn from(error: io::Error) -> Self {
        Problem::from(error).into()
    }
}

/// Copies the ledger into `file`, also while another process writes to it. The file is there only once it
/// is whole; it needs no side files and only its owner reads it.
pub fn backup(ledger: &Path, file: &Path, existing: Existing) -> Result<Backup, BackupError> {
    let of_ledger = |problem: Problem| problem.of(ledger);
    let source = open::for_reading(ledger).map_err(of_ledger)?;
    let path = open::resolve(ledger).map_err(of_ledger)?;
    check_target(&path, file, existing).map_err(|problem| problem.of(file))?;
    let partial = Partial::begin(beside(file, ".partial"))
        .map_err(BackupProblem::from)
        .and_then(|begun| begun.ok_or(BackupProblem::UnderWay))
        .map_err(|problem| problem.of(file))?;
    let blame = |problem: Problem| match problem {
        // Only what was read can be damaged.
        Problem::Corrupt { .. } | Problem::NotALedger { .. } => of_ledger(problem).into(),
        other => BackupProblem::from(other).of(file),
    };
    let copy = partial.fill_from(&source).map_err(blame)?;
    let head = check(&copy).map_err(blame)?;
    copy.close().map_err(|(_, error)| blame(error.into()))?;
    // A file that came up meanwhile is somebody's too.
    check_target(&path, file, existing).map_err(|problem| problem.of(file))?;
    let bytes = partial.put(file).map_err(blame)?;
    Ok(Backup { file: file.to_owned(), bytes, head })
}

/// Refuses to write over what is there.
fn check_target(ledger: &Path, file: &Path, existing: Existing) -> Result<(), BackupProblem> {
    let name = file.file_name().ok_or(BackupProblem::NotAFile)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let place = folder.canonicalize()?.join(name);
    let belongs = SIDE_FILES.iter().chain(&[".lock"]).any(|suffix| place == beside(ledger, suffix));
    if belongs || place == ledger || file.canonicalize().is_ok_and(|real| real == ledger) {
        return Err(BackupProblem::OfTheLedger);
    }
    match std::fs::symlink_metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
        Ok(found) if !found.is_file() => Err(BackupProblem::NotAFile),
        Ok(_) if existing == Existing::Keep => Err(BackupProblem::Exists),
        Ok(_) => Ok(()),
    }
}

/// Checks that a copy can be read, and that it is a ledger's.
fn check(copy: &Connection) -> Result<JournalHead, Problem> {
    let told: String = copy.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if told != "ok" {
        return Err(Problem::Corrupt { detail: told });
    }
    open::check_application(copy)?;
    journal::head(copy)
}
