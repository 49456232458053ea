//! tallyd, a reconciliation poller for Paxos orchestrations.
//!
//! The modules stand in the order in which data flows; nothing below imports anything above it in
//! the table that `tests/it/architecture.rs` holds.

pub mod clock;
pub mod model;
pub mod sim;
