//! What becomes of reports that are made by schedule: in one transaction what was done, the break that follows from
//! it, and what sinks are to be told.

use rusqlite::{Connection, params};

use crate::ledger::rules::Rules;
use crate::ledger::{Ledger, LedgerError, Problem, ScheduleRun, journal, outbox, schedule_runs};
use crate::model::{
    MadeReport, ReportFacts, ReportFailure, ReportFate, SinkName, Standing, Subject, Timestamp,
};

use super::{SCOPE_REPORT, Scene, standing, take};

/// A run of a report that was made.
#[derive(Clone, Debug)]
pub struct ReportRun {
    /// Its schedule, and the instant up to which its runs are done now.
    pub run: ScheduleRun,
    /// The report.
    pub report: MadeReport,
    /// The sinks that tell it.
    pub sinks: Vec<SinkName>,
    /// When it was made, by the local clock.
    pub at: Timestamp,
}

impl Ledger {
    /// Notes that a run of a report was made, and puts it into the queues of its sinks. `now` is by Paxos's clock.
    pub async fn report_made(&self, made: ReportRun, now: Timestamp) -> Result<(), LedgerError> {
        let rules = self.rules();
        self.transact("report_made", move |connection| {
            schedule_runs::note_made(connection, &made.run, made.at)?;
            outbox::reports::put(connection, &made.report, &made.sinks, made.at)?;
            let fate = ReportFate::Made { period: made.report.period.clone() };
            judge(connection, &rules, &made.report.name, &fate, now)
        })
        .await
    }

    /// Notes that a report could not be made. `now` is by Paxos's clock.
    pub async fn report_failed(
        &self,
        report: String,
        failure: ReportFailure,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let rules = self.rules();
        let fate = ReportFate::Failed(failure);
        self.transact("report_failed", move |connection| judge(connection, &rules, &report, &fate, now)).await
    }

    /// Resolves the breaks of reports that are not among these. `now` is by Paxos's clock.
    pub async fn only_reports(&self, reports: Vec<String>, now: Timestamp) -> Result<(), LedgerError> {
        let rules = self.rules();
        self.transact("only_reports", move |connection| {
            for gone in failing(connection)?.into_iter().filter(|name| !reports.contains(name)) {
                judge(connection, &rules, &gone, &ReportFate::Removed, now)?;
            }
            Ok(())
        })
        .await
    }
}

/// Judges what became of a report, in the caller's transaction.
fn judge(
    connection: &Connection,
    rules: &Rules,
    report: &str,
    fate: &ReportFate,
    now: Timestamp,
) -> Result<(), Problem> {
    let subject = Subject::Report(report.to_owned());
    let (_, id) = super::columns(&subject);
    let all: Vec<Standing> = standing::of_id(connection, &id)?;
    let standing = all.iter().find(|standing| standing.subject == subject);
    let steps = (rules.judge_report)(&ReportFacts { report, fate, standing });
    if steps.is_empty() {
        return Ok(());
    }
    let mut entries = Vec::new();
    let scene = Scene { connection, route: &rules.route, at: now, profile: None };
    take(&scene, steps, |_| None, &mut entries)?;
    journal::append(connection, &entries, now, 0)
}

/// The reports of which a break stands.
fn failing(connection: &Connection) -> Result<Vec<String>, Problem> {
    let subjects = connection
        .prepare_cached("SELECT scope, subject FROM break WHERE scope = ?1 AND resolved_at IS NULL")?
        .query_map(params![SCOPE_REPORT], |row| super::subject_at(row, 0))?
        .collect::<Result<Vec<_>, _>>()?;
    Ok(subjects.into_iter().map(|subject| subject.to_string()).collect())
}
