//! The pages: what people look at. They need no script and nothing from anywhere else, and change nothing.
//!
//! Each is made of values by a template, which escapes everything in it; what came from outside is made harmless first
//! (`shown`). Owns how pages look and which headers guard them; what things are called is `display`'s.

mod breaks;
mod frame;
mod open;
mod orchestration;
mod refused;
mod reports;
mod search;
mod shown;
mod status;
mod story;
mod times;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use axum::http::header::{
    CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_FRAME_OPTIONS,
};
use axum::http::request::Parts;
use axum::middleware::map_response;
use axum::routing::get;

use super::Site;
use super::query::Query;
use super::refusal::Refusal;
use super::reply::Reply;

/// How all pages look.
const STYLE: &str = include_str!("../../templates/pages/style.css");

/// What a browser may do with an answer, where that says nothing else: load the style from here, draw the icon in the
/// page, and ask for pages here. No script ever runs, whatever a page may hold.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'",
);

/// What else guards them: addresses, which have ids in them, are told to nobody, and no other site has a hold on them.
const GUARDS: [(HeaderName, HeaderValue); 4] = [
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// What a handler answers.
type Answer = Result<Response<Body>, refused::Refused>;

pub(super) fn router() -> Router<Arc<Site>> {
    Router::new()
        .route("/", get(status::page))
        .route("/breaks", get(breaks::page))
        .route("/breaks/{number}", get(story::page))
        .route("/orchestrations/{id}", get(orchestration::page))
        .route("/search", get(search::page))
        .route("/reports", get(reports::page))
        .route("/reports/{report}/{file}", get(reports::file))
        .route("/style.css", get(style))
        .layer(map_response(guarded))
}

async fn style(State(_): State<Arc<Site>>, asked: Parts) -> Answer {
    Query::parse(asked.uri.query(), &[])?;
    Ok(Reply::document(HeaderValue::from_static("text/css; charset=utf-8"), STYLE)?.respond(&asked.headers))
}

async fn guarded(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(POLICY);
    for (name, value) in GUARDS {
        headers.insert(name, value);
    }
    response
}

/// A page as it is sent.
fn rendered(page: &impl Template) -> Result<Reply, Refusal> {
    // Templates only write text.
    page.render().map(|page| Reply::Page(page.into())).map_err(|_| Refusal::Fault)
}
