//! Many accounts at a glance: a line for each, above the accounts themselves.
//!
//! For people alone. Programs have the accounts.

use super::account::{Account, Measure};
use super::tables::{Cell, Column, ColumnReader, Row, RowKind, Table};
use super::{AccountKey, Report};

/// Up to so many accounts are taken in at a glance as they are.
pub(super) const MANY: usize = 8;

const fn people(heading: &'static str) -> Column {
    Column { name: "", heading, reader: ColumnReader::People }
}

/// The columns between the account and what of it is left over.
const COUNTS: [Column; 7] = [
    people("open at the beginning"),
    people("created"),
    people("adjusted"),
    people("completed"),
    people("failed"),
    people("rejected"),
    people("still open"),
];

impl Report {
    /// Its tables as people read them.
    pub(super) fn tables_for_people(&self) -> Vec<Table> {
        let mut tables = self.tables();
        if self.accounts.len() > MANY {
            tables.insert(0, self.summary_table());
        }
        tables
    }

    fn summary_table(&self) -> Table {
        let mut all = Account::default();
        let mut rows = Vec::new();
        for (key, account) in &self.accounts {
            rows.push(self.summary_row(key, account));
            add(&mut all, account);
        }
        let mut total = vec![Cell::Text(format!("all {} accounts", self.accounts.len()))];
        total.extend(counts(&all));
        // Amounts of several assets come to nothing.
        total.extend([Cell::Empty, Cell::Empty]);
        rows.push(Row { group: String::new(), kind: RowKind::Total, cells: total });
        let mut columns = vec![people("account")];
        columns.extend(COUNTS);
        columns.extend([people("source amount still open"), people("left over")]);
        Table {
            name: "summary",
            title: "Accounts at a glance",
            about: "How many orchestrations, by account; the accounts with their amounts follow.".to_owned(),
            columns,
            rows,
            empty: "",
        }
    }

    fn summary_row(&self, key: &AccountKey, account: &Account) -> Row {
        let mut cells = vec![Cell::Text(format!("{}: {}", self.profile_name(key), key.pair()))];
        cells.extend(counts(account));
        cells.push(Cell::Amount(account.closing.source.to_string()));
        let ties_out = account.residual().is_zero();
        cells.push(if ties_out { Cell::Empty } else { Cell::Text("SOMETHING".to_owned()) });
        let kind = if ties_out { RowKind::Plain } else { RowKind::Wrong };
        Row { group: String::new(), kind, cells }
    }
}

fn counts(account: &Account) -> [Cell; COUNTS.len()] {
    let adjusted = account.adjustments.values().map(|measure| measure.count).sum();
    [
        account.opening.count,
        account.created.count,
        adjusted,
        account.completed.count,
        account.failed.count,
        account.rejected.count,
        account.closing.count,
    ]
    .map(Cell::Count)
}

fn add(all: &mut Account, account: &Account) {
    let pairs: [(&mut Measure, &Measure); 6] = [
        (&mut all.opening, &account.opening),
        (&mut all.created, &account.created),
        (&mut all.completed, &account.completed),
        (&mut all.failed, &account.failed),
        (&mut all.rejected, &account.rejected),
        (&mut all.closing, &account.closing),
    ];
    for (sum, measure) in pairs {
        sum.add(measure, 1);
    }
    for (reason, measure) in &account.adjustments {
        all.adjustments.entry(*reason).or_default().add(measure, 1);
    }
}
