//! Why a sink did not take something, and what kind of trouble that is.

use std::time::Duration;

/// Why a sink did not take a message. The texts hold no secret: no URL of one, and no header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It may pass by itself.
    #[error("{what}")]
    Passing {
        /// What happened.
        what: String,
        /// How long the answer asks to wait.
        retry_after: Option<Duration>,
    },
    /// The sink takes nothing like this: a wrong URL, key or login.
    #[error("{what}; correct the sink's settings")]
    SinkRefuses {
        /// What happened.
        what: String,
    },
    /// The sink does not take this message.
    #[error("{what}; this message is given up")]
    MessageRefused {
        /// What happened.
        what: String,
    },
}

impl SendError {
    /// Trouble that may pass by itself.
    pub(super) fn passing(what: impl Into<String>) -> Self {
        Self::Passing { what: what.into(), retry_after: None }
    }
}

/// Why there is no sink.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// Its HTTP client cannot be made.
    #[error("failed to make the HTTP client of the sink {sink:?}")]
    Http {
        /// Its name.
        sink: String,
        /// Why.
        #[source]
        cause: reqwest::Error,
    },
    /// Its mail client cannot be made.
    #[error("failed to make the mail client of the sink {sink:?}: {reason}")]
    Mail {
        /// Its name.
        sink: String,
        /// Why.
        reason: String,
    },
}
