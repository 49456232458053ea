//! What Paxos says of the transfer of a leg that holds an orchestration up or failed: asked for once, told, and never
//! in the way.

use serde_json::{Value, json};
use tallyd::sim::{Endpoint, Fault, FaultRate, Rate, SimConfig};

use super::{HOUR, MINUTE, Stage};
use crate::harness::Setup;

const ON: [(&str, &str); 1] = [("look_up_transfers", "true")];

fn quiet() -> SimConfig {
    Setup::of(0).profiles(1).sim
}

/// Puts a movement into the account whose destination leg waits.
fn put_waiting(stage: &Stage, id: &str) {
    let own = json!({
        "source_transfer": { "transfer_id": format!("in-{id}"), "status": "COMPLETED" },
        "destination_transfer": { "transfer_id": format!("out-{id}"), "status": "PROCESSING",
            "crypto_tx_hash": "5VERv8NMvzbJMEkV",
            "secondary_status": { "name": "AWAITING_TRAVEL_RULE", "detail": "the name of the beneficiary" } },
        "destination": { "crypto": { "network": "SOLANA", "address": "7xKXtg2CW87d" } } });
    stage.put(id, 100, own);
}

/// How often a transfer was asked for.
fn asked(stage: &Stage) -> usize {
    stage.shell.control.requests_to(Endpoint::Transfer).len()
}

/// The facts of a message, by name.
fn facts(stage: &Stage, message: usize) -> Value {
    let body = &stage.hook.got()[message].body;
    let facts = body["break"]["facts"].as_array().unwrap().iter();
    facts.map(|fact| (fact["name"].as_str().unwrap().to_owned(), fact["value"].clone())).collect()
}

/// Catches: a leg that is asked for at each poll; one that does what it should being asked for; what was found staying
/// in the ledger; a break that got worse being told by what was found before.
#[test]
fn what_holds_a_leg_up_is_asked_for_once_in_an_episode_and_again_when_it_gets_worse() {
    let stage = Stage::begin_with(quiet(), &ON, |_, _| ());
    stage.clock.advance(MINUTE);
    put_waiting(&stage, "waits");
    stage.poll_after(MINUTE);
    assert_eq!(asked(&stage), 0);
    stage.poll_after(HOUR * 48);
    assert_eq!(stage.told_after(0), ["opened stuck_between_legs waits"]);
    let told = facts(&stage, 0);
    assert_eq!(told["destination waits for"], "AWAITING_TRAVEL_RULE: the name of the beneficiary");
    assert_eq!(told["destination network"], "SOLANA");
    assert_eq!(told["destination transaction"], "5VERv8NMvzbJMEkV");
    stage.poll_after(MINUTE);
    // Both breaks of it go by one answer, and the leg that is COMPLETED is no question.
    assert_eq!(stage.rows("SELECT count(*) FROM transfer_seen"), ["2"]);
    assert_eq!(asked(&stage), 1);
    let ran = stage.shell.run_well(&["breaks", "show", "waits", "--json"]);
    let shown: Value = serde_json::from_str(&ran.stdout).unwrap();
    let transfers = json!([{ "leg": "destination", "id": "out-waits", "network": "SOLANA",
        "secondary_status": "AWAITING_TRAVEL_RULE: the name of the beneficiary",
        "transaction_hash": "5VERv8NMvzbJMEkV", "request_id": null }]);
    for one in shown["breaks"].as_array().unwrap() {
        assert_eq!(one["transfers"], transfers);
    }
    let ran = stage.shell.run_well(&["breaks", "show", "waits"]);
    let line = "AWAITING_TRAVEL_RULE: the name of the beneficiary, on SOLANA, transaction 5VERv8NMvzbJMEkV";
    assert!(ran.stdout.contains(line), "{}", ran.stdout);
    // What was critical when it was asked for was less bad once: as if it had got worse since.
    let ledger = rusqlite::Connection::open(stage.shell.ledger()).unwrap();
    ledger.execute("UPDATE transfer_seen SET severity = 1", []).unwrap();
    stage.poll_after(MINUTE);
    stage.poll_after(MINUTE);
    assert_eq!(asked(&stage), 2);
    stage.end();
}

/// Catches: a notice that waits for an answer that does not come; a poll that is not complete for want of it; a
/// `request_id` that nobody is told.
#[test]
fn a_look_up_that_is_refused_delays_nothing_and_its_request_id_is_told() {
    let stage = Stage::begin_with(quiet(), &ON, |_, _| ());
    stage.clock.advance(MINUTE);
    put_waiting(&stage, "waits");
    stage.poll_after(MINUTE);
    stage.shell.control.set_faults([FaultRate::on(Endpoint::Transfer, Fault::Forbidden, Rate::ALWAYS)]);
    stage.poll_after(HOUR * 48);
    assert_eq!(stage.told_after(0), ["opened stuck_between_legs waits"]);
    let (told, text) = (facts(&stage, 0), stage.hook.got()[0].body["text"].to_string());
    let request_id = told["destination request_id"].as_str().unwrap();
    assert!(text.contains(&format!("give the request_id {request_id} to Paxos support")), "{text}");
    assert_eq!(stage.rows("SELECT DISTINCT result FROM polls WHERE ended_at IS NOT NULL"), ["complete"]);
    // It is asked again, and what comes then is there to be shown.
    stage.shell.control.clear_faults();
    stage.poll_after(MINUTE);
    let known = "SELECT DISTINCT network || ' ' || (request_id IS NULL) FROM transfer_seen";
    assert_eq!(stage.rows(known), ["SOLANA 1"]);
    stage.end();
}

/// Catches: a token without profiles, or none at all, where only the scope for transfers is missing; a request for a
/// scope that the configuration does not want.
#[test]
fn without_the_scope_or_the_setting_all_else_goes_on() {
    let mut sim = quiet();
    sim.credentials.scopes.retain(|scope| scope != "transfer:read_transfer");
    sim.credentials.scope_policy = tallyd::sim::ScopePolicy::Refuse;
    for (sim, settings) in [(sim, &ON[..]), (quiet(), &[])] {
        let stage = Stage::begin_with(sim, settings, |_, _| ());
        stage.clock.advance(MINUTE);
        put_waiting(&stage, "waits");
        stage.poll_after(MINUTE);
        stage.poll_after(HOUR * 48);
        assert_eq!(stage.told_after(0), ["opened stuck_between_legs waits"]);
        assert_eq!(facts(&stage, 0)["destination network"], Value::Null);
        assert_eq!(asked(&stage), 0);
        assert_eq!(stage.rows("SELECT DISTINCT result FROM polls WHERE ended_at IS NOT NULL"), ["complete"]);
        // The names of the profiles came with the other optional scope.
        assert_eq!(stage.rows("SELECT count(*) FROM profile WHERE name IS NULL"), ["0"]);
        stage.end();
    }
}
