//! What is wrong with one value, before it is known where the value stands.
//!
//! Values are checked by functions that know neither file nor key; `findings` turns what they say into
//! a fault with its place.

/// What is wrong with one value.
#[derive(Debug)]
pub(super) struct Complaint {
    pub(super) message: String,
    pub(super) help: Option<String>,
    pub(super) value: ValueDisplay,
}

/// Whether the line that is shown may show the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueDisplay {
    Shown,
    /// The value is, or may be, a secret.
    Masked,
}

impl Complaint {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, value: ValueDisplay::Shown }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds to what helps.
    pub(super) fn more_help(mut self, more: &str) -> Self {
        self.help = Some(self.help.map_or(more.to_owned(), |help| format!("{help}; {more}")));
        self
    }

    pub(super) fn masked(mut self) -> Self {
        self.value = ValueDisplay::Masked;
        self
    }
}
