//! Judging a page: every rule over every row, and what becomes of the breaks by it.

use std::cell::OnceCell;
use std::collections::HashSet;

use crate::model::{
    Audience, BreakKind, Change, Evidence, Identifier, LegStatus, Observation, Orchestration, PageFacts,
    Resolution, Severity, Standing, Status, Step, Subject,
};

use super::facts::{Judgement, RowFacts, of_kind};
use super::lifecycle::{History, Life};
use super::limits::Limits;
use super::rules::OF_ROWS;

/// What becomes of breaks by a page.
pub fn judge(limits: &Limits, history: History, page: &PageFacts<'_>) -> Vec<Step> {
    let appeared = appeared(page.observations);
    let mut steps = Vec::new();
    for observation in page.observations {
        match observation {
            Observation::Row {
                before,
                now,
                status_since,
                leg_times,
                changes,
                standing,
                namesakes,
                lookalikes,
            } => {
                if is_quiet(now, changes, standing) && namesakes.is_empty() && lookalikes.is_empty() {
                    continue;
                }
                let row = RowFacts {
                    before: *before,
                    now,
                    status_since: *status_since,
                    leg_times: *leg_times,
                    changes,
                    namesakes,
                    lookalikes,
                    appeared: &appeared,
                    page,
                    limits,
                    applied: OnceCell::new(),
                };
                let subject = Subject::Orchestration(now.id.clone());
                let mut life = Life::of(subject, standing, history);
                for (kind, rule) in OF_ROWS {
                    life.take(kind, rule(&row, of_kind(standing, kind)));
                }
                life.take(BreakKind::Unreadable, readable());
                steps.extend(life.steps());
            }
            Observation::Unreadable { row, standing } => {
                let subject = Subject::Orchestration(row.id.clone());
                let mut life = Life::of(subject, standing, history);
                let wrong = Judgement::Wrong {
                    severity: Severity::Warning,
                    evidence: Evidence::Unreadable { problem: row.problem.clone() },
                    audience: Audience::Everybody,
                };
                life.take(BreakKind::Unreadable, wrong);
                steps.extend(life.steps());
            }
        }
    }
    steps
}

/// A row that was read shows that it can be.
fn readable() -> Judgement {
    Judgement::Fine(Resolution::Over("it can be read again".to_owned()))
}

/// Whether no rule has anything to say: nothing stands, and all is as it was and over, or came as the usual
/// thing. Nearly every row of a backfill is that.
fn is_quiet(now: &Orchestration, changes: &[Change], standing: &[Standing]) -> bool {
    let legs = [&now.source_transfer.status, &now.destination_transfer.status];
    let completed = LegStatus::Completed;
    now.status == Status::Completed
        && standing.is_empty()
        && matches!(changes, [] | [Change::Appeared])
        && legs.into_iter().all(|leg| leg.as_ref().is_none_or(|leg| *leg == completed))
}

fn appeared<'a>(observations: &'a [Observation<'a>]) -> HashSet<&'a Identifier> {
    // Only where there may be twins does anybody ask.
    let has_twins = |observation: &Observation<'_>| match observation {
        Observation::Row { namesakes, lookalikes, .. } => !namesakes.is_empty() || !lookalikes.is_empty(),
        Observation::Unreadable { .. } => false,
    };
    if !observations.iter().any(has_twins) {
        return HashSet::new();
    }
    observations
        .iter()
        .filter_map(|observation| match observation {
            Observation::Row { now, changes, .. } if changes.contains(&Change::Appeared) => Some(&now.id),
            _ => None,
        })
        .collect()
}
