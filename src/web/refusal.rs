//! Why there is no answer, and how that is told.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{HeaderValue, RETRY_AFTER};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;

use crate::ledger::LedgerError;
use crate::server::problem;

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(super) enum Refusal {
    /// The request makes no sense, for this reason.
    Bad(String),
    /// There is no such thing.
    NotFound(String),
    /// The first backfill has not ended, so that finding one row would mean to read all.
    NotIndexed,
    /// Too many ask.
    Busy,
    /// The ledger cannot be read.
    Ledger(Arc<LedgerError>),
    /// A fault of tallyd.
    Fault,
}

impl From<LedgerError> for Refusal {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(Arc::new(error))
    }
}

impl Refusal {
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::Bad(_) => StatusCode::BAD_REQUEST,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::NotIndexed | Self::Busy | Self::Ledger(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Fault => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What is wrong and what to do. It tells nothing of the machine: that is in the log.
    pub(super) fn detail(&self) -> &str {
        match self {
            Self::Bad(detail) | Self::NotFound(detail) => detail,
            Self::NotIndexed => {
                "single orchestrations are found once the first backfill has ended; /api/v1/status tells how far it is"
            }
            Self::Busy => "too many ask at once; ask again later",
            Self::Ledger(_) => "the ledger cannot be read at the moment; tallyd's log says why",
            Self::Fault => "this is a fault of tallyd; its log says more, please report it",
        }
    }

    /// After how many seconds asking again makes sense.
    const fn retry_after(&self) -> Option<&'static str> {
        match self {
            Self::NotIndexed => Some("60"),
            Self::Busy => Some("5"),
            Self::Ledger(_) => Some("10"),
            Self::Bad(_) | Self::NotFound(_) | Self::Fault => None,
        }
    }

    /// Tells the log what the answer does not.
    pub(super) fn log(&self) {
        match self {
            Self::Ledger(error) => {
                tracing::warn!(error = %error, "a page or an answer of the API could not be made");
            }
            Self::Fault => {
                tracing::error!(
                    "a page or an answer of the API could not be made; this is a fault of tallyd"
                );
            }
            Self::Bad(_) | Self::NotFound(_) | Self::NotIndexed | Self::Busy => {}
        }
    }

    /// Adds the headers that go with it.
    pub(super) fn add_headers(&self, response: &mut Response<Body>) {
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(seconds));
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response<Body> {
        let mut response = problem(self.status(), self.detail());
        self.add_headers(&mut response);
        response
    }
}
