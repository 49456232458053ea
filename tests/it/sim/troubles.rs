//! Rows that are late, vanish, change behind one's back or cannot be read; and what the control does
//! to rows.

use std::time::Duration;

use serde_json::{Value, json};
use tallyd::sim::{PinScope, Rate, RowFault, RowFaultRate, SimConfig};

use super::rig::{Rig, ids, small, text};

fn with(fault: RowFault, rate: Rate) -> SimConfig {
    let mut config = small(400);
    config.world.arrivals_per_hour = 0;
    config.world.row_faults = vec![RowFaultRate { fault, rate }];
    config
}

/// A world in which a third of the rows have that trouble, and the one it would be without it.
async fn pair(fault: RowFault) -> (Rig, Rig) {
    (Rig::start(with(fault, Rate::percent(33))).await, Rig::start(with(fault, Rate::NEVER)).await)
}

fn differing<'a>(left: &'a [Value], right: &'a [Value]) -> Vec<(&'a Value, &'a Value)> {
    assert_eq!(ids(left), ids(right));
    left.iter().zip(right).filter(|(left, right)| left != right).collect()
}

async fn stop(rigs: (Rig, Rig)) {
    rigs.0.stop().await;
    rigs.1.stop().await;
}

const YEAR: Duration = Duration::from_secs(365 * 86_400);

#[tokio::test]
async fn late_rows_appear_after_their_creation() {
    let mut config = with(RowFault::Late, Rate::ALWAYS);
    config.world.size = 0;
    config.world.arrivals_per_hour = 3600;
    config.world.late_by = Duration::from_secs(600);
    let rig = Rig::start(config).await;
    rig.advance(Duration::from_secs(900));
    let seen = rig.control.truth_len();
    assert!(seen < 900, "some are still late");
    assert_eq!(rig.walk(&[("limit", "1000"), ("order", "ASC")]).await, rig.control.truth());
    let horizon = rig.control.now();
    rig.advance(Duration::from_secs(600));
    let created_by_then = rig
        .control
        .truth()
        .iter()
        .filter(|row| text(row, "created_at") <= horizon.to_rfc3339().as_str())
        .count();
    assert!(created_by_then > seen, "{created_by_then} > {seen}");
    rig.stop().await;
}

#[tokio::test]
async fn vanished_rows_are_neither_listed_nor_found() {
    let rigs = pair(RowFault::Vanishes).await;
    let all = rigs.1.control.truth();
    rigs.0.advance(YEAR);
    let left = rigs.0.control.truth();
    assert!((200..340).contains(&left.len()));
    let left = ids(&left);
    let gone = all.iter().map(|row| text(row, "id")).find(|id| !left.contains(id)).unwrap();
    assert_eq!(rigs.0.control.truth_of(gone), None);
    let token_is_old = rigs.0.get_one(gone).await;
    assert_eq!(token_is_old.status, 401);
    stop(rigs).await;
}

#[tokio::test]
async fn amounts_change_silently_and_statuses_openly() {
    let rigs = pair(RowFault::AmountChanges).await;
    rigs.0.advance(YEAR);
    rigs.1.advance(YEAR);
    let (bent, honest) = (rigs.0.control.truth(), rigs.1.control.truth());
    let changes = differing(&bent, &honest);
    assert!(changes.len() > 60);
    for (after, before) in changes {
        assert_ne!(after["source_amount"], before["source_amount"]);
        assert_eq!(after["updated_at"], before["updated_at"]);
        assert_eq!(after["status"], before["status"]);
    }
    stop(rigs).await;

    let rigs = pair(RowFault::StatusChanges).await;
    rigs.0.advance(YEAR);
    rigs.1.advance(YEAR);
    let (bent, honest) = (rigs.0.control.truth(), rigs.1.control.truth());
    let changes = differing(&bent, &honest);
    assert!(changes.len() > 60);
    for (after, before) in changes {
        assert_ne!(after["status"], before["status"]);
        assert!(before.get("updated_at").is_none() || text(after, "updated_at") > text(before, "updated_at"));
    }
    stop(rigs).await;
}

#[tokio::test]
async fn odd_rows_are_sent_oddly_and_known_truly() {
    for (fault, shows) in [
        (RowFault::StatusNumber, (|row| row["status"].is_number()) as fn(&Value) -> bool),
        (RowFault::CreatedAtGarbage, |row| row["created_at"] == "0000-00-00"),
        (RowFault::WithoutId, |row| row.get("id").is_none()),
    ] {
        let rigs = pair(fault).await;
        let truth = rigs.0.control.truth();
        assert_eq!(truth, rigs.1.control.truth());
        let sent = rigs.0.walk(&[("limit", "100"), ("order", "ASC")]).await;
        let odd = sent.iter().filter(|row| shows(row)).count();
        assert!((80..190).contains(&odd), "{fault:?}: {odd}");
        assert!(sent.iter().zip(&truth).all(|(sent, truth)| shows(sent) || sent == truth));
        stop(rigs).await;
    }
    let rigs = pair(RowFault::ExtraFields).await;
    let truth = rigs.0.control.truth();
    assert_eq!(rigs.0.walk(&[("limit", "100"), ("order", "ASC")]).await, truth);
    assert!(truth.iter().any(|row| row["priority"] == "EXPEDITED" && row["quote"]["locked"] == true));
    stop(rigs).await;

    let mut config = with(RowFault::UnknownStatus, Rate::ALWAYS);
    config.world.stuck = Rate::ALWAYS;
    let rig = Rig::start(config).await;
    let sent = rig.list(&[("limit", "1000")]).await.items();
    assert!(sent.iter().any(|row| row["status"] == "SETTLING"));
    assert!(sent.iter().all(|row| row["status"] != "PROCESSING"));
    assert!(rig.list(&[("status", "PROCESSING")]).await.items().is_empty());
    rig.stop().await;
}

#[tokio::test]
async fn the_control_changes_hides_removes_and_pins() {
    let mut config = small(10);
    config.world.arrivals_per_hour = 0;
    let rig = Rig::start(config).await;
    let before = rig.control.truth();
    let [altered, hidden, removed, pinned] = [0, 1, 2, 3].map(|at| text(&before[at], "id").to_owned());

    rig.control.set_field(&altered, "source_amount", "777.00").unwrap();
    rig.control
        .alter(&altered, |fields| {
            fields.remove("ref_id");
        })
        .unwrap();
    rig.control.hide_until(&hidden, rig.control.now().plus(Duration::from_secs(60))).unwrap();
    rig.control.remove(&removed).unwrap();
    let now = rig.control.truth();
    assert_eq!(now.len(), 8);
    assert_eq!(rig.walk(&[("order", "ASC")]).await, now);
    assert_eq!(now[0]["source_amount"], "777.00");
    assert_eq!(now[0].get("ref_id"), None);
    assert_eq!(now[0]["status"], before[0]["status"]);
    rig.get_one(&hidden).await.problem(404);
    rig.get_one(&removed).await.problem(404);

    rig.advance(Duration::from_secs(60));
    assert_eq!(rig.control.truth().len(), 9);
    rig.control.pin_stale(&pinned, rig.control.now(), PinScope::List).unwrap();
    rig.control.set_field(&pinned, "source_amount", "1.5").unwrap();
    rig.control.pin_stale(&pinned, rig.control.now().minus(Duration::from_secs(1)), PinScope::List).unwrap();
    let listed = rig.list(&[("orchestration_id", &pinned)]).await.items();
    assert_eq!(listed[0]["source_amount"], before[3]["source_amount"]);
    assert_eq!(rig.get_one(&pinned).await.json()["source_amount"], "1.5");
    rig.control
        .pin_stale(&pinned, rig.control.now().minus(Duration::from_secs(1)), PinScope::Everywhere)
        .unwrap();
    assert_eq!(rig.get_one(&pinned).await.json()["source_amount"], before[3]["source_amount"]);
    assert_eq!(rig.control.truth_of(&pinned).unwrap()["source_amount"], "1.5");
    rig.control.unpin(&pinned).unwrap();
    assert_eq!(rig.get_one(&pinned).await.json()["source_amount"], "1.5");
    let error = rig.control.remove("nothing").unwrap_err();
    assert_eq!(error.to_string(), "find orchestration nothing in the simulated world");
    rig.stop().await;
}

#[tokio::test]
async fn an_altered_status_and_time_are_found_by_filters() {
    let mut config = small(10);
    config.world.arrivals_per_hour = 0;
    let rig = Rig::start(config).await;
    let id = text(&rig.control.truth()[4], "id").to_owned();
    rig.control
        .alter(&id, |fields| {
            fields.insert("status".to_owned(), "SETTLING".into());
            fields.insert("created_at".to_owned(), "2026-01-01T00:00:00Z".into());
            fields.insert("ref_id".to_owned(), "renamed".into());
        })
        .unwrap();
    assert_eq!(ids(&rig.list(&[("order", "ASC"), ("limit", "1")]).await.items()), [id.as_str()]);
    assert_eq!(ids(&rig.list(&[("ref_id", "renamed")]).await.items()), [id.as_str()]);
    assert_eq!(rig.walk(&[("order", "ASC"), ("limit", "3")]).await, rig.control.truth());
    rig.stop().await;
}

#[tokio::test]
async fn inserted_rows_are_shown_as_they_are() {
    let mut config = small(3);
    config.world.arrivals_per_hour = 0;
    let rig = Rig::start(config).await;
    let sample = json!({
        "id": "orch_sample1",
        "profile_id": "a-profile-of-its-own",
        "source_amount": "10.0",
        "fee": serde_json::from_str::<Value>("1.10").unwrap(),
        "status": "PROCESSING",
        "created_at": "2027-01-01T00:00:00.5+02:00",
    });
    rig.control.insert(sample.clone());
    rig.control.insert(json!({ "status": 5 }));
    assert_eq!(rig.get_one("orch_sample1").await.json(), sample);
    assert!(rig.get_one("orch_sample1").await.text.contains("\"fee\":1.10"));
    let listed = rig.list(&[("profile_id", "a-profile-of-its-own"), ("status", "PROCESSING")]).await;
    assert_eq!(listed.items(), std::slice::from_ref(&sample));
    let all = rig.list(&[]).await.items();
    assert_eq!(all.len(), 5);
    assert_eq!(all[0], sample);
    assert_eq!(all[1], json!({ "status": 5 }));
    assert_eq!(rig.control.profiles().len(), 4);
    rig.control.set_field("orch_sample1", "status", "COMPLETED").unwrap();
    assert_eq!(rig.get_one("orch_sample1").await.json()["status"], "COMPLETED");
    rig.stop().await;
}
