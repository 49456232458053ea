//! Which page is where.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use axum::http::{Response, StatusCode};
use axum::middleware;
use axum::routing::get;

use super::guard::{Shared, guard};
use super::pages::{Pages, Verdict};
use super::problem::problem;
use super::{HEALTH, METRICS, READINESS};

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// `/metrics`, `/healthz` and `/readyz`.
pub fn monitoring(pages: Arc<dyn Pages>) -> Router {
    Router::new()
        .route(METRICS, get(metrics))
        .route(HEALTH, get(health))
        .route(READINESS, get(readiness))
        .with_state(pages)
}

/// What is served, behind the guard.
pub(super) fn guarded(router: Router, shared: Arc<Shared>) -> Router {
    router
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(shared, guard))
}

async fn metrics(State(pages): State<Arc<dyn Pages>>) -> Response<Body> {
    answer(StatusCode::OK, HeaderValue::from_static(pages.metrics_type()), pages.metrics().to_string())
}

async fn health(State(pages): State<Arc<dyn Pages>>, request: Request) -> Response<Body> {
    verdict(&pages.health(), &request)
}

async fn readiness(State(pages): State<Arc<dyn Pages>>, request: Request) -> Response<Body> {
    verdict(&pages.readiness(), &request)
}

fn verdict(verdict: &Verdict, request: &Request) -> Response<Body> {
    let status = if verdict.is_good() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    if wants_json(request) {
        answer(status, JSON, verdict.json())
    } else {
        answer(status, TEXT, verdict.text())
    }
}

fn wants_json(request: &Request) -> bool {
    let by_query =
        request.uri().query().is_some_and(|query| query.split('&').any(|part| part == "format=json"));
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
    by_query || accept.is_some_and(|accept| accept.trim_start().starts_with("application/json"))
}

async fn not_found() -> Response<Body> {
    problem(
        StatusCode::NOT_FOUND,
        "there is nothing here; see /api/v1/openapi.json, /metrics, /healthz and /readyz",
    )
}

async fn method_not_allowed() -> Response<Body> {
    problem(StatusCode::METHOD_NOT_ALLOWED, "this can only be read: use GET or HEAD")
}

fn answer(status: StatusCode, media_type: HeaderValue, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}
