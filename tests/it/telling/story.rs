//! Must show 1: what is opened, what is told of it and when it is over; and what is neither opened nor told.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use axum::http::StatusCode;
use serde_json::{Value, json};
use tallyd::sim::{Endpoint, ErrorBody, Fault, FaultRate, Rate, ServerError, SimConfig};

use super::{HOUR, MINUTE, Stage};
use crate::harness::{Setup, Shell, texts_of};

/// An account of one profile in which nothing happens by itself.
fn quiet() -> SimConfig {
    Setup::of(0).profiles(1).sim
}

fn legs(source: &str, destination: &str) -> Value {
    json!({ "source_transfer": { "transfer_id": "transfer-in", "status": source },
        "destination_transfer": { "transfer_id": "transfer-out", "status": destination } })
}

fn with(mut value: Value, other: &Value) -> Value {
    value.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    value
}

/// What a person reads of the webhook's messages.
fn read(stage: &Stage) -> String {
    let mut messages: Vec<String> = stage
        .hook
        .got()
        .iter()
        .map(|got| got.body.clone())
        .map(|body| {
            let (severity, standing) = (body["severity"].as_str().unwrap(), body["state"].as_str().unwrap());
            let (title, text) = (body["title"].as_str().unwrap(), body["text"].as_str().unwrap());
            format!("{} at {} ({severity}, {standing})\n{title}\n\n{text}\n", super::told(&body), body["at"])
        })
        .collect();
    messages.sort();
    messages.join("\n")
}

/// Catches: a kind that nothing opens, or that is opened or told twice, or too early, or does not end; a text that
/// says what is not so.
#[test]
fn each_kind_opens_once_says_the_truth_and_resolves_when_it_should() {
    let stage = Stage::begin(quiet(), |_, _| ());
    stage.clock.advance(MINUTE);
    let completed = with(legs("COMPLETED", "COMPLETED"), &json!({ "status": "COMPLETED" }));
    stage.put("slow", 101, legs("PROCESSING", "PENDING"));
    stage.put("halfway", 102, legs("COMPLETED", "PROCESSING"));
    stage.put("unapproved", 103, json!({ "status": "PENDING" }));
    stage.put("fails", 104, legs("PROCESSING", "PENDING"));
    stage.put("refused", 105, json!({ "status": "PENDING" }));
    stage.put("altered", 106, completed.clone());
    stage.put("backward", 107, json!({}));
    stage.put("contradicts", 108, with(legs("COMPLETED", "PROCESSING"), &json!({ "status": "COMPLETED" })));
    stage.put("vanishes", 109, completed.clone());
    stage.put("once", 110, completed.clone());
    stage.put("alike", 111, completed.clone());
    stage.put("novel", 112, json!({ "status": "ON_HOLD" }));
    stage.put("garbled", 113, json!({ "status": 7 }));
    stage.clock.advance(MINUTE);
    stage.put("twice", 114, with(completed.clone(), &json!({ "ref_id": "ref-once" })));
    stage.put("lookalike", 111, completed.clone());
    stage.poll_after(MINUTE);
    assert_eq!(
        stage.told_after(0),
        [
            "opened duplicate_ref_id twice",
            "opened possible_duplicate lookalike",
            "opened unknown_status novel",
            "opened unreadable garbled"
        ]
    );

    stage.alter(
        "fails",
        with(
            legs("COMPLETED", "FAILED"),
            &json!({ "status": "FAILED",
        "fail_reason": { "detail": "the address is not allowed" } }),
        ),
    );
    stage.alter("refused", json!({ "status": "REJECTED" }));
    stage.alter("backward", json!({ "status": "PENDING" }));
    stage.poll_after(MINUTE);
    assert_eq!(
        stage.told_after(4),
        ["opened failed fails", "opened illegal_transition backward", "opened rejected refused"]
    );

    // The limits are a quarter of an hour; of what was altered and taken away only a sweep knows.
    stage.alter("backward", completed.clone());
    stage.poll_after(MINUTE * 20);
    stage.alter("altered", json!({ "source_amount": "1.06" }));
    stage.shell.control.remove("vanishes").unwrap();
    stage.clock.advance(MINUTE);
    stage.sweep();
    assert_eq!(
        stage.told_after(7),
        [
            "opened changed_after_final altered",
            "opened inconsistent_legs contradicts",
            "opened missing_upstream vanishes",
            "opened stuck_between_legs halfway",
            "opened stuck_processing slow"
        ]
    );

    for id in ["slow", "halfway", "contradicts", "novel", "garbled"] {
        stage.alter(id, completed.clone());
    }
    stage.poll_after(MINUTE);
    stage.sweep();
    assert_eq!(
        stage.told_after(12),
        [
            "resolved inconsistent_legs contradicts",
            "resolved stuck_between_legs halfway",
            "resolved stuck_processing slow",
            "resolved unknown_status novel",
            "resolved unreadable garbled"
        ]
    );

    stage.poll_after(HOUR * 24);
    assert_eq!(stage.told_after(17), ["opened stuck_pending unapproved"]);
    stage.alter("unapproved", completed);
    stage.poll_after(MINUTE);
    assert_eq!(stage.told_after(18), ["resolved stuck_pending unapproved"]);
    // Looked at as often as one likes, all of it stays as it is.
    stage.poll_after(MINUTE);
    stage.sweep();
    assert_eq!(stage.hook.got().len(), 19);
    assert_eq!(stage.slack.got().len(), 19);

    // The worse one of what is held up is told, and both are kept.
    let breaks =
        "SELECT kind, subject, state, coalesce(resolved_why, 'by a person only') FROM breaks ORDER BY kind";
    let mut found = stage.rows(breaks).join("\n");
    write!(found, "\n\n{}", read(&stage)).unwrap();
    insta::assert_snapshot!(found);
    stage.end();
}

/// Catches: two thousand messages on the first day; a history that nobody can look up.
#[test]
fn rule_08_a_first_backfill_over_old_failures_tells_nobody_and_lists_them_all() {
    let mut sim = Setup::of(2000).profiles(2).sim;
    sim.world.failures = Rate::ALWAYS;
    sim.world.refusals = Rate::NEVER;
    sim.world.stuck = Rate::NEVER;
    // Ten days later all of it is over.
    let stage = Stage::begin(sim, |_, clock| clock.advance(HOUR * 24 * 10));
    // What does not say when it changed was over, as far as anybody knows.
    let truth = stage.shell.control.truth();
    assert!(truth.iter().any(|row| row["updated_at"].is_null()));
    let old: BTreeSet<String> = truth
        .iter()
        .map(|row| {
            assert_eq!(row["status"], "FAILED");
            row["id"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(old.len(), 2000);
    stage.put("new", 77, json!({}));
    stage.poll_after(MINUTE);
    stage.sweep();
    assert_eq!(stage.told_after(0), [""; 0]);
    assert_eq!((stage.notices(), stage.slack.got().len()), (0, 0));
    assert_eq!(stage.rows("SELECT history, count(*) FROM breaks GROUP BY 1"), ["1 2000"]);
    let listed: BTreeSet<String> =
        stage.rows("SELECT subject FROM breaks WHERE kind = 'failed'").into_iter().collect();
    assert_eq!(listed, old);
    let ran = stage.shell.run_well(&["breaks", "list", "--history", "with", "--kind", "failed", "--json"]);
    let list: Value = serde_json::from_str(&ran.stdout).unwrap();
    let listed = list["breaks"].as_array().unwrap().iter();
    let listed: BTreeSet<String> =
        listed.map(|one| one["subject"].as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!(listed, old);
    // What fails from now on is news.
    stage.alter("new", json!({ "status": "FAILED" }));
    stage.poll_after(MINUTE);
    assert_eq!(stage.told_after(0), ["opened failed new"]);
    stage.end();
}

/// Catches: `[alerts] history` that nothing heeds.
#[test]
fn rule_08_history_is_told_where_the_configuration_asks_for_it() {
    for history in ["false", "true"] {
        let mut sim = Setup::of(60).profiles(1).sim;
        sim.world.failures = Rate::ALWAYS;
        let shell = Shell::new(sim);
        shell.configure(&[("+", &format!("[alerts]\nhistory = {history}\n"))]);
        shell.run_well(&["poll"]);
        let of_failures =
            |query: &str| texts_of(&shell.ledger(), query).swap_remove(0).parse::<u64>().unwrap();
        let failed = of_failures("SELECT count(*) FROM breaks WHERE kind = 'failed'");
        let told = of_failures(
            "SELECT count(DISTINCT break) FROM notice WHERE break IN (SELECT number FROM breaks WHERE kind = 'failed')",
        );
        assert!(failed > 10, "{failed}");
        assert!(if history == "true" { told == failed } else { told < failed / 2 }, "{told} of {failed}");
        shell.end();
    }
}

/// Catches: five hundred messages; a second one under another key after the first was refused.
#[test]
fn five_hundred_failures_in_one_poll_are_one_message() {
    let mut sim = quiet();
    sim.api.max_page_rows = 100;
    let stage = Stage::begin(sim, |_, _| ());
    stage.hook.answers.lock().unwrap().push_back(StatusCode::SERVICE_UNAVAILABLE);
    stage.clock.advance(MINUTE);
    for number in 0..500 {
        stage.put(&format!("fails-{number}"), 200 + number, json!({ "status": "FAILED" }));
    }
    stage.clock.advance(MINUTE);
    stage.serve(&tallyd::daemon::Wanted::Poll(tallyd::daemon::Whom::All));
    assert_eq!(stage.rows("SELECT kind, count(*) FROM breaks GROUP BY kind"), ["failed 500"]);
    let outbox = "SELECT sink, state, attempts, count(*) FROM delivery GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";
    stage.until(outbox, &["hook waiting 1 500", "log sent 1 500", "slack sent 1 500"]);
    // The sink is left alone for some seconds.
    stage.poll_after(MINUTE);
    let got = stage.hook.got();
    assert_eq!((got.len(), stage.slack.got().len()), (2, 1));
    assert!(!got[0].key.is_empty());
    assert_eq!((&got[0].key, &got[0].body["summary"]), (&got[1].key, &got[1].body["summary"]));
    let summary = &got[1].body["summary"];
    assert_eq!((&summary["kind"], &summary["count"]), (&json!("failed"), &json!(500)));
    let keys: BTreeSet<&str> =
        summary["members"].as_array().unwrap().iter().map(|member| member["key"].as_str().unwrap()).collect();
    assert_eq!(keys.len(), 500);
    let slack = stage.slack.got()[0].body.to_string();
    assert!(slack.contains("500 breaks of kind failed") && slack.contains("and 490 more"), "{slack}");
    // The same message came twice on purpose.
    stage.hook.got.lock().unwrap().truncate(1);
    stage.end();
}

/// Catches: a storm of stuck ones in an outage, as rows that were not seen pass their limits; a break for each poll.
#[test]
fn rule_07_an_outage_of_two_hours_is_one_break_and_nothing_else() {
    let stage = Stage::begin(quiet(), |_, _| ());
    stage.clock.advance(MINUTE);
    for number in 0..30 {
        stage.put(&format!("open-{number}"), 300 + number, legs("COMPLETED", "PROCESSING"));
    }
    stage.poll_after(MINUTE);
    let outage = Fault::ServerError(ServerError::Unavailable, ErrorBody::Html);
    let always =
        [FaultRate::everywhere(outage, Rate::ALWAYS), FaultRate::on(Endpoint::Token, outage, Rate::ALWAYS)];
    stage.shell.control.set_faults(always);
    for minutes in [10, 50, 60] {
        stage.clock.advance(MINUTE * minutes);
        stage.serve(&tallyd::daemon::Wanted::Poll(tallyd::daemon::Whom::All));
        let opened = if minutes == 10 { "0" } else { "1" };
        stage.until("SELECT count(*) FROM breaks", &[opened]);
        stage.until(super::WAITING, &["0"]);
    }
    assert_eq!(stage.told_after(0), ["opened profile_unpolled outage"]);
    stage.shell.control.clear_faults();
    for number in 0..30 {
        let completed = with(legs("COMPLETED", "COMPLETED"), &json!({ "status": "COMPLETED" }));
        stage.alter(&format!("open-{number}"), completed);
    }
    stage.poll_after(MINUTE);
    stage.until("SELECT state FROM breaks", &["resolved"]);
    stage.until(super::WAITING, &["0"]);
    stage.poll_after(MINUTE);
    assert_eq!(stage.told_after(1), ["resolved profile_unpolled outage"]);
    assert_eq!(stage.rows("SELECT kind, state FROM breaks"), ["profile_unpolled resolved"]);
    insta::assert_snapshot!(read(&stage));
    stage.end();
}

/// Catches: a false alarm for what polls skip, and for what Paxos fills in.
#[test]
fn rule_05_skipped_steps_and_addresses_that_are_filled_in_open_nothing() {
    let stage = Stage::begin(quiet(), |_, _| ());
    stage.clock.advance(MINUTE);
    let crypto = |end: Value| json!({ "destination": { "crypto": end } });
    let by_id = crypto(json!({ "network": "SOLANA", "address_id": "book-1" }));
    let by_old_id = crypto(json!({ "crypto_address_id": "book-2" }));
    let completed = with(legs("COMPLETED", "COMPLETED"), &json!({ "status": "COMPLETED" }));
    stage.put("skips", 401, with(legs("PENDING", "PENDING"), &json!({ "status": "PENDING" })));
    stage.put("open", 402, by_id.clone());
    stage.put("final", 403, with(completed.clone(), &by_id));
    stage.put("older", 404, with(completed.clone(), &by_old_id));
    stage.poll_after(MINUTE);
    let filled =
        |id: &str| crypto(json!({ "network": "SOLANA", "address_id": id, "address": "7xKXtg2CW87d" }));
    stage.alter("skips", completed);
    stage.alter("open", filled("book-1"));
    stage.alter("final", filled("book-1"));
    stage.alter("older", filled("book-2"));
    stage.poll_after(MINUTE);
    stage.sweep();
    let changed = "SELECT DISTINCT orchestration_id FROM journal WHERE kind = 'changed' ORDER BY 1";
    assert_eq!(stage.rows(changed), ["final", "older", "open", "skips"], "all of it was seen");
    assert_eq!(stage.rows("SELECT kind, subject FROM breaks"), [""; 0]);
    assert_eq!((stage.notices(), stage.hook.got().len()), (0, 0));
    stage.end();
}

/// Catches: sixty breaks where the account is in doubt, or none; one for each look.
#[test]
fn rule_06_where_all_are_gone_at_once_one_break_is_about_the_profile_and_none_about_rows() {
    let stage = Stage::begin(quiet(), |_, _| ());
    stage.clock.advance(MINUTE);
    let id = |number: u32| format!("gone-{number}");
    let put = |number: u32| {
        let status = if number < 30 { "PROCESSING" } else { "COMPLETED" };
        stage.put(&id(number), 500 + number, json!({ "status": status }));
    };
    (0..60).for_each(put);
    stage.poll_after(MINUTE);
    for number in 0..60 {
        stage.shell.control.remove(&id(number)).unwrap();
    }
    // By the refresh of the open ones, then by a sweep over all; and all of them pass their limits meanwhile.
    stage.poll_after(HOUR);
    stage.until("SELECT kind, about FROM breaks", &["missing_upstream profile"]);
    stage.sweep();
    stage.poll_after(HOUR);
    let profile = stage.profile();
    let opened = format!("missing_upstream profile {profile} open");
    assert_eq!(stage.rows("SELECT kind, about, subject, state FROM breaks"), [opened]);
    let told = stage.told_after(0);
    assert_eq!(told, [format!("opened missing_upstream {profile}")]);
    insta::assert_snapshot!(read(&stage).replace(&profile, "[profile]"));
    stage.end();
}
