//! Reading small files whole, with a bound and plain words for what goes wrong.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::complaint::Complaint;

/// A small file that could not be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("there is no such file")]
    Absent,
    #[error("permission to read the file is denied")]
    Denied,
    #[error("this is a directory, not a file")]
    Directory,
    #[error("the file is longer than {0} bytes")]
    TooLong(u64),
    #[error("the file is not UTF-8 text: the byte at offset {0} is none")]
    NotText(usize),
    #[error("the file cannot be read: {0}")]
    Other(#[source] io::Error),
}

impl Unreadable {
    /// What to tell about the configuration file itself.
    pub(super) fn into_complaint(self) -> Complaint {
        let help = match &self {
            Self::Absent => {
                "write one (config.example.toml is a complete start), or name another with --config or \
                 TALLYD_CONFIG"
            }
            Self::Denied => "let the user that tallyd runs as read it, and its directory",
            Self::Directory => "name the file in it",
            Self::TooLong(_) => "this is hardly a configuration: name the right file with --config",
            Self::NotText(_) => "save it as UTF-8, or name the right file with --config",
            Self::Other(_) => "see that the path is right and the file can be read",
        };
        Complaint::new(self.to_string()).help(help)
    }
}

/// The bytes of a file of at most `limit` bytes.
pub(super) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Unreadable> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    // One byte more than allowed tells a file that is too long from one that just fits.
    file.take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= limit) {
        Ok(bytes)
    } else {
        Err(Unreadable::TooLong(limit))
    }
}

/// The text of a file of at most `limit` bytes.
pub(super) fn read_text(path: &Path, limit: u64) -> Result<String, Unreadable> {
    String::from_utf8(read(path, limit)?)
        .map_err(|not_text| Unreadable::NotText(not_text.utf8_error().valid_up_to()))
}

/// Whether every user of the machine may read a file. A file whose mode cannot be had is none.
pub(super) fn is_world_readable(path: &Path) -> bool {
    const OTHERS_READ: u32 = 0o004;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & OTHERS_READ != 0)
}

fn unreadable(error: io::Error) -> Unreadable {
    match error.kind() {
        ErrorKind::NotFound => Unreadable::Absent,
        ErrorKind::PermissionDenied => Unreadable::Denied,
        ErrorKind::IsADirectory => Unreadable::Directory,
        _ => Unreadable::Other(error),
    }
}
