//! `report`: a reconciliation report of a period, on standard output or as files.

mod preview;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::failure::Failure;
use super::poll::to_json;
use super::terminal::Terminal;
use super::{Common, Exit, breaks, session};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, DEFAULT_SETTLE, ReportConfig};
use crate::daemon;
use crate::ledger::{AsOf, Reader};
use crate::model::{ReportForm, Timestamp, nearest};
use crate::report::folder::{self, Existing, Written};
use crate::report::{self, Plan, Report, Weight};
use crate::schedule::{Period, PeriodKind, WhichPeriod, Zone};

/// What `report` takes.
#[derive(Debug, clap::Args)]
pub(super) struct ReportArguments {
    /// A report of the configuration, by name; what is given beside it replaces what is configured. It is not sent to
    /// its sinks: the daemon does that
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// The period: day, week or month for the last one that is over, or a day (2026-10-05), a week (2026-W41) or a
    /// month (2026-10) [default: as configured, else day]
    #[arg(long, value_name = "PERIOD", value_parser = parse_period, conflicts_with_all = ["from", "to"])]
    period: Option<WhichPeriod>,
    /// The period's beginning: a day, or a time such as 2026-10-05T12:00:00Z
    #[arg(long, value_name = "TIME", requires = "to")]
    from: Option<String>,
    /// The first day, or the first instant, after the period
    #[arg(long, value_name = "TIME", requires = "from")]
    to: Option<String>,
    /// The IANA time zone by whose clocks days begin [default: as configured, else UTC]
    #[arg(long, value_name = "ZONE", value_parser = parse_zone)]
    zone: Option<Zone>,
    /// Of this profile, by id or name; may be given several times [default: as configured, else all]
    #[arg(long, value_name = "PROFILE")]
    profile: Vec<String>,
    /// By what was known at a place in the journal: `now`, a time, or a place as a report or `status` notes it
    /// (BATCH, BATCH:HASH or BATCH:HASH@TIME) [default: when the period had settled]
    #[arg(long, value_name = "PLACE", value_parser = parse_as_of)]
    as_of: Option<AsOf>,
    /// How long after its end the period counts as known, such as 1h [default: as configured, else 1h]
    #[arg(long, value_name = "DURATION", value_parser = parse_settle)]
    settle: Option<Duration>,
    /// The form: text, markdown, html, csv or json; may be given several times with --output [default: as configured,
    /// else text]
    #[arg(long, value_name = "FORM", value_parser = ReportForm::parse)]
    format: Vec<ReportForm>,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// The folder for its files, and a manifest that proves them; - for standard output [default: as configured,
    /// else -]
    #[arg(long, short, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Replace files that are there and say something else
    #[arg(long)]
    force: bool,
    /// Make nothing: list the next runs of the report of this name and the period of each
    #[arg(long, value_name = "NAME", conflicts_with_all = ["name", "output", "json"])]
    schedule_preview: Option<String>,
}

/// Makes a report.
pub(super) fn run(common: &Common, wanted: &ReportArguments, terminal: Terminal) -> Result<Exit, Failure> {
    let config = session::load_for_reading(common, terminal)?;
    if let Some(name) = &wanted.schedule_preview {
        return preview::run(configured(&config, name)?, terminal);
    }
    let report = wanted.name.as_deref().map(|name| configured(&config, name)).transpose()?;
    let place = place(wanted, report)?;
    if let Some(folder) = &place {
        folder::check(folder).map_err(anyhow::Error::from)?;
    }
    let reader = Reader::open(&session::ledger_path(&config))?;
    let plan = plan(wanted, report, &config, &reader)?;
    let configuration = daemon::configuration_of(&config, &plan);
    let made = report::make(&reader, plan, &config.limits)?;
    let forms = forms(wanted, report, place.is_some());
    match place {
        Some(folder) => keep(&made, &folder, &forms, &configuration, wanted, terminal)?,
        None => show(&made, &forms, terminal)?,
    }
    for loud in made.sentences().iter().filter(|sentence| sentence.weight == Weight::Loud) {
        terminal.tell(&loud.text);
    }
    Ok(if made.ties_out() { Exit::Fine } else { Exit::Failed })
}

/// The report of this name.
fn configured<'a>(config: &'a Config, name: &str) -> Result<&'a ReportConfig, Failure> {
    let names: Vec<&str> = config.reports.iter().map(|report| report.name.as_str()).collect();
    let found = config.reports.iter().find(|report| report.name == name);
    let report =
        found.ok_or_else(|| match (nearest(name, names.iter().copied()), config.reports.is_empty()) {
            (_, true) => {
                anyhow::anyhow!(
                    "no report {name:?} is configured; add it as [[reports]], or leave the name out"
                )
            }
            (Some(meant), _) => anyhow::anyhow!("no report {name:?} is configured; did you mean {meant}?"),
            (None, _) => {
                anyhow::anyhow!("no report {name:?} is configured; those that are: {}", names.join(", "))
            }
        })?;
    Ok(report)
}

/// The folder for files; `None` for standard output.
fn place(wanted: &ReportArguments, report: Option<&ReportConfig>) -> Result<Option<PathBuf>, Failure> {
    let is_stdout = |path: &&PathBuf| path.as_path() == Path::new("-");
    let given = wanted.output.as_ref().or(report.map(|report| &report.directory));
    let folder = given.filter(|path| !is_stdout(path)).cloned();
    if folder.is_none() && wanted.format.len() > 1 {
        let problem = anyhow::anyhow!("several forms do not go to standard output; give --output FOLDER");
        return Err(problem.into());
    }
    Ok(folder)
}

fn forms(wanted: &ReportArguments, report: Option<&ReportConfig>, is_kept: bool) -> Vec<ReportForm> {
    match (wanted.json, wanted.format.is_empty(), report) {
        (true, ..) => vec![ReportForm::Json],
        (false, false, _) => wanted.format.clone(),
        (false, true, Some(report)) if is_kept => report.forms.clone(),
        (false, true, _) => vec![ReportForm::Text],
    }
}

fn plan(
    wanted: &ReportArguments,
    report: Option<&ReportConfig>,
    config: &Config,
    reader: &Reader,
) -> Result<Plan, Failure> {
    let now = session::by_paxos(reader, SystemClock.now())?;
    let zone = wanted.zone.or(report.map(|report| report.zone)).unwrap_or(Zone::UTC);
    let period = match (&wanted.from, &wanted.to) {
        (Some(from), Some(to)) => {
            let read = |text: &str| zone.read(text).map_err(anyhow::Error::from);
            Period::between(read(from)?, read(to)?, zone).map_err(anyhow::Error::from)?
        }
        _ => {
            let usual = WhichPeriod::Last(report.map_or(PeriodKind::Day, |report| report.period));
            let found = wanted.period.unwrap_or(usual).of(zone, now);
            found.ok_or_else(|| anyhow::anyhow!("the calendar has no such period; give another --period"))?
        }
    };
    if period.to > now {
        let over = if period.from > now { "lies in the future" } else { "is not over" };
        let problem = anyhow::anyhow!(
            "the period {} {over}: it is {} now; ask for an earlier one, or give --from and --to up to now",
            period.name(),
            zone.show(Timestamp::from_micros(now.as_micros() / 1_000_000 * 1_000_000))
        );
        return Err(problem.into());
    }
    let profiles = if wanted.profile.is_empty() {
        report.map(|report| report.profiles.clone()).unwrap_or_default()
    } else {
        breaks::profiles(&wanted.profile, config, reader)?
    };
    Ok(Plan {
        name: report.map(|report| report.name.clone()),
        period,
        settle: wanted.settle.or(report.map(|report| report.settle)).unwrap_or(DEFAULT_SETTLE),
        as_of: wanted.as_of.clone().unwrap_or(AsOf::Settled),
        profiles,
    })
}

fn show(made: &Report, forms: &[ReportForm], terminal: Terminal) -> Result<(), Failure> {
    for form in forms {
        terminal.print(&made.in_form(*form).map_err(anyhow::Error::from)?)?;
    }
    Ok(())
}

fn keep(
    made: &Report,
    folder: &Path,
    forms: &[ReportForm],
    configuration: &str,
    wanted: &ReportArguments,
    terminal: Terminal,
) -> Result<(), Failure> {
    let files = made.files(forms, configuration).map_err(anyhow::Error::from)?;
    let existing = if wanted.force { Existing::Replace } else { Existing::Keep };
    let written = folder::write(folder, &files, existing).map_err(anyhow::Error::from)?;
    let paths: Vec<String> = files.iter().map(|file| folder.join(&file.name).display().to_string()).collect();
    terminal.print(&if wanted.json {
        to_json(&json!({
            "title": made.title(), "as_of": made.as_of(), "ties_out": made.ties_out(),
            "covered": made.is_covered(), "files": paths, "was_there": written == Written::Before,
        }))?
    } else {
        let said = match written {
            Written::Now => "",
            Written::Before => "  (was there, byte for byte)",
        };
        paths.iter().map(|path| format!("{path}{said}\n")).collect::<String>()
    })
}

fn parse_period(text: &str) -> Result<WhichPeriod, String> {
    WhichPeriod::parse(text).map_err(|error| error.to_string())
}

fn parse_zone(text: &str) -> Result<Zone, String> {
    Zone::parse(text).map_err(|unknown| match unknown.meant {
        Some(meant) => format!("{unknown}; did you mean {meant:?}?"),
        None => unknown.to_string(),
    })
}

fn parse_settle(text: &str) -> Result<Duration, String> {
    let is_known = text
        .split(|letter: char| !letter.is_alphabetic())
        .all(|unit| matches!(unit, "" | "s" | "m" | "h" | "d"));
    let settle = humantime::parse_duration(text).ok().filter(|_| is_known);
    settle.ok_or_else(|| "expected a duration such as 30m, 1h or 2d".to_owned())
}

fn parse_as_of(text: &str) -> Result<AsOf, String> {
    let expected = "expected now, a time such as 2026-10-05T12:00:00Z, or a place such as 234, 234:6e57 or 234:6e57@2026-10-05T12:00:00Z";
    if text == "now" {
        return Ok(AsOf::Now);
    }
    if let Ok(at) = Timestamp::parse_rfc3339(text) {
        return Ok(AsOf::Instant(at));
    }
    let (head, until) = match text.split_once('@') {
        Some((head, until)) => {
            (head, Some(Timestamp::parse_rfc3339(until).map_err(|_| expected.to_owned())?))
        }
        None => (text, None),
    };
    let (number, hash) = head.split_once(':').map_or((head, None), |(number, hash)| (number, Some(hash)));
    let is_hash =
        |hash: &str| !hash.is_empty() && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    match number.parse() {
        Ok(number) if is_number && hash.is_none_or(is_hash) => {
            Ok(AsOf::Batch { number, hash: hash.map(ToOwned::to_owned), until })
        }
        _ => Err(expected.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_they_are_noted() {
        let at = Timestamp::parse_rfc3339("2026-10-05T12:00:00Z").unwrap();
        assert_eq!(parse_as_of("now"), Ok(AsOf::Now));
        assert_eq!(parse_as_of("2026-10-05T12:00:00Z"), Ok(AsOf::Instant(at)));
        let batch =
            |hash: Option<&str>, until| AsOf::Batch { number: 234, hash: hash.map(ToOwned::to_owned), until };
        assert_eq!(parse_as_of("234"), Ok(batch(None, None)));
        assert_eq!(parse_as_of("234:6e57"), Ok(batch(Some("6e57"), None)));
        assert_eq!(parse_as_of("234:6e57@2026-10-05T12:00:00Z"), Ok(batch(Some("6e57"), Some(at))));
        for text in ["", "then", "234:", "234:XY", "-1", "+1", "234@", "234:6e57@noon"] {
            assert!(parse_as_of(text).is_err(), "{text}");
        }
    }
}
