//! A report for Slack: what it says of itself, its counts, and where the files are. Slack gets no files.

use serde_json::{Value, json};

use super::{MAX_FALLBACK, MAX_FIELD, MAX_HEADER, Slack, escaped, plain_text, section};
use crate::alerts::failure::SendError;
use crate::alerts::report::{News, counts, file_lines, sentences, title};
use crate::model::{MadeReport, Timestamp, cut, plain};

impl Slack {
    pub(in crate::alerts::sinks) async fn send_report(
        &self,
        report: &MadeReport,
        now: Timestamp,
    ) -> Result<(), SendError> {
        self.post(&report_payload(report), now).await
    }
}

/// The body for a report.
pub fn report_payload(report: &MadeReport) -> Value {
    let sign = match News::of(report) {
        News::Good => "📗",
        News::NotComplete => "🟡",
        News::LeftOver => "🔴",
    };
    let title = format!("{sign} {}", title(report));
    let said: Vec<String> =
        sentences(report).into_iter().map(|(mark, sentence)| format!("{mark} {sentence}")).collect();
    let fields: Vec<Value> = counts(report.counts)
        .into_iter()
        .map(|(name, count)| plain_text(&format!("{name}\n{count}"), MAX_FIELD))
        .collect();
    let folder = plain(&report.directory.display().to_string());
    let files = format!("Files, in {folder} of tallyd's machine:\n{}", file_lines(report).join("\n"));
    json!({
        "text": escaped(&cut(&title, MAX_FALLBACK)),
        "blocks": [
            {"type": "header", "text": plain_text(&title, MAX_HEADER)},
            section(&plain(&report.period_words)),
            section(&said.join("\n")),
            {"type": "section", "fields": fields},
            section(&files),
        ],
        "unfurl_links": false,
        "unfurl_media": false,
    })
}
