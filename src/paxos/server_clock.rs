//! The server's clock, as its answers tell it.
//!
//! Owns the reading of HTTP dates. What a skew means for a poll is for others to judge.

use std::time::Duration;

use chrono::DateTime;

use crate::model::Timestamp;

/// What the API's last `Date` said, and what the local clock said when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerClock {
    /// The server's time, in whole seconds; `None` until an answer carried a usable `Date`.
    pub date: Option<Timestamp>,
    /// The local time at which `date` came; while there is none, the time at which the client was made.
    pub received_at: Timestamp,
    /// The local clock's monotonic reading at that moment.
    pub received: Duration,
}

impl ServerClock {
    /// The local clock less the server's, in microseconds; `None` until an answer carried a usable
    /// `Date`. Good to about a second, since that is what `Date` can say.
    pub fn skew_micros(&self) -> Option<i64> {
        let date = self.date?;
        Some(self.received_at.as_micros().saturating_sub(date.as_micros()))
    }
}

/// Reads an HTTP date such as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7); the obsolete forms
/// that nobody sends any more are `None`, like anything else.
pub(super) fn parse_http_date(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let date = text.ends_with("GMT").then(|| DateTime::parse_from_rfc2822(text))?.ok()?;
    Some(Timestamp::from_micros(date.timestamp_micros()))
}
