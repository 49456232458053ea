//! The integration tests: one binary, one harness.

mod config;
mod diff;
mod logging;
mod paxos;
mod sim;
mod strategies;
