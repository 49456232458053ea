//! A report as HTML: one file that needs nothing else, on screens light and dark, and on paper.

use askama::Template;

use super::tables::{Row, RowKind, Table};
use super::{Cell, Report, shown};
use crate::model::{Weight, plain};

/// So many bars are drawn, the longest ones.
const MOST_BARS: usize = 12;

/// Text longer than this may be broken into lines.
const LONG: usize = 40;

/// Words up to this length stay on one line on paper too, where others are broken to fit.
const SHORT: usize = 28;

/// The page; the template escapes everything in it.
#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    title: String,
    period: String,
    as_of: String,
    sentences: Vec<Classed>,
    tables: Vec<PageTable>,
}

/// Text and how it looks.
struct Classed {
    class: &'static str,
    text: String,
}

struct PageTable {
    title: &'static str,
    about: String,
    empty: &'static str,
    bars: Vec<Bar>,
    legend: Vec<(usize, &'static str)>,
    groups: Vec<PageGroup>,
}

struct PageGroup {
    title: String,
    headings: Vec<Classed>,
    rows: Vec<PageRow>,
}

struct PageRow {
    class: &'static str,
    cells: Vec<Classed>,
}

/// A bar of a chart.
struct Bar {
    label: String,
    parts: Vec<BarPart>,
    total: i64,
}

/// A part of a bar, in thousandths of the chart's width.
struct BarPart {
    series: usize,
    x: i64,
    width: i64,
}

/// The report as HTML.
///
/// # Errors
///
/// Never: the template only writes text.
pub fn of(report: &Report) -> Result<String, askama::Error> {
    let page = Page {
        title: plain(&report.title()),
        period: report.plan.period.to_string(),
        as_of: report.as_of(),
        sentences: report
            .sentences()
            .into_iter()
            .map(|sentence| Classed { class: class_of(sentence.weight), text: plain(&sentence.text) })
            .collect(),
        tables: report.tables_for_people().into_iter().map(|table| page_table(table, report)).collect(),
    };
    let mut text = page.render()?;
    text.push('\n');
    Ok(text)
}

fn class_of(weight: Weight) -> &'static str {
    match weight {
        Weight::Good => "good",
        Weight::Plain => "plain",
        Weight::Loud => "loud",
    }
}

fn page_table(table: Table, report: &Report) -> PageTable {
    let columns = shown::columns(&table);
    let (bars, legend) = match table.name {
        "accounts" => {
            (account_bars(report), vec![(0, "completed"), (1, "failed"), (2, "rejected"), (3, "still open")])
        }
        "open_by_age" => (age_bars(report), Vec::new()),
        _ => (Vec::new(), Vec::new()),
    };
    let groups = shown::groups(&table)
        .into_iter()
        .map(|(title, rows)| PageGroup {
            title: plain(title),
            headings: columns
                .iter()
                .map(|index| Classed {
                    class: if is_number(rows, *index) { "number" } else { "" },
                    text: table.columns.get(*index).map_or("", |column| column.heading).to_owned(),
                })
                .collect(),
            rows: rows.iter().map(|row| page_row(row, &columns, report)).collect(),
        })
        .collect();
    PageTable { title: table.title, about: table.about, empty: table.empty, bars, legend, groups }
}

fn is_number(rows: &[Row], index: usize) -> bool {
    rows.iter().any(|row| row.cells.get(index).is_some_and(Cell::is_number))
}

fn page_row(row: &Row, columns: &[usize], report: &Report) -> PageRow {
    let class = match row.kind {
        RowKind::Plain => "",
        RowKind::Total => "total",
        RowKind::Wrong => "wrong",
    };
    let cells = columns.iter().filter_map(|index| row.cells.get(*index)).map(|cell| {
        let text = shown::cell(cell, report.plan.period.zone);
        let class = match cell {
            cell if cell.is_number() => "number",
            _ if text.chars().count() > LONG => "long",
            _ if text.contains(' ') && text.chars().count() <= SHORT => "short",
            _ => "",
        };
        Classed { class, text }
    });
    PageRow { class, cells: cells.collect() }
}

/// How those that were to account for went, by account.
fn account_bars(report: &Report) -> Vec<Bar> {
    let bars = report.accounts.iter().map(|(key, account)| {
        let counts =
            [&account.completed, &account.failed, &account.rejected, &account.closing].map(|sum| sum.count);
        (format!("{}: {}", report.profile_name(key), key.pair()), counts.to_vec())
    });
    scaled(bars.collect())
}

/// How many are open, by age.
fn age_bars(report: &Report) -> Vec<Bar> {
    let mut ages: Vec<(String, Vec<i64>)> = Vec::new();
    for band in &report.open {
        match ages.last_mut() {
            Some((age, counts)) if age == band.age.as_str() => {
                for count in counts {
                    *count += band.measure.count;
                }
            }
            _ => ages.push((band.age.as_str().to_owned(), vec![band.measure.count])),
        }
    }
    scaled(ages)
}

/// Bars by the longest of them, without the shortest of many. What is there at all is seen.
fn scaled(mut bars: Vec<(String, Vec<i64>)>) -> Vec<Bar> {
    let total = |counts: &[i64]| counts.iter().sum::<i64>();
    if bars.len() > MOST_BARS {
        bars.sort_by_key(|(_, counts)| std::cmp::Reverse(total(counts)));
        bars.truncate(MOST_BARS);
    }
    let longest = bars.iter().map(|(_, counts)| total(counts)).max().unwrap_or(0).max(1);
    let bar = |(label, counts): (String, Vec<i64>)| {
        let mut x = 0;
        let mut parts = Vec::new();
        for (series, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let width = (count.saturating_mul(1000) / longest).max(3);
            parts.push(BarPart { series, x, width });
            x += width;
        }
        Bar { label: plain(&label), parts, total: total(&counts) }
    };
    bars.into_iter().map(bar).collect()
}
