//! Reading breaks: those that a filter admits, by what needs a person first, and single ones.

use rusqlite::{Connection, OptionalExtension, Row};

use crate::ledger::counts::{self, BreaksCounted};
use crate::ledger::indexes::Lookup;
use crate::ledger::{LedgerError, Problem, Reader, rows, transfers};
use crate::model::{
    BreakNumber, BreakRecord, Identifier, Profile, Resolution, Resolved, Severity, Subject, Timestamp,
};

use super::filter::{BreakFilter, BreakPlace, Conditions};
use super::require;
use super::standing::{self, standing_columns};

/// How many breaks a filter admits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BreakTotal {
    /// All of them.
    pub all: u64,
    /// Those of them that are open: neither acknowledged nor resolved.
    pub open: u64,
}

/// A part of a list of breaks.
#[derive(Clone, Debug)]
pub struct BreakPage {
    /// How many there are in the whole list; `None` where counting them would mean to read them all.
    pub total: Option<BreakTotal>,
    /// The breaks. They may be few, or none, and more follow.
    pub records: Vec<BreakRecord>,
    /// Where the list goes on; `None` at its end.
    pub next: Option<BreakPlace>,
}

/// However many there are.
const ALL: u64 = u32::MAX as u64;

/// How many breaks a part of a list looks at, where each costs two rows.
const LOOKED_AT: u64 = 5_000;

/// The unresolved breaks, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BreakCounts {
    /// Open ones, critical.
    pub critical: u64,
    /// Open ones, warning.
    pub warning: u64,
    /// Those that somebody has acknowledged.
    pub acknowledged: u64,
    /// Those of history, acknowledged or not; they are in none of the others.
    pub history: u64,
}

impl Reader {
    /// How many breaks the filter admits, and the first `limit` of them by what needs a person first: not
    /// acknowledged before acknowledged, critical before warning, news before history, the oldest trouble first.
    /// Resolved ones come last, the latest first.
    pub fn breaks(
        &self,
        filter: &BreakFilter,
        limit: u64,
    ) -> Result<(BreakTotal, Vec<BreakRecord>), LedgerError> {
        self.snapshot(|connection| {
            require(connection)?;
            let conditions = Conditions::of(filter);
            let total = conditions.count(connection)?;
            let places = conditions.places(connection, limit, ALL)?;
            let records = places.found.into_iter().map(|place| record_at(connection, place));
            Ok((total, records.collect::<Result<_, _>>()?))
        })
    }

    /// A part of the same list, behind a place in it.
    pub fn breaks_behind(
        &self,
        filter: &BreakFilter,
        behind: Option<BreakPlace>,
        limit: u64,
    ) -> Result<BreakPage, LedgerError> {
        self.snapshot(|connection| {
            require(connection)?;
            let mut conditions = Conditions::of(filter);
            let total = if conditions.reads_rows() { None } else { Some(conditions.count(connection)?) };
            if let Some(behind) = behind {
                conditions.behind(behind);
            }
            let limit = limit.max(1);
            // One more says whether the list goes on.
            let mut places = conditions.places(connection, limit + 1, LOOKED_AT)?;
            let has_more = places.found.len() as u64 > limit;
            let next = if has_more {
                places.found.pop();
                places.found.last().copied()
            } else {
                places.looked_to
            };
            let records = places.found.into_iter().map(|place| record_at(connection, place));
            Ok(BreakPage { total, records: records.collect::<Result<_, _>>()?, next })
        })
    }

    /// The numbers of the breaks that the filter admits, in the same order.
    pub fn break_numbers(&self, filter: &BreakFilter) -> Result<Vec<BreakNumber>, LedgerError> {
        self.snapshot(|connection| {
            require(connection)?;
            let places = Conditions::of(filter).places(connection, ALL, ALL)?;
            Ok(places.found.into_iter().map(|place| place.number).collect())
        })
    }

    /// The break of this number.
    pub fn break_record(&self, number: BreakNumber) -> Result<Option<BreakRecord>, LedgerError> {
        self.snapshot(|connection| {
            require(connection)?;
            record(connection, number)
        })
    }

    /// The numbers of all breaks about an orchestration, a profile or a cause, oldest first.
    pub fn breaks_about(&self, subject: &Identifier) -> Result<Vec<BreakNumber>, LedgerError> {
        self.snapshot(|connection| {
            require(connection)?;
            Ok(connection
                .prepare("SELECT number FROM break WHERE subject = ?1 ORDER BY number")?
                .query_map([subject], |row| row.get(0))?
                .collect::<Result<_, _>>()?)
        })
    }
}

/// The unresolved breaks, counted; none in a ledger that keeps none yet.
pub(in crate::ledger) fn counts(connection: &Connection) -> Result<BreakCounts, Problem> {
    let mut counts = BreakCounts::default();
    if !super::are_kept(connection)? {
        return Ok(counts);
    }
    let BreaksCounted { from, sum } = counts::breaks(connection)?;
    let mut statement = connection.prepare(&format!(
        "SELECT k.muted_at IS NOT NULL AS muted, k.severity, k.history, {sum} FROM {from}
         WHERE k.resolved_at IS NULL GROUP BY 1, 2, 3"
    ))?;
    let mut groups = statement.query([])?;
    while let Some(group) = groups.next()? {
        let (muted, severity, history): (bool, Severity, bool) =
            (group.get(0)?, group.get(1)?, group.get(2)?);
        let place = match (history, muted, severity) {
            (true, ..) => &mut counts.history,
            (false, true, _) => &mut counts.acknowledged,
            (false, false, Severity::Critical) => &mut counts.critical,
            (false, false, Severity::Warning) => &mut counts.warning,
        };
        *place += group.get::<_, u64>(3)?;
    }
    Ok(counts)
}

fn record_at(connection: &Connection, place: BreakPlace) -> Result<BreakRecord, Problem> {
    let number = place.number;
    record(connection, number)?
        .ok_or_else(|| Problem::Inconsistent(format!("break {number} is not in the ledger")))
}

/// The break of this number, with the orchestration as the ledger has it now.
pub(in crate::ledger) fn record(
    connection: &Connection,
    number: BreakNumber,
) -> Result<Option<BreakRecord>, Problem> {
    let query = concat!(
        "SELECT ",
        standing_columns!(),
        ", former, orchestration, (SELECT id FROM profile WHERE key = break.profile),
         (SELECT name FROM profile WHERE key = break.profile), resolved_at, resolved_by, resolved_why
         FROM break WHERE number = ?1"
    );
    let found = connection
        .prepare_cached(query)?
        .query_row([number], |row| Ok((read(row)?, row.get::<_, Option<i64>>(standing::COLUMNS + 1)?)))
        .optional()?;
    let Some((mut record, key)) = found else { return Ok(None) };
    let stored = match (key, &record.standing.subject) {
        (Some(key), _) => rows::find_by_key(connection, key)?,
        // It could not be read when the break opened; it may be by now.
        (None, Subject::Orchestration(id)) if Lookup::of(connection)? == Lookup::ById => {
            rows::find_by_id(connection, id)?
        }
        (None, _) => None,
    };
    record.orchestration = stored.map(|stored| stored.tracked.orchestration);
    record.transfers = transfers::of_break(connection, number)?;
    Ok(Some(record))
}

fn read(row: &Row<'_>) -> rusqlite::Result<BreakRecord> {
    const FIRST: usize = standing::COLUMNS;
    let profile = match row.get::<_, Option<Identifier>>(FIRST + 2)? {
        None => None,
        Some(id) => Some(Profile { id, name: row.get(FIRST + 3)? }),
    };
    let resolved = match row.get::<_, Option<Timestamp>>(FIRST + 4)? {
        None => None,
        Some(at) => Some(Resolved { at, why: resolution(row.get(FIRST + 5)?, row.get(FIRST + 6)?) }),
    };
    Ok(BreakRecord {
        standing: standing::read(row, 0)?,
        former: row.get(FIRST)?,
        profile,
        orchestration: None,
        resolved,
        transfers: Vec::new(),
    })
}

/// Why a break was resolved, from the words that are kept of it.
fn resolution(by: Option<String>, why: String) -> Resolution {
    let without_person = [Resolution::LimitChanged, Resolution::ProfileRemoved];
    match by {
        Some(by) => Resolution::Person { by, why },
        None => without_person
            .into_iter()
            .find(|resolution| resolution.to_string() == why)
            .unwrap_or(Resolution::Over(why)),
    }
}
