//! The binary as people run it: a child process with a configuration, its output and its exit code.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there, in its helpers too")]

mod bad_input;
mod breaks;
mod reading;
mod replay;
mod report;
mod shipped_example;
mod status;
mod sweep;
mod upkeep;
