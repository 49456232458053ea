//! The integration tests: one binary, one harness.

mod cli;
mod config;
mod diff;
mod harness;
mod logging;
mod paxos;
mod sim;
mod strategies;
mod sync;
