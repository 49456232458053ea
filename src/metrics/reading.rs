//! What the ledger holds, as samples: made as a whole from one reading, so that nothing of a former one is left.

use std::collections::BTreeMap;

use prometheus::Registry;
use prometheus::proto::MetricFamily;

use crate::ledger::{BreakGroup, BreakState, Measures, ProfileMeasures};
use crate::model::{BreakKind, Identifier, Severity, SinkName, Status, Timestamp, report_run};

use super::counted::Shelf;
use super::numbers::{count, share, signed_seconds, unix};

/// The statuses by name; every one that this version does not know is the last.
const STATUSES: [&str; 6] = ["PENDING", "PROCESSING", "COMPLETED", "FAILED", "REJECTED", OTHER];
const OPEN: [&str; 3] = ["PENDING", "PROCESSING", OTHER];
const OTHER: &str = "other";

const BREAK_STATES: [BreakState; 2] = [BreakState::Open, BreakState::Acknowledged];

/// The profile of breaks of no profile that is polled.
const NO_PROFILE: &str = "";

/// The bits of the journal head's hash that are told, from the first: as many as a sample holds exactly.
const PREFIX_BYTES: usize = 6;

/// The samples of a reading and of what is known without one: zero, until there is one.
pub(super) fn families(
    measures: Option<&Measures>,
    labels: &BTreeMap<Identifier, String>,
    sinks: &[SinkName],
    reports: &[String],
) -> Vec<MetricFamily> {
    let shelf = Shelf(Registry::new());
    write_profiles(&shelf, measures, labels);
    write_breaks(&shelf, measures, labels);
    write_outbox(&shelf, measures, sinks);
    write_reports(&shelf, measures, reports);
    write_ledger(&shelf, measures);
    shelf.0.gather()
}

fn write_profiles(shelf: &Shelf, measures: Option<&Measures>, labels: &BTreeMap<Identifier, String>) {
    let of_profile = |name, help| shelf.gauges(name, help, &["profile"]);
    let of_status = |name, help| shelf.gauges(name, help, &["profile", "status"]);
    let from = of_profile(
        "tallyd_coverage_from_timestamp_seconds",
        "The earliest created_at that was completely listed, as Unix time; 0 for none",
    );
    let to = of_profile(
        "tallyd_coverage_to_timestamp_seconds",
        "The created_at up to which everything was listed, as Unix time; 0 for none",
    );
    let verified = of_profile(
        "tallyd_coverage_verified_timestamp_seconds",
        "When the listing began that reached that, as Unix time; 0 for never",
    );
    let left = of_profile(
        "tallyd_listing_left_ratio",
        "How much of the listing under way is left, by time, from 0 to 1; 0 where none is",
    );
    let missing = of_profile(
        "tallyd_orchestrations_missing",
        "Orchestrations in the ledger that Paxos no longer knows",
    );
    let orchestrations = of_status(
        "tallyd_orchestrations",
        "Orchestrations in the ledger, by status, under the profile that listed them first",
    );
    let oldest = of_status(
        "tallyd_oldest_open_timestamp_seconds",
        "The created_at of the oldest open orchestration, as Unix time; NaN where there is none",
    );
    for (id, label) in labels {
        let label = label.as_str();
        let found = measures.and_then(|all| all.profiles.iter().find(|found| found.profile.id == *id));
        let coverage = found.and_then(|found| found.coverage);
        from.with_label_values(&[label]).set(coverage.map_or(0.0, |coverage| unix(coverage.from)));
        to.with_label_values(&[label]).set(coverage.map_or(0.0, |coverage| unix(coverage.to)));
        verified.with_label_values(&[label]).set(coverage.map_or(0.0, |coverage| unix(coverage.verified_at)));
        let backlog = found.and_then(|found| found.backlog);
        left.with_label_values(&[label]).set(backlog.map_or(0.0, |backlog| share(backlog.percent_left)));
        missing.with_label_values(&[label]).set(found.map_or(0.0, |found| count(found.missing)));
        for status in STATUSES {
            let number = found.map_or(0, |found| by_status(found, status));
            orchestrations.with_label_values(&[label, status]).set(count(number));
        }
        for status in OPEN {
            let at = found.and_then(|found| oldest_open(found, status));
            oldest.with_label_values(&[label, status]).set(at.map_or(f64::NAN, unix));
        }
    }
}

fn name_of(status: &Status) -> &str {
    match status {
        Status::Unknown(_) => OTHER,
        known => known.as_str(),
    }
}

fn by_status(profile: &ProfileMeasures, wanted: &str) -> u64 {
    profile.by_status.iter().filter(|(status, _)| name_of(status) == wanted).map(|(_, count)| count).sum()
}

fn oldest_open(profile: &ProfileMeasures, wanted: &str) -> Option<Timestamp> {
    profile.oldest_open.iter().filter(|(status, _)| name_of(status) == wanted).map(|(_, at)| *at).min()
}

fn write_breaks(shelf: &Shelf, measures: Option<&Measures>, labels: &BTreeMap<Identifier, String>) {
    let breaks = shelf.gauges(
        "tallyd_breaks",
        "Unresolved breaks that are no history; without a profile where they are of none that is polled",
        &["profile", "kind", "severity", "state"],
    );
    for profile in labels.values().map(String::as_str).chain([NO_PROFILE]) {
        for kind in BreakKind::ALL {
            for severity in Severity::ALL {
                for state in BREAK_STATES {
                    breaks.with_label_values(&[profile, kind.as_str(), severity.as_str(), state.as_str()]);
                }
            }
        }
    }
    for group in measures.into_iter().flat_map(|measures| &measures.breaks) {
        let BreakGroup { profile, kind, severity, state, count: number } = group;
        let profile = profile.as_ref().and_then(|id| labels.get(id)).map_or(NO_PROFILE, String::as_str);
        let found = [profile, kind.as_str(), severity.as_str(), state.as_str()];
        // Several profiles may be none that is polled.
        breaks.with_label_values(&found).add(count(*number));
    }
}

fn write_outbox(shelf: &Shelf, measures: Option<&Measures>, sinks: &[SinkName]) {
    let of_sink = |name, help| shelf.gauges(name, help, &["sink"]);
    let waiting = of_sink("tallyd_outbox_waiting", "Notices that wait for a sink");
    let dead = of_sink("tallyd_outbox_dead", "Notices that were given up for a sink and are still kept");
    let oldest = of_sink(
        "tallyd_outbox_oldest_waiting_timestamp_seconds",
        "When the oldest notice that waits for a sink came about, as Unix time; NaN where none waits",
    );
    for sink in sinks {
        let found = measures.and_then(|all| all.backlogs.iter().find(|backlog| backlog.sink == *sink));
        let label = [sink.0.as_str()];
        waiting.with_label_values(&label).set(found.map_or(0.0, |found| count(found.waiting)));
        dead.with_label_values(&label).set(found.map_or(0.0, |found| count(found.dead)));
        let at = found.and_then(|found| found.oldest_waiting_at);
        oldest.with_label_values(&label).set(at.map_or(f64::NAN, unix));
    }
}

fn write_reports(shelf: &Shelf, measures: Option<&Measures>, reports: &[String]) {
    let made = shelf.gauges(
        "tallyd_report_last_success_timestamp_seconds",
        "When the last run of a report was made, as Unix time; 0 for never",
        &["report"],
    );
    for report in reports {
        let run = report_run(report);
        let at = measures.and_then(|all| all.made.iter().find(|(name, _)| *name == run)).map(|(_, at)| *at);
        made.with_label_values(&[report.as_str()]).set(at.map_or(0.0, unix));
    }
}

fn write_ledger(shelf: &Shelf, measures: Option<&Measures>) {
    let rows = shelf.gauges("tallyd_ledger_rows", "Rows of the ledger's tables", &["table"]);
    let set = |table: &str, number: u64| rows.with_label_values(&[table]).set(count(number));
    let all = |measures: &Measures| {
        measures.profiles.iter().flat_map(|profile| &profile.by_status).map(|(_, count)| count).sum()
    };
    set("orchestrations", measures.map_or(0, all));
    set("journal", measures.map_or(0, |measures| measures.journal_entries));
    set("breaks", measures.map_or(0, |measures| measures.break_rows));
    set("unreadable", measures.map_or(0, |measures| measures.unreadable));
    let gauge = |name, help, value: f64| shelf.gauge(name, help).set(value);
    gauge(
        "tallyd_ledger_bytes",
        "Bytes of the ledger's file",
        measures.map_or(0.0, |found| count(found.bytes)),
    );
    gauge(
        "tallyd_ledger_wal_bytes",
        "Bytes of the ledger's write-ahead log",
        measures.map_or(0.0, |found| count(found.wal_bytes)),
    );
    gauge(
        "tallyd_journal_head_batch",
        "The number of the journal's last batch; 0 for an empty journal",
        measures.map_or(0.0, |found| count(found.journal.batch.unsigned_abs())),
    );
    gauge(
        "tallyd_journal_head_prefix",
        "The first 48 bits of that batch's hash, as a whole number",
        measures.map_or(0.0, |found| count(prefix(&found.journal.hash))),
    );
    gauge(
        "tallyd_clock_skew_seconds",
        "The local clock less Paxos's, as the last poll saw it; NaN before that",
        measures.and_then(|found| found.clock_skew).map_or(f64::NAN, |skew| signed_seconds(skew.micros)),
    );
    gauge(
        "tallyd_owed_sweeps",
        "Profiles of which everything must be listed again, because a backup was restored",
        measures.map_or(0.0, |found| count(found.owed_sweeps)),
    );
}

fn prefix(hash: &[u8]) -> u64 {
    hash.iter().take(PREFIX_BYTES).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
