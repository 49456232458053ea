//! Problem documents: what the API says about a request that it refused (RFC 9457).
//!
//! Also reads the error answers of a token endpoint (RFC 6749, 5.2), which say the same in other
//! words. Support asks for the `request_id`, so it is kept wherever it comes.

use std::fmt;

use super::json::Json;

/// Enough to understand a problem; more would flood a log line.
const MAX_CHARS: usize = 300;

/// What the API says about a request that it refused. Each text is cut to a length fit for a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// What kind of problem it is; of a token endpoint its `error`.
    pub title: Option<String>,
    /// What happened this time; of a token endpoint its `error_description`.
    pub detail: Option<String>,
    /// What Paxos support asks for.
    pub request_id: Option<String>,
}

impl Problem {
    /// Reads the body of a refusal; `None` where it says nothing of this kind.
    pub(super) fn parse(body: &[u8]) -> Option<Box<Self>> {
        let text = std::str::from_utf8(body).ok()?;
        let members = Json::parse(text).ok()?.members(0);
        let find = |names: &[&str]| {
            names.iter().find_map(|name| {
                let member = members.iter().find(|member| member.key == *name)?;
                Some(plain(&member.value.text().ok()??))
            })
        };
        let problem = Self {
            title: find(&["title", "error", "message"]),
            detail: find(&["detail", "error_description"]),
            request_id: find(&["request_id"]),
        };
        (problem != Self::default()).then(|| Box::new(problem))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.title, &self.detail) {
            (Some(title), Some(detail)) => write!(formatter, "{title}: {detail}")?,
            (Some(only), None) | (None, Some(only)) => formatter.write_str(only)?,
            (None, None) => formatter.write_str("no reason given")?,
        }
        match &self.request_id {
            Some(id) => write!(formatter, " (request_id {id})"),
            None => Ok(()),
        }
    }
}

/// A text from outside, safe to show on one line.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).take(MAX_CHARS).collect()
}
