//! The ledger in numbers, for whoever draws curves.
//!
//! Owns what is counted and what that costs: nothing reads more than what is open. Everything is read from one state of
//! the ledger.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row};

use crate::model::{BreakKind, Coverage, Identifier, Profile, Severity, SinkBacklog, Status, Timestamp};

use super::counts::{self, BreaksCounted, OrchestrationCount};
use super::journal::{self, JournalHead};
use super::reader::{Backlog, backlog};
use super::skew::{self, ClockSkew};
use super::{
    BreakState, LedgerError, Problem, ProfileKey, Reader, breaks, checkpoint, listing, missing, outbox, owed,
    schedule_runs,
};

/// The ledger in numbers.
#[derive(Clone, Debug)]
pub struct Measures {
    /// Every profile that was ever polled.
    pub profiles: Vec<ProfileMeasures>,
    /// The unresolved breaks that are no history, by what they are.
    pub breaks: Vec<BreakGroup>,
    /// What of each sink was not delivered.
    pub backlogs: Vec<SinkBacklog>,
    /// The journal's head.
    pub journal: JournalHead,
    /// How many entries the journal has.
    pub journal_entries: u64,
    /// How many breaks there are, resolved ones included.
    pub break_rows: u64,
    /// How many rows are kept raw because they could not be read.
    pub unreadable: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Bytes of its write-ahead log.
    pub wal_bytes: u64,
    /// How far the local clock was off at the end of the last poll that saw Paxos's.
    pub clock_skew: Option<ClockSkew>,
    /// How many profiles owe a sweep of everything.
    pub owed_sweeps: u64,
    /// When the last run of each schedule was made, of those that tell it, by the schedule's name.
    pub made: Vec<(String, Timestamp)>,
}

/// One profile in numbers.
#[derive(Clone, Debug)]
pub struct ProfileMeasures {
    key: i64,
    /// The profile.
    pub profile: Profile,
    /// What is covered.
    pub coverage: Option<Coverage>,
    /// The listing under way.
    pub backlog: Option<Backlog>,
    /// How many of the orchestrations that it listed first are missing.
    pub missing: u64,
    /// How many orchestrations it listed first, by status.
    pub by_status: Vec<(Status, u64)>,
    /// The `created_at` of the oldest of them that is open, by status.
    pub oldest_open: Vec<(Status, Timestamp)>,
}

/// Unresolved breaks that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakGroup {
    /// Under which profile they were found; `None` for a cause that concerns several.
    pub profile: Option<Identifier>,
    /// Their kind.
    pub kind: BreakKind,
    /// How bad they are.
    pub severity: Severity,
    /// Whether somebody looks after them; never resolved.
    pub state: BreakState,
    /// How many they are.
    pub count: u64,
}

/// When polls of a profile ended, as the ledger remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastEnds {
    /// The profile.
    pub profile: Profile,
    /// Of discoveries and backfills.
    pub polls: LastEnd,
    /// Of sweeps.
    pub sweeps: LastEnd,
}

/// When one ended last; `None` for never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastEnd {
    /// In whatever way.
    pub any: Option<Timestamp>,
    /// How long that one took.
    pub took: Duration,
    /// Complete.
    pub complete: Option<Timestamp>,
}

impl Reader {
    /// The ledger in numbers.
    pub fn measures(&self) -> Result<Measures, LedgerError> {
        self.snapshot(|connection| measures(connection, self.path()))
    }

    /// When polls of each profile ended last.
    pub fn last_ends(&self) -> Result<Vec<LastEnds>, LedgerError> {
        self.snapshot(|connection| {
            known_profiles(connection)?
                .into_iter()
                .map(|(key, profile)| {
                    let polls = last_end(connection, key, "lane <> 'sweep'")?;
                    Ok(LastEnds { profile, polls, sweeps: last_end(connection, key, "lane = 'sweep'")? })
                })
                .collect()
        })
    }
}

fn measures(connection: &Connection, path: &Path) -> Result<Measures, Problem> {
    let journal = journal::head(connection)?;
    let mut profiles = known_profiles(connection)?
        .into_iter()
        .map(|(key, profile)| profile_measures(connection, key, profile))
        .collect::<Result<Vec<_>, _>>()?;
    count_by_status(connection, &mut profiles)?;
    oldest_open(connection, &mut profiles)?;
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, u64>(0));
    let begins_after = checkpoint::find(connection)?.map_or(0, |checkpoint| checkpoint.head.seq);
    let has_breaks = breaks::are_kept(connection)?;
    Ok(Measures {
        profiles,
        breaks: if has_breaks { break_groups(connection)? } else { Vec::new() },
        backlogs: if has_breaks { outbox::backlogs(connection)? } else { Vec::new() },
        // Entries are numbered without gaps, and pruning takes the first of them.
        journal_entries: u64::try_from(journal.seq - begins_after).unwrap_or(0),
        journal,
        break_rows: if has_breaks { breaks(connection)? } else { 0 },
        unreadable: count("SELECT count(*) FROM unreadable")?,
        bytes: std::fs::metadata(path)?.len(),
        wal_bytes: std::fs::metadata(wal_of(path)).map_or(0, |file| file.len()),
        clock_skew: skew::last(connection)?,
        owed_sweeps: owed::all(connection)?.len() as u64,
        made: schedule_runs::made(connection)?,
    })
}

/// How many breaks there are, resolved ones included.
fn breaks(connection: &Connection) -> Result<u64, Problem> {
    let BreaksCounted { from, sum } = counts::breaks(connection)?;
    let query = format!("SELECT coalesce({sum}, 0) FROM {from}");
    Ok(connection.query_row(&query, [], |row| row.get(0))?)
}

fn wal_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

fn known_profiles(connection: &Connection) -> Result<Vec<(i64, Profile)>, Problem> {
    Ok(connection
        .prepare_cached("SELECT key, id, name FROM profile ORDER BY key")?
        .query_map([], |row| Ok((row.get(0)?, Profile { id: row.get(1)?, name: row.get(2)? })))?
        .collect::<Result<_, _>>()?)
}

fn profile_measures(connection: &Connection, key: i64, profile: Profile) -> Result<ProfileMeasures, Problem> {
    Ok(ProfileMeasures {
        key,
        profile,
        coverage: listing::coverage(connection, ProfileKey(key))?,
        backlog: backlog(connection, ProfileKey(key))?,
        missing: missing::count(connection, key)?,
        by_status: Vec::new(),
        oldest_open: Vec::new(),
    })
}

fn count_by_status(connection: &Connection, profiles: &mut [ProfileMeasures]) -> Result<(), Problem> {
    for OrchestrationCount { listed_by, status, count } in counts::orchestrations(connection)? {
        if let Some(profile) = profiles.iter_mut().find(|profile| profile.key == listed_by) {
            profile.by_status.push((status, count));
        }
    }
    Ok(())
}

fn oldest_open(connection: &Connection, profiles: &mut [ProfileMeasures]) -> Result<(), Problem> {
    let mut statement = connection.prepare_cached(
        "SELECT listed_by, status, min(created_at) FROM orchestration INDEXED BY orchestration_open
         WHERE status <> 3 AND status <> 4 AND status <> 5 GROUP BY listed_by, status",
    )?;
    let mut groups = statement.query([])?;
    while let Some(group) = groups.next()? {
        let key: i64 = group.get(0)?;
        if let Some(profile) = profiles.iter_mut().find(|profile| profile.key == key) {
            profile.oldest_open.push((group.get(1)?, group.get(2)?));
        }
    }
    Ok(())
}

fn break_groups(connection: &Connection) -> Result<Vec<BreakGroup>, Problem> {
    let BreaksCounted { from, sum } = counts::breaks(connection)?;
    Ok(connection
        .prepare_cached(&format!(
            "SELECT p.id, k.kind, k.severity, k.muted_at IS NOT NULL AS muted, {sum}
             FROM {from} LEFT JOIN profile AS p ON p.key = k.profile
             WHERE k.resolved_at IS NULL AND k.history = 0 GROUP BY k.profile, k.kind, k.severity, muted"
        ))?
        .query_map([], |row| {
            Ok(BreakGroup {
                profile: row.get(0)?,
                kind: row.get(1)?,
                severity: row.get(2)?,
                state: if row.get(3)? { BreakState::Acknowledged } else { BreakState::Open },
                count: row.get(4)?,
            })
        })?
        .collect::<Result<_, _>>()?)
}

fn last_end(connection: &Connection, profile: i64, lanes: &str) -> Result<LastEnd, Problem> {
    let last = |condition: &str| {
        let query = format!(
            "SELECT began_at, ended_at FROM poll WHERE profile = ?1 AND {lanes} AND ended_at IS NOT NULL {condition}
             ORDER BY number DESC LIMIT 1"
        );
        let read = |row: &Row<'_>| Ok((row.get::<_, Timestamp>(0)?, row.get::<_, Timestamp>(1)?));
        connection.query_row(&query, [profile], read).optional()
    };
    let any = last("")?;
    let complete = last("AND result = 'complete'")?;
    Ok(LastEnd {
        any: any.map(|(_, ended_at)| ended_at),
        took: any.map_or(Duration::ZERO, |(began_at, ended_at)| ended_at.since(began_at)),
        complete: complete.map(|(_, ended_at)| ended_at),
    })
}
