//! `unknown_status`: a status that this version does not know. It counts as open.

use crate::breaks::facts::{Judgement, RowFacts};
use crate::model::{Audience, Evidence, Severity, Standing, Status};

pub(super) fn judge(row: &RowFacts<'_>, _: Option<&Standing>) -> Judgement {
    let Status::Unknown(status) = &row.now.status else { return row.moved_on() };
    Judgement::Wrong {
        severity: Severity::Warning,
        evidence: Evidence::UnknownStatus { status: status.to_string() },
        audience: Audience::Everybody,
    }
}
