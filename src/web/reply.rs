//! Answers as they are made: once, for everyone who asked for the same, with a tag by which a client asks whether what
//! it has still holds.

use axum::body::{Body, Bytes};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, LOCATION,
};
use axum::http::{Response, StatusCode};
use serde::Serialize;

use super::refusal::Refusal;

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An answer, cheap to copy.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// A document.
    Document {
        /// Its media type.
        media_type: HeaderValue,
        /// What it holds.
        body: Bytes,
        /// What tells it from any other at the same address (RFC 9110, 8.8.3).
        tag: HeaderValue,
    },
    /// A page, which no browser keeps: it tells of a moment.
    Page(Bytes),
    /// What is asked for has this address.
    SeeOther(HeaderValue),
}

impl Reply {
    /// A document of this media type.
    pub(super) fn document(media_type: HeaderValue, body: impl Into<Bytes>) -> Result<Self, Refusal> {
        let body = body.into();
        let tag = format!("\"{:016x}\"", twox_hash::XxHash3_64::oneshot(&body));
        let tag = HeaderValue::from_str(&tag).map_err(|_| Refusal::Fault)?;
        Ok(Self::Document { media_type, body, tag })
    }

    /// A JSON document.
    pub(super) fn json(document: &impl Serialize) -> Result<Self, Refusal> {
        let mut text = serde_json::to_vec(document).map_err(|_| Refusal::Fault)?;
        text.push(b'\n');
        Self::document(JSON, text)
    }

    /// What is asked for is at this address.
    pub(super) fn see_other(href: &str) -> Result<Self, Refusal> {
        HeaderValue::from_str(href).map(Self::SeeOther).map_err(|_| Refusal::Fault)
    }

    /// The response to a request with these headers: 304 where the client has the document.
    pub(super) fn respond(self, asked: &HeaderMap) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        match self {
            Self::Document { media_type, body, tag } => {
                if is_known(asked, &tag) {
                    *response.status_mut() = StatusCode::NOT_MODIFIED;
                } else {
                    *response.body_mut() = body.into();
                    response.headers_mut().insert(CONTENT_TYPE, media_type);
                }
                let headers = response.headers_mut();
                headers.insert(ETAG, tag);
                // Kept by the client alone, who asks each time whether it still holds.
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
            }
            Self::Page(page) => {
                *response.body_mut() = page.into();
                response.headers_mut().insert(CONTENT_TYPE, HTML);
            }
            Self::SeeOther(address) => {
                *response.status_mut() = StatusCode::SEE_OTHER;
                response.headers_mut().insert(LOCATION, address);
            }
        }
        response
    }
}

/// Whether one of the tags that the client has is this one (RFC 9110, 13.1.2: weak comparison).
fn is_known(asked: &HeaderMap, tag: &HeaderValue) -> bool {
    let given = asked.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    given
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|given| given == "*" || given.strip_prefix("W/").unwrap_or(given) == tag)
}
