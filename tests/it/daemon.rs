//! The daemon: `tallyd run` as people and systemd run it, and its schedules by a clock that is held.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there, in its helpers too")]

mod polls;
mod reload;
mod rule_11_one_daemon;
mod schedules;
mod stopping;
mod tasks;

use crate::harness::{Setup, Shell};

/// A quiet world of one profile, polled this often.
fn shell(every: &str) -> Shell {
    let shell = Shell::new(Setup::of(40).profiles(1).sim);
    shell.configure(&[("+", &format!("[poll]\nevery = {every:?}\n"))]);
    shell
}
