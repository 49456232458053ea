//! Rules 1 and 2 where something outside is wrong: the server's clock, the list of profiles, the selection.

use std::time::Duration;

use serde_json::json;
use tallyd::clock::Clock as _;
use tallyd::ledger::Indexes;
use tallyd::model::{FailureKind, PollResult, Profile, ProfileSelection, Shortfall};
use tallyd::sim::{Canned, Endpoint, Fault, FaultRate, Rate};

use crate::harness::{Rig, Setup, ledger_rows, results_of, start_time};

const HOUR: Duration = Duration::from_secs(3600);

fn first_profile(rig: &Rig) -> Profile {
    let profile = rig.control.profiles().swap_remove(0);
    Profile { id: profile.id.as_str().into(), name: None }
}

/// Catches: a watermark that a wrong `Date` set, and behind which nothing is ever listed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_what_comes_after_a_wrong_date_is_listed() {
    let rig = Rig::start(Setup::of(20).profiles(1)).await;
    rig.clock.set(start_time().plus(24 * HOUR));
    rig.poll_completely().await;
    rig.clock.set(start_time().plus(HOUR));
    let profile = first_profile(&rig);
    rig.control
        .insert(json!({ "id": "in_the_hole", "profile_id": profile.id.to_string(), "status": "FAILED",
        "created_at": start_time().plus(HOUR / 2).to_rfc3339() }));
    let outcome = rig.poll().await;
    let PollResult::Partial(shortfalls) = &outcome.profiles[0].result else { panic!("{outcome:#?}") };
    assert!(matches!(shortfalls[..], [Shortfall::WatermarkAhead(_)]), "{shortfalls:?}");
    assert!(ledger_rows(&rig.path()).contains_key("in_the_hole"));
    rig.clock.set(start_time().plus(25 * HOUR));
    rig.poll_completely().await;
    rig.end().await;
}

/// Catches: late indexes that wait for ever for the backfill of a profile that nobody polls any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backfill_of_a_profile_that_is_polled_no_longer_holds_no_indexes_up() {
    let rig = Rig::start(Setup::of(60).profiles(2).pages_of(5)).await;
    let only = |index| ProfileSelection::Listed(vec![rig.profile(index)]);
    rig.control.set_faults([FaultRate::on(Endpoint::List, Fault::RepeatCursor, Rate::ALWAYS)]);
    assert_eq!(results_of(&rig.poll_of(&only(1)).await), ["partial"]);
    assert_eq!(rig.overview().indexes, Indexes::AfterBackfill, "its own poll waits for it");
    rig.control.clear_faults();
    assert!(rig.poll_of(&only(0)).await.is_complete());
    assert_eq!(rig.overview().indexes, Indexes::Built);
    rig.end().await;
}

/// Catches: a poll of nothing that counts as complete because there was nothing to poll.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_02_an_account_without_profiles_is_no_complete_poll() {
    for answer in [r#"{"items":[]}"#, "{}"] {
        let rig = Rig::start(Setup::of(5)).await;
        // `{}` is believed when it comes twice.
        rig.control.script(Endpoint::Profiles, [answer; 2].map(Canned::json));
        let outcome = rig.poll().await;
        assert!(!outcome.is_complete());
        assert_eq!(outcome.account_failure.unwrap().kind, FailureKind::Profile);
        rig.end().await;
    }
}

/// Catches: a profile that is dropped in silence because the account lists it no longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_02_a_profile_that_is_no_longer_listed_is_polled_on() {
    let rig = Rig::start(Setup::of(20).profiles(3)).await;
    assert_eq!(rig.poll_completely().await.profiles.len(), 3);
    let only = first_profile(&rig).id;
    let answer = json!({ "items": [{ "id": only.to_string(), "nickname": "only", "type": "NORMAL" }] });
    rig.control.script(Endpoint::Profiles, [Canned::json(answer.to_string())]);
    assert_eq!(rig.poll_completely().await.profiles.len(), 3);
    rig.end().await;
}

/// Catches: a failure of the whole account after which `polls` still says that all was complete.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_02_a_failure_of_the_account_is_noted_for_every_profile() {
    let rig = Rig::start(Setup::of(20).profiles(3)).await;
    rig.poll_completely().await;
    rig.control.script(Endpoint::Profiles, [Canned { status: 403, headers: Vec::new(), body: Vec::new() }]);
    let outcome = rig.poll().await;
    assert!(outcome.account_failure.is_some());
    assert_eq!(outcome.profiles.len(), 3);
    for profile in rig.overview().profiles {
        assert_eq!(profile.last_poll.unwrap().result, "failed");
    }
    rig.end().await;
}

/// Catches: an empty list that passes for "all is well" though nobody knows whether the profile exists.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_02_an_empty_profile_that_nobody_vouches_for_is_partial() {
    let mut setup = Setup::of(0).profiles(1);
    setup.sim.credentials.scopes = vec!["orchestration:read_orchestration".to_owned()];
    let rig = Rig::start(setup).await;
    let profile = first_profile(&rig);
    let selection = ProfileSelection::Listed(vec![profile.clone()]);
    let outcome = rig.poll_of(&selection).await;
    assert_eq!(outcome.profiles[0].result, PollResult::Partial(vec![Shortfall::Unconfirmed]));
    rig.control.insert(json!({ "id": "first", "profile_id": profile.id.to_string(), "status": "PENDING",
        "created_at": rig.clock.now().minus(HOUR / 60).to_rfc3339() }));
    assert!(rig.poll_of(&selection).await.is_complete());
    rig.end().await;
}

/// Catches: two polls of one profile at a time, which are in each other's way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_02_a_profile_that_is_named_twice_is_polled_once() {
    let rig = Rig::start(Setup::of(20).profiles(1)).await;
    let profile = first_profile(&rig);
    let outcome = rig.poll_of(&ProfileSelection::Listed(vec![profile.clone(), profile])).await;
    assert!(outcome.is_complete());
    assert_eq!(outcome.profiles.len(), 1);
    rig.assert_ledger_equals_truth();
    rig.end().await;
}

/// Catches: times that are kept by the local clock because no answer had told the server's yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_07_a_poll_begins_by_the_servers_clock() {
    let mut setup = Setup::of(20).profiles(1);
    setup.sim.credentials.scopes = vec!["orchestration:read_orchestration".to_owned()];
    setup.ahead = 2 * HOUR;
    let rig = Rig::start(setup).await;
    let outcome = rig.poll_of(&ProfileSelection::Listed(vec![first_profile(&rig)])).await;
    assert!(outcome.is_complete());
    let coverage = outcome.profiles[0].coverage.unwrap();
    assert!(coverage.verified_at <= rig.clock.now() && outcome.profiles[0].began_at <= rig.clock.now());
    rig.end().await;
}
