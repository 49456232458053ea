//! Breaks: what is wrong with an orchestration or a profile, from facts and a time.
//!
//! Pure: nobody reads a clock here, and nothing is read or written. Here are the limits by which the rules
//! judge; when a profile is polled and what becomes of a break is left to others.

pub mod limits;

pub use limits::Limits;
