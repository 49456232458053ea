//! A copy of a ledger in the making: whole under its name, or not there at all.
//!
//! Until it is whole it lies beside its place under a name that says so. What a killed run left there is
//! replaced by the next one.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::Problem;

/// What SQLite puts beside a file.
pub(super) const SIDE_FILES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Only its owner reads it, like the ledger.
const MODE: u32 = 0o600;

/// The path with a suffix behind its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// A file in the making. Dropped before it is put in its place, it is removed.
#[derive(Debug)]
pub(super) struct Partial {
    // Missing once it was put in its place: the name may be another run's by then.
    path: Option<PathBuf>,
    // Closed only after SQLite has closed the file: closing a descriptor drops the locks of all others.
    file: File,
}

impl Partial {
    /// Begins an empty file at `path`; `None` where another process is at it.
    pub(super) fn begin(path: PathBuf) -> Result<Option<Self>, Problem> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(MODE).open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        // Whoever had it may just have put it in its place: then it is no leftover.
        let named = fs::metadata(&path).map(|found| (found.dev(), found.ino()));
        let opened = file.metadata().map(|found| (found.dev(), found.ino()))?;
        if named.ok() != Some(opened) {
            return Ok(None);
        }
        for suffix in SIDE_FILES {
            remove_if_there(&beside(&path, suffix))?;
        }
        file.set_len(0)?;
        file.set_permissions(Permissions::from_mode(MODE))?;
        Ok(Some(Self { path: Some(path), file }))
    }

    /// Fills it with one state of everything in `source`, however busily that is written to, in the form
    /// that needs no side files.
    pub(super) fn fill_from(&self, source: &Connection) -> Result<Connection, Problem> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let path = self.path.as_deref().ok_or(Problem::Missing)?;
        let mut copy = Connection::open_with_flags(path, flags)?;
        // In one step: in several, every commit in between would make it begin again.
        match Backup::new(source, &mut copy)?.step(-1)? {
            StepResult::Done => {}
            _ => return Err(Problem::Busy),
        }
        copy.pragma_update(None, "journal_mode", "DELETE")?;
        Ok(copy)
    }

    /// Gives it to whom the file in its place belongs, or the folder where there is none: a service has to go on with
    /// what root puts there. Who may not give it away keeps it.
    pub(super) fn give_to_owner_of(&self, place: &Path) -> Result<(), Problem> {
        let owner = fs::metadata(place).or_else(|_| fs::metadata(folder_of(place)))?;
        let own = self.file.metadata()?;
        if (own.uid(), own.gid()) == (owner.uid(), owner.gid()) {
            return Ok(());
        }
        match fchown(&self.file, Some(owner.uid()), Some(owner.gid())) {
            Err(error) if error.kind() != io::ErrorKind::PermissionDenied => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Puts it in its place, once its connection is closed. The answer is its size in bytes.
    pub(super) fn put(mut self, place: &Path) -> Result<u64, Problem> {
        self.file.sync_all()?;
        let bytes = self.file.metadata()?.len();
        if let Some(path) = &self.path {
            fs::rename(path, place)?;
        }
        self.path = None;
        sync_folder(place)?;
        Ok(bytes)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let Some(path) = self.path.take() else { return };
        for path in SIDE_FILES.iter().map(|suffix| beside(&path, suffix)).chain([path.clone()]) {
            if let Err(error) = remove_if_there(&path) {
                tracing::warn!(path = %path.display(), error = %error, "a file half made could not be removed");
            }
        }
    }
}

/// Makes what was renamed in the folder of `path` last over a loss of power.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
