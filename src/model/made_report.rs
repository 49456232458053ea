//! A report that was made, as sinks are told of it: what it says in short, and the files that it was put into.
//!
//! It is fixed when the report is made. What is sent later, after a restart too, is this and no other, whatever became
//! of the files meanwhile.

use std::path::{Path, PathBuf};

use super::Timestamp;

/// A sentence of a report about itself, and how loud it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// How loud.
    pub weight: Weight,
    /// The words.
    pub text: String,
}

/// How loud something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// What the numbers cannot be trusted without.
    Loud,
    /// Worth knowing.
    Plain,
    /// All is well.
    Good,
}

impl Weight {
    /// Every weight.
    pub const ALL: [Self; 3] = [Self::Loud, Self::Plain, Self::Good];

    /// Its word in data.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loud => "loud",
            Self::Plain => "plain",
            Self::Good => "good",
        }
    }
}

/// Whether the accounts of a report tie out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Nothing is left over.
    TiesOut,
    /// Something is left over.
    LeftOver,
}

/// Whether every profile was completely listed over the whole period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// It was.
    Covered,
    /// It was not.
    NotCovered,
}

/// How many orchestrations, over all accounts of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportCounts {
    /// Open when the period began.
    pub opening: i64,
    /// Created in it.
    pub created: i64,
    /// What the journal learned since, all adjustments together.
    pub adjusted: i64,
    /// Completed in it.
    pub completed: i64,
    /// Failed in it.
    pub failed: i64,
    /// Rejected in it.
    pub rejected: i64,
    /// Still open when it ended.
    pub closing: i64,
    /// What changed later about former periods.
    pub restated: u64,
}

/// A file of a report as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeFile {
    /// Its name in the folder.
    pub name: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// The SHA-256 of its content, in hexadecimal.
    pub sha256: String,
}

/// A report that was made, as sinks are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeReport {
    /// Its name in the configuration.
    pub name: String,
    /// The name of its period, as its files have it: `2026-10`.
    pub period: String,
    /// What it is called.
    pub title: String,
    /// When its period begins.
    pub from: Timestamp,
    /// When its period ends.
    pub to: Timestamp,
    /// The same in words, by the report's own clocks.
    pub period_words: String,
    /// Whether it ties out.
    pub proof: Proof,
    /// Whether it is about everything.
    pub completeness: Completeness,
    /// What it says of itself, the worst first.
    pub sentences: Vec<Sentence>,
    /// How many orchestrations it is about.
    pub counts: ReportCounts,
    /// The folder of its files.
    pub directory: PathBuf,
    /// Its files, the manifest last.
    pub files: Vec<MadeFile>,
    /// The content of the manifest: JSON.
    pub manifest: String,
}

impl MadeReport {
    /// Names the report of this period, however often it is made.
    pub fn key(&self) -> String {
        format!("tallyd/report/{}/{}", self.name, self.period)
    }

    /// Names these very files: the manifest has the digests of all others.
    pub fn delivery_key(&self) -> String {
        let digest = self.files.last().map_or("", |manifest| manifest.sha256.as_str());
        format!("{}/{}", self.key(), digest.get(..16).unwrap_or(digest))
    }

    /// Where a file of it was put.
    pub fn path_of(&self, file: &MadeFile) -> PathBuf {
        Path::join(&self.directory, &file.name)
    }
}

/// The name of a report's schedule.
pub fn report_run(report: &str) -> String {
    format!("report {report}")
}
