//! What the listener shows, from what is in memory, and the metrics as they begin.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::service::Service;
use super::{Daemon, Ended};
use crate::clock::SharedClock;
use crate::config::{Config, PollConfig};
use crate::ledger::{LedgerError, Reader};
use crate::metrics::{self, Heartbeats, Metrics};
use crate::model::{Profile, ProfileSelection};
use crate::server::{self, Access, Doorkeeper, Listener, Pages, Token, Verdict};
use crate::web::{self, Site};

/// What the listener shows.
#[derive(Debug)]
pub(super) struct Shown {
    metrics: Arc<Metrics>,
    service: Arc<Service>,
    clock: SharedClock,
    settings: Mutex<Settings>,
    site: Arc<Site>,
}

/// What a reload may change.
#[derive(Clone, Copy, Debug)]
struct Settings {
    access: Access,
    poll: PollConfig,
}

impl Settings {
    fn of(config: &Config) -> Self {
        let server = config.server.as_ref();
        let access = Access {
            token: server.and_then(|server| server.token.as_ref()).map(|token| Token::of(&token.secret)),
            metrics_token: server
                .and_then(|server| server.metrics_token.as_ref())
                .map(|token| Token::of(&token.secret)),
        };
        Self { access, poll: config.poll }
    }
}

impl Shown {
    pub(super) fn new(
        metrics: Arc<Metrics>,
        service: Arc<Service>,
        clock: SharedClock,
        config: &Config,
    ) -> Self {
        let (path, own) = (config.ledger.path.clone(), Arc::new(config.clone()));
        let site = Arc::new(Site::new(path, Arc::clone(&clock), own));
        Self { metrics, service, clock, settings: Mutex::new(Settings::of(config)), site }
    }

    /// A reload put this configuration into effect.
    pub(super) fn reloaded(&self, config: &Config) {
        *self.settings() = Settings::of(config);
        self.site.reloaded(Arc::new(config.clone()));
    }

    fn settings(&self) -> MutexGuard<'_, Settings> {
        // It is replaced as a whole.
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Doorkeeper for Shown {
    fn access(&self) -> Access {
        self.settings().access
    }
}

impl Pages for Shown {
    fn metrics(&self) -> Arc<str> {
        self.metrics.text()
    }

    fn metrics_type(&self) -> &'static str {
        metrics::CONTENT_TYPE
    }

    fn health(&self) -> Verdict {
        self.service.health()
    }

    fn readiness(&self) -> Verdict {
        let poll = self.settings().poll;
        self.service.standings().readiness(poll, self.metrics.stop_until(), self.clock.monotonic())
    }
}

/// Answers until tallyd stops.
pub(super) async fn run(daemon: Daemon, listener: Listener) -> Ended {
    let Daemon { shown, metrics, stopping, .. } = daemon;
    let router = server::monitoring(Arc::clone(&shown) as _).merge(web::router(Arc::clone(&shown.site)));
    listener.serve(router, shown, metrics, stopping.given()).await;
    Ok(())
}

/// Tells the metrics what the configuration has, and what the ledger knows of the profiles that are polled, before the
/// first of them is.
pub(super) fn begin(metrics: &Metrics, config: &Config, reader: &Reader) -> Result<(), LedgerError> {
    configure(metrics, config);
    let ends = reader.last_ends()?;
    metrics.former_ends(&ends);
    metrics.polled_profiles(&polled(config, reader.profiles()?));
    Ok(())
}

/// Tells the same of another configuration. Where every profile of the account is polled, the next round knows which.
pub(super) fn reconfigure(daemon: &Daemon, config: &Config) {
    configure(&daemon.metrics, config);
    if config.profiles == ProfileSelection::All {
        return;
    }
    let known = Reader::open(&config.ledger.path).and_then(|reader| reader.profiles());
    // Without their names at Paxos, until the next round.
    let polled = polled(config, known.unwrap_or_default());
    daemon.metrics.polled_profiles(&polled);
    daemon.service.standings().only(&polled);
}

fn configure(metrics: &Metrics, config: &Config) {
    let alerts = &config.alerts;
    let has_heartbeat = alerts.heartbeat.is_some() || !alerts.profile_heartbeats.is_empty();
    let heartbeats = if has_heartbeat { Heartbeats::Configured } else { Heartbeats::None };
    let sinks = alerts.sinks.iter().map(|sink| sink.name.clone()).collect();
    let reports = config.reports.iter().map(|report| report.name.clone()).collect();
    metrics.configured(sinks, reports, heartbeats);
}

/// The profiles that are polled, as far as that is known before the account is asked: the ledger knows the names of
/// those that have none in the configuration.
fn polled(config: &Config, known: Vec<Profile>) -> Vec<Profile> {
    let ProfileSelection::Listed(listed) = &config.profiles else { return known };
    let named = |listed: &Profile| {
        let known = || known.iter().find(|known| known.id == listed.id)?.name.clone();
        Profile { id: listed.id.clone(), name: listed.name.clone().or_else(known) }
    };
    listed.iter().map(named).collect()
}
