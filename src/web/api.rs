//! `/api/v1`: what the ledger holds, as JSON. The documents are those of the commands' `--json`.
//!
//! `docs/api.md` tells of it, `docs/openapi.json` describes it.

mod breaks;
mod orchestrations;
mod reports;
mod status;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Response};
use axum::routing::get;

use super::query::Query;
use super::refusal::Refusal;
use super::reply::Reply;
use super::{OPENAPI, Site};

/// How many rows an answer has, where no limit is given.
const USUAL: u64 = 100;

/// The largest limit.
const MOST: u64 = 200;

/// What a handler answers.
type Answer = Result<Response<Body>, Refusal>;

pub(super) fn router() -> Router<Arc<Site>> {
    Router::new()
        .route("/api/v1/status", get(status::status))
        .route("/api/v1/breaks", get(breaks::list))
        .route("/api/v1/breaks/{number}", get(breaks::story))
        .route("/api/v1/orchestrations", get(orchestrations::list))
        .route("/api/v1/orchestrations/{id}", get(orchestrations::one))
        .route("/api/v1/orchestrations/{id}/journal", get(orchestrations::journal))
        .route("/api/v1/reports", get(reports::list))
        .route("/api/v1/openapi.json", get(description))
}

async fn description(State(_): State<Arc<Site>>, asked: Parts) -> Answer {
    Query::parse(asked.uri.query(), &[])?;
    Ok(Reply::document(HeaderValue::from_static("application/json"), OPENAPI)?.respond(&asked.headers))
}
