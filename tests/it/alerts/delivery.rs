//! From the ledger's outbox to the sinks: bursts, retries, dead letters, reminders.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tallyd::alerts::{Delivery, route};
use tallyd::clock::{Clock as _, ManualClock};
use tallyd::config::{
    AlertsConfig, Login, ProfileFilter, Repeat, SecretUrl, SinkConfig, SinkTarget, SmtpTls,
};
use tallyd::ledger::{Judge, Ledger, PageCommit, PollNumber, ProfileKey, Progress, Reader, Rules};
use tallyd::model::{
    Audience, BreakKind, Evidence, Finding, Fingerprint, Identifier, Lane, Observation, Orchestration,
    PageFacts, PollResult, Profile, Received, Resolution, Severity, Status, Step, Subject, Tell, Timestamp,
};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::email::{Smtp, header};
use super::{Receiver, Script, at, now, orchestration, profile, sink_config, webhook_at};
use crate::harness::in_time;

/// A ledger in which failed orchestrations are critical breaks and rejected ones warnings; what completes resolves.
pub(super) struct Desk {
    pub(super) folder: TempDir,
    pub(super) ledger: Ledger,
    pub(super) clock: Arc<ManualClock>,
    pub(super) sinks: Vec<SinkConfig>,
    profile: ProfileKey,
    poll: PollNumber,
    seen: AtomicI64,
}

fn judge(facts: &PageFacts<'_>) -> Vec<Step> {
    facts.observations.iter().flat_map(|observation| steps(observation)).collect()
}

fn steps(observation: &Observation<'_>) -> Vec<Step> {
    let Observation::Row { now: row, standing, .. } = observation else { return Vec::new() };
    let (kind, severity) = match row.status {
        Status::Failed => (BreakKind::Failed, Severity::Critical),
        Status::Rejected => (BreakKind::Rejected, Severity::Warning),
        _ => {
            let over = |number| Step::Resolve {
                number,
                why: Resolution::Over("moved on to COMPLETED".to_owned()),
                tell: Tell::People,
            };
            return standing.iter().map(|one| over(one.number)).collect();
        }
    };
    if !standing.is_empty() {
        return Vec::new();
    }
    let finding = Finding {
        kind,
        subject: Subject::Orchestration(row.id.clone()),
        severity,
        evidence: Evidence::Ended { at: row.created_at, reason: None },
        audience: Audience::Everybody,
    };
    vec![Step::Open { finding, tell: Tell::People }]
}

/// An orchestration of this number in a status.
pub(super) fn row(number: u32, status: Status) -> Orchestration {
    Orchestration {
        id: Identifier::new(&format!("00000000-0000-4000-8000-{number:012x}")),
        status,
        created_at: at("2026-11-21T12:00:00Z").plus(Duration::from_secs(u64::from(number))),
        updated_at: None,
        ..orchestration()
    }
}

impl Desk {
    pub(super) async fn new(sinks: Vec<SinkConfig>) -> Self {
        Self::of("https://api.sandbox.paxos.com/v2", sinks).await
    }

    /// A ledger of an environment.
    pub(super) async fn of(api_url: &str, sinks: Vec<SinkConfig>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let routed = sinks.clone();
        let judge: Judge = Arc::new(judge);
        let rules =
            Rules { judge, route: Arc::new(move |notice| route(&routed, notice)), ..tallyd::sync::rules() };
        let ledger = Ledger::open(&folder.path().join("ledger.db"), api_url, rules, now()).unwrap();
        let profile = ledger.open_profile(profile(), now()).await.unwrap().key;
        let poll = ledger.begin_poll(profile, Lane::Discover, now(), Some(now())).await.unwrap();
        let clock = Arc::new(ManualClock::at(now()));
        Self { folder, ledger, clock, sinks, profile, poll, seen: AtomicI64::new(0) }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("ledger.db")
    }

    pub(super) fn reader(&self) -> Reader {
        Reader::open(&self.path()).unwrap()
    }

    /// Commits a page with these rows.
    pub(super) async fn observe(&self, rows: impl IntoIterator<Item = Orchestration>) {
        // Each page is seen a little later, so that a row in another status is a newer one.
        let step = u64::try_from(self.seen.fetch_add(1, Ordering::Relaxed)).unwrap();
        let rows = rows.into_iter().map(|row| {
            let row = Orchestration { updated_at: Some(now().plus(Duration::from_secs(step))), ..row };
            let fingerprint = Fingerprint::of(&format!("{row:?}"));
            Received { orchestration: row, fingerprint }
        });
        let page = PageCommit {
            poll: self.poll,
            profile: self.profile,
            seen_at: self.clock.now(),
            asked_at: self.ledger.moment(),
            rows: rows.collect(),
            unreadable: Vec::new(),
            without_id: 0,
            begins_at: Timestamp::EPOCH,
            progress: Progress::None,
        };
        self.ledger.commit_page(page).await.unwrap();
    }

    pub(super) fn delivery(&self) -> Delivery {
        Delivery {
            ledger: self.ledger.clone(),
            clock: self.clock.clone(),
            alerts: AlertsConfig {
                runbook_url: None,
                history: Audience::Nobody,
                heartbeat: None,
                profile_heartbeats: Vec::new(),
                sinks: self.sinks.clone(),
            },
            seed: 7,
            observer: Arc::new(tallyd::alerts::Unobserved),
        }
    }

    /// Delivers what is due now.
    pub(super) async fn flush(&self) {
        in_time("a flush", self.delivery().flush(Duration::from_secs(30))).await.unwrap();
    }

    /// How much waits for a sink and how much was given up.
    fn left(&self, sink: &str) -> (u64, u64) {
        let backlogs = self.reader().backlogs().unwrap();
        let found = backlogs.into_iter().find(|backlog| backlog.sink.0 == sink);
        found.map_or((0, 0), |backlog| (backlog.waiting, backlog.dead))
    }
}

fn failed(numbers: std::ops::Range<u32>) -> impl Iterator<Item = Orchestration> {
    numbers.map(|number| row(number, Status::Failed))
}

fn hook(name: &str, receiver: &Receiver) -> SinkConfig {
    sink_config(name, webhook_at(&format!("{}/{name}", receiver.url)))
}

#[tokio::test]
async fn what_waits_is_told_once_and_its_end_to_those_who_were_told() {
    let receiver = Receiver::start([]).await;
    let mut critical = hook("critical", &receiver);
    critical.routing.min_severity = Severity::Critical;
    let desk = Desk::new(vec![hook("all", &receiver), critical]).await;
    desk.observe([row(1, Status::Failed), row(2, Status::Rejected)]).await;
    desk.flush().await;
    desk.flush().await;
    let told = |got: &super::Got| (got.path.clone(), got.json()["break"]["number"].as_i64().unwrap());
    let first: BTreeSet<_> = receiver.got().iter().map(told).collect();
    let expected =
        [("/all", 1), ("/all", 2), ("/critical", 1)].map(|(path, number)| (path.to_owned(), number));
    assert_eq!(first, BTreeSet::from(expected.clone()));
    assert_eq!(receiver.got().len(), 3);
    desk.observe([row(1, Status::Processing), row(2, Status::Processing)]).await;
    desk.flush().await;
    let ends: BTreeSet<_> = receiver.got().iter().skip(3).map(told).collect();
    assert_eq!(ends, BTreeSet::from(expected), "who was not told of it is not told of its end");
    assert!(receiver.got().iter().skip(3).all(|got| got.json()["state"] == "resolved"));
    assert_eq!((desk.left("all"), desk.left("critical")), ((0, 0), (0, 0)));
}

#[tokio::test]
async fn five_hundred_failures_are_one_message_for_each_sink() {
    let (slack, pager) = (Receiver::start([]).await, Receiver::start([]).await);
    let url = SecretUrl::new(&slack.url.parse().unwrap());
    let alertmanager = Receiver::start([]).await;
    let smtp = Smtp::start(false);
    let desk = Desk::new(vec![
        smtp.config(SmtpTls::StartTls, Login::None),
        sink_config("slack", SinkTarget::Slack { url }),
        hook("webhook", &pager),
        sink_config(
            "alertmanager",
            SinkTarget::Alertmanager { urls: vec![alertmanager.url.parse().unwrap()], login: Login::None },
        ),
    ])
    .await;
    desk.observe(failed(0..500)).await;
    desk.flush().await;
    assert_eq!(slack.got().len(), 1);
    assert!(slack.got()[0].body.contains("500 breaks of kind failed"), "{}", slack.got()[0].body);
    let mails = smtp.taken();
    assert_eq!(mails.len(), 1);
    assert_eq!(header(&mails[0], "Subject"), "[tallyd critical] treasury: 500 breaks of kind failed");
    assert_eq!(pager.got().len(), 1);
    assert_eq!(pager.got()[0].json()["summary"]["members"].as_array().unwrap().len(), 500);
    let each = alertmanager.got()[0].json().as_array().unwrap().len();
    assert_eq!(each, 500, "Alertmanager groups by itself");
}

#[tokio::test]
async fn a_dead_sink_holds_up_no_other_and_is_alarmed_through_them() {
    let (well, ill) = (Receiver::start([]).await, Receiver::start([]).await);
    let desk = Desk::new(vec![hook("well", &well), hook("ill", &ill)]).await;
    ill.then([Script::Answer(503, "")]);
    desk.observe(failed(0..3)).await;
    desk.flush().await;
    assert_eq!(well.got().len(), 3);
    assert_eq!(ill.got().len(), 1, "after a failure the sink is left alone");
    assert_eq!((desk.left("well"), desk.left("ill")), ((0, 0), (3, 0)));
    // Beyond the time in which it must be delivered, one try each, and then they are given up.
    desk.clock.advance(Duration::from_secs(73 * 3600));
    for _ in 0..3 {
        ill.then([Script::Answer(503, "down")]);
        desk.flush().await;
        desk.clock.advance(Duration::from_secs(3600));
    }
    assert_eq!(desk.left("ill"), (0, 3));
    desk.flush().await;
    let alarms: Vec<_> = well.got().into_iter().skip(3).map(|got| got.json()).collect();
    assert!(!alarms.is_empty() && alarms.iter().all(|alarm| alarm["type"] == "dead_letters"), "{alarms:?}");
    let last = &alarms[alarms.len() - 1]["dead_letters"];
    assert_eq!((&last["sink"], &last["count"]), (&"ill".into(), &3.into()));
    assert!(last["error"].as_str().unwrap().contains("answered 503: down"));
    let told = well.got().len();
    desk.flush().await;
    assert_eq!(well.got().len(), told, "the same dead letters are told once");
}

#[tokio::test]
async fn a_refused_message_is_given_up_at_once_and_the_others_go_on() {
    let receiver = Receiver::start([Script::Answer(400, "no")]).await;
    let desk = Desk::new(vec![hook("hook", &receiver)]).await;
    desk.observe(failed(0..3)).await;
    desk.flush().await;
    assert_eq!(receiver.got().len(), 3);
    assert_eq!(desk.left("hook"), (0, 1));
}

#[tokio::test]
async fn retry_after_is_honoured_and_order_is_kept() {
    let receiver = Receiver::start([Script::AnswerWith(429, ("retry-after", "600"), "")]).await;
    let desk = Desk::new(vec![hook("hook", &receiver)]).await;
    desk.observe(failed(0..1)).await;
    desk.flush().await;
    desk.observe([row(0, Status::Processing)]).await;
    desk.flush().await;
    assert_eq!(receiver.got().len(), 1, "the end is not told before the beginning");
    desk.clock.advance(Duration::from_secs(601));
    desk.flush().await;
    let states: Vec<_> = receiver.got().iter().map(|got| got.json()["state"].clone()).collect();
    assert_eq!(states, ["open", "open", "resolved"]);
}

#[tokio::test]
async fn what_still_stands_is_told_again_after_its_time() {
    let receiver = Receiver::start([]).await;
    let mut daily = hook("daily", &receiver);
    daily.routing.repeat = Repeat::After(Duration::from_secs(24 * 3600));
    let desk = Desk::new(vec![daily, hook("never", &receiver)]).await;
    desk.observe(failed(0..1)).await;
    desk.flush().await;
    desk.clock.advance(Duration::from_secs(23 * 3600));
    desk.flush().await;
    assert_eq!(receiver.got().len(), 2, "not before its time");
    desk.clock.advance(Duration::from_secs(3601));
    desk.flush().await;
    desk.flush().await;
    let got = receiver.got();
    assert_eq!(got.len(), 3, "once, and to one sink");
    let last = got[2].json();
    assert_eq!((got[2].path.as_str(), &last["break"]["occasion"]), ("/daily", &"reminded".into()));
    assert!(last["title"].as_str().unwrap().starts_with("Still open: "));
    desk.observe([row(0, Status::Processing)]).await;
    desk.clock.advance(Duration::from_secs(48 * 3600));
    desk.flush().await;
    assert_eq!(receiver.got().len(), 5, "the two ends, and no reminder of what is over");
}

#[tokio::test]
async fn a_sink_that_is_removed_leaves_dead_letters_that_are_told() {
    let receiver = Receiver::start([Script::Answer(500, "")]).await;
    let mut desk = Desk::new(vec![hook("old", &receiver)]).await;
    desk.observe(failed(0..1)).await;
    desk.flush().await;
    desk.sinks = vec![hook("new", &receiver)];
    desk.flush().await;
    assert_eq!(desk.left("old"), (0, 1));
    let alarm = receiver.got()[1].json();
    assert_eq!(alarm["dead_letters"]["error"], "the sink is no longer in the configuration");
}

/// What runs by itself: notices that come while it runs are told, those of one poll together, and it stops when it is
/// told to.
///
/// Catches: a slow poll whose pages come as a message each. Another profile, which nobody polls, tells that those who
/// do not wait for a poll were told twice meanwhile.
#[tokio::test]
async fn the_pages_of_one_poll_are_told_together_when_it_ends_and_deliveries_run_until_they_are_stopped() {
    let (receiver, others) = (Receiver::start([]).await, Receiver::start([]).await);
    let only = |name: &str, receiver: &Receiver, id: Identifier| {
        let mut sink = hook(name, receiver);
        sink.routing.profiles = ProfileFilter::Only([id].into());
        sink
    };
    let other = Profile { id: Identifier::new("other"), name: None };
    let sinks = vec![only("hook", &receiver, profile().id), only("others", &others, other.id.clone())];
    let mut desk = Desk::new(sinks).await;
    let delivery = desk.delivery();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(async move { delivery.run(async { stopped.await.unwrap() }).await });
    let slow = (desk.profile, desk.poll);
    desk.observe(failed(0..10)).await;
    let key = desk.ledger.open_profile(other, now()).await.unwrap().key;
    let ended = desk.ledger.begin_poll(key, Lane::Discover, now(), Some(now())).await.unwrap();
    desk.ledger.end_poll(ended, now(), PollResult::Complete).await.unwrap();
    (desk.profile, desk.poll) = (key, ended);
    for told in 1..=2 {
        desk.observe(failed(100 + told..101 + told)).await;
        others.wait_for(usize::try_from(told).unwrap()).await;
    }
    (desk.profile, desk.poll) = slow;
    desk.observe(failed(10..20)).await;
    desk.ledger.end_poll(desk.poll, now(), PollResult::Complete).await.unwrap();
    receiver.wait_for(1).await;
    stop.send(()).unwrap();
    in_time("the end", running).await.unwrap().unwrap();
    let got = receiver.got();
    assert_eq!((got.len(), &got[0].json()["summary"]["count"]), (1, &20.into()));
}

#[tokio::test]
async fn alertmanager_is_sent_what_stands_again_and_again() {
    let receiver = Receiver::start([]).await;
    let target = SinkTarget::Alertmanager { urls: vec![receiver.url.parse().unwrap()], login: Login::None };
    let desk = Desk::new(vec![sink_config("am", target)]).await;
    desk.observe(failed(0..2)).await;
    desk.flush().await;
    assert_eq!(desk.left("am"), (0, 0));
    // A new start sends what stands, though nothing waits.
    desk.flush().await;
    desk.observe([row(0, Status::Processing)]).await;
    desk.flush().await;
    let count = |got: &super::Got| got.json().as_array().unwrap().len();
    assert_eq!(receiver.got().iter().map(count).collect::<Vec<_>>(), [2, 2, 2]);
    let last = receiver.got()[2].json();
    let ends: Vec<Timestamp> = last
        .as_array()
        .unwrap()
        .iter()
        .map(|alert| Timestamp::parse_rfc3339(alert["endsAt"].as_str().unwrap()).unwrap())
        .collect();
    assert!(ends[0] > now() && ends[1] <= now(), "what stands ends ahead, what is over has ended: {ends:?}");
    // What was over long ago is sent no more.
    desk.clock.advance(Duration::from_secs(16 * 60));
    desk.flush().await;
    assert_eq!(count(&receiver.got()[3]), 1);
}
