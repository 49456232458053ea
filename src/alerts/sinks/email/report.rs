//! A report as a mail: a short text and the same as HTML, with the files attached.

use std::time::Duration;

use lettre::Message as Mail;
use lettre::message::header::ContentType;
use lettre::message::{Attachment, Body, MultiPart, SinglePart};

use super::attachments::{self, Attached};
use super::{Email, escaped, page};
use crate::alerts::failure::SendError;
use crate::alerts::report::{News, body, counts, sentences, title};
use crate::model::MadeReport;

/// How long a mail with attachments may take, where the sink allows less for others: 10 MB at a megabit a second.
const LEAST_TIMEOUT: Duration = Duration::from_secs(120);

impl Email {
    pub(in crate::alerts::sinks) async fn send_report(&self, report: &MadeReport) -> Result<(), SendError> {
        let wanted = report.clone();
        let files = tokio::task::spawn_blocking(move || attachments::of(&wanted))
            .await
            .map_err(|error| SendError::passing(format!("the files could not be read: {error}")))?;
        let mail = self
            .mail_of_report(report, files)
            .map_err(|error| SendError::MessageRefused { what: format!("no mail can be made: {error}") })?;
        self.hand_over(mail, self.timeout.max(LEAST_TIMEOUT)).await
    }

    fn mail_of_report(
        &self,
        report: &MadeReport,
        files: Vec<Attached>,
    ) -> Result<Mail, lettre::error::Error> {
        let lines: Vec<String> = files.iter().map(|file| file.line.clone()).collect();
        let text = format!("{}\n\n{}", title(report), body(report, &lines));
        let said = MultiPart::alternative_plain_html(text, html(report, &lines));
        let mut parts = MultiPart::mixed().multipart(said);
        for file in files {
            parts = parts.maybe(file);
        }
        let subject = format!("[tallyd report] {}", title(report));
        self.addressed(subject, &report.key(), &report.delivery_key()).multipart(parts)
    }
}

trait WithAttachment {
    /// Adds a file, where it is brought along.
    fn maybe(self, file: Attached) -> Self;
}

impl WithAttachment for MultiPart {
    fn maybe(self, file: Attached) -> Self {
        let Some(content) = file.content else { return self };
        let kind = content_type(&file.name);
        // Base64 keeps every byte, line ends too: the digests in the manifest are of what arrives.
        let content =
            Body::new_with_encoding(content, lettre::message::header::ContentTransferEncoding::Base64);
        match content {
            Ok(content) => self.singlepart(attachment(file.name, content, kind)),
            Err(_) => self,
        }
    }
}

fn attachment(name: String, content: Body, kind: ContentType) -> SinglePart {
    Attachment::new(name).body(content, kind)
}

/// By the end of a name. Text is sent as bytes of no language, so that nothing on the way changes a line's end.
fn content_type(name: &str) -> ContentType {
    let kind = match name.rsplit('.').next() {
        Some("json") => "application/json".to_owned(),
        Some("md") => "text/markdown; charset=utf-8".to_owned(),
        Some(end @ ("html" | "csv")) => format!("text/{end}; charset=utf-8"),
        _ => "text/plain; charset=utf-8".to_owned(),
    };
    ContentType::parse(&kind).unwrap_or(ContentType::TEXT_PLAIN)
}

fn html(report: &MadeReport, files: &[String]) -> String {
    let colour = match News::of(report) {
        News::Good => "#1a7f37",
        News::NotComplete => "#8a6d00",
        News::LeftOver => "#b00020",
    };
    let mut text = format!(
        "<h2 style=\"color:{colour};margin:0 0 12px\">{}</h2><p>{}</p><ul>",
        escaped(&title(report)),
        escaped(&report.period_words)
    );
    for (mark, sentence) in sentences(report) {
        let weight = if mark == "!!" { "bold" } else { "normal" };
        text.push_str(&format!("<li style=\"font-weight:{weight}\">{}</li>", escaped(&sentence)));
    }
    text.push_str("</ul><p>Orchestrations, over all accounts:</p><table cellpadding=\"4\" style=\"border-collapse:collapse\">");
    for (name, count) in counts(report.counts) {
        text.push_str(&format!(
            "<tr><th align=\"left\" style=\"color:#555;font-weight:normal\">{}</th><td align=\"right\">{}</td></tr>",
            escaped(name),
            escaped(&count)
        ));
    }
    let folder = report.directory.display().to_string();
    text.push_str(&format!(
        "</table><p>Files, in <code>{}</code>:</p><ul>",
        escaped(&crate::model::plain(&folder))
    ));
    for line in files {
        text.push_str(&format!("<li>{}</li>", escaped(line)));
    }
    text.push_str("</ul>");
    page(&text)
}
