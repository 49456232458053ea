//! Why something could not be fetched from Paxos.
//!
//! One enum for every request, since all take the same way. Each text reads after "failed to" and
//! says what happened, on what, and what to do next; none holds a query, a secret or a body.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{BodyError, Problem};
use crate::model::{FailureKind, Timestamp};

/// A cause that several waiting requests may share.
type SharedCause = Arc<dyn Error + Send + Sync>;

/// What was asked: a method and a path, never the query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    method: &'static str,
    path: Box<str>,
}

impl Call {
    pub(super) fn get(path: &str) -> Self {
        Self { method: "GET", path: path.into() }
    }

    pub(super) fn post(path: &str) -> Self {
        Self { method: "POST", path: path.into() }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.path)
    }
}

/// Why no connection came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectFailure {
    /// The name is not known to DNS.
    NameNotFound,
    /// Nobody listens there.
    Refused,
    /// Nobody answered in time.
    TimedOut,
    /// Anything else; the cause says what.
    Other,
}

impl fmt::Display for ConnectFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NameNotFound => {
                "the host name could not be resolved; is it spelled right, and does DNS work?"
            }
            Self::Refused => "connection refused; is the address right and reachable from here?",
            Self::TimedOut => "nobody answered in time; is the address right and reachable from here?",
            Self::Other => "the connection failed; is the address right and reachable from here?",
        })
    }
}

/// What a refused request was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The profiles that it named.
    Profiles,
    /// What the account as a whole may see.
    Account,
    /// The token endpoint.
    Token,
}

/// Why something could not be fetched from Paxos.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FetchError {
    /// No connection came about.
    #[error("connect to {host}: {reason}")]
    Connect {
        /// `host:port`.
        host: String,
        /// Why not.
        reason: ConnectFailure,
        /// What the system says, where the reason does not say it all.
        #[source]
        source: Option<SharedCause>,
    },
    /// The other side could not prove who it is, or does not speak TLS.
    #[error(
        "make a secure connection to {host}: {detail}; is it the right host, and its certificate trusted here?"
    )]
    Tls {
        /// `host:port`.
        host: String,
        /// What the TLS library says.
        detail: String,
        /// The whole chain of causes.
        #[source]
        source: SharedCause,
    },
    /// The answer did not come in time.
    #[error("get an answer to {call} within {} ms; try again later, or raise the request timeout", after.as_millis())]
    TimedOut {
        /// What was asked.
        call: Call,
        /// How long was waited.
        after: Duration,
    },
    /// The connection broke before the whole answer was there.
    #[error("read the whole answer to {call}: the connection broke or its body is damaged; try again later")]
    Interrupted {
        /// What was asked.
        call: Call,
        /// What the HTTP library says.
        #[source]
        source: SharedCause,
    },
    /// Paxos has a problem of its own (5xx, 408).
    #[error("get an answer to {call}: Paxos answered {status}{}; try again later", because(.problem.as_deref()))]
    Server {
        /// What was asked.
        call: Call,
        /// The HTTP status.
        status: u16,
        /// What Paxos says about it.
        problem: Option<Box<Problem>>,
    },
    /// Paxos does not want to answer this (4xx).
    #[error("get an answer to {call}: Paxos refused it with {status}{}; {}", because(.problem.as_deref()), advice(*.status, *.subject))]
    Refused {
        /// What was asked.
        call: Call,
        /// The HTTP status.
        status: u16,
        /// What Paxos says about it.
        problem: Option<Box<Problem>>,
        /// What the request was about.
        subject: Subject,
    },
    /// The credentials are wrong, or tokens got by them are.
    #[error("sign in for {call}: Paxos does not accept the credentials{}; check client_id, client_secret and environment", because(.problem.as_deref()))]
    Credentials {
        /// What was asked.
        call: Call,
        /// What Paxos says about it.
        problem: Option<Box<Problem>>,
    },
    /// The credentials do not have a scope that is needed.
    #[error(
        "{purpose}: the credentials lack the scope {scope}; have it granted to this client_id in the Paxos dashboard"
    )]
    MissingScope {
        /// The scope, by its name.
        scope: &'static str,
        /// What it is needed for.
        purpose: &'static str,
    },
    /// Paxos asked for a pause, and it is a long one.
    #[error("send requests to {host}: it asked for a pause until {} (429); lower requests_per_second if this happens again", until.to_rfc3339_seconds())]
    Throttled {
        /// `host:port`.
        host: String,
        /// When requests may be sent again, by the local clock.
        until: Timestamp,
    },
    /// The answer points elsewhere, and no redirect is followed.
    #[error(
        "get an answer to {call}: it was redirected ({status}), and redirects are not followed; check the configured address"
    )]
    Redirected {
        /// What was asked.
        call: Call,
        /// The HTTP status.
        status: u16,
    },
    /// The answer is longer than any can be.
    #[error("read the answer to {call}: it is longer than {} MiB; check the configured address", limit >> 20)]
    TooLarge {
        /// What was asked.
        call: Call,
        /// The limit in bytes, after decompression.
        limit: usize,
    },
    /// The answer cannot be understood.
    #[error("understand the answer to {call}: it is {problem}; check the configured address")]
    Unintelligible {
        /// What was asked.
        call: Call,
        /// What is wrong with the body.
        problem: BodyError,
    },
    /// The question cannot be asked.
    #[error("ask Paxos: {what}")]
    InvalidQuery {
        /// What is wrong with it.
        what: String,
    },
    /// The client was shut down while the request waited.
    #[error("send {call}: tallyd is stopping")]
    Stopped {
        /// What was to be asked.
        call: Call,
    },
}

impl FetchError {
    /// Whose fault it is.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Connect { .. } | Self::TimedOut { .. } | Self::Interrupted { .. } | Self::Server { .. } => {
                FailureKind::Unreachable
            }
            Self::Tls { .. } => FailureKind::Unreachable,
            Self::Refused { status: 403 | 404, subject: Subject::Profiles, .. } => FailureKind::Profile,
            Self::Refused { status: 403, .. } | Self::Credentials { .. } | Self::MissingScope { .. } => {
                FailureKind::Credentials
            }
            Self::Throttled { .. } => FailureKind::Throttled,
            Self::Refused { .. }
            | Self::Redirected { .. }
            | Self::TooLarge { .. }
            | Self::Unintelligible { .. }
            | Self::InvalidQuery { .. } => FailureKind::Protocol,
            Self::Stopped { .. } => FailureKind::Stopped,
        }
    }

    /// What Paxos said about it, where it said something.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Server { problem, .. }
            | Self::Refused { problem, .. }
            | Self::Credentials { problem, .. } => problem.as_deref(),
            _ => None,
        }
    }

    /// Whether the same request may well succeed a moment later.
    pub(super) fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. }
                | Self::TimedOut { .. }
                | Self::Interrupted { .. }
                | Self::Server { .. }
                | Self::Unintelligible { .. }
        )
    }
}

fn because(problem: Option<&Problem>) -> String {
    problem.map(|problem| format!(" ({problem})")).unwrap_or_default()
}

fn advice(status: u16, subject: Subject) -> &'static str {
    match (status, subject) {
        (403 | 404, Subject::Profiles) => "check the profile ids, and that this client_id may see them",
        (403, _) => "check what this client_id may see, and from which addresses",
        (404, Subject::Token) => "check token_url",
        (404, _) => "check api_url",
        _ => "this version of tallyd may not fit the API",
    }
}
