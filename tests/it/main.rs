//! The integration tests: one binary, one harness.

mod config;
mod logging;
mod paxos;
mod sim;
