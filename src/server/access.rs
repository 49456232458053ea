//! Who may see what: tokens, and without one who asks from this machine.

use std::fmt;
use std::net::IpAddr;

use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// A token that opens pages. Only its hash is kept, so that comparing tells nothing of it by how long it takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Token([u8; 32]);

impl Token {
    /// The token that a secret is.
    pub fn of(secret: &SecretString) -> Self {
        Self::of_bytes(secret.expose_secret().as_bytes())
    }

    fn of_bytes(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(..)")
    }
}

/// Knows who may see what at the moment.
pub trait Doorkeeper: Send + Sync + fmt::Debug {
    /// The tokens that hold now.
    fn access(&self) -> Access;
}

/// Which tokens open what. Without any, everything is open.
#[derive(Clone, Copy, Debug, Default)]
pub struct Access {
    /// Opens everything.
    pub token: Option<Token>,
    /// Opens what monitoring asks for, and nothing else.
    pub metrics_token: Option<Token>,
}

impl Doorkeeper for Access {
    fn access(&self) -> Access {
        *self
    }
}

/// What a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// Metrics and health.
    Monitoring,
    /// Anything else.
    Other,
}

/// Why a request is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// It has no token.
    Missing,
    /// It has one that does not open the page.
    Wrong,
    /// Nothing is configured that opens the page.
    Closed,
    /// It was sent to a name that is not this machine's.
    Elsewhere,
}

impl Access {
    /// Whether a request with these headers may see the page.
    pub(super) fn check(&self, page: Page, headers: &HeaderMap) -> Result<(), Denied> {
        let Self { token, metrics_token } = *self;
        let opening = match page {
            Page::Monitoring => [token, metrics_token],
            Page::Other => [token, None],
        };
        if token.is_none() && metrics_token.is_none() {
            return if page == Page::Other { own_name(headers) } else { Ok(()) };
        }
        if opening == [None, None] {
            return Err(Denied::Closed);
        }
        let given = headers.get(AUTHORIZATION).and_then(given).ok_or(Denied::Missing)?;
        let given = Some(Token::of_bytes(&given));
        if opening.contains(&given) { Ok(()) } else { Err(Denied::Wrong) }
    }
}

/// Without a token only this machine can ask. A web page that its browser shows must not: it would have to be sent
/// here under a name of its own (DNS rebinding).
fn own_name(headers: &HeaderMap) -> Result<(), Denied> {
    let Some(host) = headers.get(HOST) else { return Ok(()) };
    let authority = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
    let is_own = authority.is_some_and(|authority| {
        let host = authority.host();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok()
    });
    if is_own { Ok(()) } else { Err(Denied::Elsewhere) }
}

/// The token in `Bearer TOKEN`, or the password of `Basic`, which browsers ask for; the scheme is in any case.
fn given(header: &HeaderValue) -> Option<Vec<u8>> {
    let after = |scheme: &str| {
        let (first, rest) = header.as_bytes().split_at_checked(scheme.len())?;
        first.eq_ignore_ascii_case(scheme.as_bytes()).then(|| rest.trim_ascii())
    };
    if let Some(token) = after("Bearer ") {
        return Some(token.to_vec());
    }
    let pair = BASE64_STANDARD.decode(after("Basic ")?).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    Some(pair.get(colon + 1..)?.to_vec())
}
