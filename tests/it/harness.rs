//! What the end-to-end tests share: a simulator with the real client, poller and ledger around it.
//!
//! Owns the rigs and the comparison of a ledger with what the simulator says is true. What must hold is
//! the tests'. Nothing here sleeps: what is waited for has a deadline.

#![expect(clippy::unwrap_used, reason = "in a test's helpers too, a panic is how a test fails")]

mod daemon;
mod former;
mod held_time;
mod installed;
mod manager;
mod noted;
mod process;
mod rig;
mod schema;
mod scrape;
mod truth;

use std::time::Duration;

use tallyd::model::Timestamp;

pub(crate) use daemon::{InProcess, Running, held_clock};
pub(crate) use former::take_back;
pub(crate) use held_time::HeldTime;
pub(crate) use installed::{Foreign, free_port, installed, small_disk};
pub(crate) use manager::Manager;
pub(crate) use noted::{NOTES, note};
pub(crate) use process::{Ran, Shell, wait_for_exit};
pub(crate) use rig::{Rig, Setup, results_of, texts_of};
pub(crate) use schema::faults_by_schema;
pub(crate) use scrape::samples_in;
pub(crate) use truth::{
    documented, id_of, ids_of, ledger_rows, meaning, rows_of_view, rows_read_by, times_of,
};

/// Long enough for the slowest machine: it is only ever waited out by a test that fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// When the simulated worlds begin.
pub(crate) fn start_time() -> Timestamp {
    Timestamp::parse_rfc3339("2026-03-02T09:30:00.250000Z").unwrap()
}

/// A moment between two looks at what another process or thread does. Without it whoever waits takes the processor
/// from those that are waited for.
pub(crate) fn breathe() {
    std::thread::park_timeout(Duration::from_millis(4));
}

/// A value that must come before the deadline.
pub(crate) async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    let outcome = tokio::time::timeout(DEADLINE, future).await;
    outcome.unwrap_or_else(|_| panic!("never happened: {what}"))
}
