//! What is found while the file is walked: faults, warnings, and what must not be shown.
//!
//! It turns byte ranges into lines and columns, and masks secrets in the text that faults are shown
//! from.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::Secrets;
use super::complaint::{Complaint, ValueDisplay};
use super::fault::{Fault, Position, Source, Warning};

/// The most faults that are kept. A file with more of them is not a configuration, and placing each costs
/// a look through the file.
const MAX_FAULTS: usize = 500;

/// Proof that a fault was recorded: the value is not there, and the user is told why.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reported(());

/// The faults and warnings of one file.
#[derive(Debug)]
pub(super) struct Findings<'t> {
    /// Whether what can be found about secrets is looked for.
    pub(super) secrets: Secrets,
    file: PathBuf,
    text: &'t str,
    syntax: Vec<Fault>,
    faults: Vec<Fault>,
    missing: Vec<Fault>,
    warnings: Vec<Warning>,
    masks: Vec<Range<usize>>,
}

impl<'t> Findings<'t> {
    pub(super) fn new(file: &Path, text: &'t str, secrets: Secrets) -> Self {
        Self {
            secrets,
            file: file.to_owned(),
            text,
            syntax: Vec::new(),
            faults: Vec::new(),
            missing: Vec::new(),
            warnings: Vec::new(),
            masks: Vec::new(),
        }
    }

    /// Records a fault of syntax, with the key whose line it is on where that is one of ours.
    pub(super) fn syntax(&mut self, span: Range<usize>, key: Option<&str>, message: &str) {
        let fault = self.place(Some(span), key, Complaint::new(message));
        self.syntax.push(fault);
    }

    /// Records a fault of a key or its value.
    pub(super) fn fault(&mut self, span: Range<usize>, key: &str, complaint: Complaint) -> Reported {
        if complaint.value == ValueDisplay::Masked {
            self.mask(span.clone());
        }
        if self.faults.len() < MAX_FAULTS {
            let fault = self.place(Some(span), Some(key), complaint);
            self.faults.push(fault);
        }
        Reported(())
    }

    /// Records that a key is not there. `span` is its table, `None` where that is not there either.
    ///
    /// Not told when there are faults of syntax: the key may be what they hide.
    pub(super) fn missing(
        &mut self,
        span: Option<Range<usize>>,
        key: &str,
        complaint: Complaint,
    ) -> Reported {
        let fault = self.place(span, Some(key), complaint);
        self.missing.push(fault);
        Reported(())
    }

    /// Records what works and should still be looked at.
    pub(super) fn warn(&mut self, span: Range<usize>, key: &str, complaint: Complaint) {
        let warning = self.place(Some(span), Some(key), complaint);
        self.warnings.push(warning);
    }

    /// Hides a part of the text in whatever is shown.
    pub(super) fn mask(&mut self, span: Range<usize>) {
        self.masks.push(span);
    }

    /// The line in which a range begins, counted from 1.
    pub(super) fn line(&self, span: &Range<usize>) -> usize {
        position(self.text, span.start).map_or(1, |position| position.line)
    }

    /// Everything found, in the order of the file, and the text to show it with.
    pub(super) fn finish(self) -> (Vec<Fault>, Vec<Warning>, Source) {
        let mut faults = self.faults;
        if self.syntax.is_empty() {
            faults.extend(self.missing);
        } else {
            faults.extend(self.syntax);
        }
        let mut warnings = self.warnings;
        for list in [&mut faults, &mut warnings] {
            // What belongs to no place comes last.
            list.sort_by_key(|fault| fault.span.as_ref().map_or(usize::MAX, |span| span.start));
        }
        (faults, warnings, Source { masked: masked(self.text, self.masks) })
    }

    fn place(&self, span: Option<Range<usize>>, key: Option<&str>, complaint: Complaint) -> Fault {
        Fault {
            file: self.file.clone(),
            position: span.as_ref().and_then(|span| position(self.text, span.start)),
            key: key.map(str::to_owned),
            message: complaint.message,
            help: complaint.help,
            span,
        }
    }
}

fn position(text: &str, offset: usize) -> Option<Position> {
    let before = text.get(..offset)?;
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Some(Position {
        line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
        column: before.get(line_start..)?.chars().count() + 1,
    })
}

/// The text with every masked character replaced by as many stars as it has bytes, so that places in it
/// stay what they are.
fn masked(text: &str, mut masks: Vec<Range<usize>>) -> String {
    masks.sort_by_key(|mask| mask.start);
    let mut masks = masks.into_iter().peekable();
    let mut hidden_until = 0;
    let mut shown = String::with_capacity(text.len());
    for (offset, character) in text.char_indices() {
        while let Some(mask) = masks.next_if(|mask| mask.start <= offset) {
            hidden_until = hidden_until.max(mask.end);
        }
        if offset < hidden_until && character != '\n' {
            shown.extend(std::iter::repeat_n('*', character.len_utf8()));
        } else {
            shown.push(character);
        }
    }
    shown
}
