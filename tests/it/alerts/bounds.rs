//! How long people wait at most: what a poll found is told when it ends, and neither a look-up of a transfer that is never
//! answered nor a page that never comes holds that up for longer than is said.
//!
//! The real poller, ledger, deliveries and sinks, over HTTP; the time by which they wait is the test's.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tallyd::alerts::{Delivery, route};
use tallyd::breaks::{self, History, Limits};
use tallyd::clock::Clock as _;
use tallyd::config::{AlertsConfig, SinkConfig};
use tallyd::ledger::Rules;
use tallyd::model::{Audience, BreakKind, PollOutcome, ProfileSelection, TransferLookUps};
use tallyd::sim::{Endpoint, Fault, FaultRate, Rate, Scripted};
use tallyd::sync::Pace;
use tokio::task::JoinHandle;

use super::{Receiver, sink_config, webhook_at};
use crate::harness::{HeldTime, Rig, Setup, texts_of};

/// More failures of one profile than this are told as one.
const BURST: u32 = 3;

/// An account with a daemon's poller and deliveries, without its timers: who polls is the test.
struct Stage {
    rig: Rig,
    time: HeldTime,
    /// Is told what failed.
    failures: Receiver,
    /// Is told what was rejected.
    rejections: Receiver,
    telling: JoinHandle<()>,
}

impl Stage {
    /// Polls the account once, while nothing is in it, and starts the deliveries.
    async fn begin(setup: Setup) -> Self {
        let time = HeldTime::hold();
        let (failures, rejections) = (Receiver::start([]).await, Receiver::start([]).await);
        let sink = |kind: BreakKind, receiver: &Receiver| {
            let mut sink = sink_config(kind.as_str(), webhook_at(&receiver.url));
            sink.routing.kinds = BTreeSet::from([kind]);
            sink.burst = BURST.try_into().unwrap();
            sink
        };
        let sinks = vec![sink(BreakKind::Failed, &failures), sink(BreakKind::Rejected, &rejections)];
        let rig = Rig::start(Setup { rules: rules(sinks.clone()), ..setup }).await;
        rig.poll_completely().await;
        rig.control.forget_requests();
        let delivery = Delivery {
            ledger: rig.ledger.clone(),
            clock: rig.local.clone(),
            alerts: AlertsConfig {
                runbook_url: None,
                history: Audience::Nobody,
                heartbeat: None,
                profile_heartbeats: Vec::new(),
                sinks,
            },
            seed: 7,
            observer: Arc::new(tallyd::alerts::Unobserved),
        };
        let telling = tokio::spawn(async move { delivery.run(std::future::pending()).await.unwrap() });
        Self { rig, time, failures, rejections, telling }
    }

    /// Puts an orchestration into the account that ended like this, with the transfer that has its name.
    fn put(&self, profile: usize, id: &str, status: &str) {
        let (profile, now) = (self.rig.profile(profile).id.to_string(), self.rig.clock.now().to_rfc3339());
        self.rig.control.insert(json!({ "id": id, "profile_id": profile, "ref_id": format!("ref-{id}"),
            "status": status, "created_at": now, "updated_at": now,
            "source_asset": "USD", "destination_asset": "USD", "source_amount": "100.00",
            "source": { "profile": { "profile_id": profile } },
            "destination": { "crypto": { "network": "SOLANA", "address": "7xKXtg2CW87d" } },
            "destination_transfer": { "transfer_id": format!("out-{id}"), "status": "FAILED",
                "secondary_status": { "name": "ADDRESS_REFUSED" } } }));
    }

    /// Begins a poll a minute later: a `Date` has whole seconds, and what is younger is not listed.
    fn poll(&self) -> JoinHandle<PollOutcome> {
        self.rig.advance(Duration::from_secs(60));
        let poller = self.rig.poller.clone();
        tokio::spawn(async move { poller.poll(&ProfileSelection::All, Pace::ByGap).await })
    }

    /// Waits until the ledger answers a query like this, while no time goes by.
    async fn until(&self, query: &str, wanted: &str) {
        let path = self.rig.path();
        self.time.until(query, || texts_of(&path, query) == [wanted]).await;
    }

    /// Ends it. What panicked in the deliveries fails the test.
    async fn end(self) {
        self.telling.abort();
        let ended = self.telling.await;
        assert!(ended.is_err_and(|ended| ended.is_cancelled()));
        self.rig.end().await;
    }
}

/// The rules of tallyd, as they are where nothing is configured.
fn rules(sinks: Vec<SinkConfig>) -> Rules {
    let limits = Arc::new(Limits::default());
    let of_rows = Arc::clone(&limits);
    Rules {
        judge: Arc::new(move |facts| breaks::judge(&of_rows, History::Recorded, facts)),
        judge_polls: Arc::new(move |facts| breaks::judge_polls(&limits, facts)),
        route: Arc::new(move |notice| route(&sinks, notice)),
        ..tallyd::sync::rules()
    }
}

/// The facts of each message, by name, those that know of a transfer first.
fn facts(receiver: &Receiver) -> Vec<Value> {
    let of = |body: &Value| -> Value {
        let facts = body["break"]["facts"].as_array().unwrap().iter();
        facts.map(|fact| (fact["name"].as_str().unwrap().to_owned(), fact["value"].clone())).collect()
    };
    let mut facts: Vec<Value> = receiver.got().iter().map(|got| of(&got.json())).collect();
    facts.sort_by_key(|facts| facts["destination waits for"].is_null());
    facts
}

/// Catches: a poll that waits for a transfer for as long as Paxos leaves it open, or for each transfer anew; what was
/// found being lost or told late for it; a profile or a sink that has nothing to do with it and waits too.
#[tokio::test(start_paused = true)]
async fn a_look_up_that_is_never_answered_holds_up_what_its_poll_found_for_ten_seconds() {
    let setup = Setup { look_up_transfers: TransferLookUps::On, ..Setup::of(0).profiles(2) };
    let stage = Stage::begin(setup).await;
    let control = stage.rig.control.clone();
    for number in 0..3 {
        stage.put(0, &format!("fails-{number}"), "FAILED");
    }
    stage.put(1, "refused", "REJECTED");
    control.script(Endpoint::Transfer, [Scripted::Honest]);
    control.set_faults([FaultRate::on(Endpoint::Transfer, Fault::Hang, Rate::ALWAYS)]);
    let polling = stage.poll();
    stage.time.until("a look-up that hangs", || control.count(Endpoint::Transfer) == 2).await;
    stage.until("SELECT count(*) FROM notice", "4").await;
    stage.until("SELECT count(*) FROM poll WHERE result = 'running'", "1").await;

    stage.time.pass(Duration::from_millis(9_500)).await;
    stage.time.until("what the other profile found", || stage.rejections.got().len() == 1).await;
    assert!(stage.failures.got().is_empty() && !polling.is_finished());
    stage.time.pass(Duration::from_millis(500)).await;
    stage.time.until("the end of the poll", || polling.is_finished()).await;
    let outcome = polling.await.unwrap();
    assert!(outcome.is_complete(), "{outcome:#?}");
    stage.time.pass_until("all that it found", || stage.failures.got().len() == 3).await;
    let [known, unknown @ ..] = &facts(&stage.failures)[..] else { panic!("nothing was told") };
    assert_eq!(known["destination waits for"], "ADDRESS_REFUSED");
    assert_eq!(unknown.len(), 2);
    assert!(unknown.iter().all(|facts| facts["destination waits for"].is_null()), "{unknown:?}");
    assert_eq!(control.count(Endpoint::Transfer), 2);

    // The next poll goes on with it.
    control.clear_faults();
    let polling = stage.poll();
    stage.time.until("the next poll", || polling.is_finished()).await;
    assert!(polling.await.unwrap().is_complete());
    assert_eq!(control.count(Endpoint::Transfer), 4);
    assert_eq!((stage.failures.got().len(), stage.rejections.got().len()), (3, 1));
    stage.end().await;
}

/// How many failures each message tells of.
fn sizes(receiver: &Receiver) -> Vec<u64> {
    let size = |body: &Value| body["summary"]["count"].as_u64().unwrap_or(1);
    receiver.got().iter().map(|got| size(&got.json())).collect()
}

/// A page of four failures, and another one that Paxos does not send for so long.
async fn with_a_page_that_hangs_for(seconds: u64) -> (Stage, JoinHandle<PollOutcome>) {
    let setup = Setup { request_timeout: Duration::from_secs(seconds), ..Setup::of(0).pages_of(4) };
    let stage = Stage::begin(setup.profiles(1)).await;
    for number in 0..8 {
        stage.put(0, &format!("fails-{number}"), "FAILED");
    }
    // Asked again, it sends the page.
    stage.rig.control.script(Endpoint::List, [Scripted::Honest, Fault::Hang.into()]);
    let polling = stage.poll();
    stage.until("SELECT count(*) FROM notice", "4").await;
    stage.time.until("the page that hangs", || stage.rig.control.script_left(Endpoint::List) == 0).await;
    (stage, polling)
}

/// Catches: a poll of hours that holds up what it found at first; one that is told page by page before it has to be.
#[tokio::test(start_paused = true)]
async fn what_a_poll_found_that_does_not_end_is_told_after_a_minute() {
    let (stage, polling) = with_a_page_that_hangs_for(90).await;
    // Seen at the next half second, and told at the first one after a minute.
    stage.time.pass(Duration::from_millis(59_500)).await;
    assert!(sizes(&stage.failures).is_empty());
    stage.time.pass(Duration::from_secs(1)).await;
    stage.time.until("what was found", || sizes(&stage.failures) == [4]).await;
    assert!(!polling.is_finished());
    stage.time.pass_until("the end of the poll", || polling.is_finished()).await;
    assert!(polling.await.unwrap().is_complete());
    stage.time.pass_until("the rest", || sizes(&stage.failures) == [4, 4]).await;
    stage.end().await;
}

/// Catches: pages of one poll that are told one by one, because two seconds without a new one are taken for its end.
#[tokio::test(start_paused = true)]
async fn what_a_poll_found_that_ends_within_a_minute_is_told_as_one() {
    let (stage, polling) = with_a_page_that_hangs_for(50).await;
    stage.time.pass(Duration::from_millis(49_500)).await;
    assert!(sizes(&stage.failures).is_empty());
    stage.time.pass_until("the end of the poll", || polling.is_finished()).await;
    assert!(polling.await.unwrap().is_complete());
    stage.time.pass_until("all that it found", || !stage.failures.got().is_empty()).await;
    assert_eq!(sizes(&stage.failures), [8]);
    stage.end().await;
}
