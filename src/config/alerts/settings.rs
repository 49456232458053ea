//! The alerts' settings as the program uses them: final types, defaults and bounds.

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::config::CertificateFile;
use crate::model::{Audience, BreakKind, Identifier, Severity, SinkName};

/// The name of the log's sink where the file gives it none.
pub const LOG_SINK: &str = "log";
/// Where PagerDuty takes events, for accounts of its US region.
pub const PAGERDUTY_URL: &str = "https://events.pagerduty.com/v2/enqueue";

/// After how long people are reminded of what still stands.
pub const DEFAULT_REPEAT: Duration = Duration::from_secs(24 * HOUR);
/// A reminder that comes more often than each few minutes is a storm.
pub(in crate::config) const REPEAT_RANGE: RangeInclusive<Duration> = seconds(5 * MINUTE)..=seconds(90 * DAY);

/// How many notices of a kind and profile may wait before they become one summary.
pub const DEFAULT_BURST: NonZeroU32 = NonZeroU32::new(10).unwrap();
pub(in crate::config) const BURST_RANGE: RangeInclusive<u32> = 1..=1000;

/// After how long a notice that cannot be delivered is given up.
pub const DEFAULT_GIVE_UP_AFTER: Duration = Duration::from_secs(72 * HOUR);
pub(in crate::config) const GIVE_UP_RANGE: RangeInclusive<Duration> =
    seconds(10 * MINUTE)..=seconds(90 * DAY);

/// How long one delivery may take.
pub const DEFAULT_SINK_TIMEOUT: Duration = Duration::from_secs(10);
pub(in crate::config) const SINK_TIMEOUT_RANGE: RangeInclusive<Duration> = seconds(1)..=seconds(2 * MINUTE);

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// How people are told.
#[derive(Clone, Debug)]
pub struct AlertsConfig {
    /// Where the runbook can be read; without it texts name the file.
    pub runbook_url: Option<Url>,
    /// Who is told of what was over before a profile's first poll.
    pub history: Audience,
    /// What is called after a poll that is complete for every profile.
    pub heartbeat: Option<SecretUrl>,
    /// What is called after a poll that is complete for one profile.
    pub profile_heartbeats: Vec<(Identifier, SecretUrl)>,
    /// The sinks in the order of the file, no two of one name; the log is always one of them.
    pub sinks: Vec<SinkConfig>,
}

/// One sink.
#[derive(Clone, Debug)]
pub struct SinkConfig {
    /// Its name.
    pub name: SinkName,
    /// Where it tells.
    pub target: SinkTarget,
    /// What it tells.
    pub routing: Routing,
    /// More waiting notices of a kind and profile than this become one summary.
    pub burst: NonZeroU32,
    /// How long a notice is tried before it is given up.
    pub give_up_after: Duration,
    /// How long one delivery may take.
    pub timeout: Duration,
    /// Root certificates that are trusted beside the usual ones.
    pub extra_roots: Option<CertificateFile>,
}

/// What a sink tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routing {
    /// Nothing that is less severe.
    pub min_severity: Severity,
    /// Only these kinds.
    pub kinds: BTreeSet<BreakKind>,
    /// Whose breaks.
    pub profiles: ProfileFilter,
    /// Whether it tells that a break is resolved.
    pub resolved: ResolvedNotices,
    /// When it tells again what still stands.
    pub repeat: Repeat,
}

/// Whose breaks a sink tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileFilter {
    /// Every profile's.
    All,
    /// Those of these profiles, and those about several.
    Only(BTreeSet<Identifier>),
}

/// Whether a sink tells that a break is resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResolvedNotices {
    /// It does.
    Told,
    /// It does not.
    Untold,
}

/// When a sink tells again what still stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Never.
    Never,
    /// This long after it told it last.
    After(Duration),
}

/// Where a sink tells.
#[derive(Clone, Debug)]
pub enum SinkTarget {
    /// The log of this process.
    Log,
    /// A URL that takes tallyd's own JSON.
    Webhook {
        /// Where.
        url: SecretUrl,
        /// What bodies are signed with.
        secret: SecretString,
    },
    /// Alertmanagers of one cluster, or several alone.
    Alertmanager {
        /// The root of each; never empty.
        urls: Vec<Url>,
        /// How to sign in.
        login: Login,
    },
    /// An incoming webhook of Slack.
    Slack {
        /// Where: whoever knows it can write there.
        url: SecretUrl,
    },
    /// The Events API v2 of PagerDuty.
    PagerDuty {
        /// Where.
        url: String,
        /// The integration's key.
        routing_key: SecretString,
    },
    /// E-mail.
    Email(EmailConfig),
}

/// The types of sinks that take reports, in words.
pub const TAKE_REPORTS: &str = "webhook, slack and email";

impl SinkTarget {
    /// Whether such a sink takes reports. Alertmanager and PagerDuty know alarms only, and the log tells of a report
    /// anyway.
    pub const fn takes_reports(&self) -> bool {
        match self {
            Self::Webhook { .. } | Self::Slack { .. } | Self::Email(_) => true,
            Self::Log | Self::Alertmanager { .. } | Self::PagerDuty { .. } => false,
        }
    }

    /// The type's name as the configuration spells it.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Webhook { .. } => "webhook",
            Self::Alertmanager { .. } => "alertmanager",
            Self::Slack { .. } => "slack",
            Self::PagerDuty { .. } => "pagerduty",
            Self::Email(_) => "email",
        }
    }
}

/// How to sign in to a service.
#[derive(Clone, Debug)]
pub enum Login {
    /// Not at all.
    None,
    /// With a token.
    Bearer(SecretString),
    /// With a name and a password.
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: SecretString,
    },
}

/// E-mail by SMTP.
#[derive(Clone, Debug)]
pub struct EmailConfig {
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: SmtpTls,
    /// How to sign in: not at all, or with a name and a password.
    pub login: Login,
    /// The sender's address.
    pub from: String,
    /// The receivers' addresses; never empty.
    pub to: Vec<String>,
}

/// How a connection to an SMTP server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// In the clear first, then always encrypted.
    StartTls,
    /// From the first byte on.
    Implicit,
    /// Not at all: to this machine alone.
    Off,
}

impl SmtpTls {
    /// The name as the configuration spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StartTls => "starttls",
            Self::Implicit => "implicit",
            Self::Off => "none",
        }
    }

    /// The port that is usual for it.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Implicit => 465,
            Self::Off => 25,
        }
    }
}

/// A URL that may be a secret: whoever knows it can use it. Shown without its path.
#[derive(Clone)]
pub struct SecretUrl {
    url: SecretString,
    /// Scheme, host and port.
    origin: String,
}

impl SecretUrl {
    /// Keeps a URL from being shown.
    pub fn new(url: &Url) -> Self {
        Self { origin: url.origin().ascii_serialization(), url: SecretString::from(url.to_string()) }
    }

    /// In place of one that was not read.
    pub(in crate::config) fn left_out() -> Self {
        Self { origin: "not read".to_owned(), url: SecretString::from("") }
    }

    /// The whole URL, to be called and not to be shown.
    pub fn expose(&self) -> &str {
        self.url.expose_secret()
    }
}

/// Scheme, host and port.
impl fmt::Display for SecretUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.origin)
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("SecretUrl").field(&self.origin).finish()
    }
}

impl AlertsConfig {
    /// Whether the secrets are those of `other`, which may be said where they may not be shown.
    pub fn has_the_secrets_of(&self, other: &Self) -> bool {
        self.secrets() == other.secrets()
    }

    fn secrets(&self) -> Vec<&str> {
        let heartbeats = self.heartbeat.iter().chain(self.profile_heartbeats.iter().map(|(_, url)| url));
        let sinks = self.sinks.iter().flat_map(|sink| sink.target.secrets());
        heartbeats.map(SecretUrl::expose).chain(sinks).collect()
    }
}

impl SinkTarget {
    fn secrets(&self) -> Vec<&str> {
        match self {
            Self::Log => Vec::new(),
            Self::Webhook { url, secret } => vec![url.expose(), secret.expose_secret()],
            Self::Slack { url } => vec![url.expose()],
            Self::PagerDuty { routing_key, .. } => vec![routing_key.expose_secret()],
            Self::Alertmanager { login, .. } | Self::Email(EmailConfig { login, .. }) => match login {
                Login::None => Vec::new(),
                Login::Bearer(secret) | Login::Basic { password: secret, .. } => vec![secret.expose_secret()],
            },
        }
    }
}
