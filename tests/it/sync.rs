//! The correctness contract, rule by rule, through the real client over loopback HTTP.
//!
//! Each test says which break in the code it catches.

mod rule_01_complete;
