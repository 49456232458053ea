//! What other rooms tell, counted.

use std::time::Duration;

use prometheus::Histogram;

use crate::alerts::{self, Attempt, Beat};
use crate::ledger::{self, Completion, PageNews};
use crate::model::{Counts, Lane, Route, SinkName};
use crate::paxos::{self, Endpoint, Stop, TokenFetch};
use crate::server;

use super::Metrics;
use super::counted::{GRANTED, NO_ANSWER, NOT_GRANTED};
use super::numbers::seconds;

/// The most routes that are told apart, and how long their text may be: networks and assets are Paxos's to name.
const MAX_ROUTES: usize = 50;
const MAX_ROUTE: usize = 100;

/// The route of all that are not told apart, and the code of answers with a status that HTTP does not know.
const OTHER: &str = "other";

impl paxos::Observer for Metrics {
    fn answered(&self, endpoint: Endpoint, status: Option<u16>, took: Duration) {
        let code = match status {
            None => NO_ANSWER.to_owned(),
            Some(status @ 100..600) => status.to_string(),
            Some(_) => OTHER.to_owned(),
        };
        let endpoint = endpoint.as_str();
        self.counted.paxos.requests.with_label_values(&[endpoint, &code]).inc();
        self.counted.paxos.request_duration.with_label_values(&[endpoint]).observe(seconds(took));
    }

    fn sent_again(&self, endpoint: Endpoint) {
        self.counted.paxos.request_retries.with_label_values(&[endpoint.as_str()]).inc();
    }

    fn waited(&self, lane: Lane, waited: Duration) {
        self.counted.paxos.limiter_wait.with_label_values(&[lane.as_str()]).observe(seconds(waited));
    }

    fn stop_began(&self, stop: &Stop) {
        self.counted.paxos.stops.inc();
        self.stop_goes_on(stop);
    }

    fn stop_goes_on(&self, stop: &Stop) {
        let mut state = self.state();
        state.stop_until = state.stop_until.max(Some(stop.until));
    }

    fn token_fetched(&self, fetch: TokenFetch) {
        let outcome = match fetch {
            TokenFetch::Granted => GRANTED,
            TokenFetch::Failed => NOT_GRANTED,
        };
        self.counted.paxos.token_refreshes.with_label_values(&[outcome]).inc();
    }
}

impl ledger::Observer for Metrics {
    fn transacted(&self, name: &'static str, took: Duration) {
        self.counted.transactions.with_label_values(&[name]).observe(seconds(took));
    }

    fn committed(&self, counts: &Counts, news: &PageNews) {
        // There before the first of them completes, whose completion would be no increase otherwise.
        for route in &news.open {
            self.completions_of(route);
        }
        for Completion { route, took } in &news.completed {
            self.completions_of(route).observe(seconds(*took));
        }
        let state = self.state();
        let Some(label) = state.profiles.label(&news.profile) else { return };
        self.counted.rows.with_label_values(&[label, news.lane.as_str()]).inc_by(counts.rows);
        for (change, count) in [
            ("appeared", counts.appeared),
            ("changed", counts.changed),
            ("unreadable", counts.unreadable),
            ("stale", counts.stale),
            ("without_id", counts.without_id),
            ("went_missing", news.went_missing),
            ("reappeared", news.reappeared),
            ("went_back", news.went_back),
        ] {
            self.counted.changes.with_label_values(&[label, change]).inc_by(count);
        }
    }
}

impl Metrics {
    /// What counts the completions of a route.
    fn completions_of(&self, route: &Route) -> Histogram {
        let route = route.to_string();
        let mut state = self.state();
        let is_short = route.chars().count() <= MAX_ROUTE;
        if is_short && state.routes.len() < MAX_ROUTES {
            state.routes.insert(route.clone());
        }
        let route = if state.routes.contains(&route) { route.as_str() } else { OTHER };
        self.counted.completion.with_label_values(&[route])
    }
}

impl alerts::Observer for Metrics {
    fn delivered(&self, sink: &SinkName, attempt: Attempt) {
        // One that a reload took away may be told of once more.
        if self.state().sinks.contains(sink) {
            self.counted.deliveries.with_label_values(&[sink.0.as_str(), attempt.as_str()]).inc();
        }
    }

    fn beat(&self, beat: Beat) {
        self.counted.heartbeats.with_label_values(&[beat.as_str()]).inc();
    }
}

impl server::Observer for Metrics {
    fn answered(&self, path: &'static str, status: u16) {
        self.counted.http_requests.with_label_values(&[path, status.to_string().as_str()]).inc();
    }

    fn connections(&self, open: usize) {
        self.counted.http_connections.set(i64::try_from(open).unwrap_or(i64::MAX));
    }
}
