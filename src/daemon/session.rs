//! From a configuration to what polls: the ledger, the client, the poller.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::observers::Observers;
use super::wanted::{Since, Wanted, Whom};
use crate::alerts::{Delivery, Heartbeat, Sink, SinkError};
use crate::clock::{SharedClock, SystemClock};
use crate::config::Config;
use crate::ledger::{Ledger, LedgerError, Role, Rules, StoredStop, keep_stop_beside};
use crate::model::{PollOutcome, ProfileSelection, Timestamp};
use crate::paxos::{
    self, ApiUrl, Client, ClientError, InvalidCertificate, InvalidUrl, RootCertificate, Stop, StopKeeper,
};
use crate::sync::{self, Pace, Poller, Stopping, Turns, Watch};

/// The longest pause that is taken over from a former process: far more than any that was seen.
const LONGEST_KEPT_STOP: Duration = Duration::from_secs(24 * 3600);

/// Twice the usual pause of five minutes.
const LONGEST_STOP: Duration = Duration::from_secs(600);

/// The heartbeat of a configuration, whose sinks can be made.
fn alerts_of(config: &Config, observers: &Observers) -> Result<Option<Arc<Heartbeat>>, SinkError> {
    for sink in &config.alerts.sinks {
        Sink::new(sink)?;
    }
    let heartbeat = Heartbeat::new(&config.alerts)?;
    Ok(heartbeat.map(|heartbeat| Arc::new(heartbeat.observed_by(Arc::clone(&observers.alerts)))))
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A configured URL is none that requests may be sent to.
    #[error("failed to use a configured URL")]
    Url(#[from] InvalidUrl),
    /// A sink or the heartbeat cannot be used.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The configured certificates cannot be used.
    #[error("failed to use `paxos.ca_file`")]
    Certificate(#[from] InvalidCertificate),
    /// There is no client.
    #[error("failed to reach out to Paxos")]
    Client(#[from] ClientError),
}

/// Whether a poll waits out a pause that Paxos asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Only a short one; a longer one ends the poll.
    Usual,
    /// Any one, for work that takes long anyway.
    WaitOutStops,
}

/// A client, a ledger and pollers that belong together.
pub struct Session {
    /// The ledger, open for writing.
    pub ledger: Ledger,
    config: Config,
    clock: SharedClock,
    client: Client,
    poller: Poller,
    observers: Observers,
    turns: Turns,
    heartbeat: Option<Arc<Heartbeat>>,
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Session").field("ledger", &self.ledger).finish_non_exhaustive()
    }
}

impl Session {
    /// Opens the ledger and makes the client. Nothing is asked of Paxos yet.
    pub async fn open(
        config: Config,
        clock: SharedClock,
        role: Role,
        rules: Rules,
        observers: Observers,
    ) -> Result<Self, SessionError> {
        let (path, api_url) = (&config.ledger.path, &config.paxos.api_url);
        let heartbeat = alerts_of(&config, &observers)?;
        let ledger = Ledger::open_as(role, path, api_url, rules, clock.now())?;
        let ledger = ledger.observed_by(Arc::clone(&observers.ledger));
        let stops = ledger.stops(clock.now()).await?;
        let keeper = Arc::new(KeepInLedger(ledger.clone()));
        let client = client(&config, Arc::clone(&clock), stops, keeper, Arc::clone(&observers.paxos))?;
        let turns = Turns::default();
        let poller = poller(&client, &ledger, &clock, &config, &observers.watch).with_turns(turns.clone());
        Ok(Self { ledger, config, clock, client, poller, observers, turns, heartbeat })
    }

    /// A session by another configuration, over the same ledger, limiter, pauses and turns.
    pub(super) fn with_config(&self, config: Config) -> Result<Self, SessionError> {
        let observers = self.observers.clone();
        let mut settings = settings(&config, self.clock.now().as_micros())?;
        settings.observer = Arc::clone(&observers.paxos);
        let client = self.client.with_settings(settings)?;
        let heartbeat = alerts_of(&config, &observers)?;
        let (ledger, clock) = (self.ledger.clone(), Arc::clone(&self.clock));
        let turns = self.turns.clone();
        let poller = poller(&client, &ledger, &clock, &config, &observers.watch).with_turns(turns.clone());
        Ok(Self { ledger, config, clock, client, poller, observers, turns, heartbeat })
    }

    /// What delivers what waits to be told.
    pub fn delivery(&self, seed: u64) -> Delivery {
        Delivery {
            ledger: self.ledger.clone(),
            clock: Arc::clone(&self.clock),
            alerts: self.config.alerts.clone(),
            seed,
            observer: Arc::clone(&self.observers.alerts),
        }
    }

    /// What is called after complete polls.
    pub(super) fn heartbeat(&self) -> Option<Arc<Heartbeat>> {
        self.heartbeat.clone()
    }

    /// Calls the heartbeats that a poll of every profile gives reason to call.
    pub async fn call_heartbeats(&self, wanted: &Wanted, outcome: &PollOutcome) {
        if let (Wanted::Poll(Whom::All) | Wanted::Backfill(Whom::All), Some(heartbeat)) =
            (wanted, &self.heartbeat)
        {
            heartbeat.after(outcome, self.clock.now()).await;
        }
    }

    /// What is polled.
    pub fn selection(&self) -> &ProfileSelection {
        &self.config.profiles
    }

    /// A poller over the ledger and the client.
    pub fn poller(&self, patience: Patience) -> Poller {
        match patience {
            Patience::Usual => self.poller.clone(),
            Patience::WaitOutStops => {
                let client = self.client.with_stop_patience(LONGEST_STOP);
                poller(&client, &self.ledger, &self.clock, &self.config, &self.observers.watch)
                    .with_turns(self.turns.clone())
            }
        }
    }

    /// Does what is wanted, for these profiles, until it is done or `stopping` is given.
    pub async fn carry_out(
        &self,
        wanted: &Wanted,
        selection: &ProfileSelection,
        stopping: Stopping,
    ) -> PollOutcome {
        let patience = match wanted {
            Wanted::Poll(_) => Patience::Usual,
            Wanted::Backfill(_) | Wanted::Sweep(..) => Patience::WaitOutStops,
        };
        let poller = self.poller(patience).with_stopping(stopping);
        match wanted {
            Wanted::Poll(_) => poller.poll(selection, Pace::ByGap).await,
            Wanted::Backfill(_) => poller.poll(selection, Pace::Backfill).await,
            Wanted::Sweep(_, window, Since::CutShort) => poller.sweep(selection, *window).await,
            Wanted::Sweep(_, window, Since::Asked(at)) => {
                let ago = self.clock.now().since(*at);
                poller.resuming_within(ago).sweep(selection, *window).await
            }
        }
    }

    /// Adds to a poll the sweeps that a restore owes, until they are done or `stopping` is given. For those who
    /// have no task that sweeps.
    pub async fn sweep_owed(&self, outcome: &mut PollOutcome, stopping: Stopping) {
        self.poller(Patience::WaitOutStops).with_stopping(stopping).sweep_owed(outcome).await;
    }

    /// The time by Paxos's clock, as far as it is known.
    pub(super) fn server_now(&self) -> Timestamp {
        self.poller.server_now()
    }

    /// Judges how the profiles fare, and which acknowledgements are over.
    pub async fn judge_polls(&self) -> Result<(), LedgerError> {
        self.ledger.judge_polls(self.config.profiles.clone(), self.poller.server_now()).await
    }

    /// The configuration in effect.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// The pause in force.
    pub(super) fn stop(&self) -> Option<Stop> {
        self.client.stop()
    }

    /// Heeds a pause that another process left in the ledger.
    pub(super) fn heed(&self, stop: StoredStop) {
        self.client.heed(&taken_over(stop, self.clock.now()));
    }

    /// Closes the ledger. A pause in force is kept once more: the request that met it may have been
    /// dropped before it could.
    pub async fn close(self) {
        if let Some(stop) = self.client.stop() {
            KeepInLedger(self.ledger.clone()).keep(&stop).await;
        }
        drop(self.client);
        drop(self.poller);
        self.ledger.close().await;
    }
}

/// A client for reading single orchestrations, while another tallyd may be writing to the ledger.
pub fn reading_client(config: &Config, stops: Vec<StoredStop>) -> Result<Client, SessionError> {
    let keeper = Arc::new(KeepBeside(config.ledger.path.clone()));
    client(config, Arc::new(SystemClock), stops, keeper, Arc::new(paxos::Unobserved))
}

fn poller(client: &Client, ledger: &Ledger, clock: &SharedClock, config: &Config, watch: &Watch) -> Poller {
    let settings = sync::Settings {
        overlap: config.poll.overlap,
        backfill_after: config.poll.backfill_after,
        backfill_requests_per_second: config.paxos.backfill_requests_per_second,
    };
    Poller::new(client.clone(), ledger.clone(), Arc::clone(clock), settings, Arc::clone(watch))
}

fn client(
    config: &Config,
    clock: SharedClock,
    stops: Vec<StoredStop>,
    keeper: Arc<dyn StopKeeper>,
    observer: Arc<dyn paxos::Observer>,
) -> Result<Client, SessionError> {
    let stops = stops.into_iter().map(|stop| taken_over(stop, clock.now())).collect();
    let mut settings = settings(config, clock.now().as_micros())?;
    settings.observer = observer;
    Ok(Client::new(settings, clock, keeper, stops)?)
}

fn settings(config: &Config, seed: i64) -> Result<paxos::Settings, SessionError> {
    let wanted = &config.paxos;
    let mut settings = paxos::Settings::new(
        ApiUrl::parse(&wanted.api_url)?,
        ApiUrl::parse(&wanted.token_url)?,
        wanted.client_id.clone(),
        wanted.client_secret.clone(),
        paxos::Limits {
            requests_per_second: wanted.requests_per_second,
            backfill_requests_per_second: wanted.backfill_requests_per_second,
            request_timeout: wanted.request_timeout,
        },
    );
    settings.jitter_seed = seed.unsigned_abs();
    settings.look_up_transfers = wanted.look_up_transfers;
    if let Some(roots) = &wanted.extra_roots {
        settings.extra_root_certificates = RootCertificate::from_pem(roots.pem.as_bytes())?;
    }
    Ok(settings)
}

/// A pause that another process was asked for.
fn taken_over(stop: StoredStop, now: Timestamp) -> Stop {
    let StoredStop { host, until, reason } = stop;
    // A local clock that was wrong when the pause began must not stretch it without end.
    Stop { host, until: until.min(now.plus(LONGEST_KEPT_STOP)), reason }
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
