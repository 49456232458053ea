//! `changed_after_final`: what was final took another status, amount, asset or destination.

use crate::breaks::facts::{Judgement, RowFacts};
use crate::model::{Audience, Field, Severity, Standing};

use super::differences;

/// What must not change once it is final, beside the destination.
const FIXED: [Field; 6] = [
    Field::Status,
    Field::SourceAsset,
    Field::DestinationAsset,
    Field::SourceAmount,
    Field::DestinationAmount,
    Field::FailReason,
];

pub(super) fn judge(row: &RowFacts<'_>, standing: Option<&Standing>) -> Judgement {
    let Some(before) = row.before.filter(|before| before.status.is_final()) else { return Judgement::Silent };
    let mut fields = differences::replaced(row.changes);
    fields.retain(|difference| {
        FIXED.contains(&difference.field) || Field::DESTINATION.contains(&difference.field)
    });
    // Another reason for the same failure is worth knowing, and no other outcome.
    if fields.iter().all(|difference| difference.field == Field::FailReason)
        && before.status == row.now.status
    {
        return Judgement::Silent;
    }
    Judgement::Wrong {
        severity: Severity::Critical,
        evidence: differences::added_to(standing, fields),
        audience: Audience::Everybody,
    }
}
