//! Values that no two tables of a list may share.

use std::collections::HashMap;
use std::ops::Range;

use super::complaint::Complaint;
use super::findings::{Findings, Reported};
use super::table::{Placed, Table};

/// The values of one key that were met, with the place of each.
pub(super) struct Unique {
    key: &'static str,
    /// What one table of the list is, in words.
    noun: &'static str,
    help: &'static str,
    values: HashMap<String, Range<usize>>,
}

impl Unique {
    pub(super) fn new(key: &'static str, noun: &'static str, help: &'static str) -> Self {
        Self { key, noun, help, values: HashMap::new() }
    }

    /// The value, if no table before this one has it.
    pub(super) fn first(
        &mut self,
        value: Placed<String>,
        table: &Table<'_>,
        findings: &mut Findings<'_>,
    ) -> Result<Placed<String>, Reported> {
        if let Some(span) = self.values.get(value.get_ref()) {
            let (key, noun, line) = (self.key, self.noun, findings.line(span));
            let complaint = Complaint::new(format!(
                "expected a value of `{key}` that no other {noun} has, found {:?} again: it is on line {line} already",
                value.get_ref()
            ))
            .help(self.help);
            return Err(findings.fault(value.span(), &table.label(key), complaint));
        }
        self.values.insert(value.get_ref().clone(), value.span());
        Ok(value)
    }
}
