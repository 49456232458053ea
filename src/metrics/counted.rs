//! What is counted as it happens.
//!
//! Owns these metrics and their library. Every label set that is known is shown from the start, with zero.

use prometheus::core::Collector as _;
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::MetricFamily;
use prometheus::{
    Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
};

use crate::alerts::{Attempt, Beat};
use crate::ledger::TRANSACTIONS;
use crate::model::{Lane, SinkName};
use crate::paxos::Endpoint;
use crate::server;

use super::buckets;
use super::numbers::unix;
use super::profiles::Ends;
use super::{LANES, RESULTS};

/// The statuses of answers that are shown from the start: all that the API documents, and `none` for no answer.
const CODES: [&str; 9] = ["200", "401", "403", "404", "429", "500", "502", "503", NO_ANSWER];

/// The code of a request that was not answered.
pub(super) const NO_ANSWER: &str = "none";

/// What polls find, by name.
pub(super) const CHANGES: [&str; 8] =
    ["appeared", "changed", "unreadable", "stale", "without_id", "went_missing", "reappeared", "went_back"];

/// The lanes of the gauges that tell when something ended: discoveries and backfills are one.
const POLL: &str = "poll";
const SWEEP: &str = "sweep";

/// The crate's own gauge needs `/proc/stat`, which the unit hides.
const START_TIME: &str = "process_start_time_seconds";

/// What is counted as it happens.
#[derive(Debug)]
pub(super) struct Counted {
    registry: Registry,
    process: ProcessCollector,
    pub(super) process_start: Gauge,
    pub(super) polls: IntCounterVec,
    pub(super) poll_duration: HistogramVec,
    poll_last: GaugeVec,
    poll_last_complete: GaugeVec,
    pub(super) rows: IntCounterVec,
    pub(super) changes: IntCounterVec,
    pub(super) completion: HistogramVec,
    pub(super) deliveries: IntCounterVec,
    pub(super) heartbeats: IntCounterVec,
    pub(super) report_failures: IntCounterVec,
    pub(super) report_due: GaugeVec,
    pub(super) paxos: Paxos,
    pub(super) transactions: HistogramVec,
    pub(super) reload_successful: Gauge,
    pub(super) reload_success: Gauge,
    pub(super) ledger_read: Gauge,
    pub(super) http_requests: IntCounterVec,
    pub(super) http_connections: IntGauge,
}

/// What is asked of Paxos.
#[derive(Debug)]
pub(super) struct Paxos {
    pub(super) requests: IntCounterVec,
    pub(super) request_duration: HistogramVec,
    pub(super) request_retries: IntCounterVec,
    pub(super) limiter_wait: HistogramVec,
    pub(super) stops: IntCounter,
    pub(super) stop_until: Gauge,
    pub(super) token_refreshes: IntCounterVec,
}

impl Paxos {
    fn new(shelf: &Shelf) -> Self {
        Self {
            requests: shelf.counters(
                "tallyd_requests_total",
                "Requests to Paxos, by endpoint and status of the answer",
                &["endpoint", "code"],
            ),
            request_duration: shelf.histograms(
                "tallyd_request_duration_seconds",
                "From sending a request to the last byte of its answer, or to giving it up",
                &["endpoint"],
                buckets::REQUEST,
            ),
            request_retries: shelf.counters(
                "tallyd_request_retries_total",
                "Requests that were sent again because they failed",
                &["endpoint"],
            ),
            limiter_wait: shelf.histograms(
                "tallyd_limiter_wait_seconds",
                "How long requests waited for the limiter",
                &["lane"],
                buckets::LIMITER_WAIT,
            ),
            stops: shelf.counter("tallyd_stops_total", "Pauses (429) that Paxos asked for"),
            stop_until: shelf.gauge(
                "tallyd_stop_until_timestamp_seconds",
                "When the pause in force ends, as Unix time; 0 where none is",
            ),
            token_refreshes: shelf.counters(
                "tallyd_token_refreshes_total",
                "Tokens that were fetched, or could not be",
                &["outcome"],
            ),
        }
    }
}

impl Counted {
    pub(super) fn new() -> Self {
        let shelf = Shelf(Registry::new());
        let build = shelf.gauges("tallyd_build_info", "1, with the version of the program", &["version"]);
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1.0);
        let counted = Self {
            process: ProcessCollector::for_self(),
            process_start: shelf.gauge(START_TIME, "When the process began, as Unix time"),
            polls: shelf.counters(
                "tallyd_polls_total",
                "Polls and sweeps of a profile that ended",
                &["profile", "lane", "result"],
            ),
            poll_duration: shelf.histograms(
                "tallyd_poll_duration_seconds",
                "How long polls and sweeps of a profile took",
                &["profile", "lane"],
                buckets::POLL,
            ),
            poll_last: shelf.gauges(
                "tallyd_poll_last_timestamp_seconds",
                "When the last one ended in whatever way, as Unix time; 0 for never",
                &["profile", "lane"],
            ),
            poll_last_complete: shelf.gauges(
                "tallyd_poll_last_complete_timestamp_seconds",
                "When the last complete one ended, as Unix time; 0 for never",
                &["profile", "lane"],
            ),
            rows: shelf.counters("tallyd_rows_total", "Rows of committed pages", &["profile", "lane"]),
            changes: shelf.counters(
                "tallyd_changes_total",
                "What committed pages and look-ups told of orchestrations",
                &["profile", "change"],
            ),
            completion: shelf.histograms(
                "tallyd_completion_seconds",
                "From creation to completion of orchestrations that completed since the profile is polled",
                &["route"],
                buckets::COMPLETION,
            ),
            deliveries: shelf.counters(
                "tallyd_deliveries_total",
                "Messages to a sink, by what became of them",
                &["sink", "outcome"],
            ),
            heartbeats: shelf.counters(
                "tallyd_heartbeats_total",
                "Calls of heartbeat URLs, by what came of them",
                &["outcome"],
            ),
            report_failures: shelf.counters(
                "tallyd_report_failures_total",
                "Tries to make a report that was due, which failed",
                &["report"],
            ),
            report_due: shelf.gauges(
                "tallyd_report_due_timestamp_seconds",
                "Since when a run of a report could have been made that was not, as Unix time; 0 where none is due",
                &["report"],
            ),
            paxos: Paxos::new(&shelf),
            transactions: shelf.histograms(
                "tallyd_ledger_transaction_seconds",
                "How long transactions of the ledger's writer took",
                &["transaction"],
                buckets::TRANSACTION,
            ),
            reload_successful: shelf.gauge(
                "tallyd_config_last_reload_successful",
                "1 if the configuration that was read last is in effect, 0 if it has faults",
            ),
            reload_success: shelf.gauge(
                "tallyd_config_last_reload_success_timestamp_seconds",
                "When the configuration in effect was read, as Unix time",
            ),
            ledger_read: shelf.gauge(
                "tallyd_metrics_ledger_read_timestamp_seconds",
                "Until when what these metrics tell of the ledger is known to hold, as Unix time; 0 before it was read",
            ),
            http_requests: shelf.counters(
                "tallyd_http_requests_total",
                "Requests to this listener, by path and status of the answer",
                &["path", "code"],
            ),
            http_connections: shelf.whole_gauge("tallyd_http_connections", "Connections to this listener"),
            registry: shelf.0,
        };
        counted.show_all();
        counted
    }

    /// Shows what does not depend on the configuration.
    fn show_all(&self) {
        for endpoint in Endpoint::ALL.map(Endpoint::as_str) {
            for code in CODES {
                self.paxos.requests.with_label_values(&[endpoint, code]);
            }
            self.paxos.request_duration.with_label_values(&[endpoint]);
            self.paxos.request_retries.with_label_values(&[endpoint]);
        }
        for lane in Lane::ALL {
            self.paxos.limiter_wait.with_label_values(&[lane.as_str()]);
        }
        for outcome in [GRANTED, NOT_GRANTED] {
            self.paxos.token_refreshes.with_label_values(&[outcome]);
        }
        for transaction in TRANSACTIONS {
            self.transactions.with_label_values(&[transaction]);
        }
        for path in server::PATHS {
            self.http_requests.with_label_values(&[path, "200"]);
        }
    }

    pub(super) fn show_profile(&self, label: &str) {
        for lane in LANES.map(Lane::as_str) {
            for result in RESULTS {
                self.polls.with_label_values(&[label, lane, result]);
            }
            self.poll_duration.with_label_values(&[label, lane]);
            self.rows.with_label_values(&[label, lane]);
        }
        for change in CHANGES {
            self.changes.with_label_values(&[label, change]);
        }
    }

    pub(super) fn forget_profile(&self, label: &str) {
        // What is not there need not go.
        for lane in LANES.map(Lane::as_str) {
            for result in RESULTS {
                self.polls.remove_label_values(&[label, lane, result]).unwrap_or_default();
            }
            self.poll_duration.remove_label_values(&[label, lane]).unwrap_or_default();
            self.rows.remove_label_values(&[label, lane]).unwrap_or_default();
        }
        for change in CHANGES {
            self.changes.remove_label_values(&[label, change]).unwrap_or_default();
        }
        for lane in [POLL, SWEEP] {
            self.poll_last.remove_label_values(&[label, lane]).unwrap_or_default();
            self.poll_last_complete.remove_label_values(&[label, lane]).unwrap_or_default();
        }
    }

    pub(super) fn show_ends(&self, ends: Ends<'_>) {
        for (lane, end) in [(POLL, ends.polls), (SWEEP, ends.sweeps)] {
            let labels = [ends.label, lane];
            self.poll_last.with_label_values(&labels).set(end.any.map_or(0.0, unix));
            self.poll_last_complete.with_label_values(&labels).set(end.complete.map_or(0.0, unix));
        }
    }

    pub(super) fn show_sink(&self, sink: &SinkName) {
        for attempt in Attempt::ALL.map(Attempt::as_str) {
            self.deliveries.with_label_values(&[sink.0.as_str(), attempt]);
        }
    }

    pub(super) fn forget_sink(&self, sink: &SinkName) {
        for attempt in Attempt::ALL.map(Attempt::as_str) {
            self.deliveries.remove_label_values(&[sink.0.as_str(), attempt]).unwrap_or_default();
        }
    }

    pub(super) fn show_report(&self, report: &str) {
        self.report_failures.with_label_values(&[report]);
        self.report_due.with_label_values(&[report]);
    }

    pub(super) fn forget_report(&self, report: &str) {
        self.report_failures.remove_label_values(&[report]).unwrap_or_default();
        self.report_due.remove_label_values(&[report]).unwrap_or_default();
    }

    pub(super) fn show_heartbeats(&self) {
        for beat in Beat::ALL.map(Beat::as_str) {
            self.heartbeats.with_label_values(&[beat]);
        }
    }

    /// All of them, and those of the process.
    pub(super) fn gather(&self) -> Vec<MetricFamily> {
        let process = self.process.collect().into_iter().filter(|family| family.name() != START_TIME);
        self.registry.gather().into_iter().chain(process).collect()
    }
}

/// The outcomes of fetching a token.
pub(super) const GRANTED: &str = "ok";
pub(super) const NOT_GRANTED: &str = "failed";

/// Makes metrics and keeps them. Names and labels are constants, which the first test that makes them all proves.
pub(super) struct Shelf(pub(super) Registry);

#[expect(
    clippy::expect_used,
    reason = "names and labels are constants: a wrong or doubled one fails every test"
)]
impl Shelf {
    fn keep<C: prometheus::core::Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        let made = made.expect("a metric has a name, a text and labels that are well-formed");
        self.0.register(Box::new(made.clone())).expect("a metric has a name of its own");
        made
    }

    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.keep(IntCounter::new(name, help))
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.keep(IntCounterVec::new(Opts::new(name, help), labels))
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> Gauge {
        self.keep(Gauge::new(name, help))
    }

    fn whole_gauge(&self, name: &str, help: &str) -> IntGauge {
        self.keep(IntGauge::new(name, help))
    }

    pub(super) fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.keep(GaugeVec::new(Opts::new(name, help), labels))
    }

    fn histograms(&self, name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
        self.keep(HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels))
    }
}
