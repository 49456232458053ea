//! Reading breaks: those that a filter admits, by what needs a person first, and single ones.

use rusqlite::{Connection, OptionalExtension, Row, ToSql, params_from_iter};

use crate::ledger::indexes::Lookup;
use crate::ledger::{LedgerError, Problem, Reader, rows, transfers};
use crate::model::{
    BreakKind, BreakNumber, BreakRecord, Identifier, Mute, Profile, Rail, Resolution, Resolved, Severity,
    Subject, Timestamp,
};

use super::standing::{self, standing_columns};
use super::{SCOPE_ORCHESTRATION, require};

/// How far a break is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakState {
    /// Nobody looks after it.
    Open,
    /// Somebody has acknowledged it.
    Acknowledged,
    /// It is over.
    Resolved,
}

impl BreakState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Open, Self::Acknowledged, Self::Resolved];

    /// Where a break is.
    pub fn of(record: &BreakRecord) -> Self {
        match (&record.resolved, &record.standing.mute) {
            (Some(_), _) => Self::Resolved,
            (None, Mute::On(_)) => Self::Acknowledged,
            (None, Mute::Off) => Self::Open,
        }
    }

    /// The state's name, everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }

    const fn condition(self) -> &'static str {
        match self {
            Self::Open => "(k.resolved_at IS NULL AND k.muted_at IS NULL)",
            Self::Acknowledged => "(k.resolved_at IS NULL AND k.muted_at IS NOT NULL)",
            Self::Resolved => "k.resolved_at IS NOT NULL",
        }
    }
}

/// Whether history is meant: what was over before the profile's first poll began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhichHistory {
    /// It is, with everything else.
    #[default]
    With,
    /// It is left out.
    Without,
    /// It alone is.
    Only,
}

/// Which breaks are meant: all that fulfil everything that is given.
#[derive(Clone, Debug, Default)]
pub struct BreakFilter {
    /// Of one of these kinds; of any, where there is none.
    pub kinds: Vec<BreakKind>,
    /// Of this severity.
    pub severity: Option<Severity>,
    /// Found under one of these profiles; under any, where there is none.
    pub profiles: Vec<Identifier>,
    /// Of a route that has this in its text, whatever the case: `crypto:SOLANA`, `USD → USDG`.
    pub route: Option<String>,
    /// Of a route from this rail; one of a blockchain without a network is of any network.
    pub source_rail: Option<Rail>,
    /// Of a route to this rail.
    pub destination_rail: Option<Rail>,
    /// That takes or delivers one of these assets; any, where there is none.
    pub assets: Vec<String>,
    /// Opened before this instant.
    pub opened_before: Option<Timestamp>,
    /// Opened at this instant or later.
    pub opened_after: Option<Timestamp>,
    /// In trouble since this instant or longer.
    pub in_trouble_since: Option<Timestamp>,
    /// In one of these states; unresolved, where there is none.
    pub states: Vec<BreakState>,
    /// Whether history is meant.
    pub history: WhichHistory,
}

/// A place in the order in which breaks are listed: that of one break, as it stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakPlace {
    /// When it was resolved.
    pub resolved_at: Option<Timestamp>,
    /// Whether it was acknowledged.
    pub is_muted: bool,
    /// How bad it was.
    pub severity: Severity,
    /// Whether it is history.
    pub is_history: bool,
    /// Since when the trouble lasted.
    pub since: Timestamp,
    /// Its number.
    pub number: BreakNumber,
}

/// How many breaks a filter admits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BreakTotal {
    /// All of them.
    pub all: u64,
    /// Those of them that are open: neither acknowledged nor resolved.
    pub open: u64,
}

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
            let places = conditions.places(connection, limit)?;
            let records = places.into_iter().map(|place| record_at(connection, place));
            Ok((total, records.collect::<Result<_, _>>()?))
        })
    }

    /// The same, behind a place in that order, and the place behind the last one where more follow. How many there
    /// are is counted whatever the place.
    pub fn breaks_behind(
        &self,
        filter: &BreakFilter,
        behind: Option<BreakPlace>,
        limit: u64,
    ) -> Result<(BreakTotal, Vec<BreakRecord>, Option<BreakPlace>), LedgerError> {
        self.snapshot(|connection| {
            require(connection)?;
            let mut conditions = Conditions::of(filter);
            let total = conditions.count(connection)?;
            if let Some(behind) = behind {
                conditions.behind(behind);
            }
            let limit = limit.max(1);
            let mut places = conditions.places(connection, limit + 1)?;
            let has_more = places.len() as u64 > limit;
            if has_more {
                places.pop();
            }
            let next = places.last().copied().filter(|_| has_more);
            let records = places.into_iter().map(|place| record_at(connection, place));
            Ok((total, records.collect::<Result<_, _>>()?, next))
        })
    }

    /// The numbers of the breaks that the filter admits, in the same order.
    pub fn break_numbers(&self, filter: &BreakFilter) -> Result<Vec<BreakNumber>, LedgerError> {
        self.snapshot(|connection| {
            require(connection)?;
            let places = Conditions::of(filter).places(connection, u64::from(u32::MAX))?;
            Ok(places.into_iter().map(|place| place.number).collect())
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
    let mut statement = connection.prepare(
        "SELECT muted_at IS NOT NULL AS muted, severity, history, count(*) FROM break INDEXED BY break_by_need
         WHERE resolved_at IS NULL GROUP BY muted, severity, history",
    )?;
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

/// A filter as SQL.
struct Conditions {
    text: String,
    parameters: Vec<Box<dyn ToSql>>,
    /// The index that has them in order; resolved ones are in none.
    index: &'static str,
}

/// The text of an end of a route, by the name of its columns; what `Rail` shows.
const RAIL_TEXT: &str = "CASE o.{end}_rail WHEN 1 THEN 'profile' \
     WHEN 2 THEN 'crypto' || coalesce(':' || o.{end}_network, '') WHEN 3 THEN 'fiat' ELSE 'unknown' END";

impl Conditions {
    fn of(filter: &BreakFilter) -> Self {
        let is_unresolved = !filter.states.contains(&BreakState::Resolved);
        let index = if is_unresolved { " INDEXED BY break_by_need" } else { "" };
        let mut conditions = Self { text: "1".to_owned(), parameters: Vec::new(), index };
        if is_unresolved {
            conditions.and("k.resolved_at IS NULL");
        }
        if !filter.states.is_empty() {
            let states: Vec<_> = filter.states.iter().map(|state| state.condition()).collect();
            conditions.and(&format!("({})", states.join(" OR ")));
        }
        if !filter.kinds.is_empty() {
            let kinds = conditions.list(&filter.kinds);
            conditions.and(&format!("k.kind IN ({kinds})"));
        }
        if let Some(severity) = filter.severity {
            let severity = conditions.parameter(severity);
            conditions.and(&format!("k.severity = {severity}"));
        }
        if !filter.profiles.is_empty() {
            let profiles = conditions.list(&filter.profiles);
            conditions.and(&format!("k.profile IN (SELECT key FROM profile WHERE id IN ({profiles}))"));
        }
        for (comparison, time) in [
            ("k.opened_at <", filter.opened_before),
            ("k.opened_at >=", filter.opened_after),
            ("k.since <=", filter.in_trouble_since),
        ] {
            if let Some(time) = time {
                let time = conditions.parameter(time);
                conditions.and(&format!("{comparison} {time}"));
            }
        }
        match filter.history {
            WhichHistory::With => {}
            WhichHistory::Without => conditions.and("k.history = 0"),
            WhichHistory::Only => conditions.and("k.history = 1"),
        }
        conditions.add_route(filter);
        conditions
    }

    fn add_route(&mut self, filter: &BreakFilter) {
        let mut route = Vec::new();
        if let Some(text) = &filter.route {
            let text = self.parameter(text.replace("->", "→"));
            let [source, destination] = ["source", "destination"].map(|end| RAIL_TEXT.replace("{end}", end));
            route.push(format!(
                "instr(lower({source} || ' → ' || {destination} || ', ' || coalesce(o.source_asset, '?')
                 || ' → ' || coalesce(o.destination_asset, '?')), lower({text})) > 0"
            ));
        }
        for (end, rail) in [("source", &filter.source_rail), ("destination", &filter.destination_rail)] {
            let Some(rail) = rail else { continue };
            route.push(match rail {
                Rail::Profile => format!("o.{end}_rail = 1"),
                Rail::Crypto(None) => format!("o.{end}_rail = 2"),
                Rail::Crypto(Some(network)) => {
                    let network = self.parameter(network.to_string());
                    format!("o.{end}_rail = 2 AND o.{end}_network = {network} COLLATE NOCASE")
                }
                Rail::Fiat => format!("o.{end}_rail = 3"),
                Rail::Unknown => format!("o.{end}_rail IS NULL"),
            });
        }
        if !filter.assets.is_empty() {
            let assets = self.list(&filter.assets);
            route.push(format!(
                "(o.source_asset COLLATE NOCASE IN ({assets}) OR o.destination_asset COLLATE NOCASE IN ({assets}))"
            ));
        }
        if !route.is_empty() {
            let route = route.join(" AND ");
            self.and(&format!(
                "k.scope = {SCOPE_ORCHESTRATION} AND EXISTS
                 (SELECT 1 FROM orchestration AS o WHERE o.key = k.orchestration AND {route})"
            ));
        }
    }

    fn and(&mut self, condition: &str) {
        self.text.push_str(" AND ");
        self.text.push_str(condition);
    }

    /// Takes a value in; the answer is its name in the query.
    fn parameter(&mut self, value: impl ToSql + 'static) -> String {
        self.parameters.push(Box::new(value));
        format!("?{}", self.parameters.len())
    }

    fn list<T: ToSql + Clone + 'static>(&mut self, values: &[T]) -> String {
        let names: Vec<_> = values.iter().map(|value| self.parameter(value.clone())).collect();
        names.join(", ")
    }

    fn count(&self, connection: &Connection) -> Result<BreakTotal, Problem> {
        let query = format!(
            "SELECT count(*), count(*) FILTER (WHERE k.muted_at IS NULL AND k.resolved_at IS NULL)
             FROM break AS k{} WHERE {}",
            self.index, self.text
        );
        let parameters = params_from_iter(&self.parameters);
        Ok(connection
            .prepare(&query)?
            .query_row(parameters, |row| Ok(BreakTotal { all: row.get(0)?, open: row.get(1)? }))?)
    }

    /// Only what is behind a place in the order of [`places`](Self::places).
    fn behind(&mut self, behind: BreakPlace) {
        let BreakPlace { resolved_at, is_muted, severity, is_history, since, number } = behind;
        let severity = self.parameter(severity);
        let [resolved, muted, history, since, number] = [
            resolved_at.map_or(0, |at| at.as_micros().saturating_neg()),
            i64::from(is_muted),
            i64::from(is_history),
            since.as_micros(),
            number.0,
        ]
        .map(|value| self.parameter(value));
        let is_resolved = i64::from(resolved_at.is_some());
        self.and(&format!(
            "(k.resolved_at IS NOT NULL, coalesce(-k.resolved_at, 0), k.muted_at IS NOT NULL, -k.severity, k.history,
              k.since, k.number) > ({is_resolved}, {resolved}, {muted}, -{severity}, {history}, {since}, {number})"
        ));
    }

    fn places(&self, connection: &Connection, limit: u64) -> Result<Vec<BreakPlace>, Problem> {
        let order = match self.index {
            "" => "k.resolved_at IS NOT NULL, k.resolved_at DESC, ",
            _ => "",
        };
        let query = format!(
            "SELECT k.resolved_at, k.muted_at IS NOT NULL, k.severity, k.history, k.since, k.number
             FROM break AS k{} WHERE {}
             ORDER BY {order}k.muted_at IS NOT NULL, k.severity DESC, k.history, k.since, k.number LIMIT {limit}",
            self.index, self.text
        );
        let parameters = params_from_iter(&self.parameters);
        let read = |row: &Row<'_>| {
            Ok(BreakPlace {
                resolved_at: row.get(0)?,
                is_muted: row.get(1)?,
                severity: row.get(2)?,
                is_history: row.get(3)?,
                since: row.get(4)?,
                number: row.get(5)?,
            })
        };
        Ok(connection.prepare(&query)?.query_map(parameters, read)?.collect::<Result<_, _>>()?)
    }
}
