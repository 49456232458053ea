//! What came beside the known fields of a row.
//!
//! Paxos adds fields without notice, and everything received must be readable again: whatever has no
//! place in the domain type is kept as the text of a JSON object, in the order in which it came.

/// The text of a JSON object that grows by members.
#[derive(Debug, Default)]
pub(super) struct Remainder(String);

impl Remainder {
    /// Adds a member; `raw` is its JSON text.
    pub(super) fn add(&mut self, key: &str, raw: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        // A `Value` shows itself as JSON, escapes included.
        self.0.push_str(&serde_json::Value::from(key).to_string());
        self.0.push(':');
        self.0.push_str(raw);
    }

    /// Adds what was left over inside the object under `key`, if anything was.
    pub(super) fn add_nested(&mut self, key: &str, nested: Self) {
        if let Some(text) = nested.into_text() {
            self.add(key, &text);
        }
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
