//! An answer before it is sent, so that a fault can still spoil it.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use futures_util::stream::{self, StreamExt};

use super::faults::Canned;

/// Status, headers and the whole body.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// How a reply goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    Whole,
    /// The announced length stays, the second half of the body does not come.
    Cut,
    /// With so many spaces before the last byte of the body.
    Padded(u64),
}

const CHUNK: usize = 64 << 10;
static SPACES: [u8; CHUNK] = [b' '; CHUNK];

impl Reply {
    pub(super) fn new(status: StatusCode, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        Self { status, headers, body: body.into() }
    }

    pub(super) fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::new(StatusCode::OK, "application/json", body)
    }

    pub(super) fn html(status: StatusCode) -> Self {
        let reason = status.canonical_reason().unwrap_or("Something");
        let body =
            format!("<html><head><title>{status}</title></head><body><h1>{reason}</h1></body></html>\n");
        Self::new(status, "text/html; charset=utf-8", body)
    }

    pub(super) fn canned(answer: Canned) -> Self {
        let pairs = answer.headers.iter().filter_map(|(name, value)| {
            Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value).ok()?))
        });
        Self {
            status: StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers: pairs.collect(),
            body: answer.body,
        }
    }

    #[must_use]
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    pub(super) fn send(self, sending: Sending) -> Response<Body> {
        let Self { status, mut headers, mut body } = self;
        let body = match sending {
            Sending::Whole => Body::from(body),
            Sending::Cut => {
                headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len().max(1)));
                body.truncate(body.len() / 2);
                Body::from_stream(cut(body))
            }
            Sending::Padded(bytes) => {
                headers
                    .insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.saturating_add(length(&body))));
                Body::from_stream(padded(body, bytes))
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

fn length(body: &[u8]) -> u64 {
    u64::try_from(body.len()).unwrap_or(u64::MAX)
}

type Piece = Result<Bytes, std::io::Error>;

/// What there is, then a broken body. The pause between lets the first part leave the house.
fn cut(body: Vec<u8>) -> impl stream::Stream<Item = Piece> + Send + 'static {
    stream::iter([Ok(Bytes::from(body))]).chain(stream::once(async {
        tokio::task::yield_now().await;
        Err(std::io::Error::other("the body was to be cut"))
    }))
}

fn padded(mut body: Vec<u8>, spaces: u64) -> impl stream::Stream<Item = Piece> + Send + 'static {
    let end = Bytes::from(body.split_off(body.len().saturating_sub(1)));
    let pad = stream::unfold(spaces, |left| async move {
        let now = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        (now > 0).then(|| (Ok(Bytes::from_static(&SPACES[..now])), left - length(&SPACES[..now])))
    });
    stream::iter([Ok(Bytes::from(body))]).chain(pad).chain(stream::iter([Ok(end)]))
}
