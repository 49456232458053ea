//! Orchestrations: in the order of their creation, one by its id, and its journal.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Answer, MOST, Query, USUAL};
use crate::display::{history, orchestration};
use crate::ledger::{BreakState, OrchestrationPlace, Reader};
use crate::model::{Identifier, Tracked};
use crate::web::filter::{self, ORCHESTRATION_FILTERS};
use crate::web::refusal::Refusal;
use crate::web::reply::Reply;
use crate::web::{Site, cursor, found};

/// What the list takes beside its filters.
const PAGING: [&str; 2] = ["limit", "page_cursor"];

/// Orchestrations by when they were created.
pub(super) async fn list(State(site): State<Arc<Site>>, asked: Parts) -> Answer {
    let query = Query::parse(asked.uri.query(), &[&ORCHESTRATION_FILTERS[..], &PAGING].concat())?;
    let wanted = filter::Orchestrations::of(&query)?;
    let limit = query.limit(USUAL, MOST)?;
    let mark = query.mark();
    let behind = query.one("page_cursor", |text| cursor::read::<OrchestrationPlace>(text, mark))?;
    let config = site.config();
    site.answer(&asked, move |reader| {
        let filter = wanted.filter(&config, reader)?;
        let page = reader.orchestrations(&filter, behind.as_ref(), limit)?;
        Reply::json(&OrchestrationList {
            items: page.rows.iter().map(Item::of).collect(),
            next_page_cursor: page.next.map(|next| cursor::write(&next, mark)),
        })
    })
    .await
}

#[derive(Serialize)]
struct OrchestrationList {
    items: Vec<Item>,
    next_page_cursor: Option<String>,
}

#[derive(Serialize)]
struct Item {
    orchestration: Value,
    status_since: String,
}

impl Item {
    fn of(tracked: &Tracked) -> Self {
        Self {
            orchestration: orchestration::of(&tracked.orchestration),
            status_since: tracked.status_since.to_rfc3339(),
        }
    }
}

/// What the ledger has of one id, with the breaks about it.
pub(super) async fn one(
    State(site): State<Arc<Site>>,
    id: Result<Path<String>, PathRejection>,
    asked: Parts,
) -> Answer {
    Query::parse(asked.uri.query(), &[])?;
    let id = identifier(id)?;
    site.answer(&asked, move |reader| {
        let known = found::one(reader, &id)?.ok_or_else(not_one)?;
        let mut document = known.document();
        if let Value::Object(document) = &mut document {
            document.insert("breaks".to_owned(), breaks(reader, &id)?);
        }
        Reply::json(&document)
    })
    .await
}

/// What the journal tells of one id.
pub(super) async fn journal(
    State(site): State<Arc<Site>>,
    id: Result<Path<String>, PathRejection>,
    asked: Parts,
) -> Answer {
    Query::parse(asked.uri.query(), &[])?;
    let id = identifier(id)?;
    site.answer(&asked, move |reader| {
        found::one(reader, &id)?.ok_or_else(not_one)?;
        Reply::json(&history::document(&reader.history(&id)?.ok_or_else(not_one)?))
    })
    .await
}

fn identifier(id: Result<Path<String>, PathRejection>) -> Result<Identifier, Refusal> {
    id.map(|Path(id)| Identifier::new(&id)).map_err(|_| not_one())
}

fn not_one() -> Refusal {
    Refusal::NotFound(
        "no orchestration with this id is in the ledger; /api/v1/orchestrations?ref_id=... finds one by its ref_id"
            .to_owned(),
    )
}

/// The breaks about an orchestration, in short, the first one first.
fn breaks(reader: &Reader, id: &Identifier) -> Result<Value, Refusal> {
    let mut breaks = Vec::new();
    for number in reader.breaks_about(id)? {
        let Some(record) = reader.break_record(number)? else { continue };
        breaks.push(json!({
            "number": number.0,
            "kind": record.standing.kind.as_str(),
            "severity": record.standing.severity.as_str(),
            "state": BreakState::of(&record).as_str(),
        }));
    }
    Ok(breaks.into())
}
