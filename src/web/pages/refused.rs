//! Why there is no page, told as one.

use askama::Template;
use axum::body::Body;
use axum::http::Response;
use axum::http::header::HeaderMap;
use axum::response::IntoResponse;

use crate::web::refusal::Refusal;

use super::frame::{Frame, Place};
use super::rendered;

/// A refusal that is shown as a page.
#[derive(Debug)]
pub(super) struct Refused(Refusal);

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

#[derive(Template)]
#[template(path = "pages/refused.html")]
struct Page<'a> {
    frame: Frame,
    detail: &'a str,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response<Body> {
        let Self(refusal) = self;
        let title = match &refusal {
            Refusal::Bad(_) => "That makes no sense",
            Refusal::NotFound(_) => "There is no such thing",
            Refusal::NotIndexed => "Not yet",
            Refusal::Busy => "Too many ask",
            Refusal::Ledger(_) => "The ledger cannot be read",
            Refusal::Fault => "A fault of tallyd",
        };
        let detail = match &refusal {
            Refusal::NotIndexed => {
                "Single orchestrations are found once the first backfill has ended; the status page tells how far it is."
            }
            other => other.detail(),
        };
        let frame = Frame::without_data(Place::Elsewhere, title);
        match rendered(&Page { frame, detail }) {
            Ok(page) => {
                let mut response = page.respond(&HeaderMap::new());
                *response.status_mut() = refusal.status();
                refusal.add_headers(&mut response);
                response
            }
            Err(fault) => fault.into_response(),
        }
    }
}
