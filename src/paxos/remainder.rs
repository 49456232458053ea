//! What came beside the known fields of a row.
//!
//! Paxos adds fields without notice, and everything received must be readable again: whatever has no
//! place in the domain type is kept as the text of a JSON object, in the order in which it came.

use super::json::Member;

/// The text of a JSON object that grows by members.
#[derive(Debug, Default)]
pub(super) struct Remainder(String);

impl Remainder {
    /// Adds a member as it came.
    pub(super) fn add(&mut self, member: &Member<'_>) {
        self.push(member.raw_key, member.value.as_str());
    }

    /// Adds what was left over inside the object that `member` holds, if anything was.
    pub(super) fn add_nested(&mut self, member: &Member<'_>, nested: Self) {
        if let Some(text) = nested.into_text() {
            self.push(member.raw_key, &text);
        }
    }

    fn push(&mut self, key: &str, value: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push_str(key);
        self.0.push(':');
        self.0.push_str(value);
    }

    /// The whole object; `None` where nothing was added.
    pub(super) fn into_text(mut self) -> Option<Box<str>> {
        if self.0.is_empty() {
            return None;
        }
        self.0.push('}');
        Some(self.0.into())
    }
}
