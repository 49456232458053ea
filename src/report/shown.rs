//! Cells as people read them: what the forms for people share.

use std::time::Duration;

use crate::model::{Timestamp, grouped, plain, span};
use crate::schedule::Zone;

use super::tables::{Cell, ColumnReader, Row, Table};

/// A cell as text. Text from outside is made harmless.
pub(super) fn cell(cell: &Cell, zone: Zone) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) => plain(text),
        Cell::Count(count) => grouped(&count.to_string()),
        Cell::Amount(amount) => grouped(amount),
        Cell::Time(at) => zone.show(seconds(*at)),
        Cell::Span(micros) => of_span(*micros),
    }
}

/// Below a second spans are told in milliseconds.
fn of_span(micros: i64) -> String {
    let duration = Duration::from_micros(micros.unsigned_abs());
    if duration < Duration::from_secs(1) && !duration.is_zero() {
        return format!("{}ms", duration.as_millis().max(1));
    }
    span(duration)
}

fn seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_micros(at.as_micros() - at.as_micros().rem_euclid(1_000_000))
}

/// The columns that people read: those of data and those in which nothing ever stands are left out.
pub(super) fn columns(table: &Table) -> Vec<usize> {
    let says_something = |index: usize| {
        table.rows.iter().any(|row| {
            row.cells.get(index).is_some_and(|cell| match cell {
                Cell::Empty => false,
                Cell::Amount(amount) => amount != "0.00",
                _ => true,
            })
        })
    };
    let columns = table.columns.iter().enumerate();
    columns
        .filter(|(index, column)| column.reader != ColumnReader::Programs && says_something(*index))
        .map(|(index, _)| index)
        .collect()
}

/// The rows by group.
pub(super) fn groups(table: &Table) -> Vec<(&str, &[Row])> {
    table
        .rows
        .chunk_by(|one, two| one.group == two.group)
        .map(|rows| (rows.first().map_or("", |row| row.group.as_str()), rows))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_spans_are_shown_as_people_write_them() {
        assert_eq!(grouped("-1234567.0012345"), "-1,234,567.0012345");
        assert_eq!([grouped("0"), grouped("999"), grouped("-1000")], ["0", "999", "-1,000"]);
        assert_eq!([0, 400, 1_500, 999_999, 61_000_000].map(of_span), ["0s", "1ms", "1ms", "999ms", "1m 1s"]);
    }
}
