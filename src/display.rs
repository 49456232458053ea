//! What the ledger holds, as people and programs get it: phrases, and JSON documents of version 1. Commands and pages
//! share them.
//!
//! Owns what things are called and how a document is laid out. Tables and colours are the command line's, templates
//! the pages'.

pub mod asked;
pub mod breaks;
pub mod facts;
pub mod history;
pub mod numbers;
pub mod orchestration;
pub mod status;
pub mod when;
pub mod words;
