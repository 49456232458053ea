//! `inconsistent_legs`: COMPLETED while a leg that is given is not, or a leg FAILED while PROCESSING goes on,
//! past a grace.

use crate::breaks::facts::{Judgement, RowFacts};
use crate::model::{
    Certainty, Evidence, LegStatus, Resolution, Severity, Since, Standing, Status, Timestamp,
};

pub(super) fn judge(row: &RowFacts<'_>, _: Option<&Standing>) -> Judgement {
    if !row.is_verified() {
        return Judgement::Silent;
    }
    let Some(at) = contradicts_since(row) else {
        return Judgement::Fine(Resolution::Over("the legs say what the status says".to_owned()));
    };
    if row.page.seen_at <= row.limits().inconsistent_legs.ends_at(at) {
        return Judgement::Fine(Resolution::LimitChanged);
    }
    Judgement::Wrong {
        severity: Severity::Warning,
        evidence: Evidence::Legs {
            source: row.now.source_transfer.status.clone(),
            destination: row.now.destination_transfer.status.clone(),
            since: Since { at, certainty: Certainty::AtLatest },
        },
        audience: row.audience_of_what_ended(),
    }
}

/// Since when the legs contradict the status; `None` where they do not.
fn contradicts_since(row: &RowFacts<'_>) -> Option<Timestamp> {
    let legs = [&row.now.source_transfer.status, &row.now.destination_transfer.status];
    match row.now.status {
        Status::Completed => {
            let is_open =
                |leg: &Option<LegStatus>| leg.as_ref().is_some_and(|leg| *leg != LegStatus::Completed);
            legs.into_iter().any(is_open).then_some(row.status_since)
        }
        Status::Processing => {
            let times = [row.leg_times.source, row.leg_times.destination];
            let failed =
                legs.into_iter().zip(times).filter(|(leg, _)| leg.as_ref() == Some(&LegStatus::Failed));
            failed.map(|(_, since)| since.max(row.status_since)).min()
        }
        _ => None,
    }
}
