//! Faults of syntax: all of them, and a text without them.
//!
//! The parser gives up on the rest of a file at some faults. So the lines with faults are blanked and
//! the rest is parsed again, until nothing new turns up: the user sees every fault at once, and the
//! tables that are left can be checked too.

use std::ops::Range;

use toml::de::DeTable;

use super::findings::Findings;
use super::schema;

/// The most faults of syntax that are looked for. A file with more of them is not a configuration.
const MAX_FAULTS: usize = 100;

/// What can be said of the tables after repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// What stands in them is what the user put there.
    Tables,
    /// A header was at fault, so keys may have come into another table, or there were too many faults:
    /// nothing more can be said.
    Nothing,
}

/// Records all faults of syntax. Returns the text with their lines blanked, as long as the original.
pub(super) fn repair(text: &str, findings: &mut Findings<'_>) -> (String, Trust) {
    let mut repaired = text.to_owned();
    let mut blanked: Vec<Range<usize>> = Vec::new();
    let mut trust = Trust::Tables;
    loop {
        let (_, errors) = DeTable::parse_recoverable(&repaired);
        let fresh: Vec<_> = errors
            .iter()
            .map(|error| (error.span().unwrap_or_default(), error.message()))
            .filter(|(span, _)| blanked.len() < MAX_FAULTS && !is_within(&blanked, span.start))
            .collect();
        let mut lines = Vec::new();
        for (span, message) in fresh {
            let line = line_around(text, span.start);
            if is_within(&lines, span.start) || blanked.len() + lines.len() >= MAX_FAULTS {
                continue;
            }
            let content = text.get(line.clone()).unwrap_or_default();
            if content.trim_start().starts_with('[') {
                trust = Trust::Nothing;
            }
            if let Some(doubtful) = perhaps_secret(content) {
                findings.mask(line.start + doubtful.start..line.start + doubtful.end);
            }
            let key = leading_key(content).1;
            findings.syntax(span, Some(key).filter(|key| schema::is_any_key(last_part(key))), message);
            lines.push(line);
        }
        if blanked.len() + lines.len() >= MAX_FAULTS {
            trust = Trust::Nothing;
        }
        if lines.is_empty() {
            return (repaired, trust);
        }
        for line in &lines {
            repaired.replace_range(line.clone(), &" ".repeat(line.len()));
        }
        blanked.append(&mut lines);
    }
}

fn is_within(lines: &[Range<usize>], offset: usize) -> bool {
    lines.iter().any(|line| line.start <= offset && offset <= line.end)
}

/// The line that holds an offset, without its end.
fn line_around(text: &str, offset: usize) -> Range<usize> {
    let begin = text.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
    let end = text.get(offset..).and_then(|after| after.find('\n')).map_or(text.len(), |at| offset + at);
    begin..end
}

/// The part of a broken line that may be a secret.
///
/// A line under a key of ours may be shown, and so may the key of one that names a secret or is nearly
/// a key of ours. Anything else is hidden whole: it may be the secret itself, if somebody gave the
/// secret's file for the configuration.
fn perhaps_secret(line: &str) -> Option<Range<usize>> {
    let (indent, key) = leading_key(line);
    let rest = line.get(indent..).unwrap_or_default();
    if rest.is_empty() || rest.starts_with('#') {
        return None;
    }
    if rest.starts_with('[') {
        let (_, table) = leading_key(rest.trim_start_matches(['[', ' ']));
        return (!schema::resembles_a_table(table)).then_some(indent..line.len());
    }
    let name = last_part(key);
    if schema::is_any_key(name) && !schema::may_hold_a_secret(name) {
        return None;
    }
    let names_a_secret = ["client_secret", "secret", "password", "token", "routing_key"].contains(&name);
    let is_fit_to_show = names_a_secret || schema::resembles_a_key(name);
    let from = if is_fit_to_show { indent + key.len() } else { indent };
    Some(from..line.len())
}

/// How far a line is indented, and the bare key that it begins with; empty where there is none.
fn leading_key(line: &str) -> (usize, &str) {
    let content = line.trim_start();
    let is_part = |character: char| character.is_ascii_alphanumeric() || "_-.".contains(character);
    let end = content.find(|character| !is_part(character)).unwrap_or(content.len());
    (line.len() - content.len(), content.get(..end).unwrap_or_default())
}

/// The key itself, of one with its table as in `log.level`.
fn last_part(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or_default()
}
