//! Who may see what: bearer tokens.

use axum::http::HeaderValue;
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

impl std::fmt::Debug for Token {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Token(..)")
    }
}

/// Which tokens open what. Without any, everything is open.
#[derive(Clone, Copy, Debug, Default)]
pub struct Access {
    /// Opens everything.
    pub token: Option<Token>,
    /// Opens what monitoring asks for; everything, where there is no other token.
    pub metrics_token: Option<Token>,
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
}

impl Access {
    /// Whether a request with this header may see the page.
    pub(super) fn check(&self, page: Page, authorization: Option<&HeaderValue>) -> Result<(), Denied> {
        let Self { token, metrics_token } = *self;
        let opening = match page {
            Page::Monitoring => [token, metrics_token],
            Page::Other => [token.or(metrics_token), None],
        };
        if opening == [None, None] {
            return Ok(());
        }
        let given = authorization.and_then(bearer).ok_or(Denied::Missing)?;
        let given = Some(Token::of_bytes(given));
        if opening.contains(&given) { Ok(()) } else { Err(Denied::Wrong) }
    }
}

/// The token in `Bearer TOKEN`; the scheme is in any case.
fn bearer(header: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = header.as_bytes().split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}
