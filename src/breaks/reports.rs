//! Judging what became of a report: `report_failed`.
//!
//! One break a report, from the first try that failed until it is made, however often it is tried.

use crate::model::{
    Audience, BreakKind, Evidence, Finding, ReportFacts, ReportFailure, ReportFate, Resolution, Severity,
    Standing, Step, Subject, Tell,
};

use super::lifecycle::tell_end;

/// What becomes of breaks by what became of a report.
pub fn judge_report(facts: &ReportFacts<'_>) -> Vec<Step> {
    match (facts.fate, facts.standing) {
        (ReportFate::Failed(failure), None) => vec![Step::Open {
            finding: Finding {
                kind: BreakKind::ReportFailed,
                subject: Subject::Report(facts.report.to_owned()),
                // Nothing is missed meanwhile: who reads reports waits for one.
                severity: Severity::Warning,
                evidence: evidence(failure),
                audience: Audience::Everybody,
            },
            tell: Tell::People,
        }],
        // What is told of a break that stands is read when it is told: a reminder has the last reason.
        (ReportFate::Failed(failure), Some(standing)) if evidence(failure) != standing.evidence => {
            vec![Step::Revise {
                number: standing.number,
                severity: standing.severity,
                evidence: evidence(failure),
                tell: Tell::Nobody,
            }]
        }
        (ReportFate::Made { period }, Some(standing)) => {
            vec![over(standing, format!("the report of {period} was made"))]
        }
        (ReportFate::Removed, Some(standing)) => {
            vec![over(standing, "the report is no longer in the configuration".to_owned())]
        }
        (ReportFate::Failed(_), Some(_)) | (ReportFate::Made { .. } | ReportFate::Removed, None) => {
            Vec::new()
        }
    }
}

fn evidence(failure: &ReportFailure) -> Evidence {
    let ReportFailure { period, due_at, reason } = failure.clone();
    Evidence::NotMade { period, due_at, reason }
}

fn over(standing: &Standing, why: String) -> Step {
    Step::Resolve { number: standing.number, why: Resolution::Over(why), tell: tell_end(standing) }
}
