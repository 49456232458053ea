//! What can be set on the simulator before it starts.
//!
//! Values only; most of the API's side can be changed later through the control handle.

use std::num::NonZeroU32;
use std::time::Duration;

use super::dice::Rate;
use super::faults::{FaultRate, RowFaultRate};
use crate::model::Timestamp;

/// Everything that can be set. The default is a small, honest, fast service.
#[derive(Clone, Debug, Default)]
pub struct SimConfig {
    /// What there is to be seen.
    pub world: WorldConfig,
    /// Who may see it.
    pub credentials: Credentials,
    /// How it is shown.
    pub api: ApiConfig,
    /// How long an answer takes.
    pub latency: Latency,
    /// The rate limit; `None` is no limit at all, on the token endpoint neither.
    pub rate_limit: Option<RateLimit>,
    /// How often a request goes wrong, and how. The first that hits wins.
    pub faults: Vec<FaultRate>,
}

/// The population of orchestrations, all of it decided by the seed.
#[derive(Clone, Debug)]
pub struct WorldConfig {
    /// Decides every orchestration, its whole life, and every fault. Default 1.
    pub seed: u64,
    /// How many orchestrations there are when the simulator starts. Default 1000.
    pub size: u64,
    /// The span before the start over which they were created, evenly. Default 30 days.
    pub history: Duration,
    /// How many are created in each simulated hour afterwards. Default 60.
    pub arrivals_per_hour: u32,
    /// How many profiles the account has; more where more ids are given. Default 3.
    pub profiles: u16,
    /// Ids for the first profiles; the others are drawn from the seed. Default none.
    pub profile_ids: Vec<String>,
    /// When history ends and arrivals begin; `None` is the clock's time at the start. Give it where
    /// the same world must come out at another hour.
    pub start: Option<Timestamp>,
    /// Under which profile a movement between two of the account's profiles is listed. Default own.
    pub listed_under: ListedUnder,
    /// How many need an approval first. Default 4%.
    pub approvals: Rate,
    /// How many of those are refused. Default 10%.
    pub refusals: Rate,
    /// How many fail. Default 1.5%.
    pub failures: Rate,
    /// How many stop somewhere on their way for ever. Default 0.2%.
    pub stuck: Rate,
    /// What every profile can spend of every asset through Create. Default 1,000,000.
    pub opening_balance: u64,
    /// How often an orchestration is a troublesome one, and how. Default none.
    pub row_faults: Vec<RowFaultRate>,
    /// How late a late row becomes visible, at most. Default 5 minutes.
    pub late_by: Duration,
}

/// Under which profile a movement between two profiles of the account is listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListedUnder {
    /// Under its own `profile_id` alone.
    #[default]
    Own,
    /// Under both ends.
    Both,
}

/// The client credentials that the token endpoint takes.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Default `sim-client`.
    pub client_id: String,
    /// Default `sim-secret`: it guards nothing.
    pub client_secret: String,
    /// The scopes these credentials hold. Default: all that tallyd can use, and
    /// `orchestration:write_orchestration`.
    pub scopes: Vec<String>,
    /// What happens when more is asked for. Default: less is granted.
    pub scope_policy: ScopePolicy,
    /// How long a token is good, by the simulator's clock. Default 3599 s, as documented.
    pub token_life: Duration,
}

/// What happens when a scope is asked for that the credentials do not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScopePolicy {
    /// The token carries what is held; `invalid_scope` only where nothing is left.
    #[default]
    Narrow,
    /// `invalid_scope`.
    Refuse,
}

/// How the API shows the world.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// Which lists a page carries. Default both.
    pub list_field: ListField,
    /// The most rows a page carries, whatever `limit` says. Default 1000.
    pub max_page_rows: usize,
    /// How Get shows its row. Default bare.
    pub get_shape: GetShape,
    /// How List Profiles spells its cursor. Default `next_page_cursor`.
    pub profiles_cursor: ProfilesCursor,
    /// What a page cursor stands for. Default a place.
    pub cursors: Cursors,
    /// How long a page cursor is good. Default for ever.
    pub cursor_life: CursorLife,
    /// How many requests are remembered one by one; counters go on. Default 100,000.
    pub remembered_requests: usize,
}

/// Which of the two lists a page carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListField {
    /// `items` and the deprecated `orchestrations`.
    #[default]
    Both,
    /// `items` alone, as it is to become.
    Items,
    /// `orchestrations` alone, as it was.
    Orchestrations,
}

/// How Get Orchestration shows its row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GetShape {
    /// The object itself.
    #[default]
    Bare,
    /// Inside `{"orchestration": ...}`.
    Wrapped,
}

/// How List Profiles names its cursor: the schema and the prose differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProfilesCursor {
    /// `next_page_cursor`, as the schema says.
    #[default]
    NextPageCursor,
    /// `next_page`, as the prose says.
    NextPage,
}

/// What a page cursor stands for: the documents only call it opaque.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cursors {
    /// A place in the order: rows that come and go shift nothing.
    #[default]
    Place,
    /// A number of rows: one that leaves the list while it is paged lets another be skipped. Faults that
    /// move pages go by places all the same.
    Offset,
}

/// How long a page cursor is good; beyond it, 400.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CursorLife {
    /// By the simulator's clock; `None` is for ever.
    pub age: Option<Duration>,
    /// How often it can be used; `None` is without end.
    pub uses: Option<NonZeroU32>,
}

/// How long an answer takes, in real time: a fixed part and up to `jitter` more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// Always.
    pub fixed: Duration,
    /// At most this much on top, drawn from the seed.
    pub jitter: Duration,
}

/// The rate limit and its penalty. The default is the documented one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests a second for each API endpoint. Default 50.
    pub per_second: NonZeroU32,
    /// Requests a second for the token endpoint. Default 1.
    pub token_per_second: NonZeroU32,
    /// The span over which they are averaged, at least one second. Default 5 minutes.
    pub window: Duration,
    /// How long everything is answered 429 once the limit was passed. Default 5 minutes.
    pub penalty: Duration,
    /// Whether 429 says when to come back. Default it does.
    pub retry_after: RetryAfter,
}

/// Whether a 429 carries `Retry-After`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RetryAfter {
    /// In whole seconds, rounded up.
    #[default]
    Sent,
    /// Left out.
    Omitted,
}

impl Default for WorldConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            size: 1000,
            history: Duration::from_secs(30 * 86_400),
            arrivals_per_hour: 60,
            profiles: 3,
            profile_ids: Vec::new(),
            start: None,
            listed_under: ListedUnder::Own,
            approvals: Rate::percent(4),
            refusals: Rate::percent(10),
            failures: Rate::per_million(15_000),
            stuck: Rate::per_million(2_000),
            opening_balance: 1_000_000,
            row_faults: Vec::new(),
            late_by: Duration::from_secs(300),
        }
    }
}

impl Default for Credentials {
    fn default() -> Self {
        let scopes = [
            "orchestration:read_orchestration",
            "orchestration:write_orchestration",
            "orchestration:read_orchestration_rule",
            "events:read_event",
            "funding:read_profile",
            "transfer:read_transfer",
            "conversion:read_conversion_stablecoin",
        ];
        Self {
            client_id: "sim-client".to_owned(),
            client_secret: "sim-secret".to_owned(),
            scopes: scopes.map(str::to_owned).to_vec(),
            scope_policy: ScopePolicy::Narrow,
            token_life: Duration::from_secs(3599),
        }
    }
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            list_field: ListField::Both,
            max_page_rows: 1000,
            get_shape: GetShape::Bare,
            profiles_cursor: ProfilesCursor::NextPageCursor,
            cursors: Cursors::default(),
            cursor_life: CursorLife::default(),
            remembered_requests: 100_000,
        }
    }
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            per_second: NonZeroU32::MIN.saturating_add(49),
            token_per_second: NonZeroU32::MIN,
            window: Duration::from_secs(300),
            penalty: Duration::from_secs(300),
            retry_after: RetryAfter::Sent,
        }
    }
}
