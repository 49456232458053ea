//! A replay as people read it.

use std::fmt::Write as _;

use super::found::{Found, Line};
use crate::cli::terminal::{Paint, Terminal, plain, render, table, thousands};
use crate::ledger::PastKnown;
use crate::model::{Audience, Severity, Timestamp};

/// The counts, the list, and what is left out.
pub(super) fn of(found: &Found, known: &PastKnown, left_out: &[String], terminal: Terminal) -> String {
    let mut text = format!(
        "judged the past of {} orchestrations again; nothing was changed\n",
        thousands(known.orchestrations)
    );
    if found.total() == 0 {
        text.push_str("no breaks, neither in the replay nor in the ledger\n");
    } else {
        counts(found, &mut text);
        list(found, terminal, &mut text);
    }
    for line in left_out {
        writeln!(text, "left out: {line}").unwrap_or_default();
    }
    text
}

fn counts(found: &Found, text: &mut String) {
    let mut counts = table(&["KIND", "SEVERITY", "REPLAY", "LEDGER", "SAME"]);
    for ((kind, severity), count) in found.counts() {
        counts.add_row([
            kind.to_string(),
            severity.to_string(),
            thousands(count.replay),
            thousands(count.ledger),
            thousands(count.same),
        ]);
    }
    text.push_str(&render(&counts));
    text.push('\n');
}

fn list(found: &Found, terminal: Terminal, text: &mut String) {
    if found.lines().len() == 0 {
        return;
    }
    let mut list =
        table(&["RAISED BY", "KIND", "IN THE REPLAY", "IN THE LEDGER", "AMOUNT", "ROUTE", "ABOUT"]);
    for line in found.lines() {
        let severity = line.replayed().map(|one| one.severity).or(line.raised().map(|one| one.severity));
        let paint = match (line.who(), severity) {
            ("same", _) => Paint::Faint,
            (_, Some(Severity::Critical)) => Paint::Bad,
            _ => Paint::Warning,
        };
        let row = line.row.as_ref();
        list.add_row([
            terminal.paint(line.who(), paint),
            line.kind.to_string(),
            in_replay(line),
            in_ledger(line),
            row.map(|row| plain(&row.amount())).unwrap_or_default(),
            row.map(|row| plain(&row.route)).unwrap_or_default(),
            plain(&line.about.to_string()),
        ]);
    }
    text.push_str(&render(&list));
    let shown = found.lines().len() as u64;
    let total = found.total();
    text.push_str(&if shown < total {
        format!("{} of {} breaks; --limit shows more\n", thousands(shown), thousands(total))
    } else {
        format!("{} breaks\n", thousands(total))
    });
}

fn in_replay(line: &Line) -> String {
    let Some(one) = line.replayed() else { return "-".to_owned() };
    let mut text = format!("{} {}", one.opened_as, seconds(one.opened.began_at));
    if let Some(at) = one.worse_at {
        write!(text, ", {} {}", one.severity, seconds(at)).unwrap_or_default();
    }
    if let Some(resolved) = &one.resolved {
        write!(text, ", resolved {}", seconds(resolved.at)).unwrap_or_default();
    }
    if one.audience == Audience::Nobody {
        text.push_str(", history");
    }
    text
}

fn in_ledger(line: &Line) -> String {
    let Some(one) = line.raised() else { return "-".to_owned() };
    let mut text = format!("break {}, {} {}", one.number, one.severity, seconds(one.opened_at));
    if let Some(resolved) = &one.resolved {
        write!(text, ", resolved {}", seconds(resolved.at)).unwrap_or_default();
    }
    text
}

fn seconds(at: Timestamp) -> String {
    at.to_rfc3339_seconds()
}
