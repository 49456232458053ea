//! The integration tests: one binary, one harness.

mod architecture;
mod config;
mod diff;
mod harness;
mod ledger;
mod logging;
mod paxos;
mod sim;
mod strategies;
mod sync;
