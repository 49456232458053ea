//! What people read of a report that was made: one line, what it says of itself, its counts, and where its files are.
//!
//! Pure. Each sink puts it into its own form; only mail brings the files along.

use crate::model::{Completeness, MadeReport, Proof, ReportCounts, Weight, cut, plain};

/// The longest sentence, in characters.
const MAX_SENTENCE: usize = 500;

/// How good the news of a report is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It ties out and is about everything.
    Good,
    /// It ties out, and something is missing in it.
    NotComplete,
    /// It does not tie out.
    LeftOver,
}

impl News {
    pub(super) const fn of(report: &MadeReport) -> Self {
        match (report.proof, report.completeness) {
            (Proof::LeftOver, _) => Self::LeftOver,
            (Proof::TiesOut, Completeness::NotCovered) => Self::NotComplete,
            (Proof::TiesOut, Completeness::Covered) => Self::Good,
        }
    }
}

/// All of it in one line.
pub(super) fn title(report: &MadeReport) -> String {
    let said = match News::of(report) {
        News::Good => "ties out and is complete",
        News::NotComplete => "NOT COMPLETE, ties out as far as it goes",
        News::LeftOver => "DOES NOT TIE OUT",
    };
    cut(&format!("Report {}: {said}", plain(&report.title)), 200)
}

/// What it says of itself, each with the mark that the text form has.
pub(super) fn sentences(report: &MadeReport) -> Vec<(&'static str, String)> {
    let said = report.sentences.iter().map(|sentence| {
        let mark = match sentence.weight {
            Weight::Loud => "!!",
            Weight::Plain => "-",
            Weight::Good => "ok",
        };
        (mark, cut(&plain(&sentence.text), MAX_SENTENCE))
    });
    said.collect()
}

/// The counts, by name; what is rarely there only where it is.
pub(super) fn counts(counts: ReportCounts) -> Vec<(&'static str, String)> {
    let mut lines = vec![
        ("open at the beginning", counts.opening.to_string()),
        ("created", counts.created.to_string()),
        ("adjusted", format!("{:+}", counts.adjusted)),
        ("completed", counts.completed.to_string()),
        ("failed", counts.failed.to_string()),
        ("rejected", counts.rejected.to_string()),
        ("still open at the end", counts.closing.to_string()),
        ("changed later about former periods", counts.restated.to_string()),
    ];
    lines.retain(|(name, count)| match *name {
        "adjusted" => count != "+0",
        "changed later about former periods" => count != "0",
        _ => true,
    });
    lines
}

/// Everything but the title, as plain text. `files` are the lines about its files.
pub(super) fn body(report: &MadeReport, files: &[String]) -> String {
    let mut text = format!("{}\n\n", plain(&report.period_words));
    for (mark, sentence) in sentences(report) {
        text.push_str(&format!("{mark:>2} {sentence}\n"));
    }
    text.push_str("\nOrchestrations, over all accounts:\n");
    let counts = counts(report.counts);
    let width = counts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, count) in counts {
        text.push_str(&format!("  {name:<width$}  {count}\n"));
    }
    text.push_str(&format!("\nFiles, in {}:\n", plain(&report.directory.display().to_string())));
    for line in files {
        text.push_str(&format!("  {line}\n"));
    }
    text
}

/// A line for each file, as it was made.
pub(super) fn file_lines(report: &MadeReport) -> Vec<String> {
    report.files.iter().map(|file| format!("{} ({})", plain(&file.name), size(file.bytes))).collect()
}

/// So many bytes in words.
pub(super) fn size(bytes: u64) -> String {
    const KIB: u64 = 1024;
    const MIB: u64 = 1024 * KIB;
    match bytes {
        0..KIB => format!("{bytes} bytes"),
        KIB..MIB => format!("{} KiB", bytes.div_ceil(KIB)),
        _ => {
            let tenths = bytes.saturating_mul(10).div_ceil(MIB);
            format!("{}.{} MiB", tenths / 10, tenths % 10)
        }
    }
}
