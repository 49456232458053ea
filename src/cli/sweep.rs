//! `sweep`: a window listed again and compared, in the foreground.

use std::time::Duration;

use super::failure::Failure;
use super::poll::{carry_out, to_json, whom};
use super::terminal::Terminal;
use super::{Common, Exit, outcome, session};
use crate::clock::{Clock as _, SystemClock};
use crate::config;
use crate::daemon::{Since, Wanted};
use crate::model::SweepWindow;

/// The window where none is named: that of the hourly sweep.
const DEFAULT_WINDOW: SweepWindow = SweepWindow::Last(Duration::from_secs(48 * 3600));

/// What `sweep` takes.
#[derive(Debug, clap::Args)]
pub(super) struct SweepArguments {
    /// Only this profile, by id or by its name in the configuration; may be given several times
    #[arg(long, value_name = "PROFILE")]
    profile: Vec<String>,
    /// How far back, as in 48h or 35d
    #[arg(long, value_name = "WINDOW", default_value_t = DEFAULT_WINDOW, value_parser = config::parse_window)]
    window: SweepWindow,
    /// Everything that was ever created
    #[arg(long, conflicts_with = "window")]
    full: bool,
    /// Go on with a sweep of this window that was cut short, if it began less than 24 hours ago: what it
    /// compared by then is not compared again. Without this all of the window is compared from now on
    #[arg(long)]
    resume: bool,
    /// Show the outcome as JSON
    #[arg(long)]
    json: bool,
}

/// Sweeps, or has the daemon sweep that holds the ledger, and shows the outcome.
pub(super) fn run(common: &Common, wanted: &SweepArguments, terminal: Terminal) -> Result<Exit, Failure> {
    let config = session::load_for_work(common, terminal)?;
    let window = if wanted.full { SweepWindow::Everything } else { wanted.window };
    let since = if wanted.resume { Since::CutShort } else { Since::Asked(SystemClock.now()) };
    let work = Wanted::Sweep(whom(&config, &wanted.profile)?, window, since);
    let outcome = carry_out(&config, &work, terminal)?;
    let text = if wanted.json { to_json(&outcome)? } else { outcome::text(&outcome, terminal) };
    outcome::show(&outcome, &work, &text, terminal)
}
