//! The simulator through its public edge: real HTTP with a plain client that knows nothing of tallyd's.

#![expect(clippy::unwrap_used, reason = "in a test's helpers too, a panic is how a test fails")]

mod auth;
mod create;
mod faults;
mod limits;
mod list;
mod rig;
mod transfers;
mod troubles;
mod world;
