//! `illegal_transition`: a status or leg that cannot be reached from the one before, or an immutable field with
//! another value. What was final before is `changed_after_final`'s where that kind covers it.

use crate::breaks::facts::{Judgement, RowFacts};
use crate::model::{Audience, Change, Difference, Field, LegStatus, Severity, Standing, Status};

use super::differences;

/// What is set when an orchestration is created, and has one value for ever.
const IMMUTABLE: [Field; 16] = [
    Field::ProfileId,
    Field::CustomerId,
    Field::RefId,
    Field::SourceAsset,
    Field::DestinationAsset,
    Field::SourceAmount,
    Field::SourceProfileId,
    Field::SourceAddress,
    Field::SourceNetwork,
    Field::SourceDepositInstructionsId,
    Field::DestinationProfileId,
    Field::DestinationAddress,
    Field::DestinationNetwork,
    Field::DestinationBankAccountId,
    Field::OrchestrationRuleId,
    Field::CreatedAt,
];

pub(super) fn judge(row: &RowFacts<'_>, standing: Option<&Standing>) -> Judgement {
    let Some(before) = row.before else { return Judgement::Silent };
    let was_final = before.status.is_final();
    let is_illegal = |difference: &Difference| {
        row.changes.iter().any(|change| match change {
            Change::StatusMoved { from, to } => {
                difference.field == Field::Status && !was_final && !may_follow(from, to)
            }
            Change::LegMoved { from, to, .. } => {
                let is_leg = [Field::SourceTransferStatus, Field::DestinationTransferStatus]
                    .contains(&difference.field);
                let is_this = difference.old.as_deref() == Some(from.as_str())
                    && difference.new.as_deref() == Some(to.as_str());
                is_leg && is_this && !leg_may_follow(from, to)
            }
            // A value that is only left out is no other value, and what covers a final row says so itself.
            Change::FieldChanged { field, new: Some(_), .. } => {
                *field == difference.field && IMMUTABLE.contains(field) && !(was_final && is_fixed(*field))
            }
            _ => false,
        })
    };
    let mut fields = differences::replaced(row.changes);
    fields.retain(is_illegal);
    if fields.is_empty() {
        return Judgement::Silent;
    }
    Judgement::Wrong {
        severity: Severity::Critical,
        evidence: differences::added_to(standing, fields),
        audience: Audience::Everybody,
    }
}

/// Whether a poll may see one status after the other. Polls skip steps; a status that this version does not know
/// may lead anywhere.
fn may_follow(from: &Status, to: &Status) -> bool {
    match (from, to) {
        (Status::Pending | Status::Unknown(_), _) | (_, Status::Unknown(_)) => true,
        (Status::Processing, to) => matches!(to, Status::Completed | Status::Failed),
        (Status::Completed | Status::Failed | Status::Rejected, _) => false,
    }
}

fn leg_may_follow(from: &LegStatus, to: &LegStatus) -> bool {
    match (from, to) {
        (LegStatus::Pending | LegStatus::Unknown(_), _) | (_, LegStatus::Unknown(_)) => true,
        (LegStatus::Processing, to) => matches!(to, LegStatus::Completed | LegStatus::Failed),
        (LegStatus::Completed | LegStatus::Failed, _) => false,
    }
}

/// Whether `changed_after_final` tells of it.
fn is_fixed(field: Field) -> bool {
    matches!(
        field,
        Field::SourceAsset
            | Field::DestinationAsset
            | Field::SourceAmount
            | Field::DestinationProfileId
            | Field::DestinationAddress
            | Field::DestinationNetwork
            | Field::DestinationBankAccountId
    )
}
