//! The ledger at a glance and what runs, as JSON, version 1; see `docs/api.md`.

mod check;
mod owed;
mod service;

use serde::Serialize;

use crate::ledger::{BreakCounts, Indexes, Overview, ProfileOverview};
use crate::model::{ProfileSelection, Timestamp};

pub use check::{Check, State};
pub use owed::Owed;
pub use service::{DaemonState, InProgress, OpenRequest, Scheduled, ScheduledReport, Service};

/// Whether the configuration has a profile polled, and with it swept.
pub fn is_polled(profile: &ProfileOverview, polled: &ProfileSelection) -> bool {
    match polled {
        ProfileSelection::All => profile.first_poll_at.is_some(),
        ProfileSelection::Listed(profiles) => profiles.iter().any(|listed| listed.id == profile.profile.id),
    }
}

/// The overview, version 1.
#[derive(Debug, Serialize)]
pub struct Status<'a> {
    /// Whether all is well; only where it is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<&'a Check>,
    ledger: &'a str,
    bytes: u64,
    api_url: &'a str,
    customer_id: Option<String>,
    orchestrations: u64,
    open: std::collections::BTreeMap<&'a str, u64>,
    breaks: BreakStatus,
    unreadable: u64,
    indexes_built: bool,
    journal_head: String,
    clock_skew_micros: Option<i64>,
    clock_skew_seen_at: Option<String>,
    service: &'a Service,
    epoch: i64,
    pruned_before: Option<String>,
    pruned_at: Option<String>,
    owed_sweeps: &'a [Owed],
    stops: Vec<StopStatus<'a>>,
    profiles: Vec<ProfileStatus<'a>>,
}

/// The unresolved breaks. Those of history are in none of the other numbers.
#[derive(Debug, Serialize)]
struct BreakStatus {
    open_critical: u64,
    open_warning: u64,
    acknowledged: u64,
    history: u64,
}

impl BreakStatus {
    fn of(counts: BreakCounts) -> Self {
        let BreakCounts { critical, warning, acknowledged, history } = counts;
        Self { open_critical: critical, open_warning: warning, acknowledged, history }
    }
}

#[derive(Debug, Serialize)]
struct StopStatus<'a> {
    host: &'a str,
    until: String,
    reason: &'a str,
}

#[derive(Debug, Serialize)]
struct ProfileStatus<'a> {
    profile_id: String,
    name: Option<&'a str>,
    is_polled: bool,
    covered_from: Option<String>,
    covered_to: Option<String>,
    verified_at: Option<String>,
    last_poll_began_at: Option<String>,
    last_poll_ended_at: Option<String>,
    last_poll_result: Option<&'a str>,
    last_poll_reason: Option<&'a str>,
    last_sweep_began_at: Option<String>,
    last_sweep_ended_at: Option<String>,
    last_sweep_result: Option<&'a str>,
    last_sweep_reason: Option<&'a str>,
    unfinished_listing_to: Option<String>,
    unfinished_listing_percent_left: Option<u64>,
    open: u64,
    oldest_open: Option<String>,
    missing: u64,
}

impl<'a> Status<'a> {
    /// The overview of the ledger at `path`, where `polled` is what the configuration polls.
    pub fn of(
        overview: &'a Overview,
        path: &'a str,
        service: &'a Service,
        owed_sweeps: &'a [Owed],
        polled: &ProfileSelection,
    ) -> Self {
        let stops = overview.stops.iter().map(|stop| StopStatus {
            host: &stop.host,
            until: stop.until.to_rfc3339(),
            reason: &stop.reason,
        });
        let checkpoint = overview.checkpoint.as_ref();
        Self {
            check: None,
            ledger: path,
            bytes: overview.bytes,
            api_url: &overview.api_url,
            customer_id: overview.customer.as_ref().map(ToString::to_string),
            orchestrations: overview.orchestrations,
            open: overview.open.iter().map(|(status, count)| (status.as_str(), *count)).collect(),
            breaks: BreakStatus::of(overview.breaks),
            unreadable: overview.unreadable,
            indexes_built: overview.indexes == Indexes::Built,
            journal_head: overview.journal.note(),
            clock_skew_micros: overview.clock_skew.map(|skew| skew.micros),
            clock_skew_seen_at: overview.clock_skew.map(|skew| skew.seen_at.to_rfc3339()),
            service,
            epoch: overview.epoch,
            pruned_before: checkpoint.map(|checkpoint| checkpoint.floor.to_rfc3339()),
            pruned_at: checkpoint.map(|checkpoint| checkpoint.pruned_at.to_rfc3339()),
            owed_sweeps,
            stops: stops.collect(),
            profiles: overview.profiles.iter().map(|profile| ProfileStatus::of(profile, polled)).collect(),
        }
    }

    /// The same, with whether all is well.
    #[must_use]
    pub fn with_check(self, check: Option<&'a Check>) -> Self {
        Self { check, ..self }
    }
}

impl<'a> ProfileStatus<'a> {
    fn of(profile: &'a ProfileOverview, polled: &ProfileSelection) -> Self {
        let (last, sweep) = (profile.last_poll.as_ref(), profile.last_sweep.as_ref());
        Self {
            profile_id: profile.profile.id.to_string(),
            name: profile.profile.name.as_deref(),
            is_polled: is_polled(profile, polled),
            covered_from: profile.coverage.map(|coverage| coverage.from.to_rfc3339()),
            covered_to: profile.coverage.map(|coverage| coverage.to.to_rfc3339()),
            verified_at: profile.coverage.map(|coverage| coverage.verified_at.to_rfc3339()),
            last_poll_began_at: last.map(|poll| poll.began_at.to_rfc3339()),
            last_poll_ended_at: last.and_then(|poll| poll.ended_at).map(Timestamp::to_rfc3339),
            last_poll_result: last.map(|poll| poll.result.as_str()),
            last_poll_reason: last.and_then(|poll| poll.reason.as_deref()),
            last_sweep_began_at: sweep.map(|sweep| sweep.began_at.to_rfc3339()),
            last_sweep_ended_at: sweep.and_then(|sweep| sweep.ended_at).map(Timestamp::to_rfc3339),
            last_sweep_result: sweep.map(|sweep| sweep.result.as_str()),
            last_sweep_reason: sweep.and_then(|sweep| sweep.reason.as_deref()),
            unfinished_listing_to: profile.backlog.map(|backlog| backlog.ceiling.to_rfc3339()),
            unfinished_listing_percent_left: profile.backlog.map(|backlog| backlog.percent_left),
            open: profile.open,
            oldest_open: profile.oldest_open.map(Timestamp::to_rfc3339),
            missing: profile.missing,
        }
    }
}
