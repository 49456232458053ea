//! The integration tests: one binary, one harness.
#![allow(clippy::unwrap_used, reason = "a test whose stage cannot be set has failed")]

mod alerts;
mod architecture;
mod cli;
mod config;
mod daemon;
mod diff;
mod harness;
mod ledger;
mod limits;
mod logging;
mod metrics;
mod monitoring;
mod paxos;
mod report;
mod rules;
mod schedule;
mod server;
mod sim;
mod simulation;
mod strategies;
mod sync;
mod telling;
mod web;
