//! tallyd, a reconciliation poller for Paxos orchestrations.
//!
//! The modules stand in the order in which data flows. Who may use whom is held by a table in
//! `tests/it/architecture.rs`.

pub mod cli;
pub mod clock;
pub mod config;
pub mod ledger;
pub mod logging;
pub mod model;
pub mod paxos;
pub mod sim;
pub mod sync;
