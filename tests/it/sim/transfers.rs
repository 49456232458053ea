//! Get Transfer.

use serde_json::Value;

use super::rig::{Rig, small};

/// Catches: legs that nobody can ask about; one of another orchestration; a scope that is not asked for.
#[tokio::test]
async fn each_leg_that_has_an_id_is_a_transfer() {
    let mut rig = Rig::start(small(40)).await;
    let mut legs = 0;
    for row in rig.control.truth() {
        for side in ["source", "destination"] {
            let Some(id) = row[format!("{side}_transfer")]["transfer_id"].as_str() else { continue };
            let transfer = rig.get(&format!("/transfer/transfers/{id}"), &[]).await.json();
            assert_eq!(transfer["id"], id);
            assert_eq!(transfer["profile_id"], row["profile_id"]);
            assert_eq!(transfer["asset"], row[format!("{side}_asset")]);
            let network = row[side].pointer("/crypto/network").cloned().unwrap_or(Value::Null);
            assert_eq!(transfer["crypto_network"], network);
            assert!(["PENDING", "COMPLETED", "FAILED"].contains(&transfer["status"].as_str().unwrap()));
            legs += 1;
        }
    }
    assert!(legs > 40);
    rig.get("/transfer/transfers/d2c8b1aa-6c1d-4a6e-8a55-6f8a37f0e2b9", &[]).await.problem(404);
    rig.use_scopes("orchestration:read_orchestration").await;
    let refused = rig.get("/transfer/transfers/d2c8b1aa-6c1d-4a6e-8a55-6f8a37f0e2b9", &[]).await;
    assert!(refused.problem(403).contains("transfer:read_transfer"));
    rig.stop().await;
}
