//! The Paxos client against small scripted servers: what it asks, and what it makes of the answers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there, in its helpers too")]

mod answers;
mod closed;
mod pages;
mod polite;
mod retries;
mod row_properties;
mod rows;
mod server;
mod tokens;
mod unread;
mod walk;
