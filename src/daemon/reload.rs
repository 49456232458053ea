//! Reading the configuration again while tallyd runs (SIGHUP).
//!
//! Pure: two configurations in, the one to go on with and what to say about it out.

use std::collections::BTreeMap;

use secrecy::ExposeSecret as _;

use crate::config::{Config, ServerConfig};
use crate::model::Timestamp;

/// What becomes of a configuration that was read again.
#[derive(Debug)]
pub(super) struct Reload {
    /// What to go on with.
    pub(super) config: Config,
    /// What is different now, key by key.
    pub(super) applied: Vec<Difference>,
    /// What stays as it was until a restart, though the file says otherwise.
    pub(super) kept: Vec<Difference>,
}

/// A setting whose value is another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// Its key.
    pub(super) key: String,
    /// What it was; empty where it was not there.
    pub(super) old: String,
    /// What it is, or would be.
    pub(super) new: String,
}

/// Keys that need a restart: whose account it is, the ledger that goes with it, how lines are written, and where
/// tallyd listens.
const NEED_A_RESTART: &[&str] = &[
    "ledger.path",
    "log.format",
    "paxos.environment",
    "paxos.api_url",
    "paxos.token_url",
    "paxos.client_id",
    "server.listen",
];

/// Decides what of `new` holds from now on.
pub(super) fn weigh(old: &Config, new: Config, now: Timestamp) -> Reload {
    let wanted = differences(old, &new, now);
    let mut config = new;
    let is_other_client = config.paxos.client_id != old.paxos.client_id;
    config.ledger = old.ledger.clone();
    config.log.format = old.log.format;
    config.paxos.environment = old.paxos.environment;
    config.paxos.api_url.clone_from(&old.paxos.api_url);
    config.paxos.token_url.clone_from(&old.paxos.token_url);
    config.paxos.client_id.clone_from(&old.paxos.client_id);
    if is_other_client {
        // The new secret is the new client's.
        config.paxos.client_secret = old.paxos.client_secret.clone();
        config.paxos.client_secret_source = old.paxos.client_secret_source.clone();
    }
    let listens = |config: &Config| config.server.as_ref().map(|server| server.listen);
    let is_elsewhere = listens(&config) != listens(old);
    if is_elsewhere {
        // Its tokens go with it: what is reached from elsewhere is not opened by a change of address.
        config.server.clone_from(&old.server);
    }
    let (kept, applied) = wanted.into_iter().partition(|difference| {
        let key = difference.key.as_str();
        NEED_A_RESTART.contains(&key)
            || (is_other_client && key == "paxos.client_secret")
            || (is_elsewhere && key.starts_with("server."))
    });
    Reload { config, applied, kept }
}

fn differences(old: &Config, new: &Config, now: Timestamp) -> Vec<Difference> {
    let (olds, news) = (by_key(old, now), by_key(new, now));
    let mut keys: Vec<&String> = olds.keys().chain(news.keys()).collect();
    keys.sort();
    keys.dedup();
    let value = |values: &BTreeMap<String, String>, key| values.get(key).cloned().unwrap_or_default();
    let mut differences: Vec<Difference> = keys
        .into_iter()
        .map(|key| Difference { key: key.clone(), old: value(&olds, key), new: value(&news, key) })
        .filter(|difference| difference.old != difference.new)
        .collect();
    let same = |key: &str| differences.iter().all(|difference| difference.key != key);
    let mut behind = Vec::new();
    let secret = |config: &Config| config.paxos.client_secret.expose_secret().to_owned();
    if same("paxos.client_secret") && secret(old) != secret(new) {
        behind.push("paxos.client_secret");
    }
    if same("paxos.ca_file") && old.paxos.extra_roots != new.paxos.extra_roots {
        behind.push("paxos.ca_file");
    }
    if same("alerts.sinks") && same("alerts.heartbeat") && !old.alerts.has_the_secrets_of(&new.alerts) {
        behind.push("alerts");
    }
    if same("server.token") && same("server.metrics_token") && tokens(old) != tokens(new) {
        behind.push("server.token");
    }
    if same("limits.calendars") && old.limits.calendars != new.limits.calendars {
        behind.push("limits.calendars");
    }
    // Secrets and certificates are not for the log, and lists of days are too long for it.
    differences.extend(behind.into_iter().map(|key| Difference {
        key: key.to_owned(),
        old: "as it was".to_owned(),
        new: "changed".to_owned(),
    }));
    differences
}

/// The tokens that open the listener.
fn tokens(config: &Config) -> Vec<String> {
    let tokens = |server: &ServerConfig| [server.token.clone(), server.metrics_token.clone()];
    let tokens = config.server.iter().flat_map(tokens).flatten();
    tokens.map(|token| token.secret.expose_secret().to_owned()).collect()
}

/// The settings as text; those that come more than once as one.
fn by_key(config: &Config, now: Timestamp) -> BTreeMap<String, String> {
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    for (key, value) in config.summary(now) {
        values
            .entry(key)
            .and_modify(|all| {
                all.push_str("; ");
                all.push_str(&value);
            })
            .or_insert(value);
    }
    values
}
