//! Breaks: what is wrong with an orchestration or a profile, from facts and a time.
//!
//! Pure: nobody reads a clock here, and nothing is read or written. Here are the rules, one a kind, the limits by
//! which they judge, and what becomes of a break by what they say. Keeping it is for the ledger, which is handed
//! [`judge()`], [`judge_polls`] and [`judge_report`]; telling it is for the sinks.

mod facts;
mod judge;
mod lifecycle;
pub mod limits;
mod polls;
pub mod replay;
mod reports;
mod rules;

pub use judge::judge;
pub use lifecycle::History;
pub use limits::Limits;
pub use polls::judge_polls;
pub use reports::judge_report;
