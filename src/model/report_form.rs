//! The forms that a report can have.

use super::nearest;

/// A form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReportForm {
    /// Text, for terminals.
    Text,
    /// Markdown.
    Markdown,
    /// HTML in one file.
    Html,
    /// CSV, a file for each table.
    Csv,
    /// JSON, version 1.
    Json,
}

impl ReportForm {
    /// Every form.
    pub const ALL: [Self; 5] = [Self::Text, Self::Markdown, Self::Html, Self::Csv, Self::Json];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }

    /// The form of this word.
    ///
    /// # Errors
    ///
    /// What to write instead, for people.
    pub fn parse(word: &str) -> Result<Self, String> {
        let names = Self::ALL.map(Self::as_str);
        Self::ALL.into_iter().find(|form| form.as_str() == word).ok_or_else(|| match nearest(word, names) {
            Some(meant) => format!("there is no such form; did you mean {meant}?"),
            None => format!("there is no such form; the forms are {}", names.join(", ")),
        })
    }
}
