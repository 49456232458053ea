//! A report as tables: what every form for people and CSV is made of.

use crate::model::{Sum, Timestamp};

use super::Report;
use super::account::{Account, AccountKey, Measure};

/// A table of a report.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name in data.
    pub name: &'static str,
    /// Its title.
    pub title: &'static str,
    /// What it says, and by what measure.
    pub about: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, of as many cells.
    pub rows: Vec<Row>,
    /// What to say where it has no row.
    pub empty: &'static str,
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name in data.
    pub name: &'static str,
    /// Its heading for people.
    pub heading: &'static str,
    /// Whom it is for.
    pub reader: ColumnReader,
}

/// Whom a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnReader {
    /// Everybody.
    Everybody,
    /// People, who read titles of groups.
    People,
    /// Programs.
    Programs,
}

/// A row.
#[derive(Clone, Debug)]
pub struct Row {
    /// The group to which it belongs, for people: rows of one group follow each other.
    pub group: String,
    /// What it is.
    pub kind: RowKind,
    /// Its cells, one for each column.
    pub cells: Vec<Cell>,
}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// One like the others.
    Plain,
    /// A sum of the ones before.
    Total,
    /// What is left over where it should be nothing.
    Wrong,
}

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// Text, which may come from outside.
    Text(String),
    /// A whole number.
    Count(i64),
    /// An exact decimal.
    Amount(String),
    /// An instant.
    Time(Timestamp),
    /// A span of microseconds.
    Span(i64),
}

impl Cell {
    /// Whether it stands to the right, as numbers do.
    pub fn is_number(&self) -> bool {
        matches!(self, Self::Count(_) | Self::Amount(_) | Self::Span(_))
    }
}

/// The spelling of optional text.
fn text(text: Option<&str>) -> Cell {
    text.map_or(Cell::Empty, |text| Cell::Text(text.to_owned()))
}

fn words(words: &str) -> Cell {
    Cell::Text(words.to_owned())
}

const fn all(name: &'static str, heading: &'static str) -> Column {
    Column { name, heading, reader: ColumnReader::Everybody }
}

const fn people(heading: &'static str) -> Column {
    Column { name: "", heading, reader: ColumnReader::People }
}

const fn programs(name: &'static str) -> Column {
    Column { name, heading: "", reader: ColumnReader::Programs }
}

fn plain(cells: Vec<Cell>) -> Row {
    Row { group: String::new(), kind: RowKind::Plain, cells }
}

fn count(number: u64) -> Cell {
    Cell::Count(i64::try_from(number).unwrap_or(i64::MAX))
}

fn amount(sum: &Sum) -> Cell {
    Cell::Amount(sum.to_string())
}

/// The cells of a measure.
fn measured(measure: &Measure) -> [Cell; 5] {
    [
        Cell::Count(measure.count),
        amount(&measure.source),
        amount(&measure.destination),
        Cell::Count(measure.without_source),
        Cell::Count(measure.without_destination),
    ]
}

/// The columns of a measure.
const MEASURE: [Column; 5] = [
    all("count", "orchestrations"),
    all("source_amount", "source amount"),
    all("destination_amount", "destination amount"),
    programs("without_source_amount"),
    programs("without_destination_amount"),
];

impl Report {
    /// Its tables.
    pub fn tables(&self) -> Vec<Table> {
        vec![
            self.accounts_table(),
            self.open_table(),
            self.oldest_table(),
            self.times_table(),
            self.failures_table(),
            self.breaks_table(),
            self.restatements_table(),
            self.coverage_table(),
        ]
    }

    fn accounts_table(&self) -> Table {
        let mut columns = vec![
            programs("profile_id"),
            programs("profile_name"),
            programs("source_asset"),
            programs("destination_asset"),
            programs("line"),
            programs("reason"),
            people(""),
        ];
        columns.extend(MEASURE);
        let rows = self.accounts.iter().flat_map(|(key, account)| self.account_rows(key, account));
        Table {
            name: "accounts",
            title: "Accounts",
            about: "What was open at the beginning, was created and was adjusted is what completed, failed, was rejected and is still open at the end. Amounts are exact; a missing one counts nothing.".to_owned(),
            columns,
            rows: rows.collect(),
            empty: "Nothing was open, created or ended in this period.",
        }
    }

    fn account_rows(&self, key: &AccountKey, account: &Account) -> Vec<Row> {
        let mut rows = Vec::new();
        let group = format!("{}: {}", self.profile_name(key), key.pair());
        let mut add = |line: &str, reason: Option<&str>, label: &str, kind: RowKind, measure: &Measure| {
            let mut cells = vec![
                Cell::Text(key.profile.to_string()),
                Cell::Text(self.profile_name(key)),
                text(key.source_asset.as_deref()),
                text(key.destination_asset.as_deref()),
                words(line),
                text(reason),
                words(label),
            ];
            cells.extend(measured(measure));
            rows.push(Row { group: group.clone(), kind, cells });
        };
        add("opening", None, "open at the beginning", RowKind::Plain, &account.opening);
        add("created", None, "+ created", RowKind::Plain, &account.created);
        for (reason, measure) in &account.adjustments {
            add(
                "adjustment",
                Some(reason.as_str()),
                &format!("± {}", reason.words()),
                RowKind::Plain,
                measure,
            );
        }
        let mut came = account.opening.clone();
        came.add(&account.created, 1);
        account.adjustments.values().for_each(|measure| came.add(measure, 1));
        add("to_account_for", None, "= to account for", RowKind::Total, &came);
        add("completed", None, "completed", RowKind::Plain, &account.completed);
        add("failed", None, "+ failed", RowKind::Plain, &account.failed);
        add("rejected", None, "+ rejected", RowKind::Plain, &account.rejected);
        add("closing", None, "+ still open at the end", RowKind::Plain, &account.closing);
        let residual = account.residual();
        let mut accounted = came;
        accounted.add(&residual, -1);
        add("accounted_for", None, "= accounted for", RowKind::Total, &accounted);
        let kind = if residual.is_zero() { RowKind::Total } else { RowKind::Wrong };
        add("residual", None, "left over", kind, &residual);
        rows
    }

    fn open_table(&self) -> Table {
        let mut columns = vec![all("age", "age"), all("asset_pair", "assets")];
        columns.extend(MEASURE);
        let rows = self.open.iter().map(|band| {
            let mut cells = vec![words(band.age.as_str()), Cell::Text(band.pair.clone())];
            cells.extend(measured(&band.measure));
            plain(cells)
        });
        Table {
            name: "open_by_age",
            title: "Still open at the end, by age",
            about: "The age is the time from the creation to the period's end.".to_owned(),
            columns,
            rows: rows.collect(),
            empty: "Nothing was open at the end.",
        }
    }

    fn oldest_table(&self) -> Table {
        let rows = self.oldest.iter().map(|row| {
            let age = self.plan.period.to.as_micros().saturating_sub(row.created_at.as_micros());
            plain(vec![
                Cell::Time(row.created_at),
                Cell::Span(age),
                Cell::Text(row.id.to_string()),
                Cell::Text(row.profile.to_string()),
                Cell::Text(self.name_of(&row.profile)),
                Cell::Text(row.route.clone()),
                row.source_amount.clone().map_or(Cell::Empty, Cell::Amount),
                Cell::Text(row.status.clone()),
            ])
        });
        Table {
            name: "oldest_open",
            title: "The oldest of them",
            about: "The status is the one known when the report is made for; one that is final was reached after the period.".to_owned(),
            columns: vec![
                all("created_at", "created"),
                all("age_micros", "age"),
                all("id", "id"),
                programs("profile_id"),
                all("profile_name", "profile"),
                all("route", "route"),
                all("source_amount", "source amount"),
                all("status", "status"),
            ],
            rows: rows.collect(),
            empty: "Nothing was open at the end.",
        }
    }

    fn times_table(&self) -> Table {
        let rows = self.times.iter().map(|times| {
            plain(vec![
                Cell::Text(times.route.clone()),
                count(times.count),
                Cell::Span(times.median),
                Cell::Span(times.p95),
                Cell::Span(times.p99),
                Cell::Span(times.worst),
                Cell::Text(times.limits.join(" or ")),
                count(times.over),
            ])
        });
        Table {
            name: "completion_times",
            title: "How long completing took, by route",
            about: "From the creation to the end. The limit is the one of PROCESSING; time that an approval took counts here too.".to_owned(),
            columns: vec![
                all("route", "route"),
                all("count", "completed"),
                all("median_micros", "median"),
                all("p95_micros", "p95"),
                all("p99_micros", "p99"),
                all("worst_micros", "worst"),
                all("limit", "limit"),
                all("over_limit", "over it"),
            ],
            rows: rows.collect(),
            empty: "Nothing completed in this period.",
        }
    }

    fn failures_table(&self) -> Table {
        let mut columns = vec![all("reason", "reason"), all("asset_pair", "assets")];
        columns.extend(MEASURE);
        let rows = self.failures.iter().map(|failures| {
            let mut cells = vec![
                Cell::Text(failures.reason.clone().unwrap_or_else(|| "(none given)".to_owned())),
                Cell::Text(failures.pair.clone()),
            ];
            cells.extend(measured(&failures.measure));
            plain(cells)
        });
        Table {
            name: "failures",
            title: "What failed, by reason",
            about: String::new(),
            columns,
            rows: rows.collect(),
            empty: "Nothing failed in this period.",
        }
    }

    fn breaks_table(&self) -> Table {
        let end = self.plan.period.to.min(self.basis.until);
        let rows = self.breaks.iter().map(|line| {
            let age = |opened: Timestamp| Cell::Span(end.as_micros().saturating_sub(opened.as_micros()));
            plain(vec![
                words(line.kind.as_str()),
                count(line.opening),
                count(line.opened),
                count(line.resolved),
                count(line.closing),
                line.oldest.map_or(Cell::Empty, age),
            ])
        });
        Table {
            name: "breaks",
            title: "Breaks",
            about: "What tallyd raised, history left out.".to_owned(),
            columns: vec![
                all("kind", "kind"),
                all("opening", "open at the beginning"),
                all("opened", "opened"),
                all("resolved", "resolved"),
                all("closing", "still open"),
                all("oldest_micros", "oldest"),
            ],
            rows: rows.collect(),
            empty: "No break was open.",
        }
    }

    fn restatements_table(&self) -> Table {
        let all_of_them: u64 = self.restatements.counts.values().sum();
        let shown = self.restatements.first.len() as u64;
        let more =
            if all_of_them > shown { format!(" The first {shown} of {all_of_them}.") } else { String::new() };
        let rows = self.restatements.first.iter().map(|found| {
            plain(vec![
                Cell::Time(found.observed_at),
                Cell::Text(found.period.clone()),
                Cell::Text(found.id.to_string()),
                words(found.what.as_str()),
                words(found.what.words()),
                Cell::Text(found.old.clone()),
                Cell::Text(found.new.clone()),
            ])
        });
        Table {
            name: "restatements",
            title: "Restated: what changed later about former periods",
            about: format!("Former reports stand as they were filed; this is what they would say now.{more}"),
            columns: vec![
                all("observed_at", "observed"),
                all("period", "about"),
                all("id", "id"),
                programs("what"),
                people("what"),
                all("old", "it said"),
                all("new", "it says"),
            ],
            rows: rows.collect(),
            empty: "Nothing changed later.",
        }
    }

    fn coverage_table(&self) -> Table {
        let rows = self.profiles().map(|read| {
            let time = |at: Option<Timestamp>| at.map_or(Cell::Empty, Cell::Time);
            plain(vec![
                Cell::Text(read.profile.id.to_string()),
                Cell::Text(read.profile.label()),
                time(read.covered_to),
                time(read.verified_at),
                time(read.swept.map(|swept| swept.began_at)),
                count(read.polls.complete),
                count(read.polls.all),
            ])
        });
        Table {
            name: "coverage",
            title: "How completely profiles were read",
            about: "By the time for which the report is made; polls from the period's beginning on."
                .to_owned(),
            columns: vec![
                programs("profile_id"),
                all("profile_name", "profile"),
                all("covered_to", "listed up to"),
                all("verified_at", "verified"),
                all("swept_at", "swept"),
                all("complete_polls", "complete polls"),
                all("polls", "of"),
            ],
            rows: rows.collect(),
            empty: "No profile had been polled by then.",
        }
    }
}
