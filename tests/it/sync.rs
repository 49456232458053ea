//! The correctness contract, rule by rule, through the real client over loopback HTTP.
//!
//! Each test says which break in the code it catches.

#![expect(clippy::unwrap_used, reason = "in a test's helpers too, a panic is how a test fails")]

mod memory;
mod open_rows;
mod pruned;
mod rule_01_complete;
mod rule_01_refresh;
mod rule_01_sweep;
mod rule_02_doubts;
mod rule_02_honest;
mod rule_02_unanswered;
mod rule_03_seen_is_judged;
mod rule_04_look_ups;
mod rule_04_no_regress;
mod rule_05_equal_by_meaning;
mod rule_06_no_false_missing;
mod rule_07_time;
mod rule_10_restored;
mod rule_12_polite;
mod rule_13_closed;
mod stopping;
mod sweeping;
