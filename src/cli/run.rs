//! `run`: the daemon, until it is told to stop.

use std::sync::Arc;

use super::failure::Failure;
use super::poll::runtime;
use super::terminal::Terminal;
use super::{Common, Exit, session};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{self, Config};
use crate::daemon::{self, SetLevel, Setup};
use crate::logging::Levels;

/// What `run` takes.
#[derive(Debug, clap::Args)]
pub(super) struct RunArguments {}

/// Runs the daemon.
pub(super) fn run(common: &Common, _wanted: &RunArguments, terminal: Terminal) -> Result<Exit, Failure> {
    let (config, levels) = session::load_and_log(common, terminal)?;
    let path = config::path_from(common.config.clone());
    let setup = Setup {
        config,
        clock: Arc::new(SystemClock),
        seed: SystemClock.now().as_micros().unsigned_abs() ^ u64::from(std::process::id()),
        rules: Arc::new(daemon::rules),
        reread: Box::new(move || Config::load(&path, &config::process_environment)),
        set_level: set_level(common, levels),
    };
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        let orders = daemon::orders().map_err(anyhow::Error::from)?;
        Ok::<_, Failure>(daemon::run(setup, orders).await?)
    });
    // Whatever did not end in time does not hold up the end of the process.
    runtime.shutdown_background();
    ended.map(|()| Exit::Fine)
}

/// How a reload sets the log's level: not at all where the command line says which it is.
fn set_level(common: &Common, levels: Levels) -> SetLevel {
    if common.log_level.is_some() {
        return Box::new(|_| {
            tracing::warn!("--log-level holds until a restart, whatever the configuration says");
        });
    }
    Box::new(move |level| {
        if let Err(error) = levels.set(level) {
            tracing::error!(error = %error, "the log's level could not be set");
        }
    })
}
