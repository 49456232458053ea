//! What becomes of deliveries and heartbeats, for whoever counts it.

use std::fmt;

use crate::model::SinkName;

/// What became of a message to a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attempt {
    /// The sink has taken it.
    Sent,
    /// It has not; it is tried again.
    Failed,
    /// It has not, and what it told is given up.
    Dead,
}

impl Attempt {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Sent, Self::Failed, Self::Dead];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Dead => "dead",
        }
    }
}

/// What came of calling a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Beat {
    /// It was taken.
    Called,
    /// It was not.
    Failed,
}

impl Beat {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Called, Self::Failed];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Called => "called",
            Self::Failed => "failed",
        }
    }
}

/// Is told what becomes of deliveries and heartbeats. Returns at once.
pub trait Observer: Send + Sync + fmt::Debug {
    /// A message was sent to a sink, or could not be.
    fn delivered(&self, _sink: &SinkName, _attempt: Attempt) {}

    /// A heartbeat was called.
    fn beat(&self, _beat: Beat) {}
}

/// Counts nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {}
