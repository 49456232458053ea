//! A report as Markdown (GitHub's, with tables).

use std::fmt::Write as _;

use super::tables::{RowKind, Table};
use super::{Cell, Report, shown};
use crate::model::Weight;

/// The report as Markdown.
pub fn of(report: &Report) -> String {
    let mut text = String::new();
    write(&mut text, report).unwrap_or_default();
    text
}

fn write(text: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(text, "# {}\n", escaped(&report.title()))?;
    writeln!(text, "Period: {}  ", escaped(&report.plan.period.to_string()))?;
    writeln!(text, "As of: `{}`\n", report.as_of())?;
    for sentence in report.sentences() {
        let words = escaped(&sentence.text);
        match sentence.weight {
            Weight::Loud => writeln!(text, "- **{words}**")?,
            Weight::Plain | Weight::Good => writeln!(text, "- {words}")?,
        }
    }
    for table in report.tables_for_people() {
        write_table(text, &table, report)?;
    }
    Ok(())
}

fn write_table(text: &mut String, table: &Table, report: &Report) -> std::fmt::Result {
    writeln!(text, "\n## {}\n", escaped(table.title))?;
    if table.rows.is_empty() {
        return writeln!(text, "{}", escaped(table.empty));
    }
    if !table.about.is_empty() {
        writeln!(text, "{}\n", escaped(&table.about))?;
    }
    let columns = shown::columns(table);
    for (at, (group, rows)) in shown::groups(table).into_iter().enumerate() {
        if !group.is_empty() {
            let gap = if at == 0 { "" } else { "\n" };
            writeln!(text, "{gap}### {}\n", escaped(group))?;
        }
        let heading =
            |index: &usize| table.columns.get(*index).map_or("", |column| column.heading).to_owned();
        write_line(text, columns.iter().map(heading))?;
        let is_number =
            |index: &usize| rows.iter().any(|row| row.cells.get(*index).is_some_and(Cell::is_number));
        write_line(
            text,
            columns.iter().map(|index| if is_number(index) { "---:" } else { "---" }.to_owned()),
        )?;
        for row in rows {
            let cells = columns.iter().filter_map(|index| row.cells.get(*index));
            let shown = cells.map(|cell| escaped(&shown::cell(cell, report.plan.period.zone)));
            write_line(
                text,
                shown.map(|cell| match row.kind {
                    RowKind::Plain => cell,
                    RowKind::Total | RowKind::Wrong if cell.is_empty() => cell,
                    RowKind::Total | RowKind::Wrong => format!("**{cell}**"),
                }),
            )?;
        }
    }
    Ok(())
}

fn write_line(text: &mut String, cells: impl Iterator<Item = String>) -> std::fmt::Result {
    for cell in cells {
        write!(text, "| {cell} ")?;
    }
    writeln!(text, "|")
}

/// Text that is nothing but text: whoever pays can write a reason.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in crate::model::plain(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' | '+' => {
                escaped.push('\\');
                escaped.push(character);
            }
            other => escaped.push(other),
        }
    }
    escaped
}
