//! What a report tells beside its accounts, kept in the plainest way: breaks and sweeps.

use std::sync::Arc;

use tallyd::ledger::Rules;
use tallyd::model::{
    Audience, BreakKind, Evidence, Finding, Identifier, Observation, Orchestration, PageFacts, Resolution,
    Severity, Status, Step, Subject, Tell, Timestamp,
};
use tallyd::report::Report;
use tallyd::schedule::Period;

/// Rules by which what is FAILED is a break, until it is not.
pub(super) fn rules() -> Rules {
    Rules { judge: Arc::new(judge), ..tallyd::sync::rules() }
}

fn judge(facts: &PageFacts<'_>) -> Vec<Step> {
    facts.observations.iter().filter_map(step).collect()
}

fn step(observation: &Observation<'_>) -> Option<Step> {
    let Observation::Row { now, standing, .. } = observation else { return None };
    match (&now.status, standing.first()) {
        (Status::Failed, None) => Some(Step::Open {
            finding: Finding {
                kind: BreakKind::Failed,
                subject: Subject::Orchestration(now.id.clone()),
                severity: Severity::Critical,
                evidence: Evidence::Ended { at: now.created_at, reason: None },
                audience: Audience::Everybody,
            },
            tell: Tell::Nobody,
        }),
        (Status::Failed, Some(_)) | (_, None) => None,
        (_, Some(standing)) => Some(Step::Resolve {
            number: standing.number,
            why: Resolution::Over("it did not fail".to_owned()),
            tell: Tell::Nobody,
        }),
    }
}

#[derive(Clone, Debug)]
struct Break {
    id: Identifier,
    opened_at: Timestamp,
    resolved_at: Option<Timestamp>,
}

/// The breaks that are known at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Breaks(Vec<Break>);

impl Breaks {
    /// Takes in a row that is shown.
    pub(super) fn see(&mut self, row: &Orchestration, at: Timestamp) {
        let standing = self.0.iter_mut().find(|one| one.id == row.id && one.resolved_at.is_none());
        match (row.status == Status::Failed, standing) {
            (true, None) => {
                self.0.push(Break { id: row.id.clone(), opened_at: at, resolved_at: None });
            }
            (false, Some(standing)) => standing.resolved_at = Some(at),
            _ => {}
        }
    }

    /// Open at the beginning, opened, resolved, still open at the end.
    pub(super) fn lines(&self, period: &Period) -> [u64; 4] {
        let is_there =
            |one: &&Break| one.opened_at < period.to && one.resolved_at.is_none_or(|at| at >= period.from);
        let mut lines = [0; 4];
        for one in self.0.iter().filter(is_there) {
            let is_resolved = one.resolved_at.is_some_and(|at| at < period.to);
            lines[usize::from(one.opened_at >= period.from)] += 1;
            lines[if is_resolved { 2 } else { 3 }] += 1;
        }
        lines
    }
}

/// The same as a report tells it.
pub(super) fn lines_of(report: &Report) -> [u64; 4] {
    let line = report.breaks.iter().find(|line| line.kind == BreakKind::Failed);
    line.map_or([0; 4], |line| [line.opening, line.opened, line.resolved, line.closing])
}

/// A sweep that was complete.
#[derive(Clone, Copy, Debug)]
pub(super) struct Swept {
    pub(super) profile: &'static str,
    pub(super) from: Timestamp,
    /// When it began, up to when it listed, and when it ended.
    pub(super) at: Timestamp,
}

/// When the last sweep of a profile began that compared a whole period and ended before a time.
pub(super) fn swept(sweeps: &[Swept], profile: &str, period: &Period, until: Timestamp) -> Option<Timestamp> {
    let compared =
        sweeps.iter().filter(|one| one.profile == profile && one.from <= period.from && one.at >= period.to);
    compared.filter(|one| one.at < until).map(|one| one.at).max()
}
