//! A ledger full of texts that would like to be more than text, and a daemon that shows it.

use std::time::Duration;

use serde_json::json;
use tallyd::sim::Rate;

use super::until_polled;
use crate::harness::{Running, Setup, Shell};

/// What would run, load, hide or turn around in a page that takes it for more than text.
pub(crate) const HOSTILE: &str = "<script>window.hostile=1</script>\"'><img src=x onerror=window.hostile=1>\
     </style></title></textarea><svg onload=window.hostile=1>{{7*7}}&lt;b&gt;\u{202e}gpj.exe\u{7}\u{1b}[2J";

/// What a page that takes it for text shows of it.
pub(crate) const SHOWN: &str = "<script>window.hostile=1</script>\"'><img src=x onerror=window.hostile=1>";

/// An id that is no plain part of an address.
pub(crate) const ODD_ID: &str = "odd/<b>../one?x#y & 100%+ü";

/// The same in an address.
pub(crate) const ODD_PATH: &str = "odd%2F%3Cb%3E..%2Fone%3Fx%23y%20%26%20100%25%2B%C3%BC";

/// The `ref_id` that two orchestrations have.
pub(crate) const SHARED_REF_ID: &str = "twice given";

/// A world with hostile rows in it, a report of it, and a daemon that has polled it.
pub(crate) fn hostile_world(size: u64) -> (Shell, Running) {
    let mut setup = Setup::of(size).profiles(2);
    setup.sim.world.failures = Rate::percent(6);
    setup.sim.world.stuck = Rate::percent(6);
    let shell = Shell::new(setup.sim);
    configure(&shell, "");
    insert(&shell);
    shell.run_well(&["poll"]);
    std::fs::create_dir(shell.file("reports")).unwrap();
    shell.run_well(&["report", "daily", "--as-of", "now"]);
    let daemon = shell.start_daemon();
    until_polled(&daemon, 2);
    (shell, daemon)
}

/// Writes the configuration, with more keys for `[server]`.
pub(crate) fn configure(shell: &Shell, server: &str) {
    let directory = shell.file("reports").display().to_string();
    shell.configure(&[(
        "+",
        &format!(
            "[poll]\nevery = \"1h\"\n[[sweeps]]\nschedule = \"@yearly\"\nwindow = \"48h\"\n\
             [[reports]]\nname = \"daily\"\nschedule = \"@yearly\"\nperiod = \"day\"\n\
             forms = [\"html\", \"json\", \"csv\", \"text\", \"markdown\"]\ndirectory = {directory:?}\n\
             [server]\nlisten = \"127.0.0.1:0\"\n{server}"
        ),
    )]);
}

fn insert(shell: &Shell) {
    let profile = shell.control.profiles().swap_remove(0).id;
    let long = "x".repeat(4000);
    let rows = [
        (ODD_ID, "FAILED", format!("{HOSTILE}{long}")),
        ("hostile-open", "PROCESSING", HOSTILE.to_owned()),
        ("twin-1", "PROCESSING", SHARED_REF_ID.to_owned()),
        ("twin-2", "COMPLETED", SHARED_REF_ID.to_owned()),
    ];
    for (id, status, ref_id) in rows {
        let at = shell.control.now().minus(Duration::from_secs(40 * 86_400)).to_rfc3339();
        shell.control.insert(json!({
            "id": id, "profile_id": profile, "ref_id": ref_id, "status": status, "created_at": at, "updated_at": at,
            "fail_reason": { "detail": format!("{HOSTILE} {long}") },
            "source_asset": HOSTILE, "destination_asset": "USDG",
            "source_amount": "123456789012345678.123456789012345678",
            "metadata": { "<i>key</i>": HOSTILE, "long": long }, "surprise": { "x": HOSTILE },
            "source": { "fiat": { "deposit_instructions_id": "a", "memo": HOSTILE } },
            "destination": { "crypto": { "address": HOSTILE, "network": format!("</svg>{HOSTILE}") } },
            "source_transfer": { "transfer_id": HOSTILE, "status": "COMPLETED" },
            "destination_transfer": { "transfer_id": long, "status": HOSTILE },
        }));
    }
}
