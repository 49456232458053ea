//! The lock that keeps a second tallyd from writing to the same ledger.
//!
//! An advisory lock on a file beside the ledger. The system drops it when the process ends, however
//! it ends, so a killed tallyd never locks out the next one.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::Problem;

/// Held for as long as this process may write to the ledger.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Drop for Lock {
    /// Closing the file would do, were it not for a child process that has just been begun: it holds
    /// every open file for a moment, and with it the lock.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::debug!(error = %error, "the ledger's lock ends with its file");
        }
    }
}

/// Takes the lock of the ledger at `path`, or says who holds it.
pub(super) fn take(path: &Path) -> Result<Lock, Problem> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(lock_path(path))
        .map_err(|error| match Problem::from(error) {
            // Making the lock file is the first write: what forbids it forbids the ledger.
            Problem::Forbidden => Problem::ReadOnly,
            other => other,
        })?;
    match file.try_lock() {
        Ok(()) => {
            file.set_len(0)?;
            write!(file, "pid {}", std::process::id())?;
            Ok(Lock { file })
        }
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            file.rewind()?;
            file.read_to_string(&mut holder)?;
            if holder.is_empty() {
                holder.push_str("it has not said its process id yet");
            }
            Err(Problem::Locked { holder })
        }
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".lock");
    PathBuf::from(name)
}
