//! `stuck_processing`, `stuck_between_legs` and `stuck_pending`: what is held up for longer than its limit.

use crate::breaks::facts::{Judgement, RowFacts};
use crate::breaks::limits::Allowance;
use crate::model::{
    Audience, Certainty, Evidence, LegSide, LegStatus, Orchestration, Resolution, Severity, Since, Standing,
    Status,
};

/// PROCESSING for longer than the limit; critical at a multiple of it.
pub(super) fn processing(row: &RowFacts<'_>, standing: Option<&Standing>) -> Judgement {
    if row.now.status != Status::Processing {
        return row.moved_on();
    }
    let limit = &row.limits().processing;
    let critical = row.limits().critical_processing();
    held_up(row, standing, row.in_status_since(), limit, leg_of(row.now), |row, since| {
        if row.page.seen_at > critical.ends_at(since.at) { Severity::Critical } else { by_amount(row) }
    })
}

/// The source leg is COMPLETED and the destination leg is not: money has left and not arrived.
pub(super) fn between_legs(row: &RowFacts<'_>, standing: Option<&Standing>) -> Judgement {
    if row.now.status.is_final() {
        return row.moved_on();
    }
    let leg = |status: &Option<LegStatus>| status.as_ref() == Some(&LegStatus::Completed);
    if !leg(&row.now.source_transfer.status) || leg(&row.now.destination_transfer.status) {
        return Judgement::Fine(Resolution::Over("the legs moved on".to_owned()));
    }
    let since = Since { at: row.leg_times.source, certainty: Certainty::AtLatest };
    let limit = &row.limits().between_legs;
    held_up(row, standing, since, limit, Some(LegSide::Destination), |_, _| Severity::Critical)
}

/// PENDING, which is waiting for an approval, for longer than the limit.
pub(super) fn pending(row: &RowFacts<'_>, standing: Option<&Standing>) -> Judgement {
    if row.now.status != Status::Pending {
        return row.moved_on();
    }
    let limit = &row.limits().pending;
    held_up(row, standing, row.in_status_since(), limit, None, |row, _| by_amount(row))
}

fn held_up(
    row: &RowFacts<'_>,
    standing: Option<&Standing>,
    since: Since,
    limit: &Allowance,
    leg: Option<LegSide>,
    severity: impl Fn(&RowFacts<'_>, Since) -> Severity,
) -> Judgement {
    if !row.is_verified() {
        return Judgement::Silent;
    }
    let passed_at = limit.ends_at(since.at);
    if row.page.seen_at <= passed_at {
        return Judgement::Fine(over_within(standing, since));
    }
    Judgement::Wrong {
        severity: severity(row, since),
        evidence: Evidence::HeldUp { leg, since, limit: limit.to_string(), passed_at },
        // What is still held up is news, however long it has been.
        audience: Audience::Everybody,
    }
}

/// Why what was over its limit is within it now: it was there for as long as before, or it moved meanwhile.
fn over_within(standing: Option<&Standing>, since: Since) -> Resolution {
    match standing.map(|standing| &standing.evidence) {
        Some(Evidence::HeldUp { since: before, .. }) if before.at < since.at => {
            Resolution::Over("moved on, and is within its limit".to_owned())
        }
        _ => Resolution::LimitChanged,
    }
}

fn by_amount(row: &RowFacts<'_>) -> Severity {
    if row.limits().critical_amount.is_reached_by(row.now) { Severity::Critical } else { Severity::Warning }
}

/// The leg that holds it up: the first one that is not done.
fn leg_of(row: &Orchestration) -> Option<LegSide> {
    let is_done = |status: &Option<LegStatus>| status.as_ref().map(|leg| *leg == LegStatus::Completed);
    match (is_done(&row.source_transfer.status), is_done(&row.destination_transfer.status)) {
        (Some(false), _) => Some(LegSide::Source),
        (Some(true), Some(true)) | (None, None | Some(true)) => None,
        (_, Some(false)) | (Some(true), None) => Some(LegSide::Destination),
    }
}
