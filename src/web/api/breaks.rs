//! Breaks: those that a filter admits, and the story of one.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use serde::Serialize;
use serde_json::Value;

use super::{Answer, MOST, Query, USUAL};
use crate::display::breaks;
use crate::ledger::BreakPlace;
use crate::model::BreakNumber;
use crate::web::filter::{self, BREAK_FILTERS};
use crate::web::refusal::Refusal;
use crate::web::reply::Reply;
use crate::web::{Site, by_paxos, cursor};

/// What the list takes.
const PAGING: [&str; 2] = ["limit", "page_cursor"];

#[derive(Serialize)]
struct BreakList {
    breaks: Vec<Value>,
    next_page_cursor: Option<String>,
    open: Option<u64>,
    total: Option<u64>,
}

/// Breaks, those that need a person first in front.
pub(super) async fn list(State(site): State<Arc<Site>>, asked: Parts) -> Answer {
    let query = Query::parse(asked.uri.query(), &[&BREAK_FILTERS[..], &PAGING].concat())?;
    let wanted = filter::Breaks::of(&query)?;
    let limit = query.limit(USUAL, MOST)?;
    let mark = query.mark();
    let behind = query.one("page_cursor", |text| cursor::read::<BreakPlace>(text, mark))?;
    let (config, now) = (site.config(), site.now());
    site.answer(&asked, move |reader| {
        let filter = wanted.filter(&config, reader, by_paxos(reader, now)?)?;
        let page = reader.breaks_behind(&filter, behind, limit)?;
        Reply::json(&BreakList {
            breaks: page.records.iter().map(breaks::of).collect(),
            next_page_cursor: page.next.map(|next| cursor::write(&next, mark)),
            open: page.total.map(|total| total.open),
            total: page.total.map(|total| total.all),
        })
    })
    .await
}

/// One break with its story.
pub(super) async fn story(
    State(site): State<Arc<Site>>,
    number: Result<Path<String>, PathRejection>,
    asked: Parts,
) -> Answer {
    Query::parse(asked.uri.query(), &[])?;
    let not_one =
        || Refusal::NotFound("no break has this number; /api/v1/breaks lists what there is".to_owned());
    let number = number.ok().and_then(|Path(number)| number.parse().ok()).ok_or_else(not_one)?;
    site.answer(&asked, move |reader| {
        let story = reader.break_story(BreakNumber(number))?.ok_or_else(not_one)?;
        Reply::json(&breaks::story(&story))
    })
    .await
}
