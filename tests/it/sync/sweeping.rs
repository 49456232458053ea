//! Sweeps: what changed after it was final, came late or vanished, found by listing a window again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tallyd::ledger::Reader;
use tallyd::model::{
    Identifier, Lane, PollOutcome, PollResult, ProfileSelection, Shortfall, SweepWindow, Timestamp,
};
use tallyd::sim::{Canned, Endpoint, Fault, PinScope, Scripted};
use tallyd::sync::Event;

use crate::harness::{Rig, Setup, id_of, in_time, results_of, texts_of};

pub(super) const DAY: Duration = Duration::from_secs(86_400);

pub(super) async fn sweep(rig: &Rig, window: SweepWindow) -> PollOutcome {
    in_time("the end of a sweep", rig.poller.sweep(&ProfileSelection::All, window)).await
}

pub(super) async fn sweep_all(rig: &Rig) -> PollOutcome {
    let outcome = sweep(rig, SweepWindow::Everything).await;
    assert!(outcome.is_complete(), "{outcome:#?}");
    assert!(outcome.profiles.iter().all(|poll| poll.lane == Lane::Sweep));
    outcome
}

/// Sweeps everything, and gets only so many pages.
pub(super) async fn sweep_cut_short(rig: &Rig, pages: usize) {
    let failure = Scripted::Answer(Canned { status: 400, headers: Vec::new(), body: Vec::new() });
    let script = [vec![Scripted::Honest; pages], vec![failure; 5]].concat();
    rig.control.script(Endpoint::List, script);
    let outcome = sweep(rig, SweepWindow::Everything).await;
    assert_eq!(results_of(&outcome)[0], "partial");
    // Nothing of the script is left for what comes next.
    while rig.control.script_left(Endpoint::List) > 0 {
        sweep(rig, SweepWindow::Last(DAY)).await;
    }
}

/// A world of final rows of several pages, all of them in the ledger.
async fn rig(rows: u64) -> Rig {
    let rig = Rig::start(Setup::of(rows).pages_of(7).profiles(1)).await;
    rig.poll_completely().await;
    rig.advance(40 * DAY);
    rig.poll_completely().await;
    rig
}

pub(super) fn kinds(rig: &Rig, id: &str) -> Vec<String> {
    texts_of(&rig.path(), &format!("SELECT kind FROM journal WHERE orchestration_id = '{id}' ORDER BY seq"))
}

pub(super) fn entries(rig: &Rig) -> i64 {
    Reader::open(&rig.path()).unwrap().verify(None).unwrap().head.seq
}

#[tokio::test]
async fn a_sweep_of_unchanged_rows_reads_none_and_writes_none() {
    let rig = rig(60).await;
    let before = entries(&rig);
    let outcome = sweep_all(&rig).await;
    assert_eq!(entries(&rig), before);
    assert_eq!(outcome.profiles[0].counts.rows, rig.control.truth_len() as u64);
    assert_eq!(outcome.profiles[0].counts.changed, 0);
    rig.assert_ledger_equals_truth();
    rig.end().await;
}

#[tokio::test]
async fn rule_01_a_sweep_finds_what_changed_after_it_was_final_came_late_or_vanished() {
    let rig = rig(60).await;
    let truth = rig.control.truth();
    let [first, middle] = [0, truth.len() / 2].map(|place| id_of(&truth[place]));
    // No `updated_at` betrays it.
    rig.control.set_field(&first, "source_amount", json!("7.77")).unwrap();
    rig.control.remove(&middle).unwrap();
    let mut late = truth[3].clone();
    late["id"] = Value::from("came-late");
    late["ref_id"] = Value::from("late-1");
    rig.control.insert(late);
    rig.poll_completely().await;
    assert_eq!(kinds(&rig, "came-late"), [""; 0], "a discovery does not look that far back");
    let outcome = sweep_all(&rig).await;
    assert_eq!(outcome.profiles[0].counts.changed, 1);
    assert_eq!(outcome.profiles[0].counts.appeared, 1);
    assert_eq!(kinds(&rig, &first).last().unwrap(), "changed");
    assert_eq!(kinds(&rig, &middle).last().unwrap(), "went_missing");
    assert_eq!(kinds(&rig, "came-late"), ["appeared"]);
    // What a sweep has told is not told again.
    let before = entries(&rig);
    sweep_all(&rig).await;
    assert_eq!(entries(&rig), before);
    rig.end().await;
}

#[tokio::test]
async fn a_window_leaves_out_what_is_older() {
    let rig = rig(60).await;
    let truth = rig.control.truth();
    let oldest = id_of(&truth[0]);
    rig.control.set_field(&oldest, "source_amount", json!("7.77")).unwrap();
    let outcome = sweep(&rig, SweepWindow::Last(Duration::from_secs(3600))).await;
    assert!(outcome.is_complete(), "{outcome:#?}");
    assert_eq!(outcome.profiles[0].counts.changed, 0);
    sweep_all(&rig).await;
    assert_eq!(kinds(&rig, &oldest).last().unwrap(), "changed");
    rig.end().await;
}

#[tokio::test]
async fn rule_06_a_row_that_a_sweep_did_not_meet_and_get_answers_is_not_missing() {
    let rig = rig(30).await;
    let id = id_of(&rig.control.truth()[5]);
    // Lists show the world as it was before the row: Get alone knows it.
    rig.control.pin_stale(&id, Timestamp::EPOCH, PinScope::List).unwrap();
    let before = kinds(&rig, &id);
    let outcome = sweep_all(&rig).await;
    assert_eq!(outcome.profiles[0].counts.looked_up, 1);
    assert_eq!(kinds(&rig, &id), before);
    rig.end().await;
}

#[tokio::test]
async fn rule_06_many_rows_gone_at_once_put_the_account_in_doubt() {
    let rig = rig(60).await;
    let gone: Vec<_> = rig.control.truth().iter().take(25).map(id_of).collect();
    for id in &gone {
        rig.control.remove(id).unwrap();
    }
    let outcome = sweep(&rig, SweepWindow::Everything).await;
    let PollResult::Partial(shortfalls) = &outcome.profiles[0].result else { panic!("{outcome:#?}") };
    let of = rig.control.truth_len() as u64 + 25;
    assert_eq!(*shortfalls, [Shortfall::ManyMissing { missing: 25, of }]);
    assert_eq!(texts_of(&rig.path(), "SELECT count(*) FROM journal WHERE kind = 'went_missing'"), ["0"]);
    rig.end().await;
}

#[tokio::test]
async fn rule_02_a_sweep_that_is_cut_short_is_partial_and_goes_on_where_it_stopped() {
    let mut rig = rig(60).await;
    let truth = rig.control.truth();
    let pages = truth.len().div_ceil(7);
    let (early, late) = (id_of(&truth[2]), id_of(&truth[truth.len() - 2]));
    rig.control.remove(&early).unwrap();
    rig.control.remove(&late).unwrap();
    sweep_cut_short(&rig, 5).await;
    rig.restart().await;
    rig.control.forget_requests();
    sweep_all(&rig).await;
    let lists = usize::try_from(rig.control.count(Endpoint::List)).unwrap();
    assert!(lists < 2 * pages, "{lists} requests for {pages} pages: it began anew");
    assert_eq!(kinds(&rig, &early).last().unwrap(), "went_missing");
    assert_eq!(kinds(&rig, &late).last().unwrap(), "went_missing");
    rig.end().await;
}

/// Catches: a position that counts a page before the next one showed it to be in order. What a page that came
/// in its place hid is then never compared, and the sweep says that it is complete.
#[tokio::test]
async fn rule_01_a_sweep_that_is_cut_after_a_swapped_page_goes_on_before_it() {
    let rig = rig(60).await;
    let truth = rig.control.truth();
    let mut late = truth[9].clone();
    late["id"] = Value::from("came-late");
    late["ref_id"] = Value::from("late-1");
    rig.control.insert(late);
    // The third page comes in the place of the second, where the late row is; then the cursor expires.
    let script = [Scripted::Honest, Scripted::Fault(Fault::SwapPages), Scripted::Fault(Fault::ExpiredCursor)];
    rig.control.script(Endpoint::List, script);
    // Of this profile alone: a sweep of all would find the row in the account's list.
    let profile = ProfileSelection::Listed(vec![rig.profile(0)]);
    let outcome = in_time("a sweep", rig.poller.sweep(&profile, SweepWindow::Everything)).await;
    assert!(outcome.is_complete(), "{outcome:#?}");
    assert_eq!(rig.control.script_left(Endpoint::List), 0);
    assert_eq!(kinds(&rig, "came-late"), ["appeared"]);
    rig.assert_ledger_equals_truth();
    rig.end().await;
}

/// Catches: a damaged page that is taken because it looks as usual.
#[tokio::test]
async fn a_page_that_only_looks_as_usual_is_listed_again() {
    let rig = rig(60).await;
    let before = entries(&rig);
    let damaged = r#"{"items":[{"id":"x","status":},{"id":"y","status":"PENDING"}],"next_page_cursor":"z"}"#;
    rig.control.script(Endpoint::List, [Scripted::Honest, Canned::json(damaged).into()]);
    let outcome = sweep_all(&rig).await;
    assert_eq!((outcome.profiles[0].counts.unreadable, entries(&rig)), (0, before));
    rig.end().await;
}

#[tokio::test]
async fn a_row_of_a_profile_that_the_account_does_not_list_is_taken_in_under_that_profile() {
    let rig = rig(20).await;
    let mut stray = rig.control.truth()[3].clone();
    stray["id"] = Value::from("stray");
    stray["ref_id"] = Value::from("stray-1");
    stray["profile_id"] = Value::from("0b7cf2a4-5a1e-4d5c-9a53-2f0f4a4f9b11");
    rig.control.unlist_profile("0b7cf2a4-5a1e-4d5c-9a53-2f0f4a4f9b11");
    rig.control.insert(stray);
    let outcome = sweep(&rig, SweepWindow::Everything).await;
    assert!(outcome.is_complete(), "{outcome:#?}");
    assert_eq!(kinds(&rig, "stray"), ["appeared"]);
    let listed = Reader::open(&rig.path()).unwrap().listed_under(&Identifier::new("stray")).unwrap();
    assert_eq!(listed[0].id.to_string(), "0b7cf2a4-5a1e-4d5c-9a53-2f0f4a4f9b11");
    let lists = "SELECT result FROM polls WHERE profile_id LIKE '0b7cf2a4%' ORDER BY number";
    assert_eq!(texts_of(&rig.path(), lists), ["partial"], "its own list was not read");
    assert_eq!(results_of(&rig.poll_completely().await).len(), 2, "it is polled from now on");
    assert_eq!(texts_of(&rig.path(), lists), ["partial", "complete"]);
    rig.assert_ledger_equals_truth();
    rig.end().await;
}

/// Catches: "98%" at the first page, since a sweep of everything begins long before the first row.
#[tokio::test]
async fn a_sweeps_progress_counts_from_the_first_row() {
    let spans = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&spans);
    let mut setup = Setup::of(60).pages_of(7).profiles(1);
    setup.watch = Arc::new(move |event| {
        if let Event::PageCommitted { span, .. } = event {
            noted.lock().unwrap().push(span.done * 100 / span.all);
        }
    });
    let rig = Rig::start(setup).await;
    rig.poll_completely().await;
    spans.lock().unwrap().clear();
    sweep_all(&rig).await;
    let shown = spans.lock().unwrap().clone();
    assert!(shown.len() > 5 && shown.is_sorted() && shown[1] < 50, "{shown:?}");
    rig.end().await;
}
