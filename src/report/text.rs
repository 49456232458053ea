//! A report as text: for terminals, and for the bodies of messages.

use std::fmt::Write as _;

use super::Report;
use super::shown;
use super::tables::{Row, Table};
use crate::model::Weight;

/// The report as text.
pub fn of(report: &Report) -> String {
    let mut text = String::new();
    write(&mut text, report).unwrap_or_default();
    text
}

fn write(text: &mut String, report: &Report) -> std::fmt::Result {
    let title = crate::model::plain(&report.title());
    writeln!(text, "{title}\n{}\n", "=".repeat(title.chars().count()))?;
    writeln!(text, "period   {}", report.plan.period)?;
    writeln!(text, "as of    {}\n", report.as_of())?;
    for sentence in report.sentences() {
        let mark = match sentence.weight {
            Weight::Loud => "!!",
            Weight::Plain => " -",
            Weight::Good => "ok",
        };
        writeln!(text, "{mark} {}", crate::model::plain(&sentence.text))?;
    }
    for table in report.tables_for_people() {
        write_table(text, &table, report)?;
    }
    Ok(())
}

fn write_table(text: &mut String, table: &Table, report: &Report) -> std::fmt::Result {
    writeln!(text, "\n{}\n{}", table.title, "-".repeat(table.title.chars().count()))?;
    if table.rows.is_empty() {
        return writeln!(text, "{}", table.empty);
    }
    if !table.about.is_empty() {
        writeln!(text, "{}", table.about)?;
    }
    let columns = shown::columns(table);
    let headings: Vec<String> = columns
        .iter()
        .map(|index| table.columns.get(*index).map_or("", |column| column.heading).to_owned())
        .collect();
    for (group, rows) in shown::groups(table) {
        if group.is_empty() {
            writeln!(text)?;
        } else {
            writeln!(text, "\n{}", crate::model::plain(group))?;
        }
        let mut lines = vec![headings.clone()];
        lines.extend(rows.iter().map(|row| cells(row, &columns, report)));
        let is_number: Vec<bool> = columns
            .iter()
            .map(|index| rows.iter().any(|row| row.cells.get(*index).is_some_and(super::Cell::is_number)))
            .collect();
        write_lines(text, &lines, &is_number)?;
    }
    Ok(())
}

fn cells(row: &Row, columns: &[usize], report: &Report) -> Vec<String> {
    let zone = report.plan.period.zone;
    columns.iter().filter_map(|index| row.cells.get(*index)).map(|cell| shown::cell(cell, zone)).collect()
}

/// Columns side by side, numbers to the right.
fn write_lines(text: &mut String, lines: &[Vec<String>], is_number: &[bool]) -> std::fmt::Result {
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..is_number.len()).map(width).collect();
    for line in lines {
        let mut shown = String::from("  ");
        for ((cell, width), is_number) in line.iter().zip(&widths).zip(is_number) {
            let width = *width;
            if *is_number {
                write!(shown, "{cell:>width$}  ")?;
            } else {
                write!(shown, "{cell:<width$}  ")?;
            }
        }
        writeln!(text, "{}", shown.trim_end())?;
    }
    Ok(())
}
