//! The files of a report as attachments of a mail, as far as they are as they were made and not too large.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::alerts::message::hex;
use crate::alerts::report::size;
use crate::model::{MadeFile, MadeReport, cut, plain};

/// How many bytes of files one mail brings along at most. In base64 that is a little less than 10,240,000 bytes, the
/// limit of a mail server (Postfix) as it comes; most others take more.
pub const MAX_ATTACHED: u64 = 7 * 1024 * 1024;

/// A file of a report in a mail.
pub(super) struct Attached {
    /// Its name.
    pub(super) name: String,
    /// What a reader is told of it.
    pub(super) line: String,
    /// Its content, or nothing where it is not brought along.
    pub(super) content: Option<Vec<u8>>,
}

/// Why a file is not attached.
#[derive(Debug, PartialEq, Eq)]
enum LeftOut {
    /// The mail would be too large.
    TooLarge,
    /// It is no longer there.
    Gone,
    /// It is no longer what was made.
    Changed,
    /// It cannot be read.
    Unreadable(String),
}

/// The files of a report: the manifest, then the others in their order, as long as there is room. Reads them.
pub(super) fn of(report: &MadeReport) -> Vec<Attached> {
    let mut room = MAX_ATTACHED;
    let manifest_first = report.files.last().into_iter().chain(report.files.iter().rev().skip(1).rev());
    let attached = manifest_first.map(|file| {
        let path = report.path_of(file);
        let read = if file.bytes > room { Err(LeftOut::TooLarge) } else { as_made(file, &path) };
        let name = plain(&file.name);
        let (line, content) = match read {
            Ok(content) => {
                room -= file.bytes;
                (format!("{name} ({}), attached", size(file.bytes)), Some(content))
            }
            Err(why) => (format!("{name}: {}", in_words(&why, file, &path)), None),
        };
        Attached { name: file.name.clone(), line, content }
    });
    attached.collect()
}

/// What a file holds, where that is what was made.
fn as_made(file: &MadeFile, path: &Path) -> Result<Vec<u8>, LeftOut> {
    let cannot = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => LeftOut::Gone,
        _ => LeftOut::Unreadable(error.to_string()),
    };
    // What is no longer as long is not read at all.
    if fs::metadata(path).map_err(cannot)?.len() != file.bytes {
        return Err(LeftOut::Changed);
    }
    let mut content = Vec::new();
    File::open(path)
        .and_then(|opened| opened.take(file.bytes + 1).read_to_end(&mut content))
        .map_err(cannot)?;
    if hex(&Sha256::digest(&content)) == file.sha256 { Ok(content) } else { Err(LeftOut::Changed) }
}

fn in_words(why: &LeftOut, file: &MadeFile, path: &Path) -> String {
    let path = plain(&path.display().to_string());
    match why {
        LeftOut::TooLarge => format!(
            "NOT ATTACHED: with its {} the mail would bring more than {}. It is at {path}",
            size(file.bytes),
            size(MAX_ATTACHED)
        ),
        LeftOut::Gone => format!("NOT ATTACHED: it is no longer at {path}"),
        LeftOut::Changed => {
            format!("NOT ATTACHED: what is at {path} is not what was made (SHA-256 {})", file.sha256)
        }
        LeftOut::Unreadable(error) => {
            format!("NOT ATTACHED: {path} cannot be read: {}", cut(&plain(error), 200))
        }
    }
}
