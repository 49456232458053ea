//! `missing_upstream`: Get Orchestration answered that there is no such orchestration. It closes only by a person,
//! also where it is met again.

use crate::breaks::facts::{Judgement, RowFacts};
use crate::model::{Audience, Change, Evidence, Severity, Standing};

pub(super) fn judge(row: &RowFacts<'_>, standing: Option<&Standing>) -> Judgement {
    let evidence = if row.changes.contains(&Change::WentMissing) {
        Evidence::Gone { at: row.page.seen_at, met_again_at: None }
    } else {
        match standing.map(|standing| &standing.evidence) {
            Some(Evidence::Gone { at, .. }) if row.changes.contains(&Change::Reappeared) => {
                Evidence::Gone { at: *at, met_again_at: Some(row.page.seen_at) }
            }
            _ => return Judgement::Silent,
        }
    };
    Judgement::Wrong { severity: Severity::Critical, evidence, audience: Audience::Everybody }
}
