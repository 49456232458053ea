//! OAuth 2 client credentials: the token that opens every other request.
//!
//! Owns how long a token is used, that one is fetched at a time however many requests wait for it,
//! and what its scopes allow. The `oauth2` crate owns the protocol.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::HeaderValue;
use tokio::sync::Mutex;

use super::{FetchError, Observer, TokenFetch};
use crate::clock::SharedClock;

/// A scope, and what tallyd needs it for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) name: &'static str,
    pub(super) purpose: &'static str,
}

/// Without it there is nothing to do.
pub(super) const READ_ORCHESTRATION: Scope =
    Scope { name: "orchestration:read_orchestration", purpose: "read orchestrations" };
/// The scope for listing profiles: their names, and finding them where none are configured.
pub const PROFILE_SCOPE: &str = "funding:read_profile";
pub(super) const READ_PROFILE: Scope = Scope { name: PROFILE_SCOPE, purpose: "list profiles" };

pub(super) const READ_TRANSFER: Scope =
    Scope { name: "transfer:read_transfer", purpose: "look up transfers" };

/// Before its end a token may already be refused, where clocks differ or a request takes long.
const EARLY: Duration = Duration::from_secs(60);
/// RFC 6749 lets a server leave out the lifetime. A 401 ends a shorter one.
const ASSUMED_LIFETIME: Duration = Duration::from_secs(300);

/// A token in use.
pub(super) struct Token {
    /// `Bearer ...`, marked as sensitive.
    pub(super) authorization: HeaderValue,
    scopes: Vec<String>,
    /// By the clock's monotonic reading.
    fresh_until: Duration,
}

impl Token {
    /// A token that was granted for `lifetime` at the monotonic reading `now`.
    pub(super) fn new(
        authorization: HeaderValue,
        scopes: Vec<String>,
        now: Duration,
        lifetime: Option<Duration>,
    ) -> Self {
        let lifetime = lifetime.unwrap_or(ASSUMED_LIFETIME);
        let used = lifetime.checked_sub(EARLY).filter(|left| !left.is_zero()).unwrap_or(lifetime / 2);
        Self { authorization, scopes, fresh_until: now.saturating_add(used) }
    }

    /// An error naming `scope` where it was not granted.
    pub(super) fn require(&self, scope: Scope) -> Result<(), FetchError> {
        if self.scopes.iter().any(|granted| granted == scope.name) {
            Ok(())
        } else {
            Err(FetchError::MissingScope { scope: scope.name, purpose: scope.purpose })
        }
    }
}

/// The token in use, and the turn to fetch the next one.
pub(super) struct Tokens {
    clock: SharedClock,
    observer: Arc<dyn Observer>,
    held: Mutex<Held>,
    /// How many attempts to fetch a token have ended.
    ended: AtomicU64,
}

#[derive(Default)]
struct Held {
    token: Option<Arc<Token>>,
    /// Why the last attempt failed, for those who waited for it.
    failure: Option<FetchError>,
}

impl Tokens {
    pub(super) fn new(clock: SharedClock, observer: Arc<dyn Observer>) -> Self {
        Self { clock, observer, held: Mutex::default(), ended: AtomicU64::new(0) }
    }

    /// The token in use, or a new one from `fetch`. Whoever waits while another fetches shares what
    /// comes of it, a failure too: a host that refuses one would refuse them all.
    pub(super) async fn get(
        &self,
        fetch: impl Future<Output = Result<Token, FetchError>>,
    ) -> Result<Arc<Token>, FetchError> {
        let ended_before = self.ended.load(Ordering::Acquire);
        let mut held = self.held.lock().await;
        if let Some(token) = &held.token
            && token.fresh_until > self.clock.monotonic()
        {
            return Ok(Arc::clone(token));
        }
        if self.ended.load(Ordering::Acquire) != ended_before
            && let Some(failure) = &held.failure
        {
            return Err(failure.clone());
        }
        let fetched = fetch.await;
        self.ended.fetch_add(1, Ordering::Release);
        self.observer.token_fetched(if fetched.is_ok() { TokenFetch::Granted } else { TokenFetch::Failed });
        match fetched {
            Ok(token) => {
                let token = Arc::new(token);
                *held = Held { token: Some(Arc::clone(&token)), failure: None };
                Ok(token)
            }
            Err(failure) => {
                *held = Held { token: None, failure: Some(failure.clone()) };
                Err(failure)
            }
        }
    }

    /// Drops a token that was refused, unless a newer one has taken its place.
    pub(super) async fn discard(&self, refused: Arc<Token>) {
        let mut held = self.held.lock().await;
        if held.token.as_ref().is_some_and(|token| Arc::ptr_eq(token, &refused)) {
            held.token = None;
        }
    }
}
