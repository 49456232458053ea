//! The listener: `/metrics`, `/healthz` and `/readyz` over HTTP, bounded in everything that a client decides.
//!
//! Owns connections, limits, tokens and what errors look like. What the pages for monitoring say is handed in
//! ([`Pages`]): none of them waits for the ledger or for Paxos. Other pages are a router that is handed in.

mod access;
mod connection;
mod guard;
mod listener;
mod pages;
mod problem;
mod routes;
mod stall;

use std::fmt;

pub use access::{Access, Doorkeeper, Token};
pub use listener::{ListenError, Listener};
pub use pages::{Lacking, Pages, Verdict};
pub use problem::problem;
pub use routes::monitoring;

/// Every path that is counted by itself; any other counts as the last.
pub const PATHS: [&str; 5] = [METRICS, HEALTH, READINESS, API, OTHER];

const METRICS: &str = "/metrics";
const HEALTH: &str = "/healthz";
const READINESS: &str = "/readyz";
/// Everything below it.
const API: &str = "/api";
const OTHER: &str = "other";

/// Is told what the listener does. Returns at once.
pub trait Observer: Send + Sync + fmt::Debug {
    /// A request for one of [`PATHS`] was answered with this status.
    fn answered(&self, _path: &'static str, _status: u16) {}

    /// So many connections are open now.
    fn connections(&self, _open: usize) {}
}

/// An observer that heeds nothing.
#[derive(Clone, Copy, Debug)]
pub struct Unobserved;

impl Observer for Unobserved {}
