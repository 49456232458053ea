//! From the command line to a configuration, and where it says the ledger is.

use std::path::PathBuf;

use super::failure::Failure;
use super::terminal::Terminal;
use super::{Common, logging_of};
use crate::config::{self, Colour, Config, ConfigError, Loaded};
use crate::daemon;
use crate::ledger::{Beside, Holder, Reader, Route};
use crate::logging::Levels;
use crate::model::Timestamp;

/// Loads the configuration, tells its warnings and starts logging.
pub(super) fn load(common: &Common, terminal: Terminal) -> Result<Config, Failure> {
    load_and_log(common, terminal).map(|(config, _)| config)
}

/// The same for commands that only read the ledger, or write to it beside a daemon: without the secrets.
pub(super) fn load_for_reading(common: &Common, terminal: Terminal) -> Result<Config, Failure> {
    let loaded = Config::load_without_secrets(&path(common), &config::process_environment);
    begin(common, loaded, terminal).map(|(config, _)| config)
}

/// The same for what the daemon does where there is one, and this process elsewhere: with the secrets where it is up
/// to this process.
pub(super) fn load_for_work(common: &Common, terminal: Terminal) -> Result<Config, Failure> {
    let loaded = Config::load_without_secrets(&path(common), &config::process_environment);
    let holder = loaded.as_ref().ok().and_then(|loaded| Beside::at(&loaded.config.ledger.path).holder().ok());
    match holder {
        Some(Holder::Daemon { .. }) => begin(common, loaded, terminal).map(|(config, _)| config),
        _ => load(common, terminal),
    }
}

/// The same, with what sets the log's level later.
pub(super) fn load_and_log(common: &Common, terminal: Terminal) -> Result<(Config, Levels), Failure> {
    begin(common, Config::load(&path(common), &config::process_environment), terminal)
}

fn path(common: &Common) -> PathBuf {
    config::path_from(common.config.clone())
}

/// Tells the warnings, or the faults, and starts logging.
fn begin(
    common: &Common,
    loaded: Result<Loaded, ConfigError>,
    terminal: Terminal,
) -> Result<(Config, Levels), Failure> {
    let loaded = loaded.map_err(Failure::Config)?;
    if !loaded.warnings.is_empty() {
        terminal.tell(loaded.render_warnings(colour(terminal)).trim_end());
    }
    let levels = logging_of(common, Some(&loaded.config.log), terminal)?;
    Ok((loaded.config, levels))
}

/// Whether messages about the configuration are coloured.
pub(super) fn colour(terminal: Terminal) -> Colour {
    if terminal.error_colour() { Colour::Coloured } else { Colour::Plain }
}

/// The path of the ledger in a configuration, for commands that only read.
pub(super) fn ledger_path(config: &Config) -> PathBuf {
    config.ledger.path.clone()
}

/// What Paxos's clock shows, as far as the ledger knows, when the local one shows `now`.
pub(super) fn by_paxos(reader: &Reader, now: Timestamp) -> Result<Timestamp, Failure> {
    Ok(reader.clock_skew()?.map_or(now, |skew| skew.correct(now)))
}

/// Which sinks tell what people do with breaks: the same as tell everything else.
pub(super) fn route(config: &Config) -> Route {
    daemon::rules(config).route
}
