//! Answers that a client may keep: with a tag by which it asks whether they still hold.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use axum::http::{Response, StatusCode};
use serde::Serialize;

use super::refusal::Refusal;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A JSON document; 304 for a client that has it.
pub(super) fn json(asked: &HeaderMap, document: &impl Serialize) -> Result<Response<Body>, Refusal> {
    let mut text = serde_json::to_vec(document).map_err(|_| Refusal::Fault)?;
    text.push(b'\n');
    Ok(tagged(asked, JSON, text))
}

/// An answer of this media type; 304 for a client that has it.
pub(super) fn tagged(
    asked: &HeaderMap,
    media_type: HeaderValue,
    body: impl Into<Body> + AsRef<[u8]>,
) -> Response<Body> {
    let tag = format!("\"{:016x}\"", twox_hash::XxHash3_64::oneshot(body.as_ref()));
    let mut response = if is_known(asked, &tag) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        let mut response = Response::new(body.into());
        response.headers_mut().insert(CONTENT_TYPE, media_type);
        response
    };
    let headers = response.headers_mut();
    // Kept by the client alone, who asks each time whether it still holds.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    response
}

/// Whether one of the tags that the client has is this one (RFC 9110, 13.1.2: weak comparison).
fn is_known(asked: &HeaderMap, tag: &str) -> bool {
    let given = asked.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    given
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|given| given == "*" || given.strip_prefix("W/").unwrap_or(given) == tag)
}
