//! `check-config`: reads the configuration and shows what it comes to, and when each sweep runs next; or which
//! limits hold for one orchestration, and why.

mod explain;

use serde_json::{Map, Value};

use super::failure::Failure;
use super::terminal::{Terminal, render, table};
use super::{Common, Exit, session};
use crate::clock::{Clock as _, SystemClock};

/// What `check-config` takes.
#[derive(Debug, clap::Args)]
pub(super) struct CheckConfigArguments {
    /// Show which limits hold for this orchestration and why: an id or `ref_id` that the ledger knows
    #[arg(long, value_name = "ID")]
    explain: Option<String>,
    /// Show it as JSON
    #[arg(long)]
    json: bool,
}

/// Settings that are lists, and come more than once.
const LISTS: [&str; 7] =
    ["profiles", "sweeps", "reports", "limits.rules", "limits.calendars", "alerts.sinks", "alerts.heartbeat"];

/// Checks the configuration; faults come as the failure, all at once.
pub(super) fn run(
    common: &Common,
    wanted: &CheckConfigArguments,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let config = session::load(common, terminal)?;
    let now = SystemClock.now();
    for running_out in config.limits.running_out(now) {
        terminal.tell(&format!("warning: `limits.calendars`: {running_out}"));
    }
    if let Some(id) = &wanted.explain {
        let explained = explain::of(&config, id)?;
        let text = if wanted.json { explained.json() } else { explained.text(terminal) };
        terminal.print(&text)?;
        return Ok(Exit::Fine);
    }
    let summary = config.summary(now);
    if wanted.json {
        let mut settings = Map::new();
        for (key, value) in summary {
            match settings.get_mut(&key) {
                Some(Value::Array(values)) => values.push(Value::from(value)),
                _ if LISTS.contains(&key.as_str()) => {
                    settings.insert(key, Value::from(vec![value]));
                }
                _ => {
                    settings.insert(key, Value::from(value));
                }
            }
        }
        terminal.print(&format!("{:#}\n", Value::Object(settings)))?;
    } else {
        let mut settings = table(&["SETTING", "VALUE"]);
        for (key, value) in summary {
            settings.add_row([key, value]);
        }
        terminal.print(&render(&settings))?;
        terminal.tell("the configuration is fine");
    }
    Ok(Exit::Fine)
}
