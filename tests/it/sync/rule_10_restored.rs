//! Rule 10, as far as polls go: a restored backup catches up, and says that this is not all.

use std::time::Duration;

use serde_json::json;
use tallyd::clock::Clock as _;
use tallyd::ledger::{Existing, backup, restore};

use crate::harness::{Rig, Setup, texts_of};

/// Catches: a restore that keeps the newer watermark, and so passes over what the backup lacks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_10_a_restored_backup_catches_up_with_the_next_poll() {
    let mut rig = Rig::start(Setup::of(80).profiles(2)).await;
    rig.poll_completely().await;
    let copy = rig.path().with_file_name("copy.db");
    let made = backup(&rig.path(), &copy, Existing::Keep).unwrap();
    for number in 0..30_u32 {
        let profile = rig.profile(0).id.to_string();
        rig.control.insert(json!({ "id": format!("since_{number}"), "profile_id": profile,
            "status": "COMPLETED", "created_at": rig.clock.now().plus(number * Duration::from_secs(3600)).to_rfc3339() }));
    }
    rig.advance(Duration::from_secs(40 * 3600));
    rig.poll_completely().await;
    let (api_url, now) = (rig.api_url(), rig.local.now());
    let restored = rig.restart_after(|path| restore(path, &copy, &api_url, now).unwrap()).await;
    assert_eq!((restored.from, restored.epoch), (made.head, 1));
    let since = "SELECT count(*) FROM orchestrations WHERE id LIKE 'since_%'";
    assert_eq!(texts_of(&rig.path(), since), ["0"]);
    rig.poll_completely().await;
    assert_eq!(texts_of(&rig.path(), since), ["30"]);
    // A poll is no sweep: what changed behind the backup is still to be looked for.
    assert_eq!(rig.overview().owed_sweeps.len(), 2);
    rig.end().await;
}
