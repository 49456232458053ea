//! The sweeps: when, and over how much.

use toml::Spanned;
use toml::de::DeValue;

use super::complaint::Complaint;
use super::findings::{Findings, Reported};
use super::settings::{DEFAULT_SWEEPS, SWEEP_WINDOW_RANGE, SweepConfig};
use super::table::{Placed, Table, list_of_tables};
use super::unique::Unique;
use super::value;
use crate::model::SweepWindow;
use crate::schedule::{Schedule, ScheduleError, Zone};

/// The sweeps of a list of tables; an empty list is taken at its word.
pub(super) fn read(
    list: &Spanned<DeValue<'_>>,
    findings: &mut Findings<'_>,
) -> Result<Vec<SweepConfig>, Reported> {
    let mut names =
        Unique::new("name", "sweep", "give each a `name` of its own: its last run is kept under it");
    let tables = list_of_tables("sweeps", list, findings)?;
    if tables.is_empty() {
        let complaint = Complaint::new(
            "nothing is swept: what changes after its end, comes late or vanishes is not found",
        )
        .help("leave `sweeps` out for the default sweeps");
        findings.warn(list.span(), "sweeps", complaint);
    }
    let sweeps: Vec<Result<SweepConfig, Reported>> =
        tables.into_iter().map(|table| sweep(&table?, &mut names, findings)).collect();
    sweeps.into_iter().collect()
}

/// The sweeps where the file names none.
pub(super) fn defaults(findings: &mut Findings<'_>) -> Result<Vec<SweepConfig>, Reported> {
    DEFAULT_SWEEPS
        .iter()
        .map(|&(schedule, window)| {
            let schedule = Schedule::parse(schedule, Zone::UTC)
                .map_err(|error| findings.missing(None, "sweeps", refused(&error)))?;
            Ok(SweepConfig { name: window.to_string(), schedule, window })
        })
        .collect()
}

fn sweep(
    table: &Table<'_>,
    names: &mut Unique,
    findings: &mut Findings<'_>,
) -> Result<SweepConfig, Reported> {
    let zone = table.or_default("time_zone", Zone::UTC, findings, value::time_zone);
    // A wrong zone does not hide what is wrong with the schedule.
    let checked_in = zone.unwrap_or(Zone::UTC);
    let schedule = table.required("schedule", "\"23 2 * * *\"", findings, |value| {
        Schedule::parse(&value::text(value)?, checked_in).map_err(|error| refused(&error))
    });
    let window = table.required("window", "\"48h\"", findings, window);
    let given = table.optional("name", findings, value::word);
    let own_name = given.and_then(|given| {
        let name = match (given, &window) {
            (Some(given), _) => given,
            (None, Ok(window)) => after_window(window),
            (None, Err(reported)) => return Err(*reported),
        };
        names.first(name, table, findings)
    });
    zone?;
    Ok(SweepConfig {
        schedule: schedule?.into_inner(),
        window: window?.into_inner(),
        name: own_name?.into_inner(),
    })
}

/// The name of a sweep that has none: its window.
fn after_window(window: &Placed<SweepWindow>) -> Placed<String> {
    Spanned::new(window.span(), window.get_ref().to_string())
}

/// The window of a sweep as it is written in the file, from somewhere else.
///
/// # Errors
///
/// What to write instead, for people.
pub fn parse_window(text: &str) -> Result<SweepWindow, String> {
    window(&DeValue::String(text.into())).map_err(|complaint| match complaint.help {
        Some(help) => format!("{}; {help}", complaint.message),
        None => complaint.message,
    })
}

fn window(value: &DeValue<'_>) -> Result<SweepWindow, Complaint> {
    if value.as_str() == Some("all") {
        return Ok(SweepWindow::Everything);
    }
    let last = value::duration(value, &SWEEP_WINDOW_RANGE).map(SweepWindow::Last);
    last.map_err(|complaint| complaint.more_help("write \"all\" for everything that was ever created"))
}

pub(super) fn refused(error: &ScheduleError) -> Complaint {
    Complaint::new(error.to_string()).help(
        "write it as in crontab(5): minute, hour, day-of-month, month, day-of-week, such as \"23 2 * * *\"",
    )
}
