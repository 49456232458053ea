//! What was asked and what was answered: for tests, which look at it, and for the demo, which counts.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::watch;

use super::endpoint::Endpoint;
use crate::model::Timestamp;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRecord {
    /// What was asked for.
    pub endpoint: Endpoint,
    /// The path with its query, as it was sent.
    pub path_and_query: String,
    /// When it arrived, by the simulator's clock.
    pub at: Timestamp,
    /// The HTTP status of the answer; `None` while there is none.
    pub status: Option<u16>,
}

/// All requests, in the order of their arrival.
#[derive(Debug)]
pub(super) struct RequestLog {
    entries: Mutex<Entries>,
    /// Changes with every arrival, for those who wait for one.
    arrivals: watch::Sender<u64>,
    in_flight: AtomicUsize,
    in_flight_max: AtomicUsize,
    pub(super) pages: AtomicU64,
    pub(super) rows: AtomicU64,
}

#[derive(Debug)]
struct Entries {
    remembered: VecDeque<RequestRecord>,
    /// How many were forgotten from the front.
    forgotten: usize,
    most: usize,
    counts: BTreeMap<Endpoint, u64>,
}

/// A request that is being answered; it ends when this is dropped.
pub(super) struct Flight<'a> {
    log: &'a RequestLog,
    ticket: usize,
}

impl RequestLog {
    pub(super) fn new(most: usize) -> Self {
        let entries =
            Entries { remembered: VecDeque::new(), forgotten: 0, most: most.max(1), counts: BTreeMap::new() };
        Self {
            entries: Mutex::new(entries),
            arrivals: watch::Sender::new(0),
            in_flight: AtomicUsize::new(0),
            in_flight_max: AtomicUsize::new(0),
            pages: AtomicU64::new(0),
            rows: AtomicU64::new(0),
        }
    }

    /// Notes that a request has come.
    pub(super) fn arrive(&self, endpoint: Endpoint, path_and_query: &str, at: Timestamp) -> Flight<'_> {
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.in_flight_max.fetch_max(now, Ordering::SeqCst);
        let record = RequestRecord { endpoint, path_and_query: path_and_query.to_owned(), at, status: None };
        let ticket = self.with(|entries| {
            *entries.counts.entry(endpoint).or_default() += 1;
            if entries.remembered.len() == entries.most {
                entries.remembered.pop_front();
                entries.forgotten += 1;
            }
            entries.remembered.push_back(record);
            entries.forgotten + entries.remembered.len() - 1
        });
        self.arrivals.send_modify(|arrivals| *arrivals += 1);
        Flight { log: self, ticket }
    }

    pub(super) fn all(&self) -> Vec<RequestRecord> {
        self.with(|entries| entries.remembered.iter().cloned().collect())
    }

    pub(super) fn count(&self, endpoint: Endpoint) -> u64 {
        self.with(|entries| entries.counts.get(&endpoint).copied().unwrap_or(0))
    }

    /// Comes back when an endpoint has got that many requests.
    pub(super) async fn reached(&self, endpoint: Endpoint, count: u64) {
        let mut arrivals = self.arrivals.subscribe();
        // The sender lives as long as this log, so waiting cannot fail.
        let _ = arrivals.wait_for(|_| self.count(endpoint) >= count).await;
    }

    pub(super) fn in_flight_max(&self) -> usize {
        self.in_flight_max.load(Ordering::SeqCst)
    }

    /// Forgets everything but what is still being answered.
    pub(super) fn forget(&self) {
        self.with(|entries| {
            entries.forgotten += entries.remembered.len();
            entries.remembered.clear();
            entries.counts.clear();
        });
        self.in_flight_max.store(self.in_flight.load(Ordering::SeqCst), Ordering::SeqCst);
        self.pages.store(0, Ordering::SeqCst);
        self.rows.store(0, Ordering::SeqCst);
    }

    fn with<T>(&self, look: impl FnOnce(&mut Entries) -> T) -> T {
        look(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Flight<'_> {
    /// Notes the answer.
    pub(super) fn answered(&self, status: u16) {
        self.log.with(|entries| {
            let place = self.ticket.checked_sub(entries.forgotten);
            if let Some(record) = place.and_then(|place| entries.remembered.get_mut(place)) {
                record.status = Some(status);
            }
        });
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.log.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}
