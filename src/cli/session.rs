//! From the command line to a configuration, and where it says the ledger is.

use std::path::PathBuf;

use super::failure::Failure;
use super::terminal::Terminal;
use super::{Common, logging_of};
use crate::config::{self, Colour, Config};
use crate::daemon;
use crate::ledger::{Reader, Route};
use crate::logging::Levels;
use crate::model::Timestamp;

/// Loads the configuration, tells its warnings and starts logging.
pub(super) fn load(common: &Common, terminal: Terminal) -> Result<Config, Failure> {
    load_and_log(common, terminal).map(|(config, _)| config)
}

/// The same, with what sets the log's level later.
pub(super) fn load_and_log(common: &Common, terminal: Terminal) -> Result<(Config, Levels), Failure> {
    let path = config::path_from(common.config.clone());
    let loaded = Config::load(&path, &config::process_environment).map_err(Failure::Config)?;
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
