//! From a configuration to what a command works with: the ledger, the client, the poller.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::failure::Failure;
use super::terminal::Terminal;
use super::{Common, logging_of};
use crate::clock::{SharedClock, SystemClock};
use crate::config::{self, Colour, Config};
use crate::ledger::{Ledger, StoredStop, keep_stop_beside};
use crate::paxos::{self, ApiUrl, Client, RootCertificate, Stop, StopKeeper};
use crate::sync::{self, Poller, Watch};

/// Loads the configuration, tells its warnings and starts logging.
pub(super) fn load(common: &Common, terminal: Terminal) -> Result<Config, Failure> {
    let path = config::path_from(common.config.clone());
    let loaded = Config::load(&path, &config::process_environment).map_err(Failure::Config)?;
    if !loaded.warnings.is_empty() {
        terminal.tell(loaded.render_warnings(colour(terminal)).trim_end());
    }
    logging_of(common, Some(&loaded.config.log), terminal)?;
    Ok(loaded.config)
}

/// Whether messages about the configuration are coloured.
pub(super) fn colour(terminal: Terminal) -> Colour {
    if terminal.error_colour() { Colour::Coloured } else { Colour::Plain }
}

/// A client, a ledger and a poller that belong together.
pub(super) struct Session {
    /// The ledger, open for writing.
    pub(super) ledger: Ledger,
    /// The poller over both.
    pub(super) poller: Poller,
    client: Client,
}

impl Session {
    /// Opens the ledger and makes the client. Nothing is asked of Paxos yet.
    pub(super) async fn open(
        config: &Config,
        clock: SharedClock,
        patience: Patience,
        watch: Watch,
    ) -> Result<Self, Failure> {
        let ledger = Ledger::open(&config.ledger.path, &config.paxos.api_url, sync::rules(), clock.now())?;
        let stops = ledger.stops(clock.now()).await?;
        let keeper = Arc::new(KeepInLedger(ledger.clone()));
        let client = client(config, Arc::clone(&clock), stops, keeper)?;
        let client = match patience {
            Patience::Usual => client,
            Patience::WaitOutStops => client.with_stop_patience(LONGEST_STOP),
        };
        let settings = sync::Settings {
            overlap: config.poll.overlap,
            backfill_after: config.poll.backfill_after,
            backfill_requests_per_second: config.paxos.backfill_requests_per_second,
        };
        let poller = Poller::new(client.clone(), ledger.clone(), clock, settings, watch);
        Ok(Self { ledger, poller, client })
    }

    /// Closes the ledger. A pause in force is kept once more: the request that met it may have been
    /// dropped before it could.
    pub(super) async fn close(self) {
        if let Some(stop) = self.client.stop() {
            KeepInLedger(self.ledger.clone()).keep(&stop).await;
        }
        drop(self.client);
        drop(self.poller);
        self.ledger.close().await;
    }
}

/// Whether a command waits out a pause that Paxos asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// Only a short one; a longer one ends the poll.
    Usual,
    /// Any one, for work that takes long anyway.
    WaitOutStops,
}

/// The longest pause that is taken over from a former process: far more than any that was seen.
const LONGEST_KEPT_STOP: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

/// Twice the usual pause of five minutes.
const LONGEST_STOP: std::time::Duration = std::time::Duration::from_secs(600);

/// A client for reading single orchestrations, while another tallyd may be writing to the ledger.
pub(super) fn reading_client(config: &Config, stops: Vec<StoredStop>) -> Result<Client, Failure> {
    client(config, Arc::new(SystemClock), stops, Arc::new(KeepBeside(ledger_path(config))))
}

fn client(
    config: &Config,
    clock: SharedClock,
    stops: Vec<StoredStop>,
    keeper: Arc<dyn StopKeeper>,
) -> Result<Client, Failure> {
    let stops = stops
        .into_iter()
        .map(|stop| {
            // A local clock that was wrong when the pause began must not stretch it without end.
            let until = stop.until.min(clock.now().plus(LONGEST_KEPT_STOP));
            Stop { host: stop.host, until, reason: stop.reason }
        })
        .collect();
    let settings = settings(config, clock.now().as_micros())?;
    Ok(Client::new(settings, clock, keeper, stops).map_err(anyhow::Error::from)?)
}

fn settings(config: &Config, seed: i64) -> Result<paxos::Settings, Failure> {
    let url = |text: &str| ApiUrl::parse(text).map_err(anyhow::Error::from);
    let wanted = &config.paxos;
    let mut settings = paxos::Settings::new(
        url(&wanted.api_url)?,
        url(&wanted.token_url)?,
        wanted.client_id.clone(),
        wanted.client_secret.clone(),
        paxos::Limits {
            requests_per_second: wanted.requests_per_second,
            backfill_requests_per_second: wanted.backfill_requests_per_second,
            request_timeout: wanted.request_timeout,
        },
    );
    settings.jitter_seed = seed.unsigned_abs();
    if let Some(roots) = &wanted.extra_roots {
        settings.extra_root_certificates =
            RootCertificate::from_pem(roots.pem.as_bytes()).map_err(anyhow::Error::from)?;
    }
    Ok(settings)
}

/// Keeps the pauses that Paxos asks for in the ledger.
struct KeepInLedger(Ledger);

impl StopKeeper for KeepInLedger {
    fn keep(&self, stop: &Stop) -> BoxFuture<'_, ()> {
        let stored = stored(stop);
        Box::pin(async move {
            if let Err(error) = self.0.keep_stop(stored).await {
                tracing::error!(error = %error, "the pause that Paxos asked for could not be kept over a restart");
            }
        })
    }
}

/// Keeps the pauses in a ledger that was opened for reading only.
struct KeepBeside(PathBuf);

impl StopKeeper for KeepBeside {
    fn keep(&self, stop: &Stop) -> BoxFuture<'_, ()> {
        let (path, stored) = (self.0.clone(), stored(stop));
        Box::pin(async move {
            let kept = tokio::task::spawn_blocking(move || keep_stop_beside(&path, &stored));
            let error = match kept.await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => anyhow::Error::from(error),
                Err(error) => anyhow::Error::from(error),
            };
            tracing::warn!(
                error = %error,
                "the pause that Paxos asked for could not be kept; other commands will not know of it"
            );
        })
    }
}

fn stored(stop: &Stop) -> StoredStop {
    StoredStop { host: stop.host.clone(), until: stop.until, reason: stop.reason.clone() }
}

/// The path of the ledger in a configuration, for commands that only read.
pub(super) fn ledger_path(config: &Config) -> PathBuf {
    config.ledger.path.clone()
}
