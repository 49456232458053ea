//! The binary as people run it: a child process with a configuration, its output and its exit code.

mod bad_input;
mod reading;
mod shipped_example;
