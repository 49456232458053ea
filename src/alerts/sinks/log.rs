//! The log: it is always there, and it always takes.

use crate::alerts::message::Message;
use crate::alerts::plan::Tone;
use crate::model::Severity;

/// Writes one line: what is critical as an error, what is a warning as a warning, what is over as news.
pub(super) fn tell(message: &Message) {
    let (key, title) = (message.key(), message.title());
    let severity = message.severity().as_str();
    match message {
        Message::Break(one) => {
            let (kind, occasion) = (one.notice.kind.as_str(), one.notice.occasion.as_str());
            let (number, subject) = (one.notice.number.0, one.notice.subject.to_string());
            let profile = one.notice.profile.as_ref().map(ToString::to_string);
            /// A line with what every line of a break has.
            macro_rules! line {
                ($level:ident) => {
                    tracing::$level!(
                        kind,
                        occasion,
                        severity,
                        number,
                        subject,
                        profile,
                        key,
                        "break: {title}"
                    )
                };
            }
            match (message.tone(), message.severity()) {
                (Tone::Over | Tone::LookedAfter, _) => line!(info),
                (Tone::Stands, Severity::Warning) => line!(warn),
                (Tone::Stands, Severity::Critical) => line!(error),
            }
        }
        Message::Summary(summary) => {
            let (kind, count) = (summary.kind.as_str(), summary.count);
            match (message.tone(), message.severity()) {
                (Tone::Over | Tone::LookedAfter, _) => {
                    tracing::info!(kind, count, key, "breaks: {title}");
                }
                (Tone::Stands, Severity::Warning) => tracing::warn!(kind, count, key, "breaks: {title}"),
                (Tone::Stands, Severity::Critical) => {
                    tracing::error!(kind, count, key, "breaks: {title}");
                }
            }
        }
        Message::DeadLetters(dead) => {
            tracing::error!(sink = dead.sink.0, count = dead.count, error = dead.error, "alerts: {title}");
        }
        // As severe as what is shown by default.
        Message::Test(_) => tracing::warn!(key, "alerts: {title}"),
    }
}
