//! Samples as text.

use std::sync::Arc;
use std::time::Duration;

use prometheus::TextEncoder;
use prometheus::proto::MetricFamily;
use tokio::time::Instant;

/// How long a text is shown again: hundreds who ask at once cost what ten a second do.
const SHOWN_FOR: Duration = Duration::from_millis(100);

/// A text that was made for a scrape.
#[derive(Debug)]
pub(super) struct Rendered {
    text: Arc<str>,
    at: Instant,
}

impl Rendered {
    pub(super) fn new(text: Arc<str>, at: Instant) -> Self {
        Self { text, at }
    }

    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) < SHOWN_FOR
    }

    pub(super) fn text(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }
}

/// The families as text.
pub(super) fn of(families: Vec<MetricFamily>) -> String {
    let mut text = String::new();
    for family in families {
        // One that cannot be written is without a name or a sample: there is nothing to show of it.
        if let Err(error) = TextEncoder::new().encode_utf8(&[family], &mut text) {
            tracing::debug!(error = %error, "a metric cannot be shown");
        }
    }
    text
}
