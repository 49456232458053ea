//! `check-config`: reads the configuration and shows what it comes to, and when each sweep runs next.

use serde_json::{Map, Value};

use super::failure::Failure;
use super::terminal::{Terminal, render, table};
use super::{Common, Exit, session};
use crate::clock::{Clock as _, SystemClock};

/// What `check-config` takes.
#[derive(Debug, clap::Args)]
pub(super) struct CheckConfigArguments {
    /// Show the settings as JSON
    #[arg(long)]
    json: bool,
}

/// Checks the configuration; faults come as the failure, all at once.
pub(super) fn run(
    common: &Common,
    wanted: &CheckConfigArguments,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let config = session::load(common, terminal)?;
    let summary = config.summary(SystemClock.now());
    if wanted.json {
        let mut settings = Map::new();
        for (key, value) in summary {
            // These are lists, and come more than once.
            match settings.get_mut(&key) {
                Some(Value::Array(values)) => values.push(Value::from(value)),
                _ if ["profiles", "sweeps", "alerts.sinks", "alerts.heartbeat"].contains(&&*key) => {
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
