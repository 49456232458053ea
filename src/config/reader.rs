//! From the tables of the file to the settings.
//!
//! Every value is looked at before the first one that is missing ends the walk, so that all faults are
//! recorded in one go.

use toml::Spanned;
use toml::de::DeTable;
use url::Url;

use super::Environment;
use super::complaint::Complaint;
use super::findings::{Findings, Reported};
use super::settings::{
    BACKFILL_AFTER_RANGE, Config, DEFAULT_BACKFILL_AFTER, DEFAULT_BACKFILL_REQUESTS_PER_SECOND,
    DEFAULT_EVERY, DEFAULT_LOG_FORMAT, DEFAULT_LOG_LEVEL, DEFAULT_OVERLAP, DEFAULT_REQUEST_TIMEOUT,
    DEFAULT_REQUESTS_PER_SECOND, EVERY_RANGE, EnvironmentName, LedgerConfig, LogConfig, LogFormat, LogLevel,
    OVERLAP_RANGE, PRODUCTION_API_URL, PRODUCTION_TOKEN_URL, PaxosConfig, PollConfig, RATE_RANGE,
    REQUEST_TIMEOUT_RANGE, SANDBOX_API_URL, SANDBOX_TOKEN_URL, SHORT_OVERLAP,
};
use super::table::{Placed, Table, mask_text};
use super::{alerts, certificates, limits, profiles, reports, schema, secret, server, sweeps, value};
use crate::model::{ProfileSelection, TransferLookUps};

/// The settings in a text that is free of faults of syntax.
pub(super) fn read(
    text: &str,
    environment: Environment<'_>,
    findings: &mut Findings<'_>,
) -> Result<Config, Reported> {
    let (root, _) = DeTable::parse_recoverable(text);
    let root = root.get_ref();
    let mut meant = Vec::new();
    for (name, value) in root.iter().filter(|(name, _)| !schema::is_table(name.get_ref())) {
        let unknown = schema::unknown_table(name.get_ref());
        let reported = findings.fault(name.span(), name.get_ref(), unknown.complaint);
        meant.extend(unknown.meant.map(|meant| (meant, reported)));
        mask_text(value, findings);
    }
    let top = Top { root, meant };
    let paxos = top
        .required("paxos", "environment, client_id and client_secret_file", findings)
        .and_then(|table| paxos(&table, environment, findings));
    let profiles = match root.get("profiles") {
        Some(value) => profiles::read(value, environment, findings),
        None => Ok((ProfileSelection::All, Vec::new())),
    };
    let (profiles, heartbeats) = match profiles {
        Ok((profiles, heartbeats)) => (Ok(profiles), heartbeats),
        Err(reported) => (Err(reported), Vec::new()),
    };
    let alerts = alerts::read(root, profiles.as_ref().ok(), heartbeats, environment, findings);
    let ledger = top.required("ledger", "path", findings).and_then(|table| ledger(&table, findings));
    let poll = match root.get("poll") {
        Some(value) => {
            Table::open("poll", "poll".to_owned(), value, findings).and_then(|table| poll(&table, findings))
        }
        None => Ok(PollConfig {
            every: DEFAULT_EVERY,
            overlap: DEFAULT_OVERLAP,
            backfill_after: DEFAULT_BACKFILL_AFTER,
        }),
    };
    let sweeps = match root.get("sweeps") {
        Some(value) => sweeps::read(value, findings),
        None => sweeps::defaults(findings),
    };
    let reports = match root.get("reports") {
        Some(value) => {
            let sinks = alerts.as_ref().ok().map(|alerts| alerts.sinks.as_slice());
            reports::read(value, reports::Known { profiles: profiles.as_ref().ok(), sinks }, findings)
        }
        None => Ok(Vec::new()),
    };
    let every = poll.as_ref().map_or(DEFAULT_EVERY, |poll| poll.every);
    let limits = limits::read(root.get("limits"), profiles.as_ref().map_err(|error| *error), every, findings);
    let server = server::read(root, environment, findings);
    let log = match root.get("log") {
        Some(value) => {
            Table::open("log", "log".to_owned(), value, findings).and_then(|table| log(&table, findings))
        }
        None => Ok(LogConfig { format: DEFAULT_LOG_FORMAT, level: DEFAULT_LOG_LEVEL }),
    };
    Ok(Config {
        paxos: paxos?,
        profiles: profiles?,
        ledger: ledger?,
        poll: poll?,
        sweeps: sweeps?,
        reports: reports?,
        limits: limits?,
        alerts: alerts?,
        server: server?,
        log: log?,
    })
}

/// The top of the file.
struct Top<'t> {
    root: &'t DeTable<'t>,
    /// The tables that were probably meant by unknown ones, which were reported.
    meant: Vec<(&'static str, Reported)>,
}

impl<'t> Top<'t> {
    /// A table that must be there. `needs` lists its least keys.
    fn required(
        &self,
        name: &'static str,
        needs: &str,
        findings: &mut Findings<'_>,
    ) -> Result<Table<'t>, Reported> {
        if let Some(value) = self.root.get(name) {
            return Table::open(name, name.to_owned(), value, findings);
        }
        if let Some((_, reported)) = self.meant.iter().find(|(meant, _)| *meant == name) {
            return Err(*reported);
        }
        let complaint = Complaint::new("this table is missing")
            .help(format!("add {} with at least {needs}", schema::header(name)));
        Err(findings.missing(None, name, complaint))
    }
}

fn paxos(
    table: &Table<'_>,
    environment: Environment<'_>,
    findings: &mut Findings<'_>,
) -> Result<PaxosConfig, Reported> {
    let endpoints = endpoints(table, findings);
    let client_id = table.required("client_id", "\"...\"", findings, value::word);
    let secret = secret::required(table, &secret::CLIENT_SECRET, environment, findings);
    let requests_per_second =
        table.or_default("requests_per_second", DEFAULT_REQUESTS_PER_SECOND, findings, |value| {
            value::rate(value, &RATE_RANGE)
        });
    let backfill_requests_per_second = table.or_default(
        "backfill_requests_per_second",
        DEFAULT_BACKFILL_REQUESTS_PER_SECOND,
        findings,
        |value| value::rate(value, &RATE_RANGE),
    );
    let request_timeout = table.or_default("request_timeout", DEFAULT_REQUEST_TIMEOUT, findings, |value| {
        value::duration(value, &REQUEST_TIMEOUT_RANGE)
    });
    let look_up_transfers = table.or_default("look_up_transfers", TransferLookUps::Off, findings, |value| {
        Ok(if value::truth(value)? { TransferLookUps::On } else { TransferLookUps::Off })
    });
    let extra_roots = table.optional("ca_file", findings, certificates::read);
    let endpoints = endpoints?;
    let (client_secret, client_secret_source) = secret?;
    Ok(PaxosConfig {
        environment: endpoints.environment,
        api_url: endpoints.api_url,
        token_url: endpoints.token_url,
        client_id: client_id?.into_inner(),
        client_secret,
        client_secret_source,
        requests_per_second: requests_per_second?,
        backfill_requests_per_second: backfill_requests_per_second?,
        request_timeout: request_timeout?,
        look_up_transfers: look_up_transfers?,
        extra_roots: extra_roots?.map(Spanned::into_inner),
    })
}

struct Endpoints {
    environment: EnvironmentName,
    api_url: String,
    token_url: String,
}

/// An environment by name, either URL by setting it, or both URLs alone.
fn endpoints(table: &Table<'_>, findings: &mut Findings<'_>) -> Result<Endpoints, Reported> {
    let sandbox = (SANDBOX_API_URL, SANDBOX_TOKEN_URL);
    let production = (PRODUCTION_API_URL, PRODUCTION_TOKEN_URL);
    let named = table.optional("environment", findings, |value| {
        value::choice(value, &[("sandbox", sandbox), ("production", production)])
    });
    let api = table.optional("api_url", findings, value::url);
    let token = table.optional("token_url", findings, value::url);
    let (named, api, token) = (named?, api?, token?);
    let Some((named_api, named_token)) = named.map(Spanned::into_inner) else {
        return match (api, token) {
            (Some(api), Some(token)) => Ok(classified(api_root(&api), token.get_ref().to_string())),
            (api, token) => Err(missing_endpoints(table, api.as_ref(), token.as_ref(), findings)),
        };
    };
    match (&api, &token) {
        (Some(api), None) => warn_of_half(table, "api_url", api, ("tokens", named_token), findings),
        (None, Some(token)) => warn_of_half(table, "token_url", token, ("rows", named_api), findings),
        (Some(_), Some(_)) | (None, None) => {}
    }
    let api_url = api.map_or(named_api.to_owned(), |api| api_root(&api));
    let token_url = token.map_or(named_token.to_owned(), |token| token.get_ref().to_string());
    Ok(classified(api_url, token_url))
}

fn missing_endpoints(
    table: &Table<'_>,
    api: Option<&Placed<Url>>,
    token: Option<&Placed<Url>>,
    findings: &mut Findings<'_>,
) -> Reported {
    let (key, help) = match (api, token) {
        (Some(_), _) => ("token_url", "without `environment`, set `token_url` beside `api_url`"),
        (None, Some(_)) => ("api_url", "without `environment`, set `api_url` beside `token_url`"),
        (None, None) => (
            "environment",
            "add `environment = \"sandbox\"` or \"production\", or set `api_url` and `token_url`",
        ),
    };
    if let Some(reported) = table.misspelt(key) {
        return reported;
    }
    let complaint = Complaint::new("missing, and there is no default for it").help(help);
    findings.missing(Some(table.span()), &table.label(key), complaint)
}

fn warn_of_half(
    table: &Table<'_>,
    key: &str,
    set: &Placed<Url>,
    (other, elsewhere): (&str, &str),
    findings: &mut Findings<'_>,
) {
    let complaint =
        Complaint::new(format!("only this URL is overridden: {other} still come from {elsewhere}"))
            .help("set `api_url` and `token_url` together, unless one of them is a proxy for Paxos");
    findings.warn(set.span(), &table.label(key), complaint);
}

fn api_root(url: &Placed<Url>) -> String {
    url.get_ref().as_str().trim_end_matches('/').to_owned()
}

/// The environment follows from the URLs: a ledger is bound to it, and a name beside foreign URLs would
/// let a simulator's rows into a real ledger.
fn classified(api_url: String, token_url: String) -> Endpoints {
    let environment = match (api_url.as_str(), token_url.as_str()) {
        (SANDBOX_API_URL, SANDBOX_TOKEN_URL) => EnvironmentName::Sandbox,
        (PRODUCTION_API_URL, PRODUCTION_TOKEN_URL) => EnvironmentName::Production,
        _ => EnvironmentName::Custom,
    };
    Endpoints { environment, api_url, token_url }
}

fn ledger(table: &Table<'_>, findings: &mut Findings<'_>) -> Result<LedgerConfig, Reported> {
    let path = table.required("path", "\"/var/lib/tallyd/ledger.db\"", findings, value::path)?;
    Ok(LedgerConfig { path: path.into_inner() })
}

fn poll(table: &Table<'_>, findings: &mut Findings<'_>) -> Result<PollConfig, Reported> {
    let every =
        table.or_default("every", DEFAULT_EVERY, findings, |value| value::duration(value, &EVERY_RANGE));
    let overlap = table.optional("overlap", findings, |value| value::duration(value, &OVERLAP_RANGE));
    let backfill_after = table.or_default("backfill_after", DEFAULT_BACKFILL_AFTER, findings, |value| {
        value::duration(value, &BACKFILL_AFTER_RANGE)
    });
    let overlap = overlap?;
    if let Some(short) = overlap.as_ref().filter(|overlap| *overlap.get_ref() < SHORT_OVERLAP) {
        let complaint = Complaint::new("rows that become visible a little late may be met only by a sweep")
            .help(format!("make it {} or more", value::in_words(SHORT_OVERLAP)));
        findings.warn(short.span(), &table.label("overlap"), complaint);
    }
    Ok(PollConfig {
        every: every?,
        overlap: overlap.map_or(DEFAULT_OVERLAP, Spanned::into_inner),
        backfill_after: backfill_after?,
    })
}

fn log(table: &Table<'_>, findings: &mut Findings<'_>) -> Result<LogConfig, Reported> {
    let formats = [LogFormat::Auto, LogFormat::Text, LogFormat::Json, LogFormat::Journal]
        .map(|format| (format.as_str(), format));
    let levels = [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace]
        .map(|level| (level.as_str(), level));
    let format =
        table.or_default("format", DEFAULT_LOG_FORMAT, findings, |value| value::choice(value, &formats));
    let level = table.or_default("level", DEFAULT_LOG_LEVEL, findings, |value| value::choice(value, &levels));
    Ok(LogConfig { format: format?, level: level? })
}
