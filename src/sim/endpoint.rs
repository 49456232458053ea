//! The endpoints that are served, as names for logs, scripts and limits.

use std::fmt;
use std::str::FromStr;

use axum::http::Method;

/// One endpoint of the simulated service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Endpoint {
    /// `POST /oauth2/token`.
    Token,
    /// `GET /v2/orchestration/orchestrations`.
    List,
    /// `GET /v2/orchestration/orchestrations/{id}`.
    Get,
    /// `POST /v2/orchestration/orchestrations`.
    Create,
    /// `GET /v2/profiles`.
    Profiles,
    /// `GET /v2/transfer/transfers/{id}`.
    Transfer,
    /// Anything else: answered by 404 or 405.
    Other,
}

const COLLECTION: &str = "/v2/orchestration/orchestrations";
const TRANSFERS: &str = "/v2/transfer/transfers";

impl Endpoint {
    /// Every endpoint there is.
    pub const ALL: [Self; 7] =
        [Self::Token, Self::List, Self::Get, Self::Create, Self::Profiles, Self::Transfer, Self::Other];

    /// Which endpoint a request is for.
    pub(super) fn of(method: &Method, path: &str) -> Self {
        match (method.as_str(), path) {
            ("POST", "/oauth2/token") => Self::Token,
            ("GET", COLLECTION) => Self::List,
            ("POST", COLLECTION) => Self::Create,
            ("GET", "/v2/profiles") => Self::Profiles,
            ("GET", _) if item_id(path).is_some() => Self::Get,
            ("GET", _) if transfer_id(path).is_some() => Self::Transfer,
            _ => Self::Other,
        }
    }

    /// Whether a path exists at all, under another method than the one it was asked with.
    pub(super) fn path_exists(path: &str) -> bool {
        matches!(path, "/oauth2/token" | "/v2/profiles" | COLLECTION)
            || item_id(path).is_some()
            || transfer_id(path).is_some()
    }

    /// Its name: `token`, `list`, `get`, `create`, `profiles`, `transfer` or `other`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::List => "list",
            Self::Get => "get",
            Self::Create => "create",
            Self::Profiles => "profiles",
            Self::Transfer => "transfer",
            Self::Other => "other",
        }
    }
}

/// The raw `{id}` of a Get path.
pub(super) fn item_id(path: &str) -> Option<&str> {
    id_in(path, COLLECTION)
}

/// The raw `{id}` of a path of Get Transfer.
pub(super) fn transfer_id(path: &str) -> Option<&str> {
    id_in(path, TRANSFERS)
}

fn id_in<'a>(path: &'a str, collection: &str) -> Option<&'a str> {
    let id = path.strip_prefix(collection)?.strip_prefix('/')?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Endpoint {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|endpoint| endpoint.name() == text).ok_or(())
    }
}
