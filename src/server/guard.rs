//! What every request has to pass, and what every answer carries.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONNECTION, HeaderValue, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::middleware::Next;
use tokio::sync::Mutex;
use tokio::time::{Interval, MissedTickBehavior};

use super::access::{Denied, Doorkeeper, Page};
use super::problem::problem;
use super::{API, METRICS, OTHER, Observer, PATHS};

/// The longest request line and headers together, in bytes. Scrapers and browsers send a tenth of it.
const MAX_HEAD_BYTES: usize = 8 * 1024;

/// How long an answer may take. One that takes longer is a fault, and its client should not wait for it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long after one answer the next one begins. However many ask, and however often, polls have the rest of the
/// processor; a scraper waits for half a second at most, behind as many connections as there may be.
const ANSWER_EVERY: Duration = Duration::from_millis(2);

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    doorkeeper: Arc<dyn Doorkeeper>,
    observer: Arc<dyn Observer>,
    /// Whose turn it is.
    pace: Mutex<Interval>,
}

impl Shared {
    pub(super) fn new(doorkeeper: Arc<dyn Doorkeeper>, observer: Arc<dyn Observer>) -> Self {
        let mut pace = tokio::time::interval(ANSWER_EVERY);
        // Time in which nobody asked is not saved up.
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { doorkeeper, observer, pace: Mutex::new(pace) }
    }
}

pub(super) async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response<Body> {
    shared.pace.lock().await.tick().await;
    let path = counted_path(request.uri().path());
    let mut response = match refusal(&shared, path, &request) {
        Some(refusal) => refusal,
        None => match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
            Ok(response) => response,
            Err(_) => {
                problem(StatusCode::SERVICE_UNAVAILABLE, "the answer took too long; tell who runs tallyd")
            }
        },
    };
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    shared.observer.answered(path, response.status().as_u16());
    response
}

/// The path as it is counted.
fn counted_path(path: &str) -> &'static str {
    if path.starts_with("/api/") {
        return API;
    }
    PATHS.into_iter().find(|known| *known == path && path.starts_with('/')).unwrap_or(OTHER)
}

/// Why a request is turned away, if it is.
fn refusal(shared: &Shared, path: &'static str, request: &Request) -> Option<Response<Body>> {
    if head_bytes(request) > MAX_HEAD_BYTES {
        let detail = "the request's line and headers are longer than 8 KiB together";
        return Some(closing(problem(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, detail)));
    }
    if !request.body().is_end_stream() {
        return Some(closing(problem(
            StatusCode::PAYLOAD_TOO_LARGE,
            "requests have no body here: leave it out",
        )));
    }
    let page = if [API, OTHER].contains(&path) { Page::Other } else { Page::Monitoring };
    shared.doorkeeper.access().check(page, request.headers()).err().map(|denied| turned_away(page, denied))
}

fn head_bytes(request: &Request) -> usize {
    let of_headers = |headers: &HeaderMap| -> usize {
        headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum()
    };
    let uri = request.uri();
    let of_line = uri.path_and_query().map_or(0, |path| path.as_str().len());
    METRICS.len() + of_line + of_headers(request.headers())
}

fn turned_away(page: Page, denied: Denied) -> Response<Body> {
    let (detail, challenge) = match denied {
        Denied::Missing => ("send the header `Authorization: Bearer TOKEN`", "Bearer realm=\"tallyd\""),
        Denied::Wrong => {
            ("this token does not open this page", "Bearer realm=\"tallyd\", error=\"invalid_token\"")
        }
        Denied::Closed => {
            let detail = "no token opens this: `[server] token_file` names one, and the one for metrics opens \
                          /metrics, /healthz and /readyz alone";
            return problem(StatusCode::FORBIDDEN, detail);
        }
        Denied::Elsewhere => {
            let detail = "without a token only localhost or an address is answered: ask for http://127.0.0.1 with \
                          the port, or set `[server] token_file`";
            return problem(StatusCode::MISDIRECTED_REQUEST, detail);
        }
    };
    let mut response = problem(StatusCode::UNAUTHORIZED, detail);
    let headers = response.headers_mut();
    headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    if page == Page::Other {
        // A browser asks for a password then: the token, by whatever user.
        let basic = "Basic realm=\"tallyd: the token is the password\", charset=\"UTF-8\"";
        headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(basic));
    }
    response
}

/// The answer ends the connection: what follows on it is not read.
fn closing(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
