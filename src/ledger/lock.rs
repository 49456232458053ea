//! The lock that keeps a second tallyd from writing to the same ledger.
//!
//! An advisory lock on a file beside the ledger. The system drops it when the process ends, however
//! it ends, so a killed tallyd never locks out the next one. Its text says who holds it, for people and
//! for commands that may ask a daemon instead.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::Problem;

/// How often a lock that is held is tried again. Looking who holds it takes it for a moment, and a holder
/// needs a moment to say who it is.
const TRIES: u32 = 5;
const TRY_AGAIN: Duration = Duration::from_millis(20);

/// The word after the process id by which a daemon is known.
const DAEMON: &str = "run";

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

/// As what a process writes to a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// As the daemon, which serves requests of other processes.
    Daemon,
    /// As a command that ends by itself.
    Command,
}

/// Who may write to a ledger now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Nobody.
    Nobody,
    /// A daemon.
    Daemon {
        /// Its process id.
        pid: u32,
    },
    /// Another process, in its own words, for example `pid 4711`.
    Command(String),
    /// This user may not look.
    Hidden,
}

/// Takes the lock of the ledger at `path`, or says who holds it.
pub(super) fn take(path: &Path, role: Role) -> Result<Lock, Problem> {
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
    let mut tries = TRIES;
    loop {
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0)?;
                file.rewind()?;
                match role {
                    Role::Daemon => write!(file, "pid {} {DAEMON}", std::process::id())?,
                    Role::Command => write!(file, "pid {}", std::process::id())?,
                }
                return Ok(Lock { file });
            }
            Err(TryLockError::WouldBlock) => {
                tries -= 1;
                if tries == 0 {
                    return Err(refusal(read(&mut file)?));
                }
                thread::sleep(TRY_AGAIN);
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
    }
}

/// Who holds the lock of the ledger at `path`.
pub(super) fn holder(path: &Path) -> Result<Holder, Problem> {
    let mut file = match File::open(lock_path(path)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Holder::Nobody),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(Holder::Hidden),
        Err(error) => return Err(error.into()),
    };
    // A shared lock: several may look at once.
    match file.try_lock_shared() {
        Ok(()) => Ok(Holder::Nobody),
        Err(TryLockError::WouldBlock) => {
            let text = read(&mut file)?;
            Ok(daemon_of(&text).map_or(Holder::Command(text), |pid| Holder::Daemon { pid }))
        }
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

fn refusal(holder: String) -> Problem {
    match daemon_of(&holder) {
        Some(pid) => Problem::LockedByDaemon { pid },
        None if holder.is_empty() => {
            Problem::Locked { holder: "it has not said its process id yet".to_owned() }
        }
        None => Problem::Locked { holder },
    }
}

fn read(file: &mut File) -> Result<String, Problem> {
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// The process id of a daemon, where the text of a lock names one.
fn daemon_of(text: &str) -> Option<u32> {
    text.strip_prefix("pid ")?.strip_suffix(DAEMON)?.trim_end().parse().ok()
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".lock");
    PathBuf::from(name)
}
