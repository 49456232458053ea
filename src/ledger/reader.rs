//! Reading a ledger, beside a writer or without one.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Row};

use crate::model::{
    Coverage, Identifier, Orchestration, PolledProfile, Profile, Status, Timeline, Timestamp, Tracked,
    UnreadableRow,
};

use super::breaks::reading::{self, BreakCounts};
use super::checkpoint::{self, Checkpoint};
use super::counts::{self, OrchestrationCount};
use super::history::{self, History};
use super::indexes::Lookup;
use super::journal::{self, JournalHead};
use super::owed::{self, OwedSweep};
use super::past::{self, PastKnown, Tellable};
use super::requests::{self, Request, RequestNumber};
use super::rules::Rules;
use super::schedule_runs::{self, ScheduleRun};
use super::skew::{self, ClockSkew};
use super::states::{self, Basis, StatesWanted, Subject};
use super::stops::{self, StoredStop};
use super::verify::{self, Verification};
use super::{LedgerError, Problem, ProfileKey, identity, listing, missing, open, polls, rows};

/// A ledger that is open for reading.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    path: PathBuf,
}

/// The ledger at a glance.
#[derive(Clone, Debug)]
pub struct Overview {
    /// The API that it belongs to.
    pub api_url: String,
    /// The Paxos customer that it belongs to; `None` until one was seen.
    pub customer: Option<Identifier>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Bytes of the file, without its write-ahead log.
    pub bytes: u64,
    /// How many orchestrations it holds.
    pub orchestrations: u64,
    /// How many of them are open, by status.
    pub open: Vec<(Status, u64)>,
    /// How many rows are kept raw because they could not be read.
    pub unreadable: u64,
    /// Whether the indexes on ids and `ref_id`s are built; they wait for the first backfill to end.
    pub indexes: Indexes,
    /// The journal's head.
    pub journal: JournalHead,
    /// How far the local clock was off at the end of the last poll that saw Paxos's.
    pub clock_skew: Option<ClockSkew>,
    /// How often it was restored from a backup.
    pub epoch: i64,
    /// Where pruning left the journal's beginning; `None` where nothing was ever pruned.
    pub checkpoint: Option<Checkpoint>,
    /// The profiles of which everything must be listed again, and why.
    pub owed_sweeps: Vec<OwedSweep>,
    /// The pauses in force.
    pub stops: Vec<StoredStop>,
    /// Every profile that was ever polled.
    pub profiles: Vec<ProfileOverview>,
    /// The polls under way, by their beginning; where no process holds the ledger, they were killed.
    pub running: Vec<RunningPoll>,
    /// What the daemon is asked to do and has not done, oldest first.
    pub requests: Vec<Request>,
    /// The unresolved breaks.
    pub breaks: BreakCounts,
    /// When each schedule was last done.
    pub schedule_runs: Vec<ScheduleRun>,
}

impl Overview {
    /// What Paxos's clock, by which everything in the ledger is, shows when the local one shows `now`.
    pub fn by_paxos(&self, now: Timestamp) -> Timestamp {
        self.clock_skew.map_or(now, |skew| skew.correct(now))
    }
}

/// A poll under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningPoll {
    /// The profile.
    pub profile: Profile,
    /// The lane: `discover`, `backfill` or another.
    pub lane: String,
    /// When it began.
    pub began_at: Timestamp,
    /// How many rows it has committed.
    pub rows: u64,
}

/// Whether the late indexes are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indexes {
    /// They are.
    Built,
    /// They are built when the first backfill ends; until then looking up an id reads everything.
    AfterBackfill,
}

/// One profile at a glance.
#[derive(Clone, Debug)]
pub struct ProfileOverview {
    /// The profile.
    pub profile: Profile,
    /// When its first poll began that listed anything of it; `None` where each was refused, as for a mistyped id.
    pub first_poll_at: Option<Timestamp>,
    /// What is covered.
    pub coverage: Option<Coverage>,
    /// Its last poll, sweeps left out.
    pub last_poll: Option<LastPoll>,
    /// Its last sweep, over whatever window.
    pub last_sweep: Option<LastPoll>,
    /// The discovery under way, or left unfinished.
    pub backlog: Option<Backlog>,
    /// How many of the orchestrations that it listed first are open.
    pub open: u64,
    /// The `created_at` of the oldest of those.
    pub oldest_open: Option<Timestamp>,
    /// How many of the orchestrations that it listed first are missing.
    pub missing: u64,
}

/// A poll as the ledger remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastPoll {
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended; missing while it runs and where it was killed.
    pub ended_at: Option<Timestamp>,
    /// `running`, `complete`, `partial`, `failed` or `interrupted`.
    pub result: String,
    /// Why it was not complete.
    pub reason: Option<String>,
}

/// A discovery that is not finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// The end of its window.
    pub ceiling: Timestamp,
    /// How much of the window's time is not listed yet, in percent, rounded up.
    pub percent_left: u64,
}

impl Reader {
    /// Opens the ledger at `path`.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let connection = open::for_reading(path).map_err(|problem| problem.of(path))?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// The ledger at a glance, when the local clock shows `now`.
    pub fn overview(&self, now: Timestamp) -> Result<Overview, LedgerError> {
        self.snapshot(|connection| overview(connection, &self.path, now))
    }

    /// The pauses that have not ended at `now`.
    pub fn stops(&self, now: Timestamp) -> Result<Vec<StoredStop>, LedgerError> {
        self.snapshot(|connection| stops::in_force(connection, now))
    }

    /// The orchestration with this id.
    pub fn orchestration(&self, id: &Identifier) -> Result<Option<Tracked>, LedgerError> {
        self.snapshot(|connection| Ok(rows::find_by_id(connection, id)?.map(|stored| stored.tracked)))
    }

    /// The ids of the orchestrations with this `ref_id`, oldest first.
    pub fn ids_by_ref_id(&self, ref_id: &Identifier) -> Result<Vec<Identifier>, LedgerError> {
        self.snapshot(|connection| {
            Ok(connection
                .prepare("SELECT id FROM orchestration WHERE ref_id = ?1 ORDER BY created_at, id")?
                .query_map([ref_id], |row| row.get(0))?
                .collect::<Result<_, _>>()?)
        })
    }

    /// The profiles that list this orchestration, the one that listed it first in front.
    pub fn listed_under(&self, id: &Identifier) -> Result<Vec<Profile>, LedgerError> {
        self.snapshot(|connection| {
            let Some(stored) = rows::find_by_id(connection, id)? else { return Ok(Vec::new()) };
            Ok(connection
                .prepare(
                    "SELECT id, name FROM profile WHERE key = ?1
                     UNION ALL
                     SELECT p.id, p.name FROM also_listed AS a JOIN profile AS p ON p.key = a.profile
                     WHERE a.orchestration = ?2",
                )?
                .query_map([stored.listed_by, stored.key], |row| {
                    Ok(Profile { id: row.get(0)?, name: row.get(1)? })
                })?
                .collect::<Result<_, _>>()?)
        })
    }

    /// Since when Paxos no longer knows the orchestration with this id; `None` for one that it knows.
    pub fn missing_since(&self, id: &Identifier) -> Result<Option<Timestamp>, LedgerError> {
        self.snapshot(|connection| match rows::find_by_id(connection, id)? {
            Some(stored) => missing::since(connection, stored.key),
            None => Ok(None),
        })
    }

    /// The row with this id that could not be read.
    pub fn unreadable(&self, id: &Identifier) -> Result<Option<UnreadableRow>, LedgerError> {
        self.snapshot(|connection| {
            Ok(connection
                .query_row("SELECT raw, problem FROM unreadable WHERE id = ?1", [id], |row| {
                    Ok(UnreadableRow { id: id.clone(), raw: row.get(0)?, problem: row.get(1)? })
                })
                .optional()?)
        })
    }

    /// Every profile that was ever listed under.
    pub fn profiles(&self) -> Result<Vec<Profile>, LedgerError> {
        self.snapshot(polls::profiles)
    }

    /// How far the local clock was off at the end of the last poll that saw Paxos's.
    pub fn clock_skew(&self) -> Result<Option<ClockSkew>, LedgerError> {
        self.snapshot(skew::last)
    }

    /// Where pruning left the journal's beginning; `None` where nothing was ever pruned.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, LedgerError> {
        self.snapshot(checkpoint::find)
    }

    /// Everything that the journal tells of this id; `None` where it was never seen.
    pub fn history(&self, id: &Identifier) -> Result<Option<History>, LedgerError> {
        self.snapshot(|connection| history::of(connection, id))
    }

    /// The orchestrations of which the journal has entries after `seq`, in the order of the first one.
    pub fn observed_since(&self, seq: i64) -> Result<Vec<Identifier>, LedgerError> {
        self.snapshot(|connection| {
            Ok(connection
                .prepare(
                    "SELECT o.id FROM journal_entry AS e JOIN orchestration AS o ON o.key = e.orchestration
                     WHERE e.seq > ?1 AND e.kind <> 9 AND e.kind < 12 GROUP BY o.key ORDER BY min(e.seq)",
                )?
                .query_map([seq], |row| row.get(0))?
                .collect::<Result<_, _>>()?)
        })
    }

    /// Every orchestration, oldest first.
    pub fn for_each(&self, mut then: impl FnMut(&Orchestration)) -> Result<(), LedgerError> {
        self.snapshot(|connection| rows::for_each(connection, |stored| then(&stored.tracked.orchestration)))
    }

    /// Tells the past of every orchestration that is tellable, one after the other. `rules` says what counts as a
    /// change, and who is a lookalike; nothing is judged.
    pub fn past(
        &self,
        rules: &Rules,
        tellable: Tellable,
        then: impl FnMut(&[PolledProfile], Timeline),
    ) -> Result<PastKnown, LedgerError> {
        self.snapshot(|connection| past::tell(connection, rules, tellable, then))
    }

    /// Tells every orchestration that has a part in a period as it was at the places in the journal that count for it,
    /// one after the other, in no particular order.
    pub fn states(&self, wanted: &StatesWanted, then: impl FnMut(Subject<'_>)) -> Result<Basis, LedgerError> {
        self.snapshot(|connection| states::tell(connection, wanted, then))
    }

    /// Whether the ledger knows of something at or after an instant, so that the place of that instant is settled.
    pub fn knows_of(&self, at: Timestamp) -> Result<bool, LedgerError> {
        self.snapshot(|connection| states::is_past(connection, at))
    }

    /// Recomputes the journal's chain and every row's digest. `noted` is a head that was noted
    /// elsewhere, as batch number and hexadecimal hash, or the beginning of that.
    pub fn verify(&self, noted: Option<(i64, &str)>) -> Result<Verification, LedgerError> {
        self.snapshot(|connection| verify::verify(connection, noted))
    }

    /// A number that changes with every commit of another connection, and costs next to nothing to ask for.
    pub fn data_version(&self) -> Result<i64, LedgerError> {
        let version = self.connection.pragma_query_value(None, "data_version", |row| row.get(0));
        version.map_err(|error| Problem::from(error).of(&self.path))
    }

    /// The requests that have not ended, oldest first.
    pub fn unended_requests(&self) -> Result<Vec<Request>, LedgerError> {
        self.snapshot(requests::unended)
    }

    /// The request of this number; `None` where it is no longer kept.
    pub fn request(&self, number: RequestNumber) -> Result<Option<Request>, LedgerError> {
        self.snapshot(|connection| requests::find(connection, number))
    }

    /// The polls under way, by their beginning.
    pub fn running_polls(&self) -> Result<Vec<RunningPoll>, LedgerError> {
        self.snapshot(running_polls)
    }

    /// The ledger's file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs several queries on one state of the ledger.
    pub(super) fn snapshot<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Problem>,
    ) -> Result<T, LedgerError> {
        let run = || -> Result<T, Problem> {
            let transaction = self.connection.unchecked_transaction()?;
            let value = read(&transaction)?;
            transaction.finish()?;
            Ok(value)
        };
        run().map_err(|problem| problem.of(&self.path))
    }
}

fn overview(connection: &Connection, path: &Path, now: Timestamp) -> Result<Overview, Problem> {
    let (api_url, created_at, epoch) =
        connection.query_row("SELECT api_url, created_at, epoch FROM ledger", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, u64>(0));
    let counts = counts::orchestrations(connection)?;
    Ok(Overview {
        api_url,
        customer: identity::customer(connection)?,
        created_at,
        bytes: std::fs::metadata(path)?.len(),
        orchestrations: counts.iter().map(|known| known.count).sum(),
        open: counts::open_by_status(&counts),
        unreadable: count("SELECT count(*) FROM unreadable")?,
        indexes: match Lookup::of(connection)? {
            Lookup::ById => Indexes::Built,
            Lookup::ByCreation => Indexes::AfterBackfill,
        },
        journal: journal::head(connection)?,
        clock_skew: skew::last(connection)?,
        epoch,
        checkpoint: checkpoint::find(connection)?,
        owed_sweeps: owed::all(connection)?,
        stops: stops::in_force(connection, now)?,
        profiles: profiles(connection, &counts)?,
        running: running_polls(connection)?,
        requests: requests::unended(connection)?,
        breaks: reading::counts(connection)?,
        schedule_runs: schedule_runs::all(connection)?,
    })
}

fn running_polls(connection: &Connection) -> Result<Vec<RunningPoll>, Problem> {
    Ok(connection
        .prepare_cached(
            "SELECT p.id, p.name, o.lane, o.began_at, o.rows FROM poll AS o JOIN profile AS p ON p.key = o.profile
             WHERE o.result = 'running' ORDER BY o.number",
        )?
        .query_map([], |row| {
            Ok(RunningPoll {
                profile: Profile { id: row.get(0)?, name: row.get(1)? },
                lane: row.get(2)?,
                began_at: row.get(3)?,
                rows: row.get(4)?,
            })
        })?
        .collect::<Result<_, _>>()?)
}

fn profiles(connection: &Connection, counts: &[OrchestrationCount]) -> Result<Vec<ProfileOverview>, Problem> {
    let found: Vec<(i64, Profile)> = connection
        .prepare("SELECT key, id, name FROM profile ORDER BY name IS NULL, name, id")?
        .query_map([], |row| Ok((row.get(0)?, Profile { id: row.get(1)?, name: row.get(2)? })))?
        .collect::<Result<_, _>>()?;
    let overview = |(key, profile)| {
        let open = counts::open(counts).filter(|known| known.listed_by == key).map(|known| known.count).sum();
        profile_overview(connection, key, profile, open)
    };
    found.into_iter().map(overview).collect()
}

fn profile_overview(
    connection: &Connection,
    key: i64,
    profile: Profile,
    open: u64,
) -> Result<ProfileOverview, Problem> {
    let first_poll_at =
        connection.query_row("SELECT first_poll_at FROM profile WHERE key = ?1", [key], |row| row.get(0))?;
    Ok(ProfileOverview {
        profile,
        first_poll_at,
        coverage: listing::coverage(connection, ProfileKey(key))?,
        last_poll: last_poll(connection, key, "lane <> 'sweep'")?,
        last_sweep: last_poll(connection, key, "lane = 'sweep'")?,
        backlog: backlog(connection, ProfileKey(key))?,
        open,
        oldest_open: oldest_open(connection, ProfileKey(key))?,
        missing: missing::count(connection, key)?,
    })
}

fn last_poll(connection: &Connection, profile: i64, lanes: &str) -> Result<Option<LastPoll>, Problem> {
    let query = format!(
        "SELECT began_at, ended_at, result, reason FROM poll WHERE profile = ?1 AND {lanes}
         ORDER BY number DESC LIMIT 1"
    );
    let read = |row: &Row<'_>| {
        Ok(LastPoll {
            began_at: row.get(0)?,
            ended_at: row.get(1)?,
            result: row.get(2)?,
            reason: row.get(3)?,
        })
    };
    Ok(connection.query_row(&query, [profile], read).optional()?)
}

/// When the profile's first orchestration was created, or one of its first. No index tells that of each profile; those
/// of one account mostly begin together, and some of the old ones are mostly open.
fn first_of(connection: &Connection, profile: ProfileKey) -> Result<Option<Timestamp>, Problem> {
    let first: Option<Timestamp> = connection.query_row(
        "SELECT min(created_at) FROM (SELECT listed_by, created_at FROM orchestration INDEXED BY orchestration_by_creation
             ORDER BY created_at LIMIT 1000) WHERE listed_by = ?1",
        [profile.0],
        |row| row.get(0),
    )?;
    match first {
        Some(first) => Ok(Some(first)),
        None => oldest_open(connection, profile),
    }
}

/// When the oldest open orchestration that the profile listed first was created.
fn oldest_open(connection: &Connection, profile: ProfileKey) -> Result<Option<Timestamp>, Problem> {
    Ok(connection.query_row(
        "SELECT min(created_at) FROM orchestration INDEXED BY orchestration_open WHERE listed_by = ?1
         AND status <> 3 AND status <> 4 AND status <> 5",
        [profile.0],
        |row| row.get(0),
    )?)
}

pub(super) fn backlog(connection: &Connection, profile: ProfileKey) -> Result<Option<Backlog>, Problem> {
    let Some(listing) = listing::find(connection, profile)? else { return Ok(None) };
    let first = first_of(connection, profile)?;
    // The window of a first backfill begins in 1970: what counts is the span that has rows.
    let begins_at = first.map_or(listing.begins_at, |first| first.max(listing.begins_at));
    let micros = |from: Timestamp, to: Timestamp| to.since(from).as_micros();
    let left: u128 =
        listing.slices.iter().map(|slice| micros(slice.position.max(begins_at), slice.ends_at)).sum();
    let all = micros(begins_at, listing.ceiling).max(1);
    let percent_left = u64::try_from((left * 100).div_ceil(all)).unwrap_or(100).min(100);
    Ok(Some(Backlog { ceiling: listing.ceiling, percent_left }))
}
