//! What needs a person, what is under way, and how long completing took lately: enough for a page, cheap enough to be
//! asked for at any time.
//!
//! Owns what that costs. Nothing here reads more than the rows that are open and a bounded end of the journal, however
//! large the ledger is. All of it is read from one state of the ledger.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::model::{
    AgeBand, Amount, BreakNumber, BreakRecord, Rail, Route, Severity, SinkBacklog, Sum, Timestamp,
};

use super::breaks::reading;
use super::rows::{RAIL_CRYPTO, RAIL_FIAT, RAIL_PROFILE};
use super::{LedgerError, Problem, Reader, breaks, outbox};

/// So many of the journal's newest entries, and of the orchestrations that were created last, are looked through for
/// what completed. It takes some milliseconds, and is a day of ten thousand movements or more.
const LOOKED_THROUGH: u32 = 2000;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct GlanceWanted {
    /// The present by Paxos's clock, by which ages are told.
    pub now: Timestamp,
    /// From when on completions count as late ones.
    pub completed_since: Timestamp,
    /// How many breaks, at most.
    pub breaks: u32,
}

/// The ledger at a glance, as far as `Overview` does not tell it.
#[derive(Clone, Debug)]
pub struct Glance {
    /// The first breaks that need a person: open, no history, critical before warning, the oldest trouble first.
    pub needing: Vec<BreakRecord>,
    /// What is open, by route: the one with the most orchestrations in front.
    pub open: Vec<OpenMoney>,
    /// What completed lately.
    pub completed: Completed,
    /// What of each sink was not delivered.
    pub backlogs: Vec<SinkBacklog>,
}

/// What is open on one route.
#[derive(Clone, Debug)]
pub struct OpenMoney {
    /// The route.
    pub route: Route,
    /// How many there are of each age, in the order of [`AgeBand::ALL`].
    pub ages: [u64; AgeBand::ALL.len()],
    /// When the oldest was created.
    pub oldest: Timestamp,
    /// How much is taken, in the source asset.
    pub source: Sum,
    /// How many say nothing of what is taken.
    pub without_amount: u64,
}

impl OpenMoney {
    /// How many there are.
    pub fn count(&self) -> u64 {
        self.ages.iter().sum()
    }
}

/// How long completing took.
#[derive(Clone, Debug)]
pub struct Completed {
    /// From when on those that completed were looked for.
    pub since: Timestamp,
    /// Whether more may have completed.
    pub reach: CompletedReach,
    /// Those that were found, by route: the one with the most of them in front.
    pub routes: Vec<CompletedRoute>,
}

/// How many of those that completed were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompletedReach {
    /// All.
    All,
    /// Those of the newest changes; there may be more.
    Newest,
}

/// How long completing took on one route.
#[derive(Clone, Debug)]
pub struct CompletedRoute {
    /// The route.
    pub route: Route,
    /// The times from the creation to the end, in microseconds, ascending.
    pub spans: Vec<i64>,
}

impl Reader {
    /// What needs a person, what is under way, and how long completing took lately.
    pub fn glance(&self, wanted: GlanceWanted) -> Result<Glance, LedgerError> {
        self.snapshot(|connection| {
            let has_breaks = breaks::are_kept(connection)?;
            Ok(Glance {
                needing: if has_breaks { needing(connection, wanted.breaks)? } else { Vec::new() },
                open: open_money(connection, wanted.now)?,
                completed: completed(connection, wanted.completed_since)?,
                backlogs: if has_breaks { outbox::backlogs(connection)? } else { Vec::new() },
            })
        })
    }
}

/// Each severity is looked up by itself: between the critical breaks and the warnings, the index has the critical ones
/// of history, of which there may be many.
fn needing(connection: &Connection, most: u32) -> Result<Vec<BreakRecord>, Problem> {
    let mut numbers: Vec<BreakNumber> = Vec::new();
    let mut statement = connection.prepare_cached(
        "SELECT number FROM break INDEXED BY break_by_need
         WHERE resolved_at IS NULL AND (muted_at IS NOT NULL) = 0 AND severity = ?1 AND history = 0
         ORDER BY since, number LIMIT ?2",
    )?;
    for severity in [Severity::Critical, Severity::Warning] {
        let left = most.saturating_sub(u32::try_from(numbers.len()).unwrap_or(most));
        let found = statement.query_map(params![severity, left], |row| row.get(0))?;
        numbers.extend(found.collect::<Result<Vec<BreakNumber>, _>>()?);
    }
    let records = numbers.into_iter().map(|number| reading::record(connection, number));
    records.filter_map(Result::transpose).collect()
}

/// The columns of a route; [`Routes`] reads them.
macro_rules! route_columns {
    () => {
        "o.source_rail, o.source_network, o.destination_rail, o.destination_network, o.source_asset, \
         o.destination_asset"
    };
}
const ROUTE_COLUMNS: usize = 6;

/// What is known of each route. There are few of them and many rows, so a row whose route is known makes no text.
struct Routes<T> {
    key: Vec<u8>,
    known: HashMap<Vec<u8>, (Route, T)>,
}

impl<T> Routes<T> {
    fn new() -> Self {
        Self { key: Vec::new(), known: HashMap::new() }
    }

    /// What is known of the route in the first columns of a row; at first, what `new` makes.
    fn of(&mut self, row: &Row<'_>, new: impl FnOnce() -> T) -> rusqlite::Result<&mut T> {
        self.key.clear();
        for column in 0..ROUTE_COLUMNS {
            match row.get_ref(column)? {
                ValueRef::Integer(rail) => self.key.extend(rail.to_le_bytes()),
                ValueRef::Text(text) => self.key.extend(text),
                // A rail or a text of another kind is read by nobody.
                ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => {}
            }
            // No text has it: it is UTF-8.
            self.key.push(0xff);
        }
        match self.known.entry(self.key.clone()) {
            Entry::Occupied(known) => Ok(&mut known.into_mut().1),
            Entry::Vacant(unknown) => Ok(&mut unknown.insert((route(row)?, new())).1),
        }
    }
}

fn route(row: &Row<'_>) -> rusqlite::Result<Route> {
    Ok(Route {
        source: rail(row, 0)?,
        destination: rail(row, 2)?,
        source_asset: row.get(4)?,
        destination_asset: row.get(5)?,
    })
}

fn rail(row: &Row<'_>, first: usize) -> rusqlite::Result<Rail> {
    Ok(match row.get::<_, Option<i64>>(first)? {
        Some(RAIL_PROFILE) => Rail::Profile,
        Some(RAIL_CRYPTO) => Rail::Crypto(row.get(first + 1)?),
        Some(RAIL_FIAT) => Rail::Fiat,
        _ => Rail::Unknown,
    })
}

struct OpenSum {
    ages: [u64; AgeBand::ALL.len()],
    oldest: Timestamp,
    source: Sum,
    without_amount: u64,
}

fn open_money(connection: &Connection, now: Timestamp) -> Result<Vec<OpenMoney>, Problem> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        route_columns!(),
        ", o.created_at, o.source_amount FROM orchestration AS o INDEXED BY orchestration_open
         WHERE o.status <> 3 AND o.status <> 4 AND o.status <> 5"
    ))?;
    let mut rows = statement.query([])?;
    let mut routes = Routes::new();
    while let Some(row) = rows.next()? {
        let created_at: Timestamp = row.get(ROUTE_COLUMNS)?;
        let sum: &mut OpenSum = routes.of(row, || OpenSum {
            ages: [0; AgeBand::ALL.len()],
            oldest: created_at,
            source: Sum::default(),
            without_amount: 0,
        })?;
        let age = AgeBand::of(now.since(created_at));
        for (band, count) in AgeBand::ALL.into_iter().zip(&mut sum.ages) {
            *count += u64::from(band == age);
        }
        sum.oldest = sum.oldest.min(created_at);
        match row.get::<_, Option<Amount>>(ROUTE_COLUMNS + 1)? {
            Some(amount) => sum.source.add(&amount),
            None => sum.without_amount += 1,
        }
    }
    let mut open: Vec<OpenMoney> = routes
        .known
        .into_values()
        .map(|(route, OpenSum { ages, oldest, source, without_amount })| OpenMoney {
            route,
            ages,
            oldest,
            source,
            without_amount,
        })
        .collect();
    open.sort_by(|one, two| two.count().cmp(&one.count()).then_with(|| one.route.cmp(&two.route)));
    Ok(open)
}

/// Found by the newest entries of the journal, which tell every end, and by what was created last, which is there
/// first when a backfill has just begun the journal.
fn completed(connection: &Connection, since: Timestamp) -> Result<Completed, Problem> {
    // CROSS JOIN: the few are looked up among the many, whatever the planner thinks of their number.
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        route_columns!(),
        ", coalesce(o.completed_at, o.status_since) - o.created_at FROM (
             SELECT CASE kind WHEN 1 THEN seq ELSE orchestration END AS key FROM (
                 SELECT seq, kind, orchestration FROM journal_entry ORDER BY seq DESC LIMIT ?2)
             UNION
             SELECT key FROM (SELECT key FROM orchestration INDEXED BY orchestration_by_creation
                 WHERE created_at >= ?1 ORDER BY created_at DESC LIMIT ?2)
         ) AS newest CROSS JOIN orchestration AS o ON o.key = newest.key
         WHERE o.status = 3 AND coalesce(o.completed_at, o.status_since) >= ?1"
    ))?;
    let mut rows = statement.query(params![since, LOOKED_THROUGH])?;
    let mut routes = Routes::new();
    while let Some(row) = rows.next()? {
        let spans: &mut Vec<i64> = routes.of(row, Vec::new)?;
        spans.push(row.get::<_, i64>(ROUTE_COLUMNS)?.max(0));
    }
    let mut routes: Vec<CompletedRoute> = routes
        .known
        .into_values()
        .map(|(route, mut spans)| {
            spans.sort_unstable();
            CompletedRoute { route, spans }
        })
        .collect();
    routes.sort_by(|one, two| two.spans.len().cmp(&one.spans.len()).then_with(|| one.route.cmp(&two.route)));
    Ok(Completed { since, reach: reach(connection, since)?, routes })
}

/// Whatever changed since is among the newest entries, if the one before them is older, or there is none.
fn reach(connection: &Connection, since: Timestamp) -> Result<CompletedReach, Problem> {
    let before: Option<Timestamp> = connection
        .prepare_cached(
            "SELECT b.at FROM journal_entry AS e JOIN journal_batch AS b ON b.number = e.batch
             WHERE e.seq <= (SELECT max(seq) FROM journal_entry) - ?1 ORDER BY e.seq DESC LIMIT 1",
        )?
        .query_row([LOOKED_THROUGH], |row| row.get(0))
        .optional()?;
    Ok(match before {
        Some(before) if before >= since => CompletedReach::Newest,
        Some(_) | None => CompletedReach::All,
    })
}
