//! The population: the same for the same seed, varied, and alive as documented.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tallyd::clock::FastClock;
use tallyd::sim::{Endpoint, ListedUnder, SimConfig, Simulator, StartError};

use super::rig::{Rig, ids, small, start_time, text};

#[tokio::test]
async fn the_same_seed_makes_the_same_world() {
    let worlds = [1, 1, 2].map(|seed| {
        let mut config = small(200);
        config.world.seed = seed;
        config
    });
    let mut truths = Vec::new();
    for config in worlds {
        let rig = Rig::start(config).await;
        rig.advance(Duration::from_secs(7200));
        truths.push((rig.control.profiles(), rig.control.truth()));
        rig.stop().await;
    }
    assert_eq!(truths[0], truths[1]);
    assert_ne!(truths[0], truths[2]);
    assert!(truths[0].1.len() > 300, "sixty arrive every hour");
}

#[tokio::test]
async fn rates_change_nothing_but_what_they_say() {
    let plain = Rig::start(small(200)).await;
    let mut config = small(200);
    config.world.stuck = "20%".parse().unwrap();
    config.world.listed_under = ListedUnder::Both;
    let other = Rig::start(config).await;
    let (plain_rows, other_rows) = (plain.control.truth(), other.control.truth());
    assert_eq!(ids(&plain_rows), ids(&other_rows));
    for (left, right) in plain_rows.iter().zip(&other_rows) {
        assert_eq!(left["source_amount"], right["source_amount"]);
        assert_eq!(left["source"], right["source"]);
    }
    plain.stop().await;
    other.stop().await;
}

/// Whether a row may go from one state to a later one; polls skip steps.
fn may_become(before: &str, after: &str) -> bool {
    match before {
        "PENDING" => true,
        "PROCESSING" => matches!(after, "PROCESSING" | "COMPLETED" | "FAILED"),
        end => after == end,
    }
}

#[tokio::test]
async fn lives_are_legal_whenever_one_looks() {
    let mut config = small(60);
    config.world.history = Duration::from_secs(6 * 3600);
    config.world.approvals = "40%".parse().unwrap();
    config.world.failures = "20%".parse().unwrap();
    config.world.arrivals_per_hour = 6;
    let rig = Rig::start(config).await;
    let mut last: BTreeMap<String, Value> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    // Dense at first, when much goes on; then hours apart.
    for look in 0..160_u64 {
        rig.advance(Duration::from_secs(if look < 100 { 7 + look } else { 3600 }));
        for row in rig.control.truth() {
            let id = text(&row, "id").to_owned();
            if let Some(before) = last.get(&id) {
                let (from, to) = (text(before, "status"), text(&row, "status"));
                assert!(may_become(from, to), "{before} to {row}");
                assert!(text(&row, "updated_at") >= text(before, "updated_at"));
                seen.insert((from.to_owned(), to.to_owned()));
                for field in ["ref_id", "source_amount", "created_at", "source", "destination", "profile_id"]
                {
                    assert_eq!(row[field], before[field]);
                }
            }
            if row.get("updated_at").is_some() {
                assert!(text(&row, "updated_at") <= rig.control.now().to_rfc3339().as_str());
            }
            assert_eq!(text(&row, "status") == "FAILED", row.get("fail_reason").is_some());
            last.insert(id, row);
        }
    }
    for (from, to) in [
        ("PENDING", "PROCESSING"),
        ("PENDING", "REJECTED"),
        ("PROCESSING", "COMPLETED"),
        ("PROCESSING", "FAILED"),
    ] {
        assert!(seen.contains(&(from.to_owned(), to.to_owned())), "{from} to {to} was not seen");
    }
    rig.stop().await;
}

#[tokio::test]
async fn the_population_is_as_varied_as_the_real_one() {
    let rig = Rig::start(small(3000)).await;
    let truth = rig.control.truth();
    let having = |what: &dyn Fn(&Value) -> bool| truth.iter().filter(|row| what(row)).count();
    let some = |name: &str, count: usize| assert!(count > 0 && count < truth.len(), "{name}: {count}");
    for status in ["PROCESSING", "COMPLETED", "FAILED", "REJECTED"] {
        some(status, having(&|row| row["status"] == status));
    }
    for field in ["updated_at", "completed_at", "destination_amount", "metadata", "identity_id", "account_id"]
    {
        some(field, having(&|row| row.get(field).is_some()));
    }
    for pointer in [
        "/source/profile",
        "/source/crypto",
        "/source/fiat",
        "/destination/profile",
        "/destination/crypto",
        "/destination/fiat",
        "/destination/crypto/crypto_address_id",
        "/source_transfer/transfer_id",
        "/fail_reason/detail",
    ] {
        some(pointer, having(&|row| row.pointer(pointer).is_some()));
    }
    some("odd ids", having(&|row| text(row, "id").starts_with("orch_")));
    some("rules", having(&|row| !text(row, "orchestration_rule_id").is_empty()));
    some("whole amounts", having(&|row| !text(row, "source_amount").contains('.')));
    some("long amounts", having(&|row| text(row, "source_amount").len() > 19));
    let instants: BTreeSet<_> = truth.iter().map(|row| text(row, "created_at")).collect();
    assert!(instants.len() < truth.len(), "some share an instant");
    let refs: BTreeSet<_> = truth.iter().map(|row| text(row, "ref_id")).collect();
    assert_eq!(refs.len(), truth.len());
    let all_ids: BTreeSet<_> = ids(&truth).into_iter().collect();
    assert_eq!(all_ids.len(), truth.len());
    rig.stop().await;
}

#[tokio::test]
async fn on_a_fast_clock_the_world_lives_faster() {
    let clock = Arc::new(FastClock::starting_at(start_time(), 100_000));
    let sim = Simulator::bind(small(1), clock, "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let control = sim.control();
    let grown = async {
        while control.truth_len() < 10 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(super::rig::DEADLINE, grown).await.unwrap();
    assert_eq!(control.count(Endpoint::List), 0);
    sim.shutdown().await;
}

#[tokio::test]
async fn a_world_without_profiles_is_refused() {
    let mut config = SimConfig::default();
    config.world.profiles = 0;
    let clock = Arc::new(FastClock::starting_at(start_time(), 1));
    let refused = Simulator::bind(config, clock, "127.0.0.1:0".parse().unwrap()).await;
    assert!(matches!(refused, Err(StartError::NoProfiles)));
}
