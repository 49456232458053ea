//! Alerts: how people are told of breaks.
//!
//! Owns the words (`text`), what goes where, when and how often (`plan`), and one file for each kind of sink.
//! What is to be told comes from the ledger's outbox; whether something is to be told was decided by the rules.

mod text;

pub use text::{Fact, Links, Story, Telling};
