//! The rules, one a kind: facts and a time in, a judgement out.

mod changed_after_final;
mod differences;
mod duplicates;
mod ended;
mod illegal_transition;
mod inconsistent_legs;
mod missing_upstream;
mod stuck;
mod unknown_status;

use crate::model::{BreakKind, Standing};

use super::facts::{Judgement, RowFacts};

/// What says whether a row is wrong in the way of one kind. It is given the break of that kind that stands.
pub(super) type Rule = fn(&RowFacts<'_>, Option<&Standing>) -> Judgement;

/// The rules that judge rows that can be read, by kind.
pub(super) const OF_ROWS: [(BreakKind, Rule); 12] = [
    (BreakKind::StuckProcessing, stuck::processing),
    (BreakKind::StuckBetweenLegs, stuck::between_legs),
    (BreakKind::StuckPending, stuck::pending),
    (BreakKind::Failed, ended::failed),
    (BreakKind::Rejected, ended::rejected),
    (BreakKind::ChangedAfterFinal, changed_after_final::judge),
    (BreakKind::IllegalTransition, illegal_transition::judge),
    (BreakKind::InconsistentLegs, inconsistent_legs::judge),
    (BreakKind::MissingUpstream, missing_upstream::judge),
    (BreakKind::DuplicateRefId, duplicates::ref_id),
    (BreakKind::PossibleDuplicate, duplicates::possible),
    (BreakKind::UnknownStatus, unknown_status::judge),
];
