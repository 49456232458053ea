//! Orchestrations: in the order of their creation, one by its id, and its journal.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::http::header::HeaderMap;
use serde_json::{Value, json};

use super::{Answer, MOST, Query, USUAL};
use crate::display::{history, orchestration};
use crate::ledger::{BreakState, OrchestrationPlace, Reader};
use crate::model::{Identifier, Tracked};
use crate::web::filter::{self, ORCHESTRATION_FILTERS};
use crate::web::refusal::Refusal;
use crate::web::{Site, cursor, found, reply};

/// What the list takes beside its filters.
const PAGING: [&str; 2] = ["limit", "page_cursor"];

/// Orchestrations by when they were created.
pub(super) async fn list(State(site): State<Arc<Site>>, uri: Uri, asked: HeaderMap) -> Answer {
    let query = Query::parse(uri.query(), &[&ORCHESTRATION_FILTERS[..], &PAGING].concat())?;
    let wanted = filter::Orchestrations::of(&query)?;
    let limit = query.limit(USUAL, MOST)?;
    let mark = query.mark();
    let behind = query.one("page_cursor", |text| cursor::read::<OrchestrationPlace>(text, mark))?;
    let config = site.config();
    let document = site.read(move |reader| {
        let filter = wanted.filter(&config, reader)?;
        let page = reader.orchestrations(&filter, behind.as_ref(), limit)?;
        Ok(json!({
            "items": page.rows.iter().map(item).collect::<Vec<_>>(),
            "next_page_cursor": page.next.map(|next| cursor::write(&next, mark)),
        }))
    });
    reply::json(&asked, &document.await?)
}

fn item(tracked: &Tracked) -> Value {
    json!({
        "orchestration": orchestration::of(&tracked.orchestration),
        "status_since": tracked.status_since.to_rfc3339(),
    })
}

/// What the ledger has of one id, with the breaks about it.
pub(super) async fn one(
    State(site): State<Arc<Site>>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
    asked: HeaderMap,
) -> Answer {
    Query::parse(uri.query(), &[])?;
    let id = identifier(id)?;
    let document = site.read(move |reader| {
        let known = found::one(reader, &id)?.ok_or_else(not_one)?;
        let mut document = known.document();
        if let Value::Object(document) = &mut document {
            document.insert("breaks".to_owned(), breaks(reader, &id)?);
        }
        Ok(document)
    });
    reply::json(&asked, &document.await?)
}

/// What the journal tells of one id.
pub(super) async fn journal(
    State(site): State<Arc<Site>>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
    asked: HeaderMap,
) -> Answer {
    Query::parse(uri.query(), &[])?;
    let id = identifier(id)?;
    let document = site.read(move |reader| {
        found::one(reader, &id)?.ok_or_else(not_one)?;
        Ok(history::document(&reader.history(&id)?.ok_or_else(not_one)?))
    });
    reply::json(&asked, &document.await?)
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
