//! What tallyd does and holds, as samples for Prometheus.
//!
//! Owns the names, labels and meanings of the metrics (`docs/metrics.md` lists them) and the library that writes
//! them. What happens is counted as it is told ([`Metrics`] observes the other rooms); what the ledger holds comes as
//! a reading ([`Metrics::read`]). A scrape formats what is in memory and waits for nobody who reads or writes the
//! ledger.

mod buckets;
mod counted;
mod numbers;
mod observing;
mod profiles;
mod reading;
mod text;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::clock::SharedClock;
use crate::ledger::{LastEnds, Measures};
use crate::model::{FailureKind, Lane, PollResult, Profile, ProfilePoll, SinkName, Timestamp};

use counted::Counted;
use numbers::{seconds, unix};
use profiles::Profiles;
use text::Rendered;

/// The media type of what [`Metrics::text`] returns.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Whether a configuration that was read again is in effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// It is.
    Taken,
    /// It has faults; the former one stays.
    Refused,
}

/// Whether there is a heartbeat to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heartbeats {
    /// There is.
    Configured,
    /// There is none.
    None,
}

/// All metrics of a process. Shared by whoever tells something.
#[derive(Debug)]
pub struct Metrics {
    clock: SharedClock,
    counted: Counted,
    state: Mutex<State>,
    rendered: Mutex<Option<Rendered>>,
}

/// What is shown but not counted.
#[derive(Debug, Default)]
struct State {
    profiles: Profiles,
    sinks: Vec<SinkName>,
    reports: Vec<String>,
    /// The routes that are told apart.
    routes: BTreeSet<String>,
    /// The ledger's part of the text, and what it was made from.
    ledger: String,
    measures: Option<Measures>,
    /// Until when Paxos wants no request.
    stop_until: Option<Timestamp>,
}

impl Metrics {
    /// Metrics of a process that begins now, with the configuration in effect.
    pub fn new(clock: SharedClock) -> Self {
        let metrics =
            Self { counted: Counted::new(), state: Mutex::default(), rendered: Mutex::default(), clock };
        let now = unix(metrics.clock.now());
        metrics.counted.process_start.set(now);
        metrics.counted.reload_successful.set(1.0);
        metrics.counted.reload_success.set(now);
        metrics.state().write_ledger();
        metrics
    }

    /// Which sinks and reports there are, and whether there is a heartbeat. The series of others go.
    pub fn configured(&self, sinks: Vec<SinkName>, reports: Vec<String>, heartbeats: Heartbeats) {
        let mut state = self.state();
        for gone in state.reports.iter().filter(|former| !reports.contains(former)) {
            self.counted.forget_report(gone);
        }
        for new in reports.iter().filter(|report| !state.reports.contains(report)) {
            self.counted.show_report(new);
        }
        state.reports = reports;
        for gone in state.sinks.iter().filter(|former| !sinks.contains(former)) {
            self.counted.forget_sink(gone);
        }
        for sink in &sinks {
            self.counted.show_sink(sink);
        }
        if heartbeats == Heartbeats::Configured {
            self.counted.show_heartbeats();
        }
        state.sinks = sinks;
        state.write_ledger();
    }

    /// Which profiles are polled. The series of others go; those of one with another label begin anew.
    pub fn polled_profiles(&self, polled: &[Profile]) {
        let mut state = self.state();
        let changes = state.profiles.replace(polled);
        for gone in &changes.gone {
            self.counted.forget_profile(gone);
        }
        for new in &changes.new {
            self.counted.show_profile(new);
        }
        for ends in state.profiles.ends() {
            self.counted.show_ends(ends);
        }
        state.write_ledger();
    }

    /// When polls ended before this process began.
    pub fn former_ends(&self, ends: &[LastEnds]) {
        let mut state = self.state();
        for former in ends {
            state.profiles.note_former(former);
        }
        for ends in state.profiles.ends() {
            self.counted.show_ends(ends);
        }
    }

    /// A poll or a sweep of a profile ended.
    pub fn polled(&self, poll: &ProfilePoll) {
        let mut state = self.state();
        let profiles = &mut state.profiles;
        profiles.note_end(poll);
        let Some(label) = profiles.label(&poll.profile.id) else { return };
        let lane = poll.lane.as_str();
        self.counted.polls.with_label_values(&[label, lane, result_of(poll)]).inc();
        self.counted.poll_duration.with_label_values(&[label, lane]).observe(seconds(poll.took));
        for ends in profiles.ends() {
            self.counted.show_ends(ends);
        }
    }

    /// The ledger was read.
    pub fn read(&self, measures: Measures, at: Timestamp) {
        let mut state = self.state();
        state.measures = Some(measures);
        state.write_ledger();
        drop(state);
        self.reading_holds(at);
    }

    /// The ledger has not changed since it was read.
    pub fn reading_holds(&self, at: Timestamp) {
        self.counted.ledger_read.set(unix(at));
    }

    /// A report could not be made.
    pub fn report_failed(&self, report: &str) {
        if self.state().reports.iter().any(|known| known == report) {
            self.counted.report_failures.with_label_values(&[report]).inc();
        }
    }

    /// Since when a run of a report could have been made that was not; `None` where none is due.
    pub fn report_due(&self, report: &str, since: Option<Timestamp>) {
        if self.state().reports.iter().any(|known| known == report) {
            self.counted.report_due.with_label_values(&[report]).set(since.map_or(0.0, unix));
        }
    }

    /// A configuration was read again.
    pub fn reloaded(&self, reloaded: Reloaded) {
        match reloaded {
            Reloaded::Taken => {
                self.counted.reload_successful.set(1.0);
                self.counted.reload_success.set(unix(self.clock.now()));
            }
            Reloaded::Refused => self.counted.reload_successful.set(0.0),
        }
    }

    /// Until when Paxos wants no request; `None` where it may be asked.
    pub fn stop_until(&self) -> Option<Timestamp> {
        self.state().stop_until.filter(|until| *until > self.clock.now())
    }

    /// All of them in Prometheus's text format.
    pub fn text(&self) -> Arc<str> {
        let mut rendered = self.rendered.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some(fresh) = rendered.as_ref().filter(|rendered| rendered.is_fresh(now)) {
            return fresh.text();
        }
        self.counted.paxos.stop_until.set(self.stop_until().map_or(0.0, unix));
        let ledger = self.state().ledger.clone();
        let text: Arc<str> = (text::of(self.counted.gather()) + &ledger).into();
        *rendered = Some(Rendered::new(Arc::clone(&text), now));
        text
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What is half done shows one wrong sample at most, until the next reading.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn write_ledger(&mut self) {
        self.ledger = text::of(reading::families(
            self.measures.as_ref(),
            self.profiles.labels(),
            &self.sinks,
            &self.reports,
        ));
    }
}

fn result_of(poll: &ProfilePoll) -> &'static str {
    let is_stopped = poll.result.failures().any(|failure| failure.kind == FailureKind::Stopped);
    if is_stopped { STOPPED } else { PollResult::as_str(&poll.result) }
}

const STOPPED: &str = "stopped";
const RESULTS: [&str; 4] = ["complete", "partial", "failed", STOPPED];
const LANES: [Lane; 3] = [Lane::Discover, Lane::Backfill, Lane::Sweep];
