//! Rule 2, honest: a poll is complete, partial or failed for each profile, and nothing rounds that up.

use std::time::Duration;

use serde_json::{Value, json};
use tallyd::clock::Clock as _;
use tallyd::model::{FailureKind, PollOutcome, PollResult, Profile, ProfileSelection, Shortfall};
use tallyd::sim::{Canned, Endpoint, Fault, FaultRate, PinScope, Rate, Scripted};

use crate::harness::{Rig, Setup, Shell, ledger_rows, results_of, start_time, texts_of};

fn unknown_profile() -> Profile {
    Profile { id: "5e0f6a1c-77b2-4d0e-9a55-3c1b8e4f2a90".into(), name: Some("nobody".to_owned()) }
}

/// What the `polls` view says of the newest poll of each profile, in the order of the outcome.
fn newest_polls(rig: &Rig, outcome: &PollOutcome) -> Vec<String> {
    let newest = |id: String| {
        let query =
            format!("SELECT result FROM polls WHERE profile_id = '{id}' ORDER BY number DESC LIMIT 1");
        texts_of(&rig.path(), &query).swap_remove(0)
    };
    outcome.profiles.iter().map(|poll| newest(poll.profile.id.to_string())).collect()
}

/// An orchestration of the first profile, created ten seconds ago.
fn fresh_row(rig: &Rig, id: &str) -> Value {
    let created_at = rig.clock.now().minus(Duration::from_secs(10)).to_rfc3339();
    json!({
        "id": id,
        "profile_id": rig.profile(0).id.to_string(),
        "source_amount": "7",
        "status": "PROCESSING",
        "created_at": created_at,
        "updated_at": created_at,
    })
}

/// Catches: one failing profile that ends the poll of others, and one that is passed off as empty.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_02_a_failing_profile_holds_up_no_other() {
    for profiles_are_listed in [true, false] {
        let rig = Rig::start(Setup::of(90)).await;
        if !profiles_are_listed {
            rig.control.script(Endpoint::Profiles, [Fault::Forbidden]);
        }
        let wanted = vec![rig.profile(0), unknown_profile(), rig.profile(2)];
        let outcome = rig.poll_of(&ProfileSelection::Listed(wanted)).await;
        assert_eq!(results_of(&outcome), ["complete", "failed", "complete"]);
        assert_eq!(newest_polls(&rig, &outcome), results_of(&outcome));
        let failure = outcome.profiles[1].result.failures().next().unwrap();
        assert_eq!(failure.kind, FailureKind::Profile);
        assert!(failure.message.contains("profile"), "{}", failure.message);
        assert_eq!(outcome.profiles[1].coverage, None);
        assert!(outcome.profiles[0].coverage.is_some() && outcome.profiles[2].coverage.is_some());
        rig.end().await;
    }
}

/// Catches: a poll of nothing that counts as complete because there was nothing to fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_02_an_account_that_cannot_be_listed_is_no_complete_poll() {
    let rig = Rig::start(Setup::of(10)).await;
    rig.control.script(Endpoint::Profiles, [Fault::Forbidden]);
    let outcome = rig.poll().await;
    assert!(outcome.profiles.is_empty() && !outcome.is_complete());
    assert_eq!(outcome.account_failure.unwrap().kind, FailureKind::Credentials);
    rig.end().await;
}

/// Catches: a result rounded up, and an outcome that says something else than the `polls` view.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_02_what_was_cut_short_is_partial_and_what_never_began_is_failed() {
    let rig = Rig::start(Setup::of(60).profiles(1).pages_of(10)).await;
    let broken = FaultRate::on(Endpoint::List, "503".parse().unwrap(), Rate::ALWAYS);
    rig.control.set_faults([broken]);
    let outcome = rig.poll().await;
    assert_eq!(results_of(&outcome), ["failed"]);
    assert_eq!(newest_polls(&rig, &outcome), ["failed"]);
    assert_eq!(outcome.profiles[0].counts.pages, 0);

    rig.control.script(Endpoint::List, vec![Fault::MissingDate; 3]);
    let outcome = rig.poll().await;
    assert_eq!(results_of(&outcome), ["partial"]);
    assert_eq!(newest_polls(&rig, &outcome), ["partial"]);
    assert_eq!(outcome.profiles[0].counts.pages, 3);
    assert_eq!(outcome.profiles[0].coverage, None);
    let PollResult::Partial(shortfalls) = &outcome.profiles[0].result else { panic!("{outcome:?}") };
    let [Shortfall::CutShort(failure)] = shortfalls.as_slice() else { panic!("{shortfalls:?}") };
    assert_eq!(failure.kind, FailureKind::Unreachable);
    let reasons = texts_of(&rig.path(), "SELECT reason FROM polls ORDER BY number DESC LIMIT 1");
    assert_eq!(reasons, [failure.message.as_str()]);

    rig.control.clear_faults();
    let outcome = rig.poll_completely().await;
    assert_eq!(newest_polls(&rig, &outcome), ["complete"]);
    // The rest of what was cut short, and the new listing after it.
    let last = "SELECT round - min(number) OVER () FROM (SELECT * FROM polls ORDER BY number DESC LIMIT 2)";
    assert_eq!(texts_of(&rig.path(), last), ["0", "0"]);
    rig.assert_ledger_equals_truth();
    rig.end().await;
}

/// Catches: a first page without rows that is taken for an account without rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_02_an_empty_page_that_promises_more_is_no_complete_poll() {
    let rig = Rig::start(Setup::of(30).profiles(1)).await;
    rig.control.set_faults([FaultRate::everywhere(Fault::MissingDate, Rate::ALWAYS)]);
    let mut empty = Canned::json(r#"{"items":[],"next_page_cursor":"beyond"}"#);
    empty.headers.push(("date".to_owned(), "not a date".to_owned()));
    rig.control.script(Endpoint::List, [empty]);
    // The simulator knows no such cursor, so there is nothing more to be had.
    let outcome = rig.poll().await;
    assert_eq!(results_of(&outcome), ["failed"]);
    assert_eq!(outcome.profiles[0].coverage, None);
    rig.poll_completely().await;
    rig.assert_ledger_equals_truth();
    rig.end().await;
}

/// Catches: `{}` in place of a page with rows, which moves the watermark past them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_02_an_empty_object_in_place_of_a_page_hides_no_row() {
    let rig = Rig::start(Setup::of(60).profiles(1).pages_of(10)).await;
    let steps = [Scripted::Honest, Scripted::Honest, Scripted::Honest, Fault::EmptyObject.into()];
    rig.control.script(Endpoint::List, steps);
    rig.control.script(Endpoint::Profiles, [Fault::EmptyObject]);
    rig.poll_completely().await;
    rig.assert_ledger_equals_truth();
    rig.end().await;
}

/// Catches: rows newer than the newest readable one that are passed over where no answer has a `Date`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_02_an_unreadable_newest_row_holds_up_nothing() {
    let rig = Rig::start(Setup::of(30).profiles(1)).await;
    rig.control.set_faults([FaultRate::everywhere(Fault::MissingDate, Rate::ALWAYS)]);
    let mut broken = fresh_row(&rig, "broken");
    broken["status"] = json!(1);
    rig.control.insert(broken);
    let outcome = rig.poll_completely().await;
    assert_eq!(outcome.profiles[0].counts.appeared, 30);
    rig.end().await;
}

/// Catches: rows that cannot be kept and are forgotten in silence, and a watermark that moves past them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_02_a_row_without_an_id_makes_the_poll_partial() {
    let rig = Rig::start(Setup::of(20).profiles(1)).await;
    rig.poll_completely().await;
    rig.advance(Duration::from_secs(60));
    let mut row = fresh_row(&rig, "");
    row.as_object_mut().unwrap().remove("id");
    let created_at = rig.clock.now().minus(Duration::from_secs(10));
    rig.control.insert(row);
    for _ in 0..2 {
        let outcome = rig.poll().await;
        assert_eq!(outcome.profiles[0].result, PollResult::Partial(vec![Shortfall::RowsWithoutId(1)]));
        assert_eq!(newest_polls(&rig, &outcome), ["partial"]);
        assert!(outcome.profiles[0].coverage.unwrap().to <= created_at);
    }
    // However long it stays like that, the window still holds it.
    rig.advance(Duration::from_secs(7200));
    let outcome = rig.poll().await;
    assert_eq!(results_of(&outcome), ["partial"]);
    rig.end().await;
}

/// Catches: a stale row that overwrites a newer one, or passes without being counted and looked up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_02_a_stale_row_makes_the_poll_partial_and_is_looked_up() {
    let rig = Rig::start(Setup::of(20).profiles(1)).await;
    rig.control.insert(fresh_row(&rig, "lagging"));
    rig.poll_completely().await;
    let stale_time = rig.clock.now();
    rig.advance(Duration::from_secs(60));
    let completed_at = rig.clock.now().to_rfc3339();
    rig.control
        .alter("lagging", |fields| {
            fields.insert("status".to_owned(), "COMPLETED".into());
            fields.insert("updated_at".to_owned(), completed_at.into());
        })
        .unwrap();
    assert_eq!(rig.poll_completely().await.profiles[0].counts.changed, 1);
    rig.control.pin_stale("lagging", stale_time, PinScope::List).unwrap();
    let outcome = rig.poll().await;
    assert_eq!(outcome.profiles[0].result, PollResult::Partial(vec![Shortfall::StaleRows(1)]));
    assert_eq!(newest_polls(&rig, &outcome), ["partial"]);
    assert_eq!(rig.control.count(Endpoint::Get), 1);
    assert_eq!(ledger_rows(&rig.path())["lagging"]["status"], "COMPLETED");
    rig.control.unpin("lagging").unwrap();
    rig.poll_completely().await;
    rig.assert_ledger_equals_truth();

    // The same older answer in three polls running is taken, and journalled as what it is.
    rig.control.pin_stale("lagging", stale_time, PinScope::Everywhere).unwrap();
    for (time, status) in ["COMPLETED", "COMPLETED", "PROCESSING"].into_iter().enumerate() {
        assert_eq!(results_of(&rig.poll().await), ["partial"], "poll {time}");
        assert_eq!(ledger_rows(&rig.path())["lagging"]["status"], status, "poll {time}");
    }
    rig.poll_completely().await;
    let kinds =
        texts_of(&rig.path(), "SELECT kind FROM journal WHERE orchestration_id = 'lagging' ORDER BY seq");
    assert_eq!(kinds, ["appeared", "changed", "went_back_in_time"]);
    rig.end().await;
}

/// Catches: an exit code that rounds up.
#[test]
fn rule_02_the_exit_code_says_how_the_poll_ended() {
    let mut setup = Setup::of(40).profiles(1).pages_of(10);
    setup.sim.world.size = 40;
    let shell = Shell::new(setup.sim);
    assert_eq!(shell.run(&["poll"]).code, Some(0));

    let row = json!({ "profile_id": shell.control.profiles()[0].id, "status": "PENDING",
        "created_at": shell.control.now().minus(Duration::from_secs(5)).to_rfc3339() });
    shell.control.insert(row);
    let partial = shell.run(&["poll"]);
    assert_eq!(partial.code, Some(1), "{}", partial.stderr);
    assert!(partial.stdout.contains("partial") && partial.stderr.contains("without an id"), "{partial:?}");

    shell.configure(&[("+", "[[profiles]]\nid = \"5e0f6a1c-77b2-4d0e-9a55-3c1b8e4f2a90\"\n")]);
    let unknown = shell.run(&["poll"]);
    assert_eq!(unknown.code, Some(78), "{}", unknown.stderr);
    assert!(unknown.stdout.contains("failed"), "{}", unknown.stdout);

    shell.configure(&[]);
    shell
        .control
        .script(Endpoint::List, [Fault::TooManyRequests { retry_after: Some(Duration::from_secs(900)) }]);
    let throttled = shell.run(&["poll", "--json"]);
    assert_eq!(throttled.code, Some(75), "{}", throttled.stderr);
    let outcome: Value = serde_json::from_str(&throttled.stdout).unwrap();
    assert_eq!(outcome["complete"], false);
    assert_eq!(outcome["profiles"][0]["result"], "failed");
    assert!(start_time() < shell.control.now());
    shell.end();
}
