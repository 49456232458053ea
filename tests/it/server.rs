//! The listener: who may see what, what errors look like, and that no client holds up the polls.

mod access;
mod health;
mod limits;

use crate::harness::{Setup, Shell};

/// A quiet world of one profile, polled this often, with a listener and more keys of `[server]`.
fn shell(every: &str, server: &str) -> Shell {
    let shell = Shell::new(Setup::of(40).profiles(1).sim);
    configure(&shell, every, server);
    shell
}

fn configure(shell: &Shell, every: &str, server: &str) {
    let more = format!("[poll]\nevery = {every:?}\n[server]\nlisten = \"127.0.0.1:0\"\n{server}");
    shell.configure(&[("+", &more)]);
}
