//! A report as CSV (RFC 4180): one file for each table.

use csv::{Terminator, WriterBuilder};

use super::tables::{Cell, ColumnReader, Table};
use crate::model::plain;

/// A table as CSV, with a line of headings. `None` only for a cell that is no text.
pub fn of(table: &Table) -> Option<String> {
    let columns: Vec<usize> = table
        .columns
        .iter()
        .enumerate()
        .filter(|(_, column)| column.reader != ColumnReader::People)
        .map(|(index, _)| index)
        .collect();
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    let names = columns.iter().filter_map(|index| table.columns.get(*index)).map(|column| column.name);
    writer.write_record(names).ok()?;
    for row in &table.rows {
        let cells = columns.iter().filter_map(|index| row.cells.get(*index));
        writer.write_record(cells.map(written)).ok()?;
    }
    String::from_utf8(writer.into_inner().ok()?).ok()
}

/// A cell as data: numbers as numbers, times in UTC. Text that a spreadsheet would take for a formula gets an
/// apostrophe in front; nothing that comes from outside is ever taken for a number.
fn written(cell: &Cell) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) => {
            let quote = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
            format!("{quote}{}", plain(text))
        }
        Cell::Count(number) | Cell::Span(number) => number.to_string(),
        Cell::Amount(amount) => amount.clone(),
        Cell::Time(at) => at.to_rfc3339(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_text_and_numbers_are_numbers() {
        let text = |text: &str| written(&Cell::Text(text.to_owned()));
        assert_eq!(text("=HYPERLINK(\"x\")"), "'=HYPERLINK(\"x\")");
        assert_eq!([text("+1"), text("-1"), text("@a"), text("a=b")], ["'+1", "'-1", "'@a", "a=b"]);
        assert_eq!([text("\tx"), text("\rx")], ["'\\tx", "'\\rx"]);
        assert_eq!(written(&Cell::Amount("-12.50".to_owned())), "-12.50");
        assert_eq!(written(&Cell::Count(-3)), "-3");
    }
}
