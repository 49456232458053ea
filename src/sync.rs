//! Brings the ledger up to what Paxos shows.

pub mod diff;
