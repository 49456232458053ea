//! What people and programs look at: pages, and a JSON API. Everything is read; nothing is written.
//!
//! Owns addresses, queries and how answers look. Connections, limits and who may ask are the listener's. Readers of
//! the ledger take turns at one desk, so that however many ask, the polls have the machine.

mod api;
mod cursor;
mod desk;
mod filter;
mod found;
mod pages;
mod query;
mod refusal;
mod reply;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::http::Response;
use axum::http::request::Parts;

use crate::clock::SharedClock;
use crate::config::Config;
use crate::ledger::Reader;
use crate::model::Timestamp;
use desk::Desk;
use refusal::Refusal;
use reply::Reply;

/// The description of the API, in the form of `OpenAPI` 3.1.
pub const OPENAPI: &str = include_str!("../docs/openapi.json");

/// What pages and API are made from.
pub struct Site {
    desk: Desk,
    clock: SharedClock,
    config: Mutex<Arc<Config>>,
}

impl fmt::Debug for Site {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Site").finish_non_exhaustive()
    }
}

impl Site {
    /// A site over the ledger at `path`.
    pub fn new(path: PathBuf, clock: SharedClock, config: Arc<Config>) -> Self {
        Self { desk: Desk::new(path), clock, config: Mutex::new(config) }
    }

    /// A reload put this configuration into effect.
    pub fn reloaded(&self, config: Arc<Config>) {
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = config;
    }

    fn config(&self) -> Arc<Config> {
        // It is replaced as a whole.
        Arc::clone(&self.config.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Answers a request by what `job` makes of the ledger when it is its turn. Nothing but the address may decide what
    /// that is: who waits for the same address is given the same answer.
    async fn answer(
        &self,
        asked: &Parts,
        job: impl FnOnce(&Reader) -> Result<Reply, Refusal> + Send + 'static,
    ) -> Result<Response<Body>, Refusal> {
        let reply = self.desk.answer(asked.uri.to_string(), job).await?;
        Ok(reply.respond(&asked.headers))
    }
}

/// What Paxos's clock, by which everything in the ledger is, shows when the local one shows `now`.
fn by_paxos(reader: &Reader, now: Timestamp) -> Result<Timestamp, Refusal> {
    Ok(reader.clock_skew()?.map_or(now, |skew| skew.correct(now)))
}

/// All addresses.
pub fn router(site: Arc<Site>) -> Router {
    Router::new().merge(api::router()).merge(pages::router()).with_state(site)
}
