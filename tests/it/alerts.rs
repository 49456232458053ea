//! How people are told, through the public edge: stories, plans, and real sinks on loopback.
//!
//! Here: what the tests tell of, and a receiver that answers by a script. What is tested is in the modules.

#![expect(clippy::unwrap_used, reason = "in a test's helpers too, a panic is how a test fails")]

mod alertmanager;
mod bounds;
mod delivery;
mod email;
mod end_to_end;
mod heartbeat;
mod kills;
mod outbox;
mod plan;
mod published_limits;
mod reports;
mod stories;
mod webhook;

use std::collections::{BTreeSet, VecDeque};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response};
use secrecy::SecretString;
use tallyd::alerts::{Links, Message, Sink, Summary, SummaryLine, Tone};
use tallyd::config::{ProfileFilter, Repeat, ResolvedNotices, Routing, SecretUrl, SinkConfig, SinkTarget};
use tallyd::model::{
    Amount, Audience, BreakKind, BreakNumber, BreakRecord, Cause, Certainty, Difference, Endpoint, Evidence,
    Field, Identifier, Leg, LegSide, LegStatus, Mute, Notice, NoticeNumber, Occasion, Orchestration, Profile,
    Queued, Resolution, Resolved, Severity, Since, SinkName, Standing, Status, Subject, Timestamp, Told,
    Waiting,
};
use tokio::net::TcpListener;

use crate::harness::in_time;

const ORCHESTRATION: &str = "5f0c7a52-8e17-4c0f-a4d2-5f61c7e09b38";
const PROFILE: &str = "3b9d6a52-8e17-4c0f-a4d2-5f61c7e09b38";

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

/// When everything is told.
fn now() -> Timestamp {
    at("2026-11-21T16:42:00Z")
}

fn orchestration() -> Orchestration {
    Orchestration {
        id: Identifier::new(ORCHESTRATION),
        profile_id: Some(Identifier::new(PROFILE)),
        identity_id: None,
        account_id: None,
        customer_id: None,
        ref_id: Some("payout-4711".into()),
        source_asset: Some("USD".into()),
        destination_asset: Some("USDG".into()),
        source_amount: Some(Amount::parse("12500.00").unwrap()),
        destination_amount: None,
        source_transfer: Leg {
            transfer_id: Some("9a1e7f6c-31f2-4f0e-9b57-0b7a0f3c5d11".into()),
            status: Some(LegStatus::Completed),
        },
        destination_transfer: Leg {
            transfer_id: Some("d2c8b1aa-6c1d-4a6e-8a55-6f8a37f0e2b9".into()),
            status: Some(LegStatus::Processing),
        },
        status: Status::Processing,
        fail_reason: None,
        source: Some(Endpoint::Profile { profile_id: Identifier::new(PROFILE) }),
        destination: Some(Endpoint::Crypto {
            address: Some("7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU".into()),
            network: Some("SOLANA".into()),
            address_id: None,
        }),
        orchestration_rule_id: None,
        created_at: at("2026-11-21T12:29:30Z"),
        updated_at: Some(at("2026-11-21T12:30:00Z")),
        completed_at: None,
        metadata: None,
        remainder: None,
    }
}

/// What a break of each kind rests on in these tests.
fn evidence(kind: BreakKind) -> Evidence {
    let since = |certainty| Since { at: at("2026-11-21T12:30:00Z"), certainty };
    let held_up = |leg, certainty, limit: &str| Evidence::HeldUp {
        leg,
        since: since(certainty),
        limit: limit.to_owned(),
        passed_at: at("2026-11-21T14:30:00Z"),
    };
    match kind {
        BreakKind::StuckProcessing => held_up(Some(LegSide::Destination), Certainty::AtLatest, "2h"),
        BreakKind::StuckBetweenLegs => held_up(Some(LegSide::Destination), Certainty::Exactly, "2h"),
        BreakKind::StuckPending => held_up(None, Certainty::Exactly, "2 business hours"),
        BreakKind::Failed => Evidence::Ended {
            at: at("2026-11-21T16:40:12Z"),
            reason: Some("the receiving bank refused the credit".to_owned()),
        },
        BreakKind::Rejected => Evidence::Ended { at: at("2026-11-21T16:40:12Z"), reason: None },
        BreakKind::ChangedAfterFinal => Evidence::Differs {
            fields: vec![
                differs(Field::SourceAmount, Some("12500.00"), Some("1250.00")),
                differs(Field::DestinationAddress, Some("7xKX"), None),
            ],
        },
        BreakKind::IllegalTransition => {
            Evidence::Differs { fields: vec![differs(Field::Status, Some("COMPLETED"), Some("PENDING"))] }
        }
        BreakKind::InconsistentLegs => Evidence::Legs {
            source: Some(LegStatus::Completed),
            destination: None,
            since: since(Certainty::AtLatest),
        },
        BreakKind::MissingUpstream => Evidence::Gone { at: at("2026-11-21T16:17:03Z"), met_again_at: None },
        BreakKind::DuplicateRefId | BreakKind::PossibleDuplicate => {
            Evidence::SameAs { others: vec!["0d3b5a52-8e17-4c0f-a4d2-5f61c7e09b38".into()] }
        }
        BreakKind::UnknownStatus => Evidence::UnknownStatus { status: "ON_HOLD".to_owned() },
        BreakKind::Unreadable => Evidence::Unreadable { problem: "created_at is missing".to_owned() },
        BreakKind::ProfileUnpolled => Evidence::Unpolled {
            profiles: vec![
                (profile(), at("2026-11-21T16:05:00Z")),
                (Profile { id: "prof_9".into(), name: None }, at("2026-11-21T16:11:00Z")),
            ],
            reason: "Paxos answered 503 (request_id req-8812)".to_owned(),
        },
        BreakKind::ReportFailed => Evidence::NotMade {
            period: "2026-11-20".to_owned(),
            due_at: at("2026-11-21T01:00:00Z"),
            reason: "/srv/reports: no space is left".to_owned(),
        },
    }
}

fn differs(field: Field, old: Option<&str>, new: Option<&str>) -> Difference {
    Difference { field, old: old.map(str::to_owned), new: new.map(str::to_owned) }
}

fn profile() -> Profile {
    Profile { id: Identifier::new(PROFILE), name: Some("treasury".to_owned()) }
}

/// A break of a kind as the ledger would have it.
fn record(kind: BreakKind) -> BreakRecord {
    let subject = match kind {
        BreakKind::ProfileUnpolled => Subject::Cause(Cause::Outage),
        BreakKind::ReportFailed => Subject::Report("daily".to_owned()),
        _ => Subject::Orchestration(Identifier::new(ORCHESTRATION)),
    };
    let severity = match kind {
        BreakKind::StuckPending
        | BreakKind::Rejected
        | BreakKind::UnknownStatus
        | BreakKind::ReportFailed => Severity::Warning,
        _ => Severity::Critical,
    };
    let mut row = orchestration();
    match kind {
        BreakKind::StuckPending => row.status = Status::Pending,
        BreakKind::Failed => row.status = Status::Failed,
        BreakKind::Rejected => row.status = Status::Rejected,
        BreakKind::ChangedAfterFinal | BreakKind::InconsistentLegs => row.status = Status::Completed,
        BreakKind::UnknownStatus => row.status = Status::Unknown("ON_HOLD".into()),
        _ => {}
    }
    let has_no_profile = matches!(kind, BreakKind::ProfileUnpolled | BreakKind::ReportFailed);
    let has_no_row = has_no_profile || kind == BreakKind::Unreadable;
    BreakRecord {
        standing: Standing {
            number: BreakNumber(42),
            kind,
            subject,
            episode: 1,
            severity,
            evidence: evidence(kind),
            opened_at: at("2026-11-21T14:30:41Z"),
            audience: Audience::Everybody,
            told: Told::As(severity),
            mute: Mute::Off,
        },
        former: None,
        profile: (!has_no_profile).then(profile),
        orchestration: (!has_no_row).then_some(row),
        resolved: None,
        transfers: Vec::new(),
    }
}

/// A break that is over.
fn resolved(kind: BreakKind) -> BreakRecord {
    let why = Resolution::Over("moved on to COMPLETED".to_owned());
    BreakRecord { resolved: Some(Resolved { at: at("2026-11-21T16:30:00Z"), why }), ..record(kind) }
}

fn notice(record: &BreakRecord, occasion: Occasion) -> Notice {
    let standing = &record.standing;
    Notice {
        number: standing.number,
        kind: standing.kind,
        subject: standing.subject.clone(),
        episode: standing.episode,
        severity: standing.severity,
        profile: record.profile.as_ref().map(|profile| profile.id.clone()),
        occasion,
        at: at("2026-11-21T16:41:00Z"),
    }
}

fn links() -> Links {
    Links { runbook: Some("https://runbook.example.com/tallyd".parse().unwrap()) }
}

/// What sinks are handed of a break.
fn message(record: BreakRecord, occasion: Occasion) -> Message {
    let notice = notice(&record, occasion);
    let queued = Queued { number: NoticeNumber(7), notice, attempts: 0, batch: None };
    Message::of_break(Waiting { queued, record }, &links(), now())
}

/// What sinks are handed of a burst.
fn summary(count: usize) -> Message {
    let line = |number: i64| SummaryLine {
        number: BreakNumber(number),
        subject: Subject::Orchestration(format!("orch_{number}").as_str().into()),
        title: format!("treasury, {number}.00 USD: FAILED: the receiving bank refused the credit"),
    };
    Message::Summary(Summary {
        key: format!("tallyd/summary/failed/{count}-0a1b2c"),
        kind: BreakKind::Failed,
        tone: Tone::Stands,
        severity: Severity::Critical,
        profile: Some(profile()),
        count,
        members: (1..=10).map(|number| (BreakNumber(number), format!("tallyd/failed/{number}/1"))).collect(),
        first: (1..=10).map(line).collect(),
        at: now(),
        runbook: links().runbook(BreakKind::Failed),
    })
}

/// A sink that tells everything.
pub(crate) fn sink_config(name: &str, target: SinkTarget) -> SinkConfig {
    SinkConfig {
        name: SinkName(name.to_owned()),
        target,
        routing: Routing {
            min_severity: Severity::Warning,
            kinds: BTreeSet::from(BreakKind::ALL),
            profiles: ProfileFilter::All,
            resolved: ResolvedNotices::Told,
            repeat: Repeat::Never,
        },
        burst: NonZeroU32::new(10).unwrap(),
        give_up_after: Duration::from_secs(72 * 3600),
        timeout: Duration::from_secs(5),
        extra_roots: None,
    }
}

pub(crate) fn webhook_at(url: &str) -> SinkTarget {
    SinkTarget::Webhook {
        url: SecretUrl::new(&url.parse().unwrap()),
        secret: SecretString::from("hunter2".to_owned()),
    }
}

fn sink(target: SinkTarget) -> Sink {
    Sink::new(&sink_config("test", target)).unwrap()
}

/// What a receiver was sent.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) path: String,
    headers: HeaderMap,
    body: String,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What a receiver does.
#[derive(Clone, Debug)]
pub(crate) enum Script {
    Answer(u16, &'static str),
    /// With a header.
    AnswerWith(u16, (&'static str, &'static str), &'static str),
    /// It never answers.
    Hang,
}

#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    got: Arc<Mutex<Vec<Got>>>,
    /// What it does next; 200 where nothing is left.
    script: Arc<Mutex<VecDeque<Script>>>,
    arrived: Arc<tokio::sync::Notify>,
}

impl Receiver {
    pub(crate) async fn start(script: impl IntoIterator<Item = Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            got: Arc::default(),
            script: Arc::new(Mutex::new(script.into_iter().collect())),
            arrived: Arc::default(),
        };
        let router = Router::new().fallback(receive).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        receiver
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    pub(crate) fn then(&self, script: impl IntoIterator<Item = Script>) {
        self.script.lock().unwrap().extend(script);
    }

    /// Waits until that many requests came.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Got> {
        in_time(&format!("{count} requests"), async {
            loop {
                let arrived = self.arrived.notified();
                let got = self.got();
                if got.len() >= count {
                    return got;
                }
                arrived.await;
            }
        })
        .await
    }
}

async fn receive(State(receiver): State<Receiver>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = String::from_utf8(to_bytes(body, 1 << 24).await.unwrap().to_vec()).unwrap();
    let path = parts.uri.path_and_query().unwrap().to_string();
    let script = receiver.script.lock().unwrap().pop_front();
    receiver.got.lock().unwrap().push(Got { path, headers: parts.headers, body });
    receiver.arrived.notify_waiters();
    let answer = |status: u16| Response::builder().status(status);
    match script.unwrap_or(Script::Answer(200, "ok")) {
        Script::Answer(status, body) => answer(status).body(Body::from(body)).unwrap(),
        Script::AnswerWith(status, (name, value), body) => {
            answer(status).header(name, value).body(Body::from(body)).unwrap()
        }
        Script::Hang => std::future::pending().await,
    }
}
