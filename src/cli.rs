//! The command line: what the user typed, done and told.
//!
//! One file a subcommand. Data goes to standard output, talk to standard error; every reading command
//! has `--json`. What the commands do is in the other rooms; here it is started and shown.

mod alerts;
mod breaks;
mod check_config;
mod demo;
mod exit;
mod failure;
mod generate;
mod history;
mod interrupt;
mod ledger;
mod outcome;
mod poll;
mod progress;
mod report;
mod request;
mod run;
mod session;
mod show;
mod sim;
mod status;
mod sweep;
mod terminal;

use std::path::PathBuf;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};

pub use exit::Exit;
use failure::Failure;
use terminal::{ColourChoice, Terminal};

use crate::config::{self, LogConfig, LogFormat, LogLevel};
use crate::logging::{self, Levels};
use crate::model::with_causes;

/// Watches the money that moves through Paxos orchestrations.
///
/// tallyd lists every orchestration of your profiles, keeps its own ledger of what it saw, and tells
/// what changed. It only reads: it holds no write scope and moves no money.
#[derive(Debug, Parser)]
#[command(name = "tallyd", version, propagate_version = true, after_help = after_help())]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// The exit codes and what they mean, for the help and the manual.
const EXIT_CODES: &[(&str, &str)] = &[
    ("0", "fine"),
    ("1", "failed, or a poll or sweep that was not complete"),
    ("2", "usage"),
    ("3", "breaks are open; only where --exit-code asks for it"),
    ("75", "Paxos could not be reached or asked for a pause; try again later"),
    ("78", "the configuration is wrong: the file, the credentials, a profile, or whose ledger it is"),
];

/// The environment variables and what they do.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("TALLYD_CONFIG", "the configuration file, where --config names none"),
    ("TALLYD_LOG", "more log lines, as in tallyd::sync=debug,reqwest=debug"),
    ("NO_COLOR", "set to anything: no colours"),
];

fn after_help() -> String {
    let list = |heading: &str, width: usize, rows: &[(&str, &str)]| {
        let lines = rows.iter().map(|(name, meaning)| format!("\n  {name:<width$}  {meaning}"));
        format!("{heading}:{}", lines.collect::<String>())
    };
    [list("Exit codes", 2, EXIT_CODES), list("Environment", 13, ENVIRONMENT)].join("\n\n")
}

/// What every command takes.
#[derive(Debug, clap::Args)]
struct Common {
    /// The configuration file [default: /etc/tallyd/config.toml]
    #[arg(long, short, global = true, env = "TALLYD_CONFIG", value_name = "FILE", hide_env_values = true)]
    config: Option<PathBuf>,
    /// How log lines are written [default: as configured, else auto]
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<LogFormatArgument>,
    /// The least severe log lines that are written [default: as configured, else warn]
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<LogLevelArgument>,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColourChoice,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormatArgument {
    /// To systemd's journal where standard error is connected to it, else text
    Auto,
    /// For people
    Text,
    /// One JSON object a line
    Json,
    /// To systemd's journal, with priorities and fields
    Journal,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogLevelArgument {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch: poll and sweep as configured, until told to stop
    ///
    /// The first poll begins at once. SIGTERM and Ctrl-C stop it within five seconds, with nothing lost; a
    /// second one ends it at once. SIGHUP reads the configuration again. One `run` may hold a ledger: `poll`,
    /// `backfill` and `sweep` beside it have it do the work, and every reading command goes in beside it. With
    /// `[server] listen` it shows pages for a browser, and answers `/metrics`, `/healthz`, `/readyz` and `/api/v1`.
    Run(run::RunArguments),
    /// Poll every profile once, the first backfill included
    ///
    /// After a restore, everything of each profile is listed and compared again as well (sweep).
    Poll(poll::PollArguments),
    /// Poll every profile once at the backfill's rate, and wait out any pause that Paxos asks for
    Backfill(poll::PollArguments),
    /// List a window again and compare every row, for what changed after its end, came late or vanished
    ///
    /// A daemon does it by the schedules of `[[sweeps]]`. Polls go on beside it and come first. One that was
    /// asked for compares the whole window from then on; only with --resume does it go on with one that was cut
    /// short.
    Sweep(sweep::SweepArguments),
    /// Show what the ledger holds and covers, profile by profile
    Status(status::StatusArguments),
    /// Show one orchestration from the ledger
    Show(show::ShowArguments),
    /// Tell what the journal knows of one orchestration, oldest first
    History(history::HistoryArguments),
    /// List what is wrong, and acknowledge or resolve it
    #[command(subcommand)]
    Breaks(breaks::BreaksCommand),
    /// Make a report of a period that ties out: what was open and came is what ended and is open
    ///
    /// Without a name, of the last day, to standard output. With the name of one of `[[reports]]`, as that is configured,
    /// into its folder; the daemon makes those by their schedules. The same place in the journal (--as-of) and the same
    /// configuration give the same bytes, also later.
    Report(Box<report::ReportArguments>),
    /// See that people are told: try the sinks, look at what waits
    #[command(subcommand)]
    Alerts(alerts::AlertsCommand),
    /// Look after the ledger's file
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// Check the configuration and show what it comes to, and when each sweep runs next
    ///
    /// With --explain, show which limits hold for one orchestration of the ledger, from which rule each comes,
    /// and why the other rules lost.
    CheckConfig(check_config::CheckConfigArguments),
    /// See tallyd at work, with nothing needed: a simulated Paxos, the real poll, a ledger to look at
    Demo(demo::DemoArguments),
    /// Serve a simulated Paxos API for tests
    Sim(Box<sim::SimArguments>),
    /// Write completions for a shell to standard output
    Completions(generate::CompletionsArguments),
    /// Write the manual page to standard output
    Man,
}

/// Runs the program with the arguments of this process.
pub fn main() -> Exit {
    let matches = match Arguments::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return usage(&error),
    };
    let arguments = match Arguments::from_arg_matches(&matches) {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let no_color = config::process_environment("NO_COLOR").is_some_and(|value| !value.is_empty());
    let terminal = Terminal::new(arguments.common.color, no_color);
    match run(arguments, terminal) {
        Ok(exit) => exit,
        Err(failure) => {
            tell(&failure, terminal);
            failure.exit()
        }
    }
}

fn run(arguments: Arguments, terminal: Terminal) -> Result<Exit, Failure> {
    let common = arguments.common;
    match arguments.command {
        Command::Run(wanted) => run::run(&common, &wanted, terminal),
        Command::Poll(wanted) => poll::run(&common, &wanted, crate::sync::Pace::ByGap, terminal),
        Command::Backfill(wanted) => poll::run(&common, &wanted, crate::sync::Pace::Backfill, terminal),
        Command::Sweep(wanted) => sweep::run(&common, &wanted, terminal),
        Command::Status(wanted) => status::run(&common, &wanted, terminal),
        Command::Show(wanted) => show::run(&common, &wanted, terminal),
        Command::History(wanted) => history::run(&common, &wanted, terminal),
        Command::Breaks(wanted) => breaks::run(&common, &wanted, terminal),
        Command::Report(wanted) => report::run(&common, &wanted, terminal),
        Command::Alerts(wanted) => alerts::run(&common, &wanted, terminal),
        Command::Ledger(wanted) => ledger::run(&common, &wanted, terminal),
        Command::CheckConfig(wanted) => check_config::run(&common, &wanted, terminal),
        Command::Demo(wanted) => demo::run(&common, &wanted, terminal),
        Command::Sim(wanted) => sim::run(&common, &wanted, terminal),
        Command::Completions(wanted) => generate::completions(&wanted, terminal),
        Command::Man => generate::man(terminal),
    }
}

/// Shows what clap says: help is data, a mistake is talk.
fn usage(error: &clap::Error) -> Exit {
    // Help that cannot be shown leaves nothing else to say.
    error.print().unwrap_or_default();
    if error.use_stderr() { Exit::Usage } else { Exit::Fine }
}

/// Tells a failure with its causes, each said once.
fn tell(failure: &Failure, terminal: Terminal) {
    if let Failure::Config(error) = failure {
        terminal.tell(error.render(session::colour(terminal)).trim_end());
        return;
    }
    terminal.tell(&format!("error: {}", with_causes(failure)));
}

/// Starts logging as the command line says, else as configured; what has no configuration warns.
fn logging_of(
    common: &Common,
    configured: Option<&LogConfig>,
    terminal: Terminal,
) -> Result<Levels, Failure> {
    let format = match common.log_format {
        Some(LogFormatArgument::Auto) => LogFormat::Auto,
        Some(LogFormatArgument::Text) => LogFormat::Text,
        Some(LogFormatArgument::Json) => LogFormat::Json,
        Some(LogFormatArgument::Journal) => LogFormat::Journal,
        None => configured.map_or(config::DEFAULT_LOG_FORMAT, |log| log.format),
    };
    let level = match common.log_level {
        Some(LogLevelArgument::Error) => LogLevel::Error,
        Some(LogLevelArgument::Info) => LogLevel::Info,
        Some(LogLevelArgument::Debug) => LogLevel::Debug,
        Some(LogLevelArgument::Trace) => LogLevel::Trace,
        Some(LogLevelArgument::Warn) => LogLevel::Warn,
        None => configured.map_or(LogLevel::Warn, |log| log.level),
    };
    Ok(logging::start(format, level, session::colour(terminal)).map_err(anyhow::Error::from)?)
}
