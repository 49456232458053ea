//! Where the files of reports go: whole or not at all, and never over what is there.
//!
//! Each is written beside its place and synced before any is renamed; the manifest comes last. What a killed run left
//! half made is written anew by the next one.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::forms::{MANIFEST_END, ReportFile, sha256};
use crate::model::Timestamp;

/// What to do with files that are there and say something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Leave them, and everything else.
    Keep,
    /// Replace them.
    Replace,
}

/// What became of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// They are written.
    Now,
    /// They were there, byte for byte.
    Before,
}

/// Files could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct FolderError {
    /// The folder or the file.
    pub path: PathBuf,
    /// What is wrong.
    pub problem: FolderProblem,
}

/// What is wrong with a folder or a file in it.
#[derive(Debug, thiserror::Error)]
pub enum FolderProblem {
    /// There is no such folder.
    #[error(
        "there is no such folder; create it, writable for the user that tallyd runs as, or name another one"
    )]
    Missing,
    /// It is something else.
    #[error("it is no folder; name one")]
    NoFolder,
    /// It may not be written.
    #[error(
        "it may not be written; check the owner and permissions, and that the disk is not mounted read-only"
    )]
    NotWritable,
    /// The disk is full.
    #[error("the disk is full; free space and run again: nothing is left half made")]
    Full,
    /// Something else is there.
    #[error("it is there and says something else; move it away, or replace it with --force")]
    AlreadyThere,
    /// Another process is writing the same.
    #[error("another tallyd is writing this report; wait until it ends")]
    Busy,
    /// The system says something else.
    #[error("the system could not write it")]
    Io(#[source] io::Error),
}

impl FolderError {
    pub(super) fn of(path: &Path, error: io::Error) -> Self {
        let problem = match error.kind() {
            ErrorKind::NotFound => FolderProblem::Missing,
            ErrorKind::NotADirectory => FolderProblem::NoFolder,
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => FolderProblem::NotWritable,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => FolderProblem::Full,
            _ => FolderProblem::Io(error),
        };
        Self { path: path.to_owned(), problem }
    }
}

/// Says before any work whether files can be made in a folder.
///
/// # Errors
///
/// Where they cannot.
pub fn check(folder: &Path) -> Result<(), FolderError> {
    let of = |error| FolderError::of(folder, error);
    if !fs::metadata(folder).map_err(of)?.is_dir() {
        return Err(FolderError { path: folder.to_owned(), problem: FolderProblem::NoFolder });
    }
    let probe = folder.join(format!(".tallyd-probe-{}", std::process::id()));
    File::create(&probe).map_err(of)?;
    fs::remove_file(&probe).map_err(of)
}

/// Writes files into a folder.
///
/// # Errors
///
/// Where one cannot be written, or is there with other content and is to be kept. Then none is.
pub fn write(folder: &Path, files: &[ReportFile], existing: Existing) -> Result<Written, FolderError> {
    check(folder)?;
    let Some(last) = files.last() else { return Ok(Written::Before) };
    let _lock = lock(&folder.join(format!(".{}.lock", last.name)))?;
    let mut are_there = true;
    for file in files {
        let path = folder.join(&file.name);
        match fs::read(&path) {
            Ok(content) if content == file.content.as_bytes() => {}
            Ok(_) if existing == Existing::Keep => {
                return Err(FolderError { path, problem: FolderProblem::AlreadyThere });
            }
            Ok(_) => are_there = false,
            Err(error) if error.kind() == ErrorKind::NotFound => are_there = false,
            Err(error) => return Err(FolderError::of(&path, error)),
        }
    }
    if are_there {
        return Ok(Written::Before);
    }
    let mut made = Partials(Vec::new());
    for file in files {
        let partial = folder.join(format!(".{}.partial", file.name));
        made.0.push(partial.clone());
        fill(&partial, &file.content).map_err(|error| FolderError::of(&folder.join(&file.name), error))?;
    }
    for (partial, file) in made.0.iter().zip(files) {
        let path = folder.join(&file.name);
        fs::rename(partial, &path).map_err(|error| FolderError::of(&path, error))?;
    }
    made.0.clear();
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| FolderError::of(folder, error))?;
    Ok(Written::Now)
}

/// Files in the making; dropped before they are renamed, they are removed.
struct Partials(Vec<PathBuf>);

impl Drop for Partials {
    fn drop(&mut self) {
        for path in &self.0 {
            // One that was renamed already is gone; one that cannot be removed is replaced by the next run.
            fs::remove_file(path).unwrap_or_default();
        }
    }
}

fn fill(path: &Path, content: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()
}

/// A lock that goes with the process. Its file is removed with it.
struct Lock {
    path: PathBuf,
    _file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        fs::remove_file(&self.path).unwrap_or_default();
    }
}

fn lock(path: &Path) -> Result<Lock, FolderError> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
    let file = file.map_err(|error| FolderError::of(path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock { path: path.to_owned(), _file: file }),
        Err(TryLockError::WouldBlock) => {
            Err(FolderError { path: path.to_owned(), problem: FolderProblem::Busy })
        }
        Err(TryLockError::Error(error)) => Err(FolderError::of(path, error)),
    }
}

/// Removes the files of a report's former makings whose period ended before an instant: those that a manifest lists
/// and that are as it says. Says how many.
///
/// # Errors
///
/// Where the folder cannot be read, or a file cannot be removed.
pub fn remove_old(folder: &Path, report: &str, before: Timestamp) -> Result<u64, FolderError> {
    let mut removed = 0;
    for entry in fs::read_dir(folder).map_err(|error| FolderError::of(folder, error))? {
        let path = entry.map_err(|error| FolderError::of(folder, error))?.path();
        let is_manifest = path.to_str().is_some_and(|name| name.ends_with(MANIFEST_END));
        let Some(listed) = is_manifest.then(|| fs::read_to_string(&path).ok()).flatten() else { continue };
        let Some(listed) = listed_before(&listed, report, before) else { continue };
        for (name, digest) in listed {
            let path = folder.join(name);
            match fs::read(&path) {
                // What was changed since is somebody else's.
                Ok(content) if sha256(&content) == digest => {
                    fs::remove_file(&path).map_err(|error| FolderError::of(&path, error))?;
                    removed += 1;
                }
                _ => {}
            }
        }
        fs::remove_file(&path).map_err(|error| FolderError::of(&path, error))?;
        removed += 1;
    }
    Ok(removed)
}

/// The files that a manifest lists, with their digests, where it is of this report and of a period that ended before.
fn listed_before(manifest: &str, report: &str, before: Timestamp) -> Option<Vec<(String, String)>> {
    let manifest: Value = serde_json::from_str(manifest).ok()?;
    let to = Timestamp::parse_rfc3339(manifest.get("period_to")?.as_str()?).ok()?;
    if manifest.get("report")?.as_str()? != report || manifest.get("as_of").is_none() || to >= before {
        return None;
    }
    let listed = |file: &Value| {
        let name = file.get("name")?.as_str()?;
        // Nothing outside of the folder is ever meant.
        let is_plain = !name.contains('/') && !name.starts_with('.');
        is_plain.then(|| Some((name.to_owned(), file.get("sha256")?.as_str()?.to_owned())))?
    };
    manifest.get("files")?.as_array()?.iter().map(listed).collect()
}
