//! A Paxos profile and how much of it is known.

use super::{Identifier, Timestamp};

/// A Paxos profile that is polled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its identity.
    pub id: Identifier,
    /// The name from the configuration, else the nickname at Paxos.
    pub name: Option<String>,
}

impl Profile {
    /// The name where there is one, else the id.
    pub fn label(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.id.to_string())
    }
}

/// Which profiles are polled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileSelection {
    /// Every profile that the account lists; the list is read again at every poll.
    All,
    /// These, in this order; never empty.
    Listed(Vec<Profile>),
}

/// Which span of `created_at` of a profile was completely listed, and when that was last verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// The beginning of the span.
    pub from: Timestamp,
    /// The end of the span: the watermark.
    pub to: Timestamp,
    /// When the listing that reached `to` began, by the server's clock.
    pub verified_at: Timestamp,
}
