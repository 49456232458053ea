//! `duplicate_ref_id` and `possible_duplicate`: one payment that was perhaps made twice. The break is about the
//! later one.

use crate::breaks::facts::{Judgement, RowFacts};
use crate::breaks::limits::DuplicateWindow;
use crate::model::{Audience, Evidence, Lookalike, Severity, Standing};

/// Two orchestrations, one `ref_id`, one profile.
pub(super) fn ref_id(row: &RowFacts<'_>, _: Option<&Standing>) -> Judgement {
    duplicate_of(row, row.namesakes, Severity::Critical)
}

/// The same destination, assets and amount within a window, under another `ref_id`.
pub(super) fn possible(row: &RowFacts<'_>, _: Option<&Standing>) -> Judgement {
    if row.lookalikes.is_empty() || row.limits().possible_duplicate == DuplicateWindow::Off {
        return Judgement::Silent;
    }
    duplicate_of(row, row.lookalikes, Severity::Warning)
}

fn duplicate_of(row: &RowFacts<'_>, others: &[Lookalike], severity: Severity) -> Judgement {
    // Where both came on one page, the later one tells of both. One that came late has to tell itself: the other
    // is not judged again.
    let is_told_by_this = |other: &Lookalike| {
        (other.created_at, &other.id) < (row.now.created_at, &row.now.id) || !row.appeared.contains(&other.id)
    };
    let others: Vec<_> =
        others.iter().filter(|other| is_told_by_this(other)).map(|other| other.id.clone()).collect();
    if others.is_empty() {
        return Judgement::Silent;
    }
    let audience = match row.audience_of_what_ended() {
        Audience::Nobody if !row.has_changed() => Audience::Nobody,
        _ => Audience::Everybody,
    };
    Judgement::Wrong { severity, evidence: Evidence::SameAs { others }, audience }
}
