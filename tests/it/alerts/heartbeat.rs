//! The heartbeat: after a complete poll, and never otherwise.

use std::time::Duration;

use tallyd::alerts::Heartbeat;
use tallyd::config::{AlertsConfig, SecretUrl};
use tallyd::model::{
    Audience, Counts, FailureKind, Lane, PollFailure, PollOutcome, PollResult, Profile, ProfilePoll,
};

use super::{Receiver, Script, now, profile};

fn config(receiver: &Receiver) -> AlertsConfig {
    let url = |path: &str| SecretUrl::new(&format!("{}{path}", receiver.url).parse().unwrap());
    AlertsConfig {
        runbook_url: None,
        history: Audience::Nobody,
        heartbeat: Some(url("/all")),
        profile_heartbeats: vec![(profile().id, url("/treasury")), ("prof_9".into(), url("/nine"))],
        sinks: Vec::new(),
    }
}

fn poll(profile: Profile, result: PollResult) -> ProfilePoll {
    ProfilePoll {
        profile,
        lane: Lane::Discover,
        began_at: now(),
        ended_at: now(),
        took: Duration::ZERO,
        compared_since: None,
        result,
        counts: Counts::default(),
        coverage: None,
    }
}

fn outcome(profiles: Vec<ProfilePoll>) -> PollOutcome {
    PollOutcome { profiles, account_failure: None, clock_skew_micros: None, requests: 1 }
}

fn failed() -> PollResult {
    PollResult::Failed(PollFailure { kind: FailureKind::Unreachable, message: "no answer".to_owned() })
}

#[tokio::test]
async fn it_beats_after_a_complete_poll_and_never_otherwise() {
    let nine = || Profile { id: "prof_9".into(), name: None };
    for (results, paths) in [
        ([PollResult::Complete, PollResult::Complete], &["/treasury", "/nine", "/all"][..]),
        ([PollResult::Complete, failed()], &["/treasury"]),
        ([failed(), failed()], &[]),
    ] {
        let receiver = Receiver::start([]).await;
        let heartbeat = Heartbeat::new(&config(&receiver)).unwrap().unwrap();
        let [first, second] = results;
        heartbeat.after(&outcome(vec![poll(profile(), first), poll(nine(), second)]), now()).await;
        let called: Vec<String> = receiver.got().into_iter().map(|got| got.path).collect();
        assert_eq!(called, paths);
    }
}

#[tokio::test]
async fn nothing_polled_is_no_complete_poll_and_a_failed_call_comes_again() {
    let receiver = Receiver::start([Script::Answer(500, "")]).await;
    let heartbeat = Heartbeat::new(&config(&receiver)).unwrap().unwrap();
    heartbeat.after(&outcome(Vec::new()), now()).await;
    assert_eq!(receiver.got().len(), 0);
    for _ in 0..2 {
        heartbeat.after(&outcome(vec![poll(profile(), PollResult::Complete)]), now()).await;
    }
    let called: Vec<String> = receiver.got().into_iter().map(|got| got.path).collect();
    assert_eq!(called, ["/treasury", "/all", "/treasury", "/all"]);
}

/// Profiles are polled by themselves: the beat for all comes with the last one that was missing.
#[tokio::test]
async fn the_beat_for_all_waits_for_each() {
    let receiver = Receiver::start([]).await;
    let heartbeat = Heartbeat::new(&config(&receiver)).unwrap().unwrap();
    let nine = || Profile { id: "prof_9".into(), name: None };
    let beats = || receiver.got().iter().filter(|got| got.path == "/all").count();
    let both = || [profile().id, nine().id];
    heartbeat.begin(both());
    heartbeat.polled(&poll(profile(), PollResult::Complete), now()).await;
    heartbeat.polled(&poll(nine(), failed()), now()).await;
    heartbeat.begin(both());
    heartbeat.polled(&poll(profile(), failed()), now()).await;
    heartbeat.polled(&poll(nine(), PollResult::Complete), now()).await;
    assert_eq!(beats(), 0, "the first is not well any more");
    heartbeat.begin(both());
    heartbeat.polled(&poll(profile(), PollResult::Complete), now()).await;
    assert_eq!(beats(), 1);
    // A round of which not every profile is known claims nothing.
    heartbeat.begin([]);
    heartbeat.polled(&poll(profile(), PollResult::Complete), now()).await;
    heartbeat.polled(&poll(nine(), PollResult::Complete), now()).await;
    assert_eq!(beats(), 1);
}
