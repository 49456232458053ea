//! The breaks that a filter admits, a page after the other. The filters are the flags of `tallyd breaks list`.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use axum::http::request::Parts;
use url::form_urlencoded;

use crate::display::numbers::thousands;
use crate::ledger::{BreakPage, BreakPlace, BreakState, BreakTotal};
use crate::model::BreakKind;
use crate::web::filter::{self, BREAK_FILTERS};
use crate::web::query::Query;
use crate::web::{Site, by_paxos, cursor};

use super::frame::{Frame, Place};
use super::shown::BreakRow;
use super::{Answer, rendered};

/// How many a page has.
const ROWS: u64 = 50;

/// Where a page goes on.
const CURSOR: &str = "page_cursor";

/// The filters that are typed: their keys, what they are called, and an example.
const INPUTS: [(&str, &str, &str); 8] = [
    ("profile", "Profile, by id or name", "treasury"),
    ("route", "Route, a part of its text", "USD -> USDG"),
    ("from", "From this rail", "crypto:SOLANA"),
    ("to", "To this rail", "fiat"),
    ("asset", "Asset", "USDG"),
    ("opened_after", "Opened at this time or later, or no longer ago", "36h"),
    ("opened_before", "Opened before this time, or so long ago", "2026-01-31"),
    ("in_trouble_since", "In trouble since then, or for so long", "3d"),
];

#[derive(Template)]
#[template(path = "pages/breaks.html")]
struct Page {
    frame: Frame,
    states: Vec<Choice>,
    severities: Vec<Choice>,
    histories: Vec<Choice>,
    kinds: Vec<Choice>,
    inputs: Vec<Input>,
    is_filtered: bool,
    said: String,
    nothing: &'static str,
    rows: Vec<BreakRow>,
    is_behind: bool,
    first: String,
    next: Option<String>,
}

struct Choice {
    value: &'static str,
    is_on: bool,
}

struct Input {
    id: String,
    name: &'static str,
    label: &'static str,
    example: &'static str,
    value: String,
}

pub(super) async fn page(State(site): State<Arc<Site>>, asked: Parts) -> Answer {
    let query = Query::of_form(asked.uri.query(), &[&BREAK_FILTERS[..], &[CURSOR]].concat())?;
    let wanted = filter::Breaks::of(&query)?;
    let mark = query.mark();
    let behind = query.one(CURSOR, |text| cursor::read::<BreakPlace>(text, mark))?;
    let form = Asked::of(&asked.uri);
    let (config, local) = (site.config(), site.now());
    let page = site.answer(&asked, move |reader| {
        let now = by_paxos(reader, local)?;
        let filter = wanted.filter(&config, reader, now)?;
        let BreakPage { total, records, next } = reader.breaks_behind(&filter, behind, ROWS)?;
        let is_behind = behind.is_some();
        rendered(&Page {
            frame: Frame::of(reader, &config, local, Place::Breaks, "Breaks")?,
            states: form.choices("state", &BreakState::ALL.map(BreakState::as_str)),
            severities: form.choices("severity", &["critical", "warning"]),
            histories: form.choices("history", &["with", "without", "only"]),
            kinds: form.choices("kind", &BreakKind::ALL.map(BreakKind::as_str)),
            inputs: form.inputs(),
            is_filtered: form.is_filtered(),
            said: said(total, records.len() as u64, is_behind),
            nothing: match (next, total) {
                (Some(_), _) => {
                    "None of those that were looked at is like that. More follow on the next page."
                }
                (None, _) if is_behind => "There are no more of them.",
                (None, Some(_)) if form.pairs.is_empty() => "Nothing needs a person.",
                (None, _) => "No break is like that.",
            },
            rows: records.iter().map(|record| BreakRow::of(record, now)).collect(),
            is_behind,
            first: form.address(None),
            next: next.map(|next| form.address(Some(&cursor::write(&next, mark)))),
        })
    });
    Ok(page.await?)
}

fn said(total: Option<BreakTotal>, shown: u64, is_behind: bool) -> String {
    let Some(BreakTotal { all, open }) = total else {
        // Counting them would mean to read them all.
        return match shown {
            1 => "1 break here".to_owned(),
            many => format!("{} breaks here", thousands(many)),
        };
    };
    let all_of_them = match all {
        0 => return "No breaks".to_owned(),
        1 => "1 break".to_owned(),
        many => format!("{} breaks", thousands(many)),
    };
    let which = match (is_behind, shown < all) {
        (true, _) => format!(", {} of them here", thousands(shown)),
        (false, true) => format!(", the first {} here", thousands(shown)),
        (false, false) => String::new(),
    };
    format!("{all_of_them}, {} open{which}", thousands(open))
}

/// What was asked for, to be shown in the form again.
struct Asked {
    pairs: Vec<(String, String)>,
}

impl Asked {
    fn of(uri: &Uri) -> Self {
        let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        let pairs = pairs.filter(|(key, value)| !value.is_empty() && key != CURSOR);
        Self { pairs: pairs.map(|(key, value)| (key.into_owned(), value.into_owned())).collect() }
    }

    fn values(&self, key: &str) -> impl Iterator<Item = &str> {
        self.pairs.iter().filter(move |(given, _)| given == key).map(|(_, value)| value.as_str())
    }

    /// Where no state is chosen, those are on that are meant then.
    fn choices(&self, key: &'static str, values: &[&'static str]) -> Vec<Choice> {
        let is_usual = self.values(key).next().is_none();
        let is_on = |value: &str| match key {
            "state" if is_usual => value != BreakState::Resolved.as_str(),
            "history" if is_usual => value == "with",
            _ => self.values(key).any(|given| given == value),
        };
        values.iter().map(|value| Choice { value, is_on: is_on(value) }).collect()
    }

    /// A field for each value of a key that may be given several times, and one where there is none.
    fn inputs(&self) -> Vec<Input> {
        let mut inputs = Vec::new();
        for (name, label, example) in INPUTS {
            let mut values: Vec<_> = self.values(name).map(str::to_owned).collect();
            if values.is_empty() {
                values.push(String::new());
            }
            for (place, value) in values.into_iter().enumerate() {
                let id = if place == 0 { name.to_owned() } else { format!("{name}-{place}") };
                inputs.push(Input { id, name, label, example, value });
            }
        }
        inputs
    }

    /// Whether anything is chosen that the form would hide.
    fn is_filtered(&self) -> bool {
        self.pairs.iter().any(|(key, value)| key != "state" && !(key == "history" && value == "with"))
    }

    fn address(&self, cursor: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.pairs);
        if let Some(cursor) = cursor {
            query.append_pair(CURSOR, cursor);
        }
        match query.finish().as_str() {
            "" => "/breaks".to_owned(),
            query => format!("/breaks?{query}"),
        }
    }
}
