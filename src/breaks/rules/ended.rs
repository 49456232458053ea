//! `failed` and `rejected`: what ended without success. They close only by a person.

use crate::breaks::facts::{Judgement, RowFacts};
use crate::model::{Evidence, Severity, Standing, Status};

/// FAILED.
pub(super) fn failed(row: &RowFacts<'_>, _: Option<&Standing>) -> Judgement {
    ended(row, &Status::Failed, Severity::Critical)
}

/// REJECTED.
pub(super) fn rejected(row: &RowFacts<'_>, _: Option<&Standing>) -> Judgement {
    if row.now.status != Status::Rejected {
        return Judgement::Silent;
    }
    let is_large = row.limits().critical_amount.is_reached_by(row.now);
    ended(row, &Status::Rejected, if is_large { Severity::Critical } else { Severity::Warning })
}

fn ended(row: &RowFacts<'_>, status: &Status, severity: Severity) -> Judgement {
    if row.now.status != *status || !row.has_entered_status() {
        return Judgement::Silent;
    }
    Judgement::Wrong {
        severity,
        evidence: Evidence::Ended {
            at: row.status_since,
            reason: row.now.fail_reason.as_deref().map(str::to_owned),
        },
        audience: row.audience_of_what_ended(),
    }
}
