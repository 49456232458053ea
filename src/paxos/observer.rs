//! What the client does, for whoever counts it.
//!
//! Owns what is told. It is told as it happens, from many tasks: whoever is told returns at once.

use std::fmt;
use std::time::Duration;

use super::Stop;
use crate::model::Lane;

/// What is asked of Paxos.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// The token endpoint.
    Token,
    /// List Orchestrations.
    List,
    /// Get Orchestration.
    Get,
    /// List Profiles.
    Profiles,
    /// Get Transfer.
    Transfer,
}

impl Endpoint {
    /// Every endpoint.
    pub const ALL: [Self; 5] = [Self::Token, Self::List, Self::Get, Self::Profiles, Self::Transfer];

    /// The endpoint's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::List => "list",
            Self::Get => "get",
            Self::Profiles => "profiles",
            Self::Transfer => "transfer",
        }
    }
}

/// What came of fetching a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFetch {
    /// There is one.
    Granted,
    /// There is none.
    Failed,
}

/// Is told what the client does.
pub trait Observer: Send + Sync + fmt::Debug {
    /// A request was answered with this status; `None` where no whole answer came. `took` is the time from
    /// sending to the last byte, or until it was given up.
    fn answered(&self, _endpoint: Endpoint, _status: Option<u16>, _took: Duration) {}

    /// A request is sent again, because it failed.
    fn sent_again(&self, _endpoint: Endpoint) {}

    /// A request waited so long for the limiter.
    fn waited(&self, _lane: Lane, _waited: Duration) {}

    /// A pause (429) began, or one that is in force grew longer.
    fn stop_began(&self, _stop: &Stop) {}

    /// A pause that a former process was asked for is kept to.
    fn stop_goes_on(&self, _stop: &Stop) {}

    /// A token was fetched, or could not be.
    fn token_fetched(&self, _fetch: TokenFetch) {}
}

/// Counts nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {}
