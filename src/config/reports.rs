//! The reports: when, over which period, in which forms, and where to.

use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::alerts::{SinkConfig, TAKE_REPORTS, profile};
use super::complaint::Complaint;
use super::findings::{Findings, Reported};
use super::settings::{DEFAULT_REPORT_FORMS, DEFAULT_SETTLE, REPORT_KEEP_RANGE, ReportConfig, SETTLE_RANGE};
use super::sweeps::refused;
use super::table::{Table, list_of_tables};
use super::unique::Unique;
use super::value;
use crate::model::{ProfileSelection, ReportForm, SinkName, nearest};
use crate::schedule::{PeriodKind, Schedule, Zone};

/// What else of the file a report names, where that could be read.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    /// What `[[profiles]]` came to.
    pub(super) profiles: Option<&'a ProfileSelection>,
    /// What `[[alerts.sinks]]` came to.
    pub(super) sinks: Option<&'a [SinkConfig]>,
}

/// The reports of a list of tables.
pub(super) fn read(
    list: &Spanned<DeValue<'_>>,
    known: Known<'_>,
    findings: &mut Findings<'_>,
) -> Result<Vec<ReportConfig>, Reported> {
    let mut names = Unique::new(
        "name",
        "report",
        "give each a name of its own: its files and its last run are kept under it",
    );
    let tables = list_of_tables("reports", list, findings)?;
    let reports: Vec<Result<ReportConfig, Reported>> =
        tables.into_iter().map(|table| report(&table?, known, &mut names, findings)).collect();
    reports.into_iter().collect()
}

fn report(
    table: &Table<'_>,
    known: Known<'_>,
    names: &mut Unique,
    findings: &mut Findings<'_>,
) -> Result<ReportConfig, Reported> {
    let name = table
        .required("name", "\"monthly\"", findings, name)
        .and_then(|name| names.first(name, table, findings));
    let zone = table.or_default("time_zone", Zone::UTC, findings, value::time_zone);
    // A wrong zone does not hide what is wrong with the schedule.
    let checked_in = zone.unwrap_or(Zone::UTC);
    let schedule = table.required("schedule", "\"0 6 1 * *\"", findings, |value| {
        Schedule::parse(&value::text(value)?, checked_in).map_err(|error| refused(&error))
    });
    let kinds = PeriodKind::ALL.map(|kind| (kind.as_str(), kind));
    let period = table.required("period", "\"month\"", findings, |value| value::suggested(value, &kinds));
    let settle = table.or_default("settle", DEFAULT_SETTLE, findings, settle);
    let words = ReportForm::ALL.map(|form| (form.as_str(), form));
    let forms = table
        .optional("forms", findings, |value| value::list(value, |value| value::suggested(value, &words)));
    let only = table
        .optional("profiles", findings, |value| value::list(value, |value| profile(value, known.profiles)));
    let directory = table.required("directory", "\"/var/lib/tallyd/reports\"", findings, value::path);
    let keep = table.optional("keep", findings, |value| value::duration(value, &REPORT_KEEP_RANGE));
    let sinks =
        table.optional("sinks", findings, |value| value::list(value, |value| sink(value, known.sinks)));
    let mut sinks = sinks?.map(Spanned::into_inner).unwrap_or_default();
    sinks.sort();
    sinks.dedup();
    let mut forms = forms?.map_or(DEFAULT_REPORT_FORMS.to_vec(), Spanned::into_inner);
    forms.sort_unstable();
    forms.dedup();
    Ok(ReportConfig {
        name: name?.into_inner(),
        schedule: schedule?.into_inner(),
        period: period?.into_inner(),
        zone: zone?,
        settle: settle?,
        forms,
        profiles: only?.map(Spanned::into_inner).unwrap_or_default(),
        directory: directory?.into_inner(),
        keep: keep?.map(Spanned::into_inner),
        sinks,
    })
}

fn settle(value: &DeValue<'_>) -> Result<Duration, Complaint> {
    value::duration(value, &SETTLE_RANGE)
}

/// A sink of `[[alerts.sinks]]` that takes reports, by its name.
fn sink(value: &DeValue<'_>, sinks: Option<&[SinkConfig]>) -> Result<SinkName, Complaint> {
    let typed = SinkName(value::text(value)?);
    // Where the sinks have faults of their own, which are told, nobody knows what is there.
    let Some(sinks) = sinks else { return Ok(typed) };
    let takes: Vec<&str> =
        sinks.iter().filter(|sink| sink.target.takes_reports()).map(|sink| sink.name.0.as_str()).collect();
    let there_are = match takes.as_slice() {
        [] => format!("there is none yet: sinks of the types {TAKE_REPORTS} do"),
        names => format!("there are: {}", names.join(", ")),
    };
    match sinks.iter().find(|sink| sink.name == typed) {
        Some(sink) if sink.target.takes_reports() => Ok(typed),
        Some(sink) => Err(value::mismatch("a sink that takes reports", value).help(format!(
            "it is of type {}, and the types {TAKE_REPORTS} take reports; {there_are}",
            sink.target.type_name()
        ))),
        None => Err(value::mismatch("the name of a sink of [[alerts.sinks]]", value).help(
            match nearest(&typed.0, takes.iter().copied()) {
                Some(meant) => format!("did you mean \"{meant}\"?"),
                None => there_are,
            },
        )),
    }
}

/// A name that can begin a file's.
fn name(value: &DeValue<'_>) -> Result<String, Complaint> {
    let name = value::word(value)?;
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    if name.len() > 60 || !name.chars().all(is_plain) {
        return Err(value::mismatch("a name of letters, digits, - and _, at most 60 of them", value)
            .help("files are called by it"));
    }
    Ok(name)
}
