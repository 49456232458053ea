//! The settings as the program uses them: final types, defaults and bounds.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::AlertsConfig;
use crate::breaks::Limits;
use crate::model::{
    Identifier, ProfileSelection, ReportForm, SinkName, SweepWindow, TransferLookUps, report_run,
};
use crate::schedule::{PeriodKind, Schedule, Zone};

/// The API of Paxos's sandbox.
pub const SANDBOX_API_URL: &str = "https://api.sandbox.paxos.com/v2";
/// The token endpoint of Paxos's sandbox.
pub const SANDBOX_TOKEN_URL: &str = "https://oauth.sandbox.paxos.com/oauth2/token";
/// The API of Paxos's production.
pub const PRODUCTION_API_URL: &str = "https://api.paxos.com/v2";
/// The token endpoint of Paxos's production.
pub const PRODUCTION_TOKEN_URL: &str = "https://oauth.paxos.com/oauth2/token";

/// Requests a second. A fifth of what is allowed: the payments software may share the address.
pub const DEFAULT_REQUESTS_PER_SECOND: NonZeroU32 = NonZeroU32::new(10).unwrap();
/// Requests a second during a backfill. It leaves a fifth of what is allowed to others at the address.
pub const DEFAULT_BACKFILL_REQUESTS_PER_SECOND: NonZeroU32 = NonZeroU32::new(40).unwrap();
/// The rates that may be set. Paxos documents 50 a second for each endpoint and address.
pub(super) const RATE_RANGE: RangeInclusive<u32> = 1..=50;

/// How long one request may take, body included. Enough for a page of 1000 rows over a slow line.
pub const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
pub(super) const REQUEST_TIMEOUT_RANGE: RangeInclusive<Duration> = seconds(1)..=seconds(5 * MINUTE);

/// The time from the beginning of one poll to that of the next.
pub const DEFAULT_EVERY: Duration = Duration::from_secs(MINUTE);
/// Beyond an hour nothing is told the moment it can be known.
pub(super) const EVERY_RANGE: RangeInclusive<Duration> = seconds(1)..=seconds(HOUR);

/// How far a discovery looks back behind the watermark.
pub const DEFAULT_OVERLAP: Duration = Duration::from_secs(10 * MINUTE);
pub(super) const OVERLAP_RANGE: RangeInclusive<Duration> = seconds(0)..=seconds(DAY);
/// A shorter overlap is accepted with a warning: rows are known to become visible a little late.
pub(super) const SHORT_OVERLAP: Duration = Duration::from_secs(MINUTE);

/// The gap since the watermark after which a discovery runs as a backfill.
pub const DEFAULT_BACKFILL_AFTER: Duration = Duration::from_secs(DAY);
/// Below an hour every small outage would be caught up at the backfill's rate.
pub(super) const BACKFILL_AFTER_RANGE: RangeInclusive<Duration> = seconds(HOUR)..=seconds(30 * DAY);

/// The sweeps where none are named, in UTC: hourly, nightly and weekly. Odd minutes, since everybody else's
/// jobs run at the full hour.
pub const DEFAULT_SWEEPS: [(&str, SweepWindow); 3] = [
    ("17 * * * *", SweepWindow::Last(seconds(48 * HOUR))),
    ("23 2 * * *", SweepWindow::Last(seconds(35 * DAY))),
    ("41 3 * * 0", SweepWindow::Everything),
];
/// Within an hour the overlap of the discoveries looks already; beyond ten years nearly everything is meant.
pub(super) const SWEEP_WINDOW_RANGE: RangeInclusive<Duration> = seconds(HOUR)..=seconds(3650 * DAY);

/// How long after its end a period counts as known. Rows come minutes late at most; an outage of an hour is caught up.
pub const DEFAULT_SETTLE: Duration = seconds(HOUR);
/// Beyond a week a report would come too late for whoever waits for it.
pub(super) const SETTLE_RANGE: RangeInclusive<Duration> = seconds(0)..=seconds(7 * DAY);
/// The forms of a report: one for people, one for programs.
pub const DEFAULT_REPORT_FORMS: [ReportForm; 2] = [ReportForm::Html, ReportForm::Json];
/// How long reports may be kept. Less than a day would remove one before anybody reads it.
pub(super) const REPORT_KEEP_RANGE: RangeInclusive<Duration> = seconds(DAY)..=seconds(36_500 * DAY);

/// The limits that may be set. Nothing that is watched may take longer than a year.
pub(super) const LIMIT_RANGE: RangeInclusive<Duration> = seconds(1)..=seconds(365 * DAY);
/// The same in business days: a quarter of a year.
pub(super) const BUSINESS_DAYS_RANGE: RangeInclusive<u32> = 1..=60;
/// The most rules of limits. Every orchestration is held against each.
pub(super) const MAX_LIMIT_RULES: usize = 500;

/// How log lines are written.
pub const DEFAULT_LOG_FORMAT: LogFormat = LogFormat::Auto;
/// Which log lines are written.
pub const DEFAULT_LOG_LEVEL: LogLevel = LogLevel::Info;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// The whole configuration, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The account at Paxos and how it is reached.
    pub paxos: PaxosConfig,
    /// What is polled.
    pub profiles: ProfileSelection,
    /// The ledger.
    pub ledger: LedgerConfig,
    /// How polls go.
    pub poll: PollConfig,
    /// The sweeps, in the order of the file; no two of one name. Empty where the user wants none.
    pub sweeps: Vec<SweepConfig>,
    /// The reports, in the order of the file; no two of one name.
    pub reports: Vec<ReportConfig>,
    /// How long an orchestration may take, and when that is critical.
    pub limits: Limits,
    /// How people are told.
    pub alerts: AlertsConfig,
    /// The listener; `None` where there is none.
    pub server: Option<ServerConfig>,
    /// What is logged.
    pub log: LogConfig,
}

/// The account at Paxos and how it is reached.
#[derive(Clone, Debug)]
pub struct PaxosConfig {
    /// Which environment the URLs are.
    pub environment: EnvironmentName,
    /// The root of the API, without a slash at its end. `https`, or `http` to this machine.
    pub api_url: String,
    /// The token endpoint. `https`, or `http` to this machine.
    pub token_url: String,
    /// The OAuth client.
    pub client_id: String,
    /// Its secret; neither empty nor more than one line.
    pub client_secret: SecretString,
    /// Where the secret came from.
    pub client_secret_source: SecretSource,
    /// The rate of all requests together, a second.
    pub requests_per_second: NonZeroU32,
    /// The rate of all requests together while a backfill runs, a second.
    pub backfill_requests_per_second: NonZeroU32,
    /// How long one request may take, body included.
    pub request_timeout: Duration,
    /// Whether transfers are looked up.
    pub look_up_transfers: TransferLookUps,
    /// Root certificates that are trusted beside the usual ones.
    pub extra_roots: Option<CertificateFile>,
}

/// A file of certificates, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFile {
    /// Its path, for messages.
    pub path: PathBuf,
    /// Its content: at least one certificate in PEM, and no private key.
    pub pem: String,
}

/// The environment that the URLs belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvironmentName {
    /// Paxos's sandbox, at its own URLs.
    Sandbox,
    /// Paxos's production, at its own URLs.
    Production,
    /// Any other pair of URLs: a simulator, a proxy.
    Custom,
}

impl EnvironmentName {
    /// The name as the configuration spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Production => "production",
            Self::Custom => "custom",
        }
    }
}

/// Where a secret came from: this may be shown, the secret never.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// A file.
    File(PathBuf),
    /// The environment variable of this name.
    Variable(String),
    /// The systemd credential of this name.
    Credential(String),
}

/// The ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerConfig {
    /// The SQLite file. A relative path counts from the working directory.
    pub path: PathBuf,
}

/// How polls go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PollConfig {
    /// The time from the beginning of one poll to that of the next.
    pub every: Duration,
    /// How far a discovery looks back behind the watermark.
    pub overlap: Duration,
    /// The gap since the watermark after which a discovery runs as a backfill.
    pub backfill_after: Duration,
}

/// How many intervals of polls the last complete one may be old. Two may fail in a row before anybody is told.
const FRESH_INTERVALS: u32 = 3;

impl PollConfig {
    /// How old the last poll of a profile may be, where that one took so long.
    pub fn fresh_for(&self, took: Duration) -> Duration {
        self.every * FRESH_INTERVALS + took
    }
}

/// A sweep that recurs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepConfig {
    /// Its name, without blanks, by which its last run is kept: the window where the user gave none.
    pub name: String,
    /// When it runs.
    pub schedule: Schedule,
    /// What it lists again.
    pub window: SweepWindow,
}

impl SweepConfig {
    /// The name by which its last run is kept.
    pub fn run_name(&self) -> String {
        format!("sweep {}", self.name)
    }
}

/// The listener. One that other machines can reach has a token.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where it listens; the port 0 is any that is free.
    pub listen: SocketAddr,
    /// What opens everything.
    pub token: Option<TokenConfig>,
    /// What opens metrics and health alone.
    pub metrics_token: Option<TokenConfig>,
}

/// A token that opens the listener.
#[derive(Clone, Debug)]
pub struct TokenConfig {
    /// The token; neither empty nor more than one line.
    pub secret: SecretString,
    /// Where it came from.
    pub source: SecretSource,
}

/// A report that recurs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportConfig {
    /// Its name, of letters, digits, `-` and `_`.
    pub name: String,
    /// When it is made.
    pub schedule: Schedule,
    /// How long its period is: the last one that is over when it is due.
    pub period: PeriodKind,
    /// By which clocks the period begins and ends.
    pub zone: Zone,
    /// How long after its end the period counts as known.
    pub settle: Duration,
    /// Its forms; never empty.
    pub forms: Vec<ReportForm>,
    /// The profiles that it is about; empty for every one.
    pub profiles: Vec<Identifier>,
    /// The folder for its files.
    pub directory: PathBuf,
    /// How long after their period's end its files are kept; `None` for ever.
    pub keep: Option<Duration>,
    /// The sinks that it is sent to; each takes reports.
    pub sinks: Vec<SinkName>,
}

impl ReportConfig {
    /// The name by which its last run is kept.
    pub fn run_name(&self) -> String {
        report_run(&self.name)
    }
}

/// What is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// How lines are written.
    pub format: LogFormat,
    /// Which lines are written.
    pub level: LogLevel,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// To systemd's journal where standard error is connected to it, else text.
    Auto,
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
    /// To systemd's journal, with priorities and fields.
    Journal,
}

impl LogFormat {
    /// The name as the configuration spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Text => "text",
            Self::Json => "json",
            Self::Journal => "journal",
        }
    }
}

/// The least severe log lines that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// What stopped.
    Error,
    /// What works less than it should.
    Warn,
    /// What happened.
    Info,
    /// How it happened.
    Debug,
    /// Every step.
    Trace,
}

impl LogLevel {
    /// The name as the configuration spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}
