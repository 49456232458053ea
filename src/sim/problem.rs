//! Error answers: problem documents (RFC 9457) of the API, error objects (RFC 6749) of the token
//! endpoint.

use axum::http::{StatusCode, header};
use serde_json::{Value, json};

use super::reply::Reply;

/// What is wrong with a request, as the API says it.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    /// The last part of the problem type's URI.
    kind: &'static str,
    title: &'static str,
    pub(super) detail: String,
    meta: Option<Value>,
}

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, kind, title, detail: detail.into(), meta: None }
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid-argument", "Invalid Argument", detail)
    }

    pub(super) fn unauthenticated() -> Self {
        let detail = "The access token is missing, unknown or expired.";
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Unauthenticated", detail)
    }

    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "permission-denied", "Permission Denied", detail)
    }

    pub(super) fn foreign_profile(id: &str) -> Self {
        Self::forbidden(format!("profile {id} is not of this account"))
    }

    pub(super) fn insufficient_funds(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "insufficient-funds", "Insufficient Funds", detail)
    }

    pub(super) fn already_exists(ref_id: &str, existing: &Value) -> Self {
        let detail = format!("An orchestration with ref_id {ref_id} exists already.");
        let problem = Self::new(StatusCode::CONFLICT, "already-exists", "Already Exists", detail);
        Self { meta: Some(json!({ "existing": existing })), ..problem }
    }

    pub(super) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not Found", format!("There is no {what}."))
    }

    pub(super) fn method_not_allowed() -> Self {
        let detail = "The path is not served under this method.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method Not Allowed", detail)
    }

    pub(super) fn too_many_requests() -> Self {
        let detail = "Too many requests from this address; wait before the next one.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate-limited", "Too Many Requests", detail)
    }

    pub(super) fn server_error(status: StatusCode) -> Self {
        Self::new(status, "internal", "Internal Error", "The service could not answer.")
    }

    /// The answer that says so.
    pub(super) fn reply(&self, instance: &str, request_id: &str) -> Reply {
        let mut body = json!({
            "type": format!("https://developer.paxos.com/docs/v2/problems/{}", self.kind),
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
            "instance": instance,
            "request_id": request_id,
        });
        if let Some(meta) = &self.meta {
            body["meta"] = meta.clone();
        }
        Reply::new(self.status, "application/problem+json", body.to_string())
    }
}

/// What is wrong with a token request, in the words of RFC 6749.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenProblem {
    InvalidRequest,
    InvalidClient,
    InvalidScope,
    UnsupportedGrantType,
}

impl TokenProblem {
    /// The answer that says so.
    pub(super) fn reply(self) -> Reply {
        let (status, error, description) = match self {
            Self::InvalidRequest => {
                (StatusCode::BAD_REQUEST, "invalid_request", "A parameter is missing or given twice.")
            }
            Self::InvalidClient => {
                (StatusCode::UNAUTHORIZED, "invalid_client", "Client authentication failed.")
            }
            Self::InvalidScope => {
                (StatusCode::BAD_REQUEST, "invalid_scope", "The client does not hold a requested scope.")
            }
            Self::UnsupportedGrantType => {
                (StatusCode::BAD_REQUEST, "unsupported_grant_type", "Only client_credentials is supported.")
            }
        };
        let body = json!({ "error": error, "error_description": description }).to_string();
        Reply::new(status, "application/json", body).with(header::CACHE_CONTROL, "no-store")
    }
}
