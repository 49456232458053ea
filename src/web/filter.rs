//! Which breaks and orchestrations an address asks for.

use super::query::Query;
use super::refusal::Refusal;
use crate::config::Config;
use crate::display::asked;
use crate::display::when::{self, When};
use crate::ledger::{BreakFilter, BreakState, ListOrder, OrchestrationFilter, Reader, WhichHistory};
use crate::model::{BreakKind, Identifier, Rail, Severity, Status, Timestamp, nearest};

/// The keys by which breaks are filtered: the flags of `tallyd breaks list`.
pub(super) const BREAK_FILTERS: [&str; 12] = [
    "kind",
    "severity",
    "profile",
    "route",
    "from",
    "to",
    "asset",
    "opened_before",
    "opened_after",
    "in_trouble_since",
    "state",
    "history",
];

/// The keys by which orchestrations are filtered.
pub(super) const ORCHESTRATION_FILTERS: [&str; 6] =
    ["status", "profile", "ref_id", "created_at.gte", "created_at.lte", "order"];

/// Which breaks are meant, as it was asked.
#[derive(Debug)]
pub(super) struct Breaks {
    kinds: Vec<BreakKind>,
    severity: Option<Severity>,
    profiles: Vec<String>,
    route: Option<String>,
    source_rail: Option<Rail>,
    destination_rail: Option<Rail>,
    assets: Vec<String>,
    opened_before: Option<When>,
    opened_after: Option<When>,
    in_trouble_since: Option<When>,
    states: Vec<BreakState>,
    history: Option<WhichHistory>,
}

impl Breaks {
    /// Reads it.
    pub(super) fn of(query: &Query<'_>) -> Result<Self, Refusal> {
        Ok(Self {
            kinds: query.many("kind", asked::kind)?,
            severity: query.one("severity", asked::severity)?,
            profiles: query.many("profile", text)?,
            route: query.one("route", text)?,
            source_rail: query.one("from", asked::rail)?,
            destination_rail: query.one("to", asked::rail)?,
            assets: query.many("asset", text)?,
            opened_before: query.one("opened_before", when::past)?,
            opened_after: query.one("opened_after", when::past)?,
            in_trouble_since: query.one("in_trouble_since", when::past)?,
            states: query.many("state", asked::state)?,
            history: query.one("history", asked::history)?,
        })
    }

    /// The filter, when Paxos's clock shows `now`.
    pub(super) fn filter(
        &self,
        config: &Config,
        reader: &Reader,
        now: Timestamp,
    ) -> Result<BreakFilter, Refusal> {
        let past = |when: Option<When>| when.map(|when| when.before(now));
        Ok(BreakFilter {
            kinds: self.kinds.clone(),
            severity: self.severity,
            profiles: profiles(&self.profiles, config, reader)?,
            route: self.route.clone(),
            source_rail: self.source_rail.clone(),
            destination_rail: self.destination_rail.clone(),
            assets: self.assets.clone(),
            opened_before: past(self.opened_before),
            opened_after: past(self.opened_after),
            in_trouble_since: past(self.in_trouble_since),
            states: self.states.clone(),
            history: self.history.unwrap_or_default(),
        })
    }
}

/// Which orchestrations are meant, as it was asked.
#[derive(Debug)]
pub(super) struct Orchestrations {
    statuses: Vec<Status>,
    profiles: Vec<String>,
    ref_id: Option<Identifier>,
    created_from: Option<Timestamp>,
    created_to: Option<Timestamp>,
    order: ListOrder,
}

impl Orchestrations {
    /// Reads it.
    pub(super) fn of(query: &Query<'_>) -> Result<Self, Refusal> {
        Ok(Self {
            statuses: query.many("status", status)?,
            profiles: query.many("profile", text)?,
            ref_id: query.one("ref_id", |text| Ok(Identifier::new(text)))?,
            created_from: query.one("created_at.gte", time)?,
            created_to: query.one("created_at.lte", time)?,
            order: query.one("order", order)?.unwrap_or_default(),
        })
    }

    /// The filter.
    pub(super) fn filter(&self, config: &Config, reader: &Reader) -> Result<OrchestrationFilter, Refusal> {
        Ok(OrchestrationFilter {
            statuses: self.statuses.clone(),
            profiles: profiles(&self.profiles, config, reader)?,
            ref_id: self.ref_id.clone(),
            created_from: self.created_from,
            created_to: self.created_to,
            order: self.order,
        })
    }
}

fn profiles(wanted: &[String], config: &Config, reader: &Reader) -> Result<Vec<Identifier>, Refusal> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    asked::profiles(wanted, &config.profiles, reader.profiles()?).map_err(Refusal::Bad)
}

#[expect(clippy::unnecessary_wraps, reason = "any text will do, where others can be wrong")]
fn text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

/// A status that this version knows, or one that the ledger may hold all the same: those of Paxos are in capitals.
fn status(text: &str) -> Result<Status, String> {
    const KNOWN: [&str; 5] = ["PENDING", "PROCESSING", "COMPLETED", "FAILED", "REJECTED"];
    let status = Status::new(text);
    if matches!(status, Status::Unknown(_))
        && text.chars().any(|letter| !letter.is_ascii_uppercase() && letter != '_')
    {
        let meant = nearest(&text.to_ascii_uppercase(), KNOWN).unwrap_or("PROCESSING");
        return Err(format!("expected a status such as {meant}, in capitals"));
    }
    Ok(status)
}

fn time(text: &str) -> Result<Timestamp, String> {
    let day = || Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z"));
    Timestamp::parse_rfc3339(text)
        .or_else(|_| day())
        .map_err(|_| "expected a time such as 2026-01-31T12:00:00Z, or a day such as 2026-01-31".to_owned())
}

fn order(text: &str) -> Result<ListOrder, String> {
    match text {
        "desc" => Ok(ListOrder::NewestFirst),
        "asc" => Ok(ListOrder::OldestFirst),
        _ => Err("expected asc or desc".to_owned()),
    }
}
