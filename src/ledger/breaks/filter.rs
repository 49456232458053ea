//! Which breaks are meant, and in which order they come, as SQL.

use rusqlite::{Connection, Row, ToSql, params_from_iter};

use crate::ledger::Problem;
use crate::ledger::counts::{self, BreaksCounted};
use crate::model::{BreakKind, BreakNumber, BreakRecord, Identifier, Mute, Rail, Severity, Timestamp};

use super::SCOPE_ORCHESTRATION;
use super::reading::BreakTotal;

/// How far a break is. They are listed in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

impl BreakPlace {
    const fn state(&self) -> BreakState {
        match (self.resolved_at, self.is_muted) {
            (Some(_), _) => BreakState::Resolved,
            (None, true) => BreakState::Acknowledged,
            (None, false) => BreakState::Open,
        }
    }
}

/// A filter as SQL: the parts of its list, one behind the other.
pub(super) struct Conditions {
    parts: Vec<Part>,
}

/// A part of a list, which one index has in order.
struct Part {
    state: BreakState,
    /// What the index answers.
    text: String,
    /// What only the rows of breaks and orchestrations answer.
    beyond: Vec<String>,
    /// By what they are counted.
    counted_by: CountedBy,
    parameters: Vec<Box<dyn ToSql>>,
}

/// By what the breaks of a part are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CountedBy {
    /// By the counts that are kept.
    Kept,
    /// One by one.
    Row,
}

/// Some of the breaks that a filter admits.
pub(super) struct Places {
    /// They, in order.
    pub(super) found: Vec<BreakPlace>,
    /// The last one that was looked at, where looking ended before the list did.
    pub(super) looked_to: Option<BreakPlace>,
}

/// The text of an end of a route, by the name of its columns; what `Rail` shows.
const RAIL_TEXT: &str = "CASE o.{end}_rail WHEN 1 THEN 'profile' \
     WHEN 2 THEN 'crypto' || coalesce(':' || o.{end}_network, '') WHEN 3 THEN 'fiat' ELSE 'unknown' END";

impl Conditions {
    pub(super) fn of(filter: &BreakFilter) -> Self {
        let is_meant = |state: &BreakState| match filter.states.as_slice() {
            [] => *state != BreakState::Resolved,
            states => states.contains(state),
        };
        let states = BreakState::ALL.into_iter().filter(is_meant);
        Self { parts: states.map(|state| Part::of(filter, state)).collect() }
    }

    /// Whether telling them means to read the rows of breaks and orchestrations.
    pub(super) fn reads_rows(&self) -> bool {
        self.parts.iter().any(|part| !part.beyond.is_empty())
    }

    pub(super) fn count(&self, connection: &Connection) -> Result<BreakTotal, Problem> {
        let mut total = BreakTotal::default();
        for part in &self.parts {
            part.count(connection, &mut total)?;
        }
        Ok(total)
    }

    /// Only what is behind a place in the list.
    pub(super) fn behind(&mut self, behind: BreakPlace) {
        let state = behind.state();
        self.parts.retain(|part| part.state >= state);
        if let Some(first) = self.parts.first_mut().filter(|part| part.state == state) {
            first.behind(behind);
        }
    }

    /// The first `limit` of them; looks at no more than `looked_at` for what only rows answer.
    pub(super) fn places(
        &self,
        connection: &Connection,
        limit: u64,
        looked_at: u64,
    ) -> Result<Places, Problem> {
        let mut places = Places { found: Vec::new(), looked_to: None };
        for part in &self.parts {
            if places.looked_to.is_some() || places.found.len() as u64 == limit {
                break;
            }
            part.places(connection, limit, looked_at, &mut places)?;
        }
        Ok(places)
    }
}

impl Part {
    fn of(filter: &BreakFilter, state: BreakState) -> Self {
        // In words of the index: any other would read the rows.
        let text = match state {
            BreakState::Open => "k.resolved_at IS NULL AND (k.muted_at IS NOT NULL) = 0",
            BreakState::Acknowledged => "k.resolved_at IS NULL AND (k.muted_at IS NOT NULL) = 1",
            BreakState::Resolved => "k.resolved_at IS NOT NULL",
        };
        let mut conditions = Self {
            state,
            text: text.to_owned(),
            beyond: Vec::new(),
            counted_by: CountedBy::Kept,
            parameters: Vec::new(),
        };
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
                conditions.counted_by = CountedBy::Row;
                conditions.and(&format!("{comparison} {time}"));
            }
        }
        match filter.history {
            WhichHistory::With => {}
            // With a plus the index is gone through in its order; without, all of it would be sorted anew.
            WhichHistory::Without => conditions.and("+k.history = 0"),
            WhichHistory::Only => conditions.and("+k.history = 1"),
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
            self.counted_by = CountedBy::Row;
            self.beyond.push(format!(
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

    /// The rows, in order where that can be had.
    const fn rows(&self) -> BreaksCounted {
        let from = match self.state {
            BreakState::Open | BreakState::Acknowledged => "break AS k INDEXED BY break_by_need",
            // A ledger of a former format has no index of them.
            BreakState::Resolved => "break AS k",
        };
        BreaksCounted { from, sum: "count(*)" }
    }

    fn beyond(&self) -> String {
        if self.beyond.is_empty() { "1".to_owned() } else { self.beyond.join(" AND ") }
    }

    fn count(&self, connection: &Connection, total: &mut BreakTotal) -> Result<(), Problem> {
        let BreaksCounted { from, sum } = match self.counted_by {
            CountedBy::Kept => counts::breaks(connection)?,
            CountedBy::Row => self.rows(),
        };
        let query =
            format!("SELECT coalesce({sum}, 0) FROM {from} WHERE {} AND {}", self.text, self.beyond());
        let count: u64 =
            connection.query_row(&query, params_from_iter(&self.parameters), |row| row.get(0))?;
        total.all += count;
        if self.state == BreakState::Open {
            total.open += count;
        }
        Ok(())
    }

    fn behind(&mut self, behind: BreakPlace) {
        let BreakPlace { resolved_at, is_muted, severity, is_history, since, number } = behind;
        let severity = self.parameter(severity);
        let [history, since, number] =
            [i64::from(is_history), since.as_micros(), number.0].map(|value| self.parameter(value));
        let (columns, values) = match resolved_at {
            Some(at) => {
                let [ended, muted] =
                    [at.as_micros().saturating_neg(), i64::from(is_muted)].map(|value| self.parameter(value));
                ("-k.resolved_at, (k.muted_at IS NOT NULL), ", format!("{ended}, {muted}, "))
            }
            None => ("", String::new()),
        };
        self.and(&format!(
            "({columns}-k.severity, k.history, k.since, k.number)
             > ({values}-{severity}, {history}, {since}, {number})"
        ));
    }

    fn places(
        &self,
        connection: &Connection,
        limit: u64,
        looked_at: u64,
        places: &mut Places,
    ) -> Result<(), Problem> {
        let order = match self.state {
            // All of them are alike in that, which the index has in front.
            BreakState::Open | BreakState::Acknowledged => "",
            BreakState::Resolved => "k.resolved_at DESC, (k.muted_at IS NOT NULL), ",
        };
        let left = limit - places.found.len() as u64;
        let rows = if self.beyond.is_empty() { left } else { looked_at };
        let query = format!(
            "SELECT {}, k.resolved_at, (k.muted_at IS NOT NULL), k.severity, k.history, k.since, k.number
             FROM {} WHERE {}
             ORDER BY {order}k.severity DESC, k.history, k.since, k.number LIMIT {rows}",
            self.beyond(),
            self.rows().from,
            self.text
        );
        let mut statement = connection.prepare(&query)?;
        let mut all = statement.query(params_from_iter(&self.parameters))?;
        let mut looked = 0;
        while let Some(row) = all.next()? {
            looked += 1;
            let place = read_place(row)?;
            if row.get(0)? {
                places.found.push(place);
            }
            if places.found.len() as u64 == limit {
                return Ok(());
            }
            if looked == rows {
                places.looked_to = Some(place);
            }
        }
        Ok(())
    }
}

/// A place from the columns behind the first.
fn read_place(row: &Row<'_>) -> rusqlite::Result<BreakPlace> {
    Ok(BreakPlace {
        resolved_at: row.get(1)?,
        is_muted: row.get(2)?,
        severity: row.get(3)?,
        is_history: row.get(4)?,
        since: row.get(5)?,
        number: row.get(6)?,
    })
}
