//! How people are told: the sinks, what each is told, and the heartbeat.

mod settings;
mod summary;
mod target;

use std::collections::BTreeSet;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Environment;
use super::complaint::Complaint;
use super::findings::{Findings, Reported};
use super::secret::{self, UrlKeys};
use super::table::{Placed, Table, list_of_tables};
use super::unique::Unique;
use super::value;
use crate::model::{Audience, BreakKind, Identifier, Profile, ProfileSelection, Severity, SinkName, nearest};

pub use self::settings::*;

/// The keys of the heartbeat's URL.
const HEARTBEAT: UrlKeys = UrlKeys {
    plain: "url",
    secret: secret::Keys { file: "url_file", variable: "url_env", credential: "url_credential", noun: "URL" },
};

/// The alerts of the file. `profiles` is what `[[profiles]]` came to, where that could be read.
pub(super) fn read(
    root: &DeTable<'_>,
    profiles: Option<&ProfileSelection>,
    profile_heartbeats: Vec<(Identifier, SecretUrl)>,
    environment: Environment<'_>,
    findings: &mut Findings<'_>,
) -> Result<AlertsConfig, Reported> {
    let Some(value) = root.get("alerts") else {
        return Ok(AlertsConfig {
            runbook_url: None,
            history: Audience::Nobody,
            heartbeat: None,
            profile_heartbeats,
            sinks: vec![log_sink()],
        });
    };
    let table = Table::open("alerts", "alerts".to_owned(), value, findings)?;
    let runbook_url = table.optional("runbook_url", findings, value::url);
    let history = table.or_default("history", Audience::Nobody, findings, |value| {
        Ok(if value::truth(value)? { Audience::Everybody } else { Audience::Nobody })
    });
    let heartbeat = table.nested("heartbeat").map(|value| heartbeat(value, environment, findings));
    let sinks = match table.nested("sinks") {
        Some(list) => sinks(list, profiles, environment, findings),
        None => Ok(vec![log_sink()]),
    };
    Ok(AlertsConfig {
        runbook_url: runbook_url?.map(Spanned::into_inner),
        history: history?,
        heartbeat: heartbeat.transpose()?,
        profile_heartbeats,
        sinks: sinks?,
    })
}

fn heartbeat(
    value: &Spanned<DeValue<'_>>,
    environment: Environment<'_>,
    findings: &mut Findings<'_>,
) -> Result<SecretUrl, Reported> {
    let table = Table::open("alerts.heartbeat", "alerts.heartbeat".to_owned(), value, findings)?;
    secret::required_url(&table, &HEARTBEAT, environment, findings)
}

fn sinks(
    list: &Spanned<DeValue<'_>>,
    profiles: Option<&ProfileSelection>,
    environment: Environment<'_>,
    findings: &mut Findings<'_>,
) -> Result<Vec<SinkConfig>, Reported> {
    let mut names = Unique::new("name", "sink", "give each a name of its own: its queue is kept under it");
    let sinks: Vec<Result<SinkConfig, Reported>> = list_of_tables("alerts.sinks", list, findings)?
        .into_iter()
        .map(|table| sink(&table?, profiles, &mut names, environment, findings))
        .collect();
    let mut sinks = sinks.into_iter().collect::<Result<Vec<_>, _>>()?;
    if !sinks.iter().any(|sink| matches!(sink.target, SinkTarget::Log)) {
        sinks.insert(0, log_sink());
    }
    Ok(sinks)
}

/// The log, which tells everything where the file says nothing of it.
fn log_sink() -> SinkConfig {
    SinkConfig {
        name: SinkName(LOG_SINK.to_owned()),
        target: SinkTarget::Log,
        routing: Routing {
            min_severity: Severity::Warning,
            kinds: BTreeSet::from(BreakKind::ALL),
            profiles: ProfileFilter::All,
            resolved: ResolvedNotices::Told,
            repeat: Repeat::After(DEFAULT_REPEAT),
        },
        burst: DEFAULT_BURST,
        give_up_after: DEFAULT_GIVE_UP_AFTER,
        timeout: DEFAULT_SINK_TIMEOUT,
        extra_roots: None,
    }
}

fn sink(
    table: &Table<'_>,
    profiles: Option<&ProfileSelection>,
    names: &mut Unique,
    environment: Environment<'_>,
    findings: &mut Findings<'_>,
) -> Result<SinkConfig, Reported> {
    let name = sink_name(table, names, findings);
    let target = target::read(table, environment, findings);
    let routing = routing(table, profiles, findings);
    let burst = table.or_default("burst", DEFAULT_BURST, findings, |value| value::rate(value, &BURST_RANGE));
    let give_up_after = table.or_default("give_up_after", DEFAULT_GIVE_UP_AFTER, findings, |value| {
        value::duration(value, &GIVE_UP_RANGE)
    });
    let timeout = table.or_default("timeout", DEFAULT_SINK_TIMEOUT, findings, |value| {
        value::duration(value, &SINK_TIMEOUT_RANGE)
    });
    let extra_roots = table.optional("ca_file", findings, super::certificates::read);
    Ok(SinkConfig {
        name: name?,
        target: target?,
        routing: routing?,
        burst: burst?,
        give_up_after: give_up_after?,
        timeout: timeout?,
        extra_roots: extra_roots?.map(Spanned::into_inner),
    })
}

/// The name of a sink: its own, or of the log, which is there unnamed too, the usual one.
fn sink_name(
    table: &Table<'_>,
    names: &mut Unique,
    findings: &mut Findings<'_>,
) -> Result<SinkName, Reported> {
    let name = if table.text("type") == Some(LOG_SINK) {
        table
            .optional("name", findings, value::word)?
            .unwrap_or_else(|| Spanned::new(table.span(), LOG_SINK.to_owned()))
    } else {
        table.required("name", "\"payments-channel\"", findings, |value| {
            let name = value::word(value)?;
            if name == LOG_SINK {
                return Err(Complaint::new("this is the name of the sink that is always there")
                    .help("give it another name, or `type = \"log\"`"));
            }
            Ok(name)
        })?
    };
    Ok(SinkName(names.first(name, table, findings)?.into_inner()))
}

fn routing(
    table: &Table<'_>,
    profiles: Option<&ProfileSelection>,
    findings: &mut Findings<'_>,
) -> Result<Routing, Reported> {
    let severities = Severity::ALL.map(|severity| (severity.as_str(), severity));
    let min_severity = table
        .or_default("min_severity", Severity::Warning, findings, |value| value::choice(value, &severities));
    let kinds = table.optional("kinds", findings, |value| value::list(value, kind));
    let only =
        table.optional("profiles", findings, |value| value::list(value, |value| profile(value, profiles)));
    let resolved = table.or_default("resolved", ResolvedNotices::Told, findings, |value| {
        Ok(if value::truth(value)? { ResolvedNotices::Told } else { ResolvedNotices::Untold })
    });
    let repeat = table.or_default("repeat", Repeat::After(DEFAULT_REPEAT), findings, |value| {
        if value.as_str() == Some("never") {
            return Ok(Repeat::Never);
        }
        value::duration(value, &REPEAT_RANGE)
            .map(Repeat::After)
            .map_err(|complaint| complaint.more_help("\"never\" turns reminders off"))
    });
    Ok(Routing {
        min_severity: min_severity?,
        kinds: kinds?.map_or(BTreeSet::from(BreakKind::ALL), set),
        profiles: only?.map_or(ProfileFilter::All, |only| ProfileFilter::Only(set(only))),
        resolved: resolved?,
        repeat: repeat?,
    })
}

fn set<T: Ord>(list: Placed<Vec<T>>) -> BTreeSet<T> {
    list.into_inner().into_iter().collect()
}

fn kind(value: &DeValue<'_>) -> Result<BreakKind, Complaint> {
    let typed = value::text(value)?;
    BreakKind::from_name(&typed).ok_or_else(|| {
        let names = BreakKind::ALL.map(BreakKind::as_str);
        let help = match nearest(&typed, names) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => format!("there are: {}", names.join(", ")),
        };
        value::mismatch("a kind of break", value).help(help)
    })
}

/// A profile by its id, or by its name in the file.
pub(super) fn profile(
    value: &DeValue<'_>,
    profiles: Option<&ProfileSelection>,
) -> Result<Identifier, Complaint> {
    let typed = value::text(value)?;
    let Some(ProfileSelection::Listed(known)) = profiles else { return Ok(Identifier::new(&typed)) };
    let is_meant =
        |profile: &&Profile| profile.id.to_string() == typed || profile.name.as_ref() == Some(&typed);
    known.iter().find(is_meant).map(|profile| profile.id.clone()).ok_or_else(|| {
        let labels: Vec<String> = known.iter().map(Profile::label).collect();
        value::mismatch("a profile of [[profiles]], by id or name", value)
            .help(format!("there are: {}", labels.join(", ")))
    })
}
