//! Create Orchestration.

use std::time::Duration;

use serde_json::{Value, json};
use tallyd::sim::{Endpoint, Fault};

use super::rig::{Rig, small, text};

fn request(profile: &str, ref_id: &str, amount: &str) -> Value {
    json!({
        "ref_id": ref_id,
        "source_asset": "USDC",
        "destination_asset": "USDG",
        "source_amount": amount,
        "source": { "profile": { "profile_id": profile } },
        "destination": { "crypto": { "address": "0xabc", "network": "BASE" } },
        "metadata": { "invoice": "R-77" },
    })
}

#[tokio::test]
async fn what_is_created_lives_and_is_listed() {
    let mut config = small(3);
    config.world.arrivals_per_hour = 0;
    config.world.failures = "never".parse().unwrap();
    config.world.stuck = "never".parse().unwrap();
    config.world.approvals = "never".parse().unwrap();
    let rig = Rig::start(config).await;
    let profile = rig.control.profiles()[1].id.clone();
    let created = rig.post(&request(&profile, "inv-1", "12.50")).await;
    assert_eq!(created.status, 200, "{}", created.text);
    let created = created.json();
    assert_eq!(created["status"], "PROCESSING");
    assert_eq!(created["profile_id"], profile.as_str());
    assert_eq!(created["created_at"], "2026-03-02T09:30:00.000000Z");
    assert_eq!(created["metadata"]["invoice"], "R-77");
    let by_ref = rig.list(&[("ref_id", "inv-1")]).await.items();
    assert_eq!(by_ref, std::slice::from_ref(&created));
    rig.advance(Duration::from_secs(12 * 3600));
    rig.control.forget_tokens();
    let done = rig.control.truth_of(text(&created, "id")).unwrap();
    assert_eq!(done["status"], "COMPLETED");
    assert_eq!(done["destination_transfer"]["status"], "COMPLETED");
    assert_eq!(done["ref_id"], "inv-1");
    assert!(text(&done, "updated_at") > text(&created, "updated_at"));
    rig.stop().await;
}

#[tokio::test]
async fn a_used_ref_id_is_answered_with_what_exists() {
    let rig = Rig::start(small(3)).await;
    let profile = rig.control.profiles()[0].id.clone();
    let first = rig.post(&request(&profile, "inv-1", "1")).await.json();
    let second = rig.post(&request(&profile, "inv-1", "2")).await;
    second.problem(409);
    assert_eq!(second.json()["meta"]["existing"]["id"], first["id"]);
    let seeded = rig.control.truth()[0].clone();
    let third = rig.post(&request(&profile, text(&seeded, "ref_id"), "2")).await;
    third.problem(409);
    assert_eq!(third.json()["meta"]["existing"]["id"], seeded["id"]);
    rig.stop().await;
}

#[tokio::test]
async fn more_than_there_is_cannot_be_moved() {
    let rig = Rig::start(small(3)).await;
    let profile = rig.control.profiles()[0].id.clone();
    rig.control.set_balance(&profile, "USDC", 100.into());
    assert_eq!(rig.post(&request(&profile, "a", "60.00")).await.status, 200);
    let refused = rig.post(&request(&profile, "b", "40.000000000000000001")).await;
    assert!(refused.problem(403).contains("40 USDC available"));
    assert!(refused.json()["type"].as_str().unwrap().ends_with("insufficient-funds"));
    assert_eq!(rig.post(&request(&profile, "b", "40")).await.status, 200);
    let other = rig.control.profiles()[1].id.clone();
    assert_eq!(rig.post(&request(&other, "c", "1000000")).await.status, 200);
    rig.post(&request(&other, "d", "0.01")).await.problem(403);
    rig.stop().await;
}

#[tokio::test]
async fn bad_requests_are_told_what_is_wrong() {
    let rig = Rig::start(small(1)).await;
    let profile = rig.control.profiles()[0].id.clone();
    let changed = |pointer: &str, value: Value| {
        let mut body = request(&profile, "x", "1");
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    for (body, about) in [
        (json!([]), "The body"),
        (changed("/ref_id", json!("")), "ref_id"),
        (changed("/ref_id", json!(7)), "ref_id"),
        (changed("/source_asset", Value::Null), "source_asset"),
        (changed("/source_amount", json!("-1")), "source_amount"),
        (changed("/source_amount", json!("1e3")), "source_amount"),
        (changed("/source_amount", json!("0.00")), "source_amount"),
        (changed("/source_amount", json!("0.0000000000000000001")), "source_amount"),
        (changed("/source", json!({})), "source.profile.profile_id"),
        (changed("/destination", json!({})), "destination"),
        (changed("/destination", json!({"crypto": {"network": "BASE"}})), "destination.crypto"),
        (changed("/destination", json!({"fiat": {"memo": "x"}})), "destination.fiat"),
        (changed("/destination", json!({"fiat": {"bank_account_id": "x"}, "crypto": {}})), "destination"),
        (changed("/metadata", json!({"n": 1})), "metadata"),
    ] {
        let detail = rig.post(&body).await.problem(400);
        assert!(detail.starts_with(about), "{detail}");
    }
    let foreign = request("nobody", "x", "1");
    rig.post(&foreign).await.problem(403);
    assert_eq!(rig.control.truth_len(), 1);
    rig.stop().await;
}

#[tokio::test]
async fn a_lost_answer_leaves_an_orchestration_behind() {
    let rig = Rig::start(small(1)).await;
    let profile = rig.control.profiles()[0].id.clone();
    rig.control.script(Endpoint::Create, [Fault::CutBody]);
    assert!(rig.try_post(&request(&profile, "inv-9", "1")).await.is_err());
    assert_eq!(rig.list(&[("ref_id", "inv-9")]).await.items().len(), 1);
    rig.stop().await;
}
