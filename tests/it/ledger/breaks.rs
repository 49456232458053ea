//! Breaks through the ledger's public edge, with a judge made by hand: what is read, what people do, what is proven.

mod carried;
mod counts;
mod people;
mod proof;
mod reading;
mod restored;

use std::sync::Arc;

use tallyd::ledger::{Beside, BreakFilter, Deed, Deeds, Rest, Route, Rules};
use tallyd::model::{
    Audience, BreakKind, BreakNumber, Certainty, Change, Difference, Evidence, Field, Finding, Identifier,
    LegSide, Notice, Observation, Orchestration, PageFacts, Resolution, Severity, Since, SinkName, Status,
    Step, Subject, Tell, Timestamp, Told,
};

use super::{API, Bench, minute, moved, plain_rules, row};

/// Opens a break for what is FAILED, what is PROCESSING and what has another destination, and resolves what moved on.
/// What failed "long ago" is history.
fn judge(facts: &PageFacts<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    for observation in facts.observations {
        let Observation::Row { now, status_since, changes, standing, .. } = observation else { continue };
        let stands = |kind: BreakKind| standing.iter().find(|standing| standing.kind == kind);
        let mut open = |kind, severity, evidence, audience: Audience| {
            let tell = if audience == Audience::Everybody { Tell::People } else { Tell::Nobody };
            match stands(kind) {
                None => {
                    let subject = Subject::Orchestration(now.id.clone());
                    let finding = Finding { kind, subject, severity, evidence, audience };
                    steps.push(Step::Open { finding, tell });
                }
                Some(known) if known.severity != severity => {
                    steps.push(Step::Revise { number: known.number, severity, evidence, tell });
                }
                Some(_) => {}
            }
        };
        if now.status == Status::Failed {
            let reason = now.fail_reason.as_deref().map(str::to_owned);
            let is_old = reason.as_deref() == Some("long ago");
            let audience = if is_old { Audience::Nobody } else { Audience::Everybody };
            let evidence = Evidence::Ended { at: *status_since, reason };
            open(BreakKind::Failed, Severity::Critical, evidence, audience);
        }
        if now.status == Status::Processing {
            let since = Since { at: *status_since, certainty: Certainty::AtLatest };
            let limit = "2h".to_owned();
            let evidence =
                Evidence::HeldUp { leg: Some(LegSide::Destination), since, limit, passed_at: facts.seen_at };
            let is_late = now.fail_reason.is_some();
            let severity = if is_late { Severity::Critical } else { Severity::Warning };
            open(BreakKind::StuckProcessing, severity, evidence, Audience::Everybody);
        } else if let Some(known) = stands(BreakKind::StuckProcessing) {
            let why = Resolution::Over(format!("moved on to {}", now.status));
            let tell = if known.told == Told::Nothing { Tell::Nobody } else { Tell::People };
            steps.push(Step::Resolve { number: known.number, why, tell });
        }
        for change in *changes {
            if let Change::FieldChanged { field: Field::DestinationAddress, old, new } = change {
                let (field, old) = (Field::DestinationAddress, Some(old.clone()));
                let fields = vec![Difference { field, old, new: new.clone() }];
                let evidence = Evidence::Differs { fields };
                let finding = Finding {
                    kind: BreakKind::IllegalTransition,
                    subject: Subject::Orchestration(now.id.clone()),
                    severity: Severity::Critical,
                    evidence,
                    audience: Audience::Everybody,
                };
                steps.push(Step::Open { finding, tell: Tell::People });
            }
        }
    }
    steps
}

/// Slack hears everything, the pager what is critical.
fn route(notice: &Notice) -> Vec<SinkName> {
    let sinks: &[&str] = match notice.severity {
        Severity::Critical => &["pager", "slack"],
        Severity::Warning => &["slack"],
    };
    sinks.iter().map(|name| SinkName((*name).to_owned())).collect()
}

fn rules() -> Rules {
    Rules { judge: Arc::new(judge), route: Arc::new(route), ..plain_rules() }
}

async fn judged() -> Bench {
    Bench::with(rules()).await
}

/// An orchestration that failed.
fn failed(number: u32, reason: &str) -> Orchestration {
    Orchestration { fail_reason: Some(reason.into()), ..moved(number, Status::Failed, 3) }
}

/// The same orchestration, held up for so long that it is critical.
fn late(number: u32) -> Orchestration {
    Orchestration { fail_reason: Some("late".into()), ..moved(number, Status::Processing, 1) }
}

impl Bench {
    /// Does something in the name of Ada.
    fn deed(&self, numbers: &[i64], deed: &Deed, rest: Rest) -> Deeds {
        self.deed_at(minute(3000), numbers, deed, rest)
    }

    fn deed_at(&self, now: Timestamp, numbers: &[i64], deed: &Deed, rest: Rest) -> Deeds {
        let numbers: Vec<_> = numbers.iter().copied().map(BreakNumber).collect();
        let route: Route = Arc::new(route);
        Beside::at(&self.path()).do_with_breaks(API, &numbers, ("ada", deed), rest, &route, now).unwrap()
    }

    fn numbers(&self, filter: &BreakFilter) -> Vec<i64> {
        self.reader().break_numbers(filter).unwrap().into_iter().map(|number| number.0).collect()
    }

    /// What was told, in order: `2 opened critical pager`.
    fn told(&self) -> Vec<String> {
        let query = "SELECT n.break || ' ' || n.occasion || ' ' || CASE n.severity WHEN 1 THEN 'warning' ELSE 'critical' END
            || ' ' || d.sink FROM notice AS n JOIN delivery AS d ON d.notice = n.number ORDER BY n.number, d.sink";
        crate::harness::texts_of(&self.path(), query)
    }
}

fn acknowledged() -> Deed {
    Deed::Acknowledge { why: "the bank knows".to_owned(), until: Some(minute(4000)) }
}

fn resolved() -> Deed {
    Deed::Resolve { why: "sent again".to_owned() }
}

fn subject(number: u32) -> Identifier {
    row(number).id
}
