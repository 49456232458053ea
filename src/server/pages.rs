//! What the pages say, as values.

use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

/// Says what the pages for monitoring say, from what is in memory.
pub trait Pages: Send + Sync + fmt::Debug {
    /// The metrics, as text of the media type that [`metrics_type`](Self::metrics_type) names.
    fn metrics(&self) -> Arc<str>;

    /// The media type of the metrics.
    fn metrics_type(&self) -> &'static str;

    /// Whether the process does work.
    fn health(&self) -> Verdict;

    /// Whether every profile was completely and lately polled.
    fn readiness(&self) -> Verdict;
}

/// Whether all is as it should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What is not.
    pub lacking: Vec<Lacking>,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking {
    /// What it is about: a profile, the account, a task.
    pub subject: String,
    /// What is wrong with it, without secrets.
    pub reason: String,
    /// How long ago that was seen; `None` where it never was otherwise.
    pub age: Option<Duration>,
}

impl Verdict {
    /// Whether nothing is lacking.
    pub fn is_good(&self) -> bool {
        self.lacking.is_empty()
    }

    /// `ok`, or a line for all that is lacking.
    pub(super) fn text(&self) -> String {
        if self.is_good() {
            return "ok\n".to_owned();
        }
        let mut text = String::new();
        for Lacking { subject, reason, age } in &self.lacking {
            let age = age.map_or(String::new(), |age| format!(", {} s ago", age.as_secs()));
            writeln!(text, "{subject}: {reason}{age}").unwrap_or_default();
        }
        text
    }

    /// The same as JSON.
    pub(super) fn json(&self) -> String {
        let lacking = self.lacking.iter().map(|lacking| LackingJson {
            subject: &lacking.subject,
            reason: &lacking.reason,
            age_seconds: lacking.age.map(|age| age.as_secs()),
        });
        let json = VerdictJson { ok: self.is_good(), lacking: lacking.collect() };
        // Texts and numbers can always be written.
        serde_json::to_string(&json).unwrap_or_default()
    }
}

/// A verdict, version 1.
#[derive(Serialize)]
struct VerdictJson<'a> {
    ok: bool,
    lacking: Vec<LackingJson<'a>>,
}

#[derive(Serialize)]
struct LackingJson<'a> {
    subject: &'a str,
    reason: &'a str,
    age_seconds: Option<u64>,
}
