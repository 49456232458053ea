//! The rules of breaks through their public edge: rows and a time in, steps out.
//!
//! Here: the book that takes the steps, as a ledger would. What is judged is in the modules.

#![expect(clippy::unwrap_used, reason = "a test whose stage cannot be set has failed")]

mod changes;
mod ended;
mod lifecycle;
mod polls;
mod stuck;

use std::time::Duration;

use tallyd::breaks::{History, Limits, judge};
use tallyd::model::{
    Amount, BreakKind, BreakNumber, Change, Endpoint, Identifier, Leg, LegStatus, LegTimes, ListingTurn,
    Lookalike, Mute, Observation, Orchestration, PageFacts, Resolution, Standing, Status, Step, Tell,
    Timestamp, Told, Tracked, Trust, UnreadableRow, Verdict,
};
use tallyd::sync::diff::compare;

/// An instant, in minutes after the beginning of the tests' time: a Wednesday, 12:00 in UTC.
fn minute(minute: i64) -> Timestamp {
    let start = Timestamp::parse_rfc3339("2026-03-04T12:00:00Z").unwrap();
    Timestamp::from_micros(start.as_micros() + minute * 60_000_000)
}

/// One profile's breaks, and the row that they are about.
struct Book {
    limits: Limits,
    history: History,
    first_poll: Timestamp,
    listing: ListingTurn,
    row: Option<Tracked>,
    leg_times: Option<LegTimes>,
    standing: Vec<Standing>,
    opened: i64,
}

impl Book {
    fn new() -> Self {
        Self {
            limits: Limits::default(),
            history: History::Recorded,
            first_poll: minute(0),
            listing: ListingTurn::Later,
            row: None,
            leg_times: None,
            standing: Vec::new(),
            opened: 0,
        }
    }

    /// A page at a time that shows the row; the answer is what became of breaks.
    fn sees(&mut self, at: i64, now: &Orchestration) -> Vec<String> {
        let (changes, status_since) = match compare(self.row.as_ref(), now, minute(at), Trust::Confirmed) {
            Verdict::Appeared { status_since } => (vec![Change::Appeared], status_since),
            Verdict::Changed { kept, changes } => (changes, kept.status_since),
            Verdict::Unchanged | Verdict::Stale => {
                (Vec::new(), self.row.as_ref().map_or(minute(at), |row| row.status_since))
            }
        };
        let before = self.row.replace(Tracked { orchestration: now.clone(), status_since });
        self.judges(at, before.as_ref().map(|row| &row.orchestration), &changes, &[], &[])
    }

    /// A page at a time on which the row is as it was, but for its place in the world.
    fn meets(&mut self, at: i64, changes: &[Change]) -> Vec<String> {
        let before = self.row.clone().map(|row| row.orchestration);
        self.judges(at, before.as_ref(), changes, &[], &[])
    }

    /// A page at a time that shows the row for the first time, beside others.
    fn sees_beside(
        &mut self,
        at: i64,
        now: &Orchestration,
        namesakes: &[Lookalike],
        alike: &[Lookalike],
    ) -> Vec<String> {
        self.row =
            Some(Tracked { orchestration: now.clone(), status_since: now.updated_at.unwrap_or(minute(at)) });
        self.judges(at, None, &[Change::Appeared], namesakes, alike)
    }

    fn judges(
        &mut self,
        at: i64,
        before: Option<&Orchestration>,
        changes: &[Change],
        namesakes: &[Lookalike],
        lookalikes: &[Lookalike],
    ) -> Vec<String> {
        let Tracked { orchestration, status_since } = self.row.clone().unwrap();
        let standing = self.standing.clone();
        let observation = Observation::Row {
            before,
            now: &orchestration,
            status_since,
            leg_times: self.leg_times.unwrap_or(LegTimes { source: status_since, destination: status_since }),
            changes,
            standing: &standing,
            namesakes,
            lookalikes,
        };
        self.follow(at, &[observation])
    }

    /// A page at a time that shows the row in a form that cannot be read.
    fn cannot_read(&mut self, at: i64, problem: &str) -> Vec<String> {
        let row = UnreadableRow { id: row().id, raw: "{}".into(), problem: problem.to_owned() };
        let standing = self.standing.clone();
        self.follow(at, &[Observation::Unreadable { row: &row, standing: &standing }])
    }

    fn follow(&mut self, at: i64, observations: &[Observation<'_>]) -> Vec<String> {
        let page = PageFacts {
            profile: &Identifier::new("treasury"),
            seen_at: minute(at),
            first_poll_began_at: self.first_poll,
            listing: self.listing,
            observations,
        };
        let steps = judge(&self.limits, self.history, &page);
        self.take(at, steps)
    }

    /// Takes the steps, as a ledger would, and tells them.
    fn take(&mut self, at: i64, steps: Vec<Step>) -> Vec<String> {
        steps.into_iter().map(|step| self.take_one(at, step)).collect()
    }

    fn take_one(&mut self, at: i64, step: Step) -> String {
        let told = |tell: Tell| if tell == Tell::People { ", told" } else { "" };
        match step {
            Step::Open { finding, tell } => {
                let is_there = |standing: &Standing| {
                    standing.kind == finding.kind && standing.subject == finding.subject
                };
                assert!(!self.standing.iter().any(is_there), "opened twice: {finding:?}");
                self.opened += 1;
                let line = format!("{} opens, {}{}", finding.kind, finding.severity, told(tell));
                self.standing.push(Standing {
                    number: BreakNumber(self.opened),
                    kind: finding.kind,
                    subject: finding.subject,
                    episode: 1,
                    severity: finding.severity,
                    evidence: finding.evidence,
                    opened_at: minute(at),
                    audience: finding.audience,
                    told: if tell == Tell::People { Told::As(finding.severity) } else { Told::Nothing },
                    mute: Mute::Off,
                });
                line
            }
            Step::Revise { number, severity, evidence, tell } => {
                let standing = self.numbered(number);
                standing.severity = severity;
                standing.evidence = evidence;
                if tell == Tell::People {
                    standing.told = Told::As(severity);
                }
                format!("{} stands, {severity}{}", standing.kind, told(tell))
            }
            Step::Unmute { number, tell } => {
                let standing = self.numbered(number);
                standing.mute = Mute::Off;
                format!("{} is no longer muted{}", standing.kind, told(tell))
            }
            Step::Resolve { number, why, tell } => {
                let kind = self.numbered(number).kind;
                self.standing.retain(|standing| standing.number != number);
                let why = if why == Resolution::LimitChanged {
                    "the limit changed".to_owned()
                } else {
                    why.to_string()
                };
                format!("{kind} resolves: {why}{}", told(tell))
            }
        }
    }

    fn numbered(&mut self, number: BreakNumber) -> &mut Standing {
        self.standing.iter_mut().find(|standing| standing.number == number).unwrap()
    }

    fn of(&mut self, kind: BreakKind) -> &mut Standing {
        self.standing.iter_mut().find(|standing| standing.kind == kind).unwrap()
    }
}

/// An orchestration within Paxos, created and last updated at the beginning of the tests' time.
fn row() -> Orchestration {
    Orchestration {
        id: Identifier::new("5a0c9e44-27f1-4be2-93d8-0c61b7e8f210"),
        profile_id: Some(Identifier::new("treasury")),
        identity_id: None,
        account_id: None,
        customer_id: None,
        ref_id: Some(Identifier::new("payout-1")),
        source_asset: Some("USD".into()),
        destination_asset: Some("USDG".into()),
        source_amount: Some(Amount::parse("250.00").unwrap()),
        destination_amount: None,
        source_transfer: Leg::default(),
        destination_transfer: Leg::default(),
        status: Status::Processing,
        fail_reason: None,
        source: Some(Endpoint::Profile { profile_id: Identifier::new("treasury") }),
        destination: Some(Endpoint::Profile { profile_id: Identifier::new("payouts") }),
        orchestration_rule_id: None,
        created_at: minute(0),
        updated_at: Some(minute(0)),
        completed_at: None,
        metadata: None,
        remainder: None,
    }
}

/// The row in a status, updated at that minute.
fn in_status(status: &str, updated: i64) -> Orchestration {
    Orchestration { status: Status::new(status), updated_at: Some(minute(updated)), ..row() }
}

/// The row in a status with its legs where they are named; empty for a leg that says nothing.
fn with_legs(status: &str, legs: [&str; 2], updated: i64) -> Orchestration {
    let leg =
        |text: &str| Leg { transfer_id: None, status: (!text.is_empty()).then(|| LegStatus::new(text)) };
    let [source, destination] = legs;
    Orchestration {
        source_transfer: leg(source),
        destination_transfer: leg(destination),
        ..in_status(status, updated)
    }
}

/// The limit of PROCESSING within Paxos, in minutes.
const WITHIN_PAXOS: i64 = 15;

/// A duration of so many minutes.
fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}
