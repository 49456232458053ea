//! What becomes of `[[reports]]`: which period is due, making it and putting its files in their place.
//!
//! Commands make reports by it too. When the daemon does is the task's, in `reports/task`.

mod task;

use std::path::PathBuf;

use crate::config::{Config, ReportConfig};
use crate::ledger::{AsOf, LedgerError, Reader};
use crate::model::{Identifier, MadeReport, Timestamp};
use crate::report::folder::{self, Existing, FolderError, Written};
use crate::report::{self, FormError, Plan, Report};
use crate::schedule::{Period, WhichPeriod};

pub(super) use task::run;

/// A report could not be made or kept.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The ledger cannot tell it.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A form could not be made.
    #[error(transparent)]
    Form(#[from] FormError),
    /// Its files could not be put in their place.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

/// What a report came to.
#[derive(Debug)]
pub struct Kept {
    /// The report.
    pub report: Report,
    /// Its files, the manifest last.
    pub files: Vec<PathBuf>,
    /// What sinks are told of it.
    pub made: MadeReport,
    /// Whether they were there.
    pub written: Written,
}

/// The period that a run is about which was due at an instant.
pub fn period_of_run(report: &ReportConfig, due: Timestamp) -> Option<Period> {
    WhichPeriod::Last(report.period).of(report.zone, due)
}

/// What a configured report is about.
pub fn plan_of(report: &ReportConfig, period: Period, as_of: AsOf) -> Plan {
    Plan {
        name: Some(report.name.clone()),
        period,
        settle: report.settle,
        as_of,
        profiles: report.profiles.clone(),
    }
}

/// What of the configuration a report depends on, as text: the manifest has its digest.
pub fn configuration_of(config: &Config, plan: &Plan) -> String {
    let profiles: Vec<String> = plan.profiles.iter().map(Identifier::to_string).collect();
    let mut lines = vec![
        format!("name {}", plan.name.as_deref().unwrap_or_default()),
        format!("time_zone {}", plan.period.zone),
        format!("settle {}", plan.settle.as_secs()),
        format!("profiles {}", profiles.join(" ")),
    ];
    let limits = config.summary(Timestamp::EPOCH).into_iter().filter(|(key, _)| key.starts_with("limits"));
    lines.extend(limits.map(|(key, value)| format!("{key} {value}")));
    lines.join("\n")
}

/// Makes a configured report and puts its files into its folder.
///
/// # Errors
///
/// Where any of that cannot be done. Then no file is made.
pub fn make_and_keep(
    reader: &Reader,
    config: &Config,
    wanted: &ReportConfig,
    plan: Plan,
    existing: Existing,
) -> Result<Kept, ReportError> {
    folder::check(&wanted.directory)?;
    let configuration = configuration_of(config, &plan);
    let report = report::make(reader, plan, &config.limits)?;
    let files = report.files(&wanted.forms, &configuration)?;
    let written = folder::write(&wanted.directory, &files, existing)?;
    // A relative folder counts from where tallyd was started, which nobody who is told of it knows.
    let folder = std::path::absolute(&wanted.directory).unwrap_or_else(|_| wanted.directory.clone());
    let made = report.made(&folder, &files);
    let files = files.iter().map(|file| wanted.directory.join(&file.name)).collect();
    Ok(Kept { report, files, made, written })
}
