//! `check-config --explain`: what it says of a movement in the ledger, and of one that is not there.

use serde_json::{Value, json};

use crate::harness::{Setup, Shell};

const LIMITS: &str = r#"
[limits]
pending = "2 business days"
critical_amount = ["1000 USD", "50 USDC"]
calendar = "us"

[[limits.rules]]
name = "to banks"
destination_rail = "fiat"
processing = "1 business day"
critical_after = 2

[[limits.rules]]
destination_rail = "fiat"
source_asset = "USD"
min_source_amount = "250000"
processing = "4h"

[[limits.rules]]
name = "large"
min_source_amount = 1000
processing = "5h"
pending = "1h"

[[limits.rules]]
source_rail = "profile"
destination_rail = "fiat"
source_asset = "USDC"
processing = "6h"

[[limits.calendars]]
name = "us"
time_zone = "America/New_York"
days_off = ["2001-12-25"]
"#;

/// A shell with one movement to a bank in its ledger.
fn shell() -> Shell {
    let shell = Shell::new(Setup::of(0).profiles(1).sim);
    let created_at = shell.control.now().minus(std::time::Duration::from_secs(60)).to_rfc3339();
    let profile = shell.control.profiles().swap_remove(0).id;
    shell.control.insert(json!({ "id": "orch_bank", "profile_id": profile, "ref_id": "payout-7",
        "status": "PROCESSING", "created_at": created_at, "updated_at": created_at,
        "source_asset": "USD", "destination_asset": "USD", "source_amount": "1000.00",
        "source": { "profile": { "profile_id": profile } },
        "destination": { "fiat": { "bank_account_id": "bank-1" } } }));
    shell.run_well(&["poll"]);
    shell.configure(&[("+", LIMITS)]);
    shell
}

#[test]
fn the_limits_of_a_movement_are_told_with_why() {
    let shell = shell();
    let by_id = shell.run_well(&["check-config", "--explain", "orch_bank"]);
    let profile = shell.control.profiles().swap_remove(0);
    let anonymous = |text: &str| {
        let text = text.replace(&profile.id, "PROFILE");
        let days =
            text.find("2001-12-25, ").map(|at| text[at..].split_once(" days ago").unwrap().0.to_owned());
        days.map_or(text.clone(), |days| text.replace(&days, "2001-12-25, N"))
    };
    insta::assert_snapshot!(format!("{}---\n{}", by_id.stdout, anonymous(&by_id.stderr)));
    assert_eq!(shell.run_well(&["check-config", "--explain", "payout-7"]).stdout, by_id.stdout);
    let as_json = shell.run_well(&["check-config", "--explain", "orch_bank", "--json"]).stdout;
    insta::assert_snapshot!("as_json", anonymous(&as_json));
    let parsed: Value = serde_json::from_str(&as_json).unwrap();
    assert_eq!(parsed["limits"]["processing"]["from"]["name"], "to banks");
    let ran = shell.run(&["check-config", "--explain", "orch_nowhere"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("no orchestration with the id or ref_id orch_nowhere"), "{}", ran.stderr);
    shell.end();
}

#[test]
fn a_row_that_cannot_be_read_has_no_limits() {
    let shell = Shell::new(Setup::of(0).profiles(1).sim);
    let created_at = shell.control.now().minus(std::time::Duration::from_secs(60)).to_rfc3339();
    let profile = shell.control.profiles().swap_remove(0).id;
    shell.control.insert(json!({ "id": "orch_odd", "profile_id": profile, "status": "PROCESSING",
        "created_at": created_at, "source_amount": "a lot" }));
    shell.run(&["poll"]);
    let ran = shell.run(&["check-config", "--explain", "orch_odd"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("no row of orch_odd could be read"), "{}", ran.stderr);
    shell.end();
}

#[test]
fn check_config_shows_the_limits_and_warns_of_a_calendar() {
    let shell = shell();
    let ran = shell.run_well(&["check-config", "--json"]);
    let settings: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(settings["limits.rules"].as_array().unwrap().len(), 4);
    assert_eq!(settings["limits.calendars"].as_array().unwrap().len(), 1);
    assert_eq!(settings["limits.pending"], "2 business days (us)");
    assert!(
        ran.stderr.contains("warning: `limits.calendars`: the calendar \"us\" runs out"),
        "{}",
        ran.stderr
    );
    shell.end();
}
