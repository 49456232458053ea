//! A report for the webhook: its manifest and what it says in short. The files stay where they are.

use serde::Serialize;
use serde_json::Value;

use super::{MAX_FIELD, Webhook, Wire};
use crate::alerts::failure::SendError;
use crate::alerts::report::{News, body, file_lines, title};
use crate::model::{Completeness, MadeReport, Proof, Timestamp, cut};

impl Webhook {
    pub(in crate::alerts::sinks) async fn send_report(
        &self,
        report: &MadeReport,
        now: Timestamp,
    ) -> Result<(), SendError> {
        self.post(report_payload(report, now).to_string(), &report.delivery_key(), now).await
    }
}

#[derive(Serialize)]
pub(super) struct WireReport {
    name: String,
    period: WirePeriod,
    ties_out: bool,
    covered: bool,
    notes: Vec<WireNote>,
    counts: WireCounts,
    directory: String,
    files: Vec<WireFile>,
    /// The manifest as it was written.
    manifest: Value,
}

#[derive(Serialize)]
struct WirePeriod {
    name: String,
    from: String,
    to: String,
}

#[derive(Serialize)]
struct WireNote {
    weight: &'static str,
    text: String,
}

#[derive(Serialize)]
struct WireCounts {
    opening: i64,
    created: i64,
    adjusted: i64,
    completed: i64,
    failed: i64,
    rejected: i64,
    closing: i64,
    restated: u64,
}

#[derive(Serialize)]
struct WireFile {
    path: String,
    bytes: u64,
    sha256: String,
}

/// The body for a report.
pub fn report_payload(report: &MadeReport, now: Timestamp) -> Value {
    let counts = report.counts;
    let wire = Wire {
        version: "v1",
        r#type: "report",
        key: report.key(),
        id: report.delivery_key(),
        sent_at: now.to_rfc3339(),
        at: report.to.to_rfc3339(),
        severity: match News::of(report) {
            News::Good => "info",
            News::NotComplete => "warning",
            News::LeftOver => "critical",
        },
        state: "made",
        title: title(report),
        text: body(report, &file_lines(report)),
        r#break: None,
        summary: None,
        dead_letters: None,
        report: Some(WireReport {
            name: report.name.clone(),
            period: WirePeriod {
                name: report.period.clone(),
                from: report.from.to_rfc3339(),
                to: report.to.to_rfc3339(),
            },
            ties_out: report.proof == Proof::TiesOut,
            covered: report.completeness == Completeness::Covered,
            notes: report
                .sentences
                .iter()
                .map(|said| WireNote { weight: said.weight.as_str(), text: cut(&said.text, MAX_FIELD) })
                .collect(),
            counts: WireCounts {
                opening: counts.opening,
                created: counts.created,
                adjusted: counts.adjusted,
                completed: counts.completed,
                failed: counts.failed,
                rejected: counts.rejected,
                closing: counts.closing,
                restated: counts.restated,
            },
            directory: report.directory.display().to_string(),
            files: report
                .files
                .iter()
                .map(|file| WireFile {
                    path: report.path_of(file).display().to_string(),
                    bytes: file.bytes,
                    sha256: file.sha256.clone(),
                })
                .collect(),
            manifest: serde_json::from_str(&report.manifest).unwrap_or_default(),
        }),
    };
    serde_json::to_value(&wire).unwrap_or_default()
}
