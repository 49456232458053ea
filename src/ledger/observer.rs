//! What the writer does, for whoever counts it.
//!
//! Owns what is told: how long transactions took, and what pages came to once they are committed. It is told by
//! the writer's thread: whoever is told returns at once.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use crate::model::{Counts, Identifier, Lane, Route, Timestamp};

use super::{PollNumber, Problem, ProfileKey};

/// Every transaction of the writer, by name.
pub const TRANSACTIONS: [&str; 46] = [
    "begin_listing",
    "begin_next_poll",
    "begin_poll",
    "begin_sweep",
    "begin_sweep_poll",
    "build_indexes",
    "commit_found",
    "commit_lookup",
    "commit_lost",
    "commit_page",
    "commit_sweep_page",
    "complete_listing",
    "end_poll",
    "end_request",
    "end_sweep",
    "fix_batch",
    "floor",
    "give_up_other_sinks",
    "journal_head",
    "judge_polls",
    "keep_skew",
    "keep_stop",
    "note_dead_letters_told",
    "note_delivery",
    "note_schedule_run",
    "note_transfer",
    "only_reports",
    "open_profile",
    "open_rows",
    "owed_sweeps",
    "profiles",
    "remind",
    "report_failed",
    "report_made",
    "rewind_slice",
    "rewind_sweep",
    "schedule_runs",
    "settle_sweep",
    "split_slice",
    "stops",
    "swept_rows",
    "take_over_requests",
    "take_request",
    "unknown",
    "unmet",
    "wanted_transfers",
];

/// What a page came to, beside its counts. Answers about single orchestrations are pages too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageNews {
    /// The profile under which it was listed.
    pub profile: Identifier,
    /// Whether that was a discovery, a backfill or a sweep.
    pub lane: Lane,
    /// Orchestrations that Paxos no longer knows.
    pub went_missing: u64,
    /// Orchestrations that were missing and are there again.
    pub reappeared: u64,
    /// Orchestrations of which an older state was taken.
    pub went_back: u64,
    /// The routes of those that are open, each once.
    pub open: BTreeSet<Route>,
    /// Those that completed.
    pub completed: Vec<Completion>,
}

/// An orchestration that completed under tallyd's eyes: it was seen open before, or it is new and no history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Its route.
    pub route: Route,
    /// From its creation to its end.
    pub took: Duration,
}

/// Is told what the writer does.
pub trait Observer: Send + Sync + fmt::Debug {
    /// A transaction of this name ended, whether it was committed or not.
    fn transacted(&self, _name: &'static str, _took: Duration) {}

    /// A page was committed.
    fn committed(&self, _counts: &Counts, _news: &PageNews) {}
}

/// Counts nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {}

/// Whose page it is, and since when the profile is polled; `None` where the poll is not in the ledger.
pub(super) fn page_of(
    connection: &Connection,
    profile: ProfileKey,
    poll: PollNumber,
    seen_at: Timestamp,
) -> Result<Option<(Identifier, Lane, Timestamp)>, Problem> {
    Ok(connection
        .prepare_cached(
            "SELECT p.id, o.lane, coalesce(p.first_poll_at, ?3) FROM profile AS p, poll AS o
             WHERE p.key = ?1 AND o.number = ?2",
        )?
        .query_row(params![profile.0, poll.0, seen_at], |row| {
            let lane: String = row.get(1)?;
            let lane = Lane::ALL.into_iter().find(|known| known.as_str() == lane).unwrap_or(Lane::Discover);
            Ok((row.get(0)?, lane, row.get(2)?))
        })
        .optional()?)
}
