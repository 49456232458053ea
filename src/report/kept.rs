//! The reports that are in a folder, as their manifests list them.
//!
//! Only what a manifest names is ever opened, by a plain name in the folder itself, and only as it was when the manifest
//! was written: no path leads anywhere else, and what was changed since is not passed on as a report.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde_json::Value;

use super::folder::FolderError;
use super::forms::{MANIFEST_END, sha256};
use crate::model::Timestamp;

/// The largest manifest that is read: some hundred times what one has.
const MAX_MANIFEST_BYTES: u64 = 1024 * 1024;

/// The largest file that is handed out. Reports have some hundred KiB, their tables a few MiB.
const MAX_FILE_BYTES: u64 = 32 * 1024 * 1024;

/// So many entries of a folder are looked at. Years of hourly reports have fewer.
const MAX_ENTRIES: usize = 20_000;

/// A report that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptReport {
    /// What its files are called, before the dot.
    pub stem: String,
    /// Its title.
    pub title: String,
    /// Where its period begins.
    pub period_from: Timestamp,
    /// Where that ends.
    pub period_to: Timestamp,
    /// The time zone of the period.
    pub time_zone: String,
    /// By which place it was made, as it says itself.
    pub as_of: String,
    /// `settled`, `provisional` or `later`.
    pub standing: String,
    /// Whether all of the period was read.
    pub is_covered: bool,
    /// Whether nothing was left over.
    pub ties_out: bool,
    /// When its manifest was written, by the clock of the machine.
    pub made_at: Timestamp,
    /// Its files, the manifest last.
    pub files: Vec<KeptFile>,
}

/// A file of a report that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFile {
    /// Its name.
    pub name: String,
    /// How long it is.
    pub bytes: u64,
    /// What its content must come to; `None` of a manifest, which nothing proves.
    sha256: Option<String>,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// The file of a report, whole.
    File(Vec<u8>),
    /// No manifest of the report names it.
    Unknown,
    /// A manifest names it, and it is gone, too large, or another one than it was.
    NotAsListed,
}

/// The reports of a name in a folder, the latest period first; at most `most`.
///
/// # Errors
///
/// Where the folder cannot be read.
pub fn list(folder: &Path, report: &str, most: usize) -> Result<Vec<KeptReport>, FolderError> {
    let mut found = all(folder, report)?;
    found.sort_by(|one, two| {
        let newest = |kept: &KeptReport| (kept.period_to, kept.made_at);
        newest(two).cmp(&newest(one)).then_with(|| one.stem.cmp(&two.stem))
    });
    found.truncate(most);
    Ok(found)
}

/// The file of this name, of a report of that name.
///
/// # Errors
///
/// Where the folder or the file cannot be read.
pub fn open(folder: &Path, report: &str, name: &str) -> Result<Opened, FolderError> {
    let found = all(folder, report)?;
    let Some(listed) = found.iter().flat_map(|kept| &kept.files).find(|file| file.name == name) else {
        return Ok(Opened::Unknown);
    };
    let path = folder.join(&listed.name);
    let content = match read(&path, MAX_FILE_BYTES) {
        Ok(Some(content)) => content,
        Ok(None) => return Ok(Opened::NotAsListed),
        Err(error) => return Err(FolderError::of(&path, error)),
    };
    let is_as_listed = listed.sha256.as_ref().is_none_or(|digest| sha256(&content) == *digest);
    Ok(if is_as_listed { Opened::File(content) } else { Opened::NotAsListed })
}

fn all(folder: &Path, report: &str) -> Result<Vec<KeptReport>, FolderError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| FolderError::of(folder, error))?.take(MAX_ENTRIES) {
        let entry = entry.map_err(|error| FolderError::of(folder, error))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let Some(stem) = name.strip_suffix(MANIFEST_END).filter(|stem| is_plain(stem)) else { continue };
        // One that goes or cannot be read is none.
        let Ok(Some(manifest)) = read(&entry.path(), MAX_MANIFEST_BYTES) else { continue };
        found.extend(kept(&manifest, stem, &name, report, made_at(&entry.path())));
    }
    Ok(found)
}

fn made_at(path: &Path) -> Timestamp {
    let modified = fs::symlink_metadata(path).and_then(|found| found.modified()).ok();
    let since = modified.and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
    Timestamp::EPOCH.plus(since.unwrap_or_default())
}

/// What a manifest lists, where it is one of this report.
fn kept(manifest: &[u8], stem: &str, name: &str, report: &str, made_at: Timestamp) -> Option<KeptReport> {
    let bytes = manifest.len() as u64;
    let manifest: Value = serde_json::from_slice(manifest).ok()?;
    let text = |key: &str| manifest.get(key)?.as_str().map(str::to_owned);
    let time = |key: &str| Timestamp::parse_rfc3339(&text(key)?).ok();
    if text("report")? != report {
        return None;
    }
    let mut files = manifest.get("files")?.as_array()?.iter().map(listed).collect::<Option<Vec<_>>>()?;
    files.push(KeptFile { name: name.to_owned(), bytes, sha256: None });
    Some(KeptReport {
        stem: stem.to_owned(),
        title: text("title")?,
        period_from: time("period_from")?,
        period_to: time("period_to")?,
        time_zone: text("time_zone")?,
        as_of: text("as_of")?,
        standing: text("standing")?,
        is_covered: manifest.get("covered")?.as_bool()?,
        ties_out: manifest.get("ties_out")?.as_bool()?,
        made_at,
        files,
    })
}

fn listed(file: &Value) -> Option<KeptFile> {
    let name = file.get("name")?.as_str()?;
    is_plain(name).then_some(())?;
    Some(KeptFile {
        name: name.to_owned(),
        bytes: file.get("bytes")?.as_u64()?,
        sha256: Some(file.get("sha256")?.as_str()?.to_owned()),
    })
}

/// Whether a name means a file in the folder, and none that is hidden there.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', '\0']) && !name.starts_with('.')
}

/// A file that is one and no link, nor anything else that may lead away or never end; `None` for any other, and for one
/// that is too large.
fn read(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found?,
    };
    if !found.is_file() || found.len() > most {
        return Ok(None);
    }
    let file = File::open(path)?;
    let opened = file.metadata()?;
    // Something else may have taken its place meanwhile.
    if (opened.dev(), opened.ino()) != (found.dev(), found.ino()) {
        return Ok(None);
    }
    let mut content = Vec::new();
    file.take(most + 1).read_to_end(&mut content)?;
    Ok((content.len() as u64 <= most).then_some(content))
}
