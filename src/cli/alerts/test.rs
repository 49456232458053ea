//! `alerts test`: a marked test to every sink, or to one.

use futures_util::future::join_all;
use serde::Serialize;

use crate::alerts;
use crate::cli::Exit;
use crate::cli::failure::Failure;
use crate::cli::poll::{runtime, to_json};
use crate::cli::terminal::{Paint, Terminal, render, table};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, SinkConfig};
use crate::model::with_causes;

/// What `alerts test` takes.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct TestArguments {
    /// Only this sink, by its name in the configuration
    sink: Option<String>,
    /// Show the answers as JSON
    #[arg(long)]
    json: bool,
}

/// How the test of one sink went.
#[derive(Serialize)]
struct Answer {
    sink: String,
    r#type: &'static str,
    delivered: bool,
    error: Option<String>,
}

/// Tests the sinks side by side.
pub(super) fn run(config: &Config, wanted: &TestArguments, terminal: Terminal) -> Result<Exit, Failure> {
    let sinks = chosen(config, wanted.sink.as_deref())?;
    let now = SystemClock.now();
    let answers: Vec<Answer> = runtime()?.block_on(join_all(sinks.into_iter().map(async |sink| {
        let error = alerts::test(sink, now).await.err().map(|error| with_causes(&error));
        let kind = sink.target.type_name();
        Answer { sink: sink.name.0.clone(), r#type: kind, delivered: error.is_none(), error }
    })));
    let exit = if answers.iter().all(|answer| answer.delivered) { Exit::Fine } else { Exit::Failed };
    if wanted.json {
        terminal.print(&to_json(&answers)?)?;
        return Ok(exit);
    }
    let mut shown = table(&["SINK", "TYPE", "RESULT"]);
    for answer in answers {
        let result = match answer.error {
            None => terminal.paint("delivered", Paint::Good),
            Some(error) => terminal.paint(&error, Paint::Bad),
        };
        shown.add_row([answer.sink, answer.r#type.to_owned(), result]);
    }
    terminal.print(&render(&shown))?;
    Ok(exit)
}

fn chosen<'c>(config: &'c Config, wanted: Option<&str>) -> Result<Vec<&'c SinkConfig>, Failure> {
    let sinks = &config.alerts.sinks;
    let Some(wanted) = wanted else { return Ok(sinks.iter().collect()) };
    let found: Vec<&SinkConfig> = sinks.iter().filter(|sink| sink.name.0 == wanted).collect();
    if found.is_empty() {
        let names: Vec<&str> = sinks.iter().map(|sink| sink.name.0.as_str()).collect();
        let names = names.join(", ");
        return Err(anyhow::anyhow!("no sink {wanted:?} in the configuration; there are: {names}").into());
    }
    Ok(found)
}
