//! Whether a ledger is still where it was opened.
//!
//! SQLite goes on writing to a file that was moved, removed or replaced, and nobody who opens the ledger by its
//! path sees any of it. Whoever holds it open for long has to look.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{LedgerError, Problem};

/// The file that a ledger's path led to.
#[derive(Clone, Debug)]
pub struct Place {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Place {
    /// The file that the path leads to now. It is not opened.
    ///
    /// # Errors
    ///
    /// Where there is none, or the system does not tell.
    pub fn of(path: &Path) -> Result<Self, LedgerError> {
        let found = std::fs::metadata(path).map_err(|error| Problem::from(error).of(path))?;
        Ok(Self { path: path.to_owned(), device: found.dev(), inode: found.ino() })
    }

    /// Looks whether the path still leads to it.
    ///
    /// # Errors
    ///
    /// [`Problem::Moved`] where it does not. A system that does not tell is no reason to end anything.
    pub fn check(&self) -> Result<(), LedgerError> {
        let is_here = match std::fs::metadata(&self.path) {
            Ok(found) => self.is(&found),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        };
        if is_here { Ok(()) } else { Err(Problem::Moved.of(&self.path)) }
    }

    fn is(&self, found: &Metadata) -> bool {
        (found.dev(), found.ino()) == (self.device, self.inode)
    }
}
