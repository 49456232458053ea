//! Faults and warnings with their place, and how they are shown.
//!
//! The text that lines are shown from has its secrets masked beforehand (`findings`), so that neither
//! an error nor its debug form can give one away.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::complaint::Complaint;

/// The most faults that are shown. A file with more of them is not a configuration.
const MAX_SHOWN: usize = 50;

/// The longest line that is shown, in bytes.
const MAX_LINE_BYTES: usize = 4096;

/// Whether text for people carries colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Text alone.
    Plain,
    /// ANSI colours, for a terminal.
    Coloured,
}

/// A place in the configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
}

/// One mistake in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The configuration file.
    pub file: PathBuf,
    /// Where in the file; `None` where the file as a whole is at fault (unreadable, a table that is not
    /// there).
    pub position: Option<Position>,
    /// The key with its table, as in `paxos.client_id` or `profiles[0].id`; for a fault of syntax as it
    /// stands on the line, and `None` where no key of ours stands there or the file is at fault.
    pub key: Option<String>,
    /// What was expected and what was found.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    pub(super) span: Option<Range<usize>>,
}

/// Something that works and should still be looked at; it has a fault's shape.
pub type Warning = Fault;

impl Fault {
    fn title(&self) -> String {
        match &self.key {
            Some(key) => format!("`{key}`: {}", self.message),
            None => self.message.clone(),
        }
    }
}

/// On one line: place, key, message and help.
impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.file.display())?;
        if let Some(Position { line, column }) = self.position {
            write!(formatter, ":{line}:{column}")?;
        }
        write!(formatter, ": {}", self.title())?;
        match &self.help {
            Some(help) => write!(formatter, " ({})", help.replace('\n', " ")),
            None => Ok(()),
        }
    }
}

/// A configuration that cannot be used, with everything that is wrong with it.
///
/// `Display` says the first fault and how many more there are; [`ConfigError::render`] shows all.
#[derive(Debug, thiserror::Error)]
#[error("load the configuration: {}", Brief(.faults))]
pub struct ConfigError {
    faults: Vec<Fault>,
    source_text: Source,
}

impl ConfigError {
    pub(super) fn new(faults: Vec<Fault>, source_text: Source) -> Self {
        Self { faults, source_text }
    }

    /// The error of a file of which nothing was read.
    pub(super) fn of_the_file(file: &Path, complaint: Complaint) -> Self {
        let fault = Fault {
            file: file.to_owned(),
            position: None,
            key: None,
            message: complaint.message,
            help: complaint.help,
            span: None,
        };
        Self { faults: vec![fault], source_text: Source { masked: String::new() } }
    }

    /// All faults, in the order of the file; at least one.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// All faults in the style of a compiler, each with the line it is about and what to do.
    pub fn render(&self, colour: Colour) -> String {
        self.source_text.render(&Level::ERROR, &self.faults, colour)
    }
}

/// The first fault, and how many more there are.
struct Brief<'a>(&'a [Fault]);

impl fmt::Display for Brief<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => Ok(()),
            [only] => write!(formatter, "{only}"),
            [first, more @ ..] => write!(formatter, "{first}, and {} more", more.len()),
        }
    }
}

/// The text of the configuration file with its secrets masked, byte for byte as long as the original.
pub(super) struct Source {
    pub(super) masked: String,
}

/// Without the text: a debug form is for logs, and there is more in the file than what is at fault.
impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Source").field("bytes", &self.masked.len()).finish_non_exhaustive()
    }
}

impl Source {
    pub(super) fn render_warnings(&self, warnings: &[Warning], colour: Colour) -> String {
        self.render(&Level::WARNING, warnings, colour)
    }

    fn render(&self, level: &Level<'_>, faults: &[Fault], colour: Colour) -> String {
        let renderer = match colour {
            Colour::Plain => Renderer::plain(),
            Colour::Coloured => Renderer::styled(),
        };
        let mut parts: Vec<String> =
            faults.iter().take(MAX_SHOWN).map(|fault| self.render_one(&renderer, level, fault)).collect();
        if faults.len() > MAX_SHOWN {
            parts.push(format!("... and {} more", faults.len() - MAX_SHOWN));
        }
        parts.join("\n\n")
    }

    fn render_one(&self, renderer: &Renderer, level: &Level<'_>, fault: &Fault) -> String {
        let path = fault.file.display().to_string();
        let title = level.clone().primary_title(fault.title());
        let shown = fault.position.zip(fault.span.clone()).and_then(|(position, span)| {
            let (line, within) = self.line(&span)?;
            Some((position, line, within))
        });
        let mut group = if let Some((position, line, within)) = shown {
            let mark = AnnotationKind::Primary.span(within);
            title.element(Snippet::source(line).line_start(position.line).path(path).annotation(mark))
        } else {
            let mut origin = Origin::path(path);
            if let Some(Position { line, column }) = fault.position {
                origin = origin.line(line).char_column(column);
            }
            Group::with_title(title).element(origin)
        };
        if let Some(help) = &fault.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }

    /// The line in which a span begins, and the part of the span that lies in it. `None` where there is
    /// no such line, or it is too long to be shown.
    fn line(&self, span: &Range<usize>) -> Option<(&str, Range<usize>)> {
        let begin = self.masked.get(..span.start)?.rfind('\n').map_or(0, |newline| newline + 1);
        let end = self.masked.get(span.start..)?.find('\n').map_or(self.masked.len(), |at| span.start + at);
        let line = self.masked.get(begin..end)?.trim_end_matches('\r');
        let last = |offset: usize| (offset - begin).min(line.len());
        (line.len() <= MAX_LINE_BYTES).then(|| (line, last(span.start)..last(span.end.max(span.start))))
    }
}
