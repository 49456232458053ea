//! A scripted server, and clients that are pointed at it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response};
use tallyd::clock::{ManualClock, SharedClock, SystemClock};
use tallyd::model::Timestamp;
use tallyd::paxos::{ApiUrl, Client, ForgetStops, Limits, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Long enough for the slowest machine: it is only ever waited out by a test that fails.
const DEADLINE: Duration = Duration::from_secs(30);

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
    /// By the clock that the server was given.
    pub(super) at: Timestamp,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn is_for_token(&self) -> bool {
        self.path == "/oauth/token"
    }

    /// The values of one query parameter, in order.
    pub(super) fn values(&self, name: &str) -> Vec<String> {
        let url = reqwest::Url::parse(&format!("http://host/?{}", self.query)).unwrap();
        url.query_pairs().filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).collect()
    }
}

type Respond = dyn Fn(&Seen) -> Response<Body> + Send + Sync;

struct Shared {
    respond: Box<Respond>,
    clock: SharedClock,
    seen: Mutex<Vec<Seen>>,
}

/// A server that answers what its script says and remembers what it was asked.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    /// A server that grants tokens, and answers everything else by `respond`.
    pub(super) async fn start(respond: impl Fn(&Seen) -> Response<Body> + Send + Sync + 'static) -> Self {
        Self::start_at(Arc::new(SystemClock), respond).await
    }

    /// The same, noting by `clock` when requests come.
    pub(super) async fn start_at(
        clock: SharedClock,
        respond: impl Fn(&Seen) -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        let with_tokens =
            move |seen: &Seen| if seen.is_for_token() { token("t", 3599, None) } else { respond(seen) };
        Self::start_bare(clock, with_tokens).await
    }

    /// A server that answers everything by `respond`, tokens too.
    pub(super) async fn start_bare(
        clock: SharedClock,
        respond: impl Fn(&Seen) -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared { respond: Box::new(respond), clock, seen: Mutex::default() });
        let router = Router::new().fallback(handle).with_state(Arc::clone(&shared));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// The requests that were not for a token.
    pub(super) fn asked(&self) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| !seen.is_for_token()).collect()
    }

    pub(super) fn settings(&self) -> Settings {
        settings(&format!("http://{}", self.address))
    }

    pub(super) fn client(&self) -> Client {
        client(self.settings(), Arc::new(SystemClock))
    }
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let seen = Seen {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
        at: shared.clock.now(),
    };
    shared.seen.lock().unwrap().push(seen.clone());
    (shared.respond)(&seen)
}

/// A server that sends the same bytes to everybody and hangs up. Grants no tokens.
pub(super) async fn raw_server(answer: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    address
}

/// Settings for a server whose root is `base`, in a hurry.
pub(super) fn settings(base: &str) -> Settings {
    let api = ApiUrl::parse(&format!("{base}/v2")).unwrap();
    let token = ApiUrl::parse(&format!("{base}/oauth/token")).unwrap();
    let fast = NonZeroU32::new(10_000).unwrap();
    let limits = Limits {
        requests_per_second: fast,
        backfill_requests_per_second: fast,
        request_timeout: Duration::from_secs(30),
    };
    let mut settings = Settings::new(api, token, "client-7".to_owned(), "hush-hush".into(), limits);
    settings.retry.first_delay = Duration::from_millis(1);
    settings
}

pub(super) fn client(settings: Settings, clock: SharedClock) -> Client {
    Client::new(settings, clock, Arc::new(ForgetStops), Vec::new()).unwrap()
}

pub(super) fn manual_clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Timestamp::parse_rfc3339("2026-05-04T08:00:00Z").unwrap()))
}

pub(super) fn answer(status: u16, body: impl Into<Body>) -> Response<Body> {
    Response::builder().status(status).header("content-type", "application/json").body(body.into()).unwrap()
}

pub(super) fn answer_with(status: u16, header: (&str, &str), body: impl Into<Body>) -> Response<Body> {
    let mut response = answer(status, body);
    response
        .headers_mut()
        .insert(axum::http::HeaderName::from_bytes(header.0.as_bytes()).unwrap(), header.1.parse().unwrap());
    response
}

/// The answer of a token endpoint.
pub(super) fn token(text: &str, expires_in: u64, scope: Option<&str>) -> Response<Body> {
    let scope = scope.map(|scope| format!(r#","scope":"{scope}""#)).unwrap_or_default();
    let body =
        format!(r#"{{"access_token":"{text}","expires_in":{expires_in},"token_type":"bearer"{scope}}}"#);
    answer(200, body)
}

/// A page that says that it is empty, and the last one.
pub(super) const EMPTY: &str = r#"{"items":[]}"#;

/// A page of `items` with a row for each id.
pub(super) fn page(ids: &[&str], next: Option<&str>) -> String {
    let mut rows = String::new();
    for id in ids {
        let comma = if rows.is_empty() { "" } else { "," };
        write!(rows, "{comma}{}", row(id)).unwrap();
    }
    let next = next.map(|cursor| format!(r#","next_page_cursor":"{cursor}""#)).unwrap_or_default();
    format!(r#"{{"items":[{rows}]{next}}}"#)
}

/// The least that makes an orchestration.
pub(super) fn row(id: &str) -> String {
    format!(r#"{{"id":"{id}","status":"PROCESSING","created_at":"2026-05-04T07:00:00.000000Z"}}"#)
}

/// Waits until `condition` holds.
pub(super) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < DEADLINE, "never happened: {what}");
        tokio::task::yield_now().await;
    }
}
