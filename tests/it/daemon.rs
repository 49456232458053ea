//! The daemon: `tallyd run` as people and systemd run it, and its schedules by a clock that is held.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there, in its helpers too")]

mod a_day_of_kills;
mod polls;
mod reload;
mod reported;
mod reports;
mod rule_11_one_daemon;
mod schedules;
mod service;
mod stopping;
mod tasks;
mod turns;

use std::time::Instant;

use crate::harness::{DEADLINE, Setup, Shell};

/// A quiet world of one profile, polled this often.
fn shell(every: &str) -> Shell {
    let shell = Shell::new(Setup::of(40).profiles(1).sim);
    shell.configure(&[("+", &format!("[poll]\nevery = {every:?}\n"))]);
    shell
}

/// Waits until the ledger says this.
fn until(shell: &Shell, query: &str, wanted: &[&str]) {
    let began = Instant::now();
    loop {
        // It is the daemon that makes the ledger: at first it may not be there.
        let found = rows(shell, query);
        if found.as_deref().is_ok_and(|found| found == wanted) {
            return;
        }
        assert!(began.elapsed() < DEADLINE, "{query}: {found:?}, never {wanted:?}");
        crate::harness::breathe();
    }
}

/// The first column of a query, as text.
fn rows(shell: &Shell, query: &str) -> rusqlite::Result<Vec<String>> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
    let connection = rusqlite::Connection::open_with_flags(shell.ledger(), flags)?;
    let mut statement = connection.prepare(query)?;
    let rows = statement.query_map([], |row| {
        let value: rusqlite::types::Value = row.get(0)?;
        Ok(match value {
            rusqlite::types::Value::Integer(number) => number.to_string(),
            rusqlite::types::Value::Text(text) => text,
            other => format!("{other:?}"),
        })
    })?;
    rows.collect()
}
