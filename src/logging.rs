//! Where log lines go and how they look.
//!
//! It starts `tracing` for the whole process: lines to standard error, as text for people or as JSON, or entries
//! to systemd's journal with their priorities and fields.
//! What is logged, and what never is, stands in `docs/logging.md`; the rooms log for themselves.

use std::os::unix::fs::MetadataExt as _;
use std::{fs, io};

use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, FilterFn, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt, reload};

use crate::config::{Colour, LogFormat, LogLevel, process_environment};

/// The environment variable with further directives, as in `tallyd::sync=trace,reqwest=debug`.
pub const DIRECTIVES_VARIABLE: &str = "TALLYD_LOG";

/// Logging that could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A directive that `tracing` does not understand.
    #[error("understand {DIRECTIVES_VARIABLE}: write directives such as `tallyd::sync=debug,reqwest=info`")]
    Directives(#[source] tracing_subscriber::filter::ParseError),
    /// The variable is not UTF-8 text.
    #[error("understand {DIRECTIVES_VARIABLE}: it is not UTF-8 text")]
    NotText,
    /// The level was to be set, and nothing is logged any more.
    #[error("set the level of a log that has ended")]
    Gone(#[source] reload::Error),
    /// There is no journal to write to.
    #[error("reach systemd's journal; write logs as text or JSON instead")]
    NoJournal(#[source] io::Error),
    /// It was started before.
    #[error("start logging: it runs already")]
    AlreadyStarted(#[source] tracing_subscriber::util::TryInitError),
}

/// Sets the level of a process that logs already.
#[derive(Clone, Debug)]
pub struct Levels {
    filter: reload::Handle<EnvFilter, Registry>,
    directives: String,
}

impl Levels {
    /// Writes our own lines from `level` on; what `TALLYD_LOG` said at the start still refines it.
    ///
    /// # Errors
    ///
    /// [`StartError::Gone`] where nothing is logged any more.
    pub fn set(&self, level: LogLevel) -> Result<(), StartError> {
        self.filter.reload(filter(level, &self.directives)?).map_err(StartError::Gone)
    }
}

/// Starts logging to standard error, for the whole process and once.
///
/// # Errors
///
/// [`StartError`] where `TALLYD_LOG` cannot be understood, or logging runs already.
pub fn start(format: LogFormat, level: LogLevel, colour: Colour) -> Result<Levels, StartError> {
    let directives = match process_environment(DIRECTIVES_VARIABLE) {
        Some(directives) => directives.into_string().map_err(|_| StartError::NotText)?,
        None => String::new(),
    };
    let (subscriber, levels) = subscriber(format, level, colour, &directives, io::stderr)?;
    subscriber.try_init().map_err(StartError::AlreadyStarted)?;
    Ok(levels)
}

/// What [`start`] starts, with directives and a writer of the caller's.
///
/// # Errors
///
/// [`StartError::Directives`] where they cannot be understood.
pub fn subscriber<W>(
    format: LogFormat,
    level: LogLevel,
    colour: Colour,
    directives: &str,
    writer: W,
) -> Result<(impl Subscriber + Send + Sync + use<W>, Levels), StartError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // Text in UTC with microseconds is what both formats write by default.
    let lines = fmt::layer().with_writer(writer).with_ansi(colour == Colour::Coloured);
    let lines = match format {
        LogFormat::Auto if is_journal_stderr() => match journal() {
            Ok(journal) => journal.boxed(),
            // It is connected, and lines reach it too.
            Err(_) => lines.boxed(),
        },
        LogFormat::Journal => journal().map_err(StartError::NoJournal)?.boxed(),
        LogFormat::Auto | LogFormat::Text => lines.boxed(),
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed()
        }
    };
    let (filter, handle) = reload::Layer::new(filter(level, directives)?);
    let subscriber = tracing_subscriber::registry().with(filter).with(lines.with_filter(no_foreign_traces()));
    Ok((subscriber, Levels { filter: handle, directives: directives.to_owned() }))
}

/// The journal; fields of a line are fields of its entry, as in `TALLYD_PROFILE=`.
fn journal() -> io::Result<tracing_journald::Layer> {
    let layer = tracing_journald::layer()?;
    Ok(layer.with_field_prefix(Some("TALLYD".to_owned())).with_syslog_identifier("tallyd".to_owned()))
}

/// Whether standard error is connected to the journal, as systemd.exec(5) has one find out: `JOURNAL_STREAM` names
/// its device and inode.
fn is_journal_stderr() -> bool {
    let Some(stream) = process_environment("JOURNAL_STREAM").and_then(|stream| stream.into_string().ok())
    else {
        return false;
    };
    fs::metadata("/proc/self/fd/2").is_ok_and(|stderr| stream == format!("{}:{}", stderr.dev(), stderr.ino()))
}

/// A library that writes an error for every certificate that it refuses. That error comes back to us and is
/// told once, where it is handled.
const TOLD_BY_US: &str = "rustls_platform_verifier";

/// Our own lines from `level` on, those of libraries from `warn` on, then what the directives say.
fn filter(level: LogLevel, directives: &str) -> Result<EnvFilter, StartError> {
    let libraries = level.min(LogLevel::Warn).as_str();
    let all = format!("{libraries},{TOLD_BY_US}=off,tallyd={},{directives}", level.as_str());
    EnvFilter::builder().parse(all).map_err(StartError::Directives)
}

/// Hides what libraries say at `trace`, whatever the directives are: there HTTP libraries write headers,
/// and the token is in one.
fn no_foreign_traces() -> FilterFn<impl Fn(&Metadata<'_>) -> bool + Send + Sync> {
    filter_fn(|metadata| {
        let ours = metadata.target() == "tallyd" || metadata.target().starts_with("tallyd::");
        ours || *metadata.level() < tracing::Level::TRACE
    })
}
