//! A report that was made as JSON text, the form in which the outbox keeps it until it is sent.
//!
//! Instants are RFC 3339 text. It holds all that sinks are told, so nothing has to be made again to send it.

use serde::{Deserialize, Serialize};

use crate::model::{Completeness, MadeFile, MadeReport, Proof, ReportCounts, Sentence, Timestamp, Weight};

/// Text that is no report.
#[derive(Debug, thiserror::Error)]
#[error("a report in the outbox cannot be read: {0}")]
pub(super) struct InvalidReport(String);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    /// Its delivery key, by which the same is found again.
    id: String,
    name: String,
    period: String,
    title: String,
    from: String,
    to: String,
    period_words: String,
    ties_out: bool,
    covered: bool,
    sentences: Vec<StoredSentence>,
    counts: StoredCounts,
    directory: String,
    files: Vec<StoredFile>,
    manifest: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredSentence {
    weight: String,
    text: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredCounts {
    opening: i64,
    created: i64,
    adjusted: i64,
    completed: i64,
    failed: i64,
    rejected: i64,
    closing: i64,
    restated: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredFile {
    name: String,
    bytes: u64,
    sha256: String,
}

/// A report as text.
pub(super) fn to_text(report: &MadeReport) -> String {
    let counts = report.counts;
    let stored = Stored {
        id: report.delivery_key(),
        name: report.name.clone(),
        period: report.period.clone(),
        title: report.title.clone(),
        from: report.from.to_rfc3339(),
        to: report.to.to_rfc3339(),
        period_words: report.period_words.clone(),
        ties_out: report.proof == Proof::TiesOut,
        covered: report.completeness == Completeness::Covered,
        sentences: report
            .sentences
            .iter()
            .map(|said| StoredSentence { weight: said.weight.as_str().to_owned(), text: said.text.clone() })
            .collect(),
        counts: StoredCounts {
            opening: counts.opening,
            created: counts.created,
            adjusted: counts.adjusted,
            completed: counts.completed,
            failed: counts.failed,
            rejected: counts.rejected,
            closing: counts.closing,
            restated: counts.restated,
        },
        // The configuration is text, so every folder in it is.
        directory: report.directory.to_string_lossy().into_owned(),
        files: report
            .files
            .iter()
            .map(|file| StoredFile {
                name: file.name.clone(),
                bytes: file.bytes,
                sha256: file.sha256.clone(),
            })
            .collect(),
        manifest: report.manifest.clone(),
    };
    // These shapes have no map with keys that are not text, which is all that could fail.
    serde_json::to_string(&stored).unwrap_or_default()
}

/// Reads a report back.
pub(super) fn from_text(text: &str) -> Result<MadeReport, InvalidReport> {
    let stored: Stored = serde_json::from_str(text).map_err(|error| InvalidReport(error.to_string()))?;
    let at = |text: &str| Timestamp::parse_rfc3339(text).map_err(|error| InvalidReport(error.to_string()));
    let weight = |word: &str| {
        let found = Weight::ALL.into_iter().find(|weight| weight.as_str() == word);
        found.ok_or_else(|| InvalidReport(format!("no sentence weighs {word:?}")))
    };
    let counts = stored.counts;
    Ok(MadeReport {
        name: stored.name,
        period: stored.period,
        title: stored.title,
        from: at(&stored.from)?,
        to: at(&stored.to)?,
        period_words: stored.period_words,
        proof: if stored.ties_out { Proof::TiesOut } else { Proof::LeftOver },
        completeness: if stored.covered { Completeness::Covered } else { Completeness::NotCovered },
        sentences: stored
            .sentences
            .into_iter()
            .map(|said| Ok(Sentence { weight: weight(&said.weight)?, text: said.text }))
            .collect::<Result<_, InvalidReport>>()?,
        counts: ReportCounts {
            opening: counts.opening,
            created: counts.created,
            adjusted: counts.adjusted,
            completed: counts.completed,
            failed: counts.failed,
            rejected: counts.rejected,
            closing: counts.closing,
            restated: counts.restated,
        },
        directory: stored.directory.into(),
        files: stored
            .files
            .into_iter()
            .map(|file| MadeFile { name: file.name, bytes: file.bytes, sha256: file.sha256 })
            .collect(),
        manifest: stored.manifest,
    })
}
