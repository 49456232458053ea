//! What the transfer of a leg tells beyond its orchestration.

use crate::model::{Identifier, LegSide};

/// Whether transfers are looked up, which needs a scope of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferLookUps {
    /// They are not, and the scope is not asked for.
    Off,
    /// They are, where the scope is granted.
    On,
}

/// What Get Transfer says of a leg that holds an orchestration up, or failed. All of it is text of Paxos.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferFacts {
    /// Which leg.
    pub side: LegSide,
    /// The transfer.
    pub id: Identifier,
    /// Why it waits.
    pub secondary_status: Option<String>,
    /// The blockchain that it is on.
    pub network: Option<String>,
    /// Its transaction there.
    pub transaction_hash: Option<String>,
    /// What Paxos calls the last request about it, where it did not answer that: its support asks for it.
    pub request_id: Option<String>,
}
