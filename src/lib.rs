//! tallyd, a reconciliation poller for Paxos orchestrations.
//!
//! The modules stand in the order in which data flows: what everybody speaks, what was asked for, then
//! from Paxos through `sync` into the ledger, and last what the user sees. Nothing uses what stands
//! below it, but for `sync`, which joins `paxos` and `ledger`; who may use whom is held by a table in
//! `tests/it/architecture.rs`.

pub mod model;

pub mod clock;
pub mod schedule;

pub mod breaks;

pub mod config;
pub mod logging;

pub mod paxos;

pub mod sync;

pub mod ledger;

pub mod report;

pub mod display;

pub mod alerts;

pub mod server;

pub mod web;

pub mod metrics;

pub mod sim;

pub mod daemon;

pub mod cli;
