//! Rule 1, complete and no more than that: after a complete poll the ledger holds what the API listed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tallyd::clock::Clock as _;
use tallyd::model::{Lane, PollOutcome, Timestamp};
use tallyd::sim::{Canned, Endpoint, Fault, FaultRate, ListField, ListedUnder, Rate, RowFault, RowFaultRate};
use tallyd::sync::Event;

use crate::harness::{Rig, Setup, id_of, ledger_rows, start_time, times_of};

/// All that can befall a list without costing the truth.
const LIST_FAULTS: [&str; 9] = [
    "swap-pages",
    "repeat-page",
    "empty-page",
    "503",
    "cut-body",
    "not-json",
    "expired-cursor",
    "missing-date",
    "401",
];

fn faults(percent: u32) -> Vec<FaultRate> {
    let rate = |name: &str| FaultRate::everywhere(name.parse().unwrap(), Rate::percent(percent));
    LIST_FAULTS.into_iter().map(rate).collect()
}

/// The watermark that all profiles have reached.
fn watermarks(outcome: &PollOutcome) -> Vec<Timestamp> {
    outcome.profiles.iter().filter_map(|poll| Some(poll.coverage?.to)).collect()
}

/// A row of the first profile that was created at that time.
fn row(rig: &Rig, id: &str, created_at: Timestamp) -> Value {
    let sample = rig.control.truth().swap_remove(0);
    json!({
        "id": id,
        "profile_id": rig.profile(0).id.to_string(),
        "customer_id": sample["customer_id"],
        "ref_id": format!("ref of {id}"),
        "source_asset": "USD",
        "destination_asset": "USDG",
        "source_amount": "12.50",
        "status": "PROCESSING",
        "created_at": created_at.to_rfc3339(),
        "updated_at": created_at.to_rfc3339(),
    })
}

/// Polls until every profile is complete and says how it went; the rest of the troubles end the test.
async fn poll_to_the_end(rig: &Rig) -> PollOutcome {
    for _ in 0..40 {
        let outcome = rig.poll().await;
        if outcome.is_complete() {
            return outcome;
        }
    }
    panic!("no poll was complete");
}

/// Catches: a page that is skipped or dropped on any of the ways in which a listing can go wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_a_first_backfill_equals_truth_with_all_list_faults_on() {
    for (profiles, rows, percent) in [(1, 7, 2), (3, 40, 3), (20, 9, 1)] {
        let rig = Rig::start(Setup::of(700).profiles(profiles).pages_of(rows)).await;
        rig.control.set_faults(faults(percent));
        poll_to_the_end(&rig).await;
        rig.assert_ledger_equals_truth();
        rig.end().await;
    }
}

/// Catches: a field that gets lost between the wire and the ledger, and rows counted twice because two
/// profiles list them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_rows_listed_under_both_ends_are_held_once() {
    for profiles in [1, 3, 20] {
        let mut setup = Setup::of(600).profiles(profiles);
        setup.sim.world.listed_under = ListedUnder::Both;
        let rig = Rig::start(setup).await;
        let outcome = rig.poll_completely().await;
        assert_eq!(outcome.profiles.len(), usize::from(profiles));
        let listed: u64 = outcome.profiles.iter().map(|poll| poll.counts.rows).sum();
        let appeared: u64 = outcome.profiles.iter().map(|poll| poll.counts.appeared).sum();
        assert_eq!(appeared, 600);
        assert_eq!(listed > 600, profiles > 1);
        rig.assert_ledger_equals_truth();
        rig.end().await;
    }
}

/// Catches: a position that goes past rows which share an instant with the page's end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_many_rows_of_one_instant_are_all_listed() {
    for faulty in [false, true] {
        let rig = Rig::start(Setup::of(20).profiles(1).pages_of(5)).await;
        for number in 0..60 {
            rig.control.insert(row(
                &rig,
                &format!("tie-{number}"),
                start_time().minus(Duration::from_secs(3600)),
            ));
        }
        if faulty {
            rig.control.set_faults(faults(5));
        }
        poll_to_the_end(&rig).await;
        rig.assert_ledger_equals_truth();
        rig.end().await;
    }
}

/// Catches: an order of pages that is trusted before the next page confirmed it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_a_swapped_first_page_hides_nothing() {
    let rig = Rig::start(Setup::of(300).profiles(1).pages_of(10)).await;
    // The pages behind the swap are cut off: the next walk begins where this one believed to be.
    let broken = [Fault::SwapPages, Fault::ExpiredCursor, Fault::SwapPages, Fault::ExpiredCursor];
    rig.control.script(Endpoint::List, broken);
    poll_to_the_end(&rig).await;
    rig.assert_ledger_equals_truth();
    rig.end().await;
}

/// Catches: pages in disorder after which the slice is not taken back to where the disorder began.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_a_page_that_comes_far_too_late_takes_the_listing_back() {
    let rig = Rig::start(Setup::of(3).profiles(1)).await;
    let [first, second, third] = [50, 40, 30]
        .map(|ago| row(&rig, &format!("{ago} s ago"), start_time().minus(Duration::from_secs(ago))));
    let page = |row: &Value| {
        Canned::json(json!({ "items": [row], "next_page_cursor": format!("after {row}") }).to_string())
    };
    for row in [&first, &second, &third] {
        rig.control.insert(row.clone());
    }
    // The first row comes two pages late, and with another one that no honest answer brings again: it lies
    // behind what two pages in order have confirmed.
    rig.control.script(Endpoint::List, [&second, &third, &first].map(page));
    rig.control.remove("50 s ago").unwrap();
    rig.control.insert(row(&rig, "45 s ago", start_time().minus(Duration::from_secs(45))));
    rig.poll_completely().await;
    let held = ledger_rows(&rig.path());
    assert!(held.contains_key("45 s ago"), "{:?}", held.keys());
    rig.end().await;
}

/// Catches: the overlap dropped or made shorter.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_rows_that_become_visible_late_are_found_within_the_overlap() {
    let rig = Rig::start(Setup::of(50).profiles(1)).await;
    let minutes = |count: u64| Duration::from_secs(60 * count);
    rig.control.insert(row(&rig, "late", start_time().minus(minutes(9))));
    rig.control.hide_until("late", start_time().plus(minutes(4))).unwrap();
    rig.poll_completely().await;
    assert!(!ledger_rows(&rig.path()).contains_key("late"));
    // Half a minute before the watermark's overlap would leave it behind.
    rig.advance(minutes(5));
    let outcome = rig.poll_completely().await;
    assert_eq!(outcome.profiles[0].lane, Lane::Discover);
    assert_eq!(outcome.profiles[0].counts.appeared, 1);
    assert!(ledger_rows(&rig.path()).contains_key("late"));
    rig.end().await;
}

/// Catches: a stale replica that hides the newest rows while the watermark moves past them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_what_a_lagging_replica_hides_is_found_by_the_next_poll() {
    let rig = Rig::start(Setup::of(50).profiles(1)).await;
    rig.control.insert(row(&rig, "hidden", start_time().minus(Duration::from_secs(30))));
    rig.advance(Duration::from_secs(60));
    rig.control.script(Endpoint::List, [Fault::Stale { lag: Duration::from_secs(120) }]);
    rig.poll_completely().await;
    assert!(!ledger_rows(&rig.path()).contains_key("hidden"));
    rig.poll_completely().await;
    assert!(ledger_rows(&rig.path()).contains_key("hidden"));
    rig.end().await;
}

/// Catches: a ceiling that is taken from the local clock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_the_watermark_never_passes_a_fresh_date() {
    for ahead in [0, 7200] {
        let mut setup = Setup::of(200);
        setup.ahead = Duration::from_secs(ahead);
        let rig = Rig::start(setup).await;
        for _ in 0..3 {
            let outcome = rig.poll_completely().await;
            assert_eq!(watermarks(&outcome).len(), 3);
            for watermark in watermarks(&outcome) {
                assert!(watermark <= rig.clock.now(), "{watermark} is past the server's time");
                // `Date` has whole seconds.
                assert!(rig.clock.now().since(watermark) < Duration::from_secs(1));
            }
            rig.advance(Duration::from_secs(300));
        }
        rig.end().await;
    }
}

/// Catches: a ceiling taken from the local clock, or none at all, where no answer has a `Date`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_without_a_date_the_watermark_is_the_newest_row() {
    let rig = Rig::start(Setup::of(200).profiles(1)).await;
    rig.control.set_faults([FaultRate::everywhere(Fault::MissingDate, Rate::ALWAYS)]);
    let newest = times_of(&rig.control.truth()).into_iter().max().unwrap();
    let outcome = rig.poll_completely().await;
    assert_eq!(watermarks(&outcome), [newest]);
    rig.assert_ledger_equals_truth();
    // No row and no clock: nothing is claimed.
    let empty = Rig::start(Setup::of(0).profiles(1)).await;
    empty.control.set_faults([FaultRate::everywhere(Fault::MissingDate, Rate::ALWAYS)]);
    let outcome = empty.poll_completely().await;
    assert_eq!(watermarks(&outcome), []);
    empty.end().await;
    rig.end().await;
}

/// Catches: a `Date` of an earlier poll that is taken for a fresh one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_a_date_of_an_earlier_poll_is_not_fresh() {
    let rig = Rig::start(Setup::of(200).profiles(1)).await;
    rig.poll_completely().await;
    rig.advance(Duration::from_secs(3600));
    rig.control.insert(row(&rig, "newest", rig.clock.now().minus(Duration::from_secs(1800))));
    rig.control.set_faults([FaultRate::everywhere(Fault::MissingDate, Rate::ALWAYS)]);
    let outcome = rig.poll_completely().await;
    assert_eq!(watermarks(&outcome), [rig.clock.now().minus(Duration::from_secs(1800))]);
    assert!(ledger_rows(&rig.path()).contains_key("newest"));
    rig.end().await;
}

/// Catches: a ceiling that moves while a listing runs, so that the watermark passes rows on pages already
/// listed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_rows_created_during_a_poll_wait_for_the_next_one() {
    let paged = Arc::new(AtomicBool::new(false));
    let mut setup = Setup::of(100).profiles(1).pages_of(10);
    let seen = Arc::clone(&paged);
    setup.watch = Arc::new(move |event| {
        if matches!(event, Event::PageCommitted { .. }) {
            seen.store(true, Ordering::SeqCst);
        }
    });
    let rig = Rig::start(setup).await;
    rig.control.script(Endpoint::List, [Fault::EmptyPage; 3]);
    let meanwhile = async {
        rig.control.reached(Endpoint::List, 2).await;
        rig.advance(Duration::from_secs(20));
        rig.control.insert(row(&rig, "meanwhile", rig.clock.now()));
    };
    let (outcome, ()) = tokio::join!(rig.poll(), meanwhile);
    assert!(outcome.is_complete() && paged.load(Ordering::SeqCst));
    assert!(watermarks(&outcome)[0] <= start_time());
    assert!(!ledger_rows(&rig.path()).contains_key("meanwhile"));
    rig.advance(Duration::from_secs(1));
    rig.poll_completely().await;
    assert!(ledger_rows(&rig.path()).contains_key("meanwhile"));
    rig.end().await;
}

/// Catches: a filter on the status in a discovery, and a list that is not read oldest first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_no_filter_hides_a_row_from_a_discovery() {
    let rig = Rig::start(Setup::of(100).pages_of(20)).await;
    rig.poll_completely().await;
    rig.advance(Duration::from_secs(120));
    rig.poll_completely().await;
    let lists = rig.control.requests_to(Endpoint::List);
    assert!(lists.len() > 6);
    let allowed = ["profile_id", "created_at.gte", "created_at.lte", "order", "limit", "page_cursor"];
    for request in lists {
        let url = reqwest::Url::parse(&format!("http://host{}", request.path_and_query)).unwrap();
        // What a refresh asks for is what is known already.
        if url.query_pairs().any(|(name, _)| name == "orchestration_id" || name == "status") {
            continue;
        }
        for (name, value) in url.query_pairs() {
            assert!(allowed.contains(&&*name), "{name}={value} narrows a discovery");
        }
        assert!(url.query_pairs().any(|pair| pair == ("order".into(), "ASC".into())));
    }
    rig.end().await;
}

/// Catches: a watermark that moves although a slice was not listed to its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_the_watermark_waits_for_the_last_page() {
    let rig = Rig::start(Setup::of(100).profiles(1).pages_of(10)).await;
    rig.control.script(Endpoint::List, [Fault::MissingDate; 4]);
    rig.control.set_faults([FaultRate::on(Endpoint::List, "503".parse().unwrap(), Rate::ALWAYS)]);
    let outcome = rig.poll().await;
    assert!(!outcome.is_complete());
    assert_eq!(watermarks(&outcome), []);
    assert!(!ledger_rows(&rig.path()).is_empty());
    rig.control.clear_faults();
    rig.poll_completely().await;
    rig.assert_ledger_equals_truth();
    // The same once something is covered.
    let covered = rig.clock.now();
    rig.advance(Duration::from_secs(60));
    rig.control.insert(row(&rig, "later", rig.clock.now().minus(Duration::from_secs(10))));
    rig.control.set_faults([FaultRate::on(Endpoint::List, "503".parse().unwrap(), Rate::ALWAYS)]);
    let outcome = rig.poll().await;
    assert!(watermarks(&outcome)[0] <= covered);
    rig.control.clear_faults();
    rig.poll_completely().await;
    assert!(ledger_rows(&rig.path()).contains_key("later"));
    rig.end().await;
}

/// Catches: slices that lose what lies at their borders. Large enough to be cut side by side.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_01_a_backfill_in_slices_side_by_side_equals_truth() {
    let mut setup = Setup::of(4500).profiles(1).pages_of(300);
    setup.sim.latency.fixed = Duration::from_millis(5);
    let rig = Rig::start(setup).await;
    rig.control.set_faults(faults(1));
    poll_to_the_end(&rig).await;
    assert!(rig.control.in_flight_max() > 1, "nothing ran side by side");
    rig.assert_ledger_equals_truth();
    rig.end().await;
}

/// A small world and what goes wrong in it.
#[derive(Clone, Debug)]
struct Case {
    seed: u64,
    size: u64,
    profiles: u16,
    page: usize,
    faults: Vec<(usize, u32)>,
    both: bool,
    field: u8,
    ties: u8,
    extras: u32,
}

fn case() -> impl Strategy<Value = Case> {
    let faults = proptest::collection::vec((0..LIST_FAULTS.len(), 1_u32..12), 0..5);
    let world = (any::<u64>(), 0_u64..160, 1_u16..5, 1_usize..40);
    (world, faults, any::<bool>(), 0_u8..3, 0_u8..12, 0_u32..30).prop_map(
        |((seed, size, profiles, page), faults, both, field, ties, extras)| Case {
            seed,
            size,
            profiles,
            page,
            faults,
            both,
            field,
            ties,
            extras,
        },
    )
}

async fn check(case: Case) {
    let mut setup = Setup::of(case.size).profiles(case.profiles).pages_of(case.page);
    setup.sim.world.seed = case.seed;
    setup.sim.world.listed_under = if case.both { ListedUnder::Both } else { ListedUnder::Own };
    setup.sim.api.list_field =
        [ListField::Both, ListField::Items, ListField::Orchestrations][usize::from(case.field)];
    setup.sim.world.row_faults =
        vec![RowFaultRate { fault: RowFault::ExtraFields, rate: Rate::percent(case.extras) }];
    let rig = Rig::start(setup).await;
    if let Some(first) = rig.control.truth().into_iter().next() {
        for number in 0..case.ties {
            let mut tie = first.clone();
            tie["id"] = json!(format!("tie-{number}"));
            rig.control.insert(tie);
        }
    }
    let rate = |(fault, percent): &(usize, u32)| {
        FaultRate::everywhere(LIST_FAULTS[*fault].parse().unwrap(), Rate::percent(*percent))
    };
    rig.control.set_faults(case.faults.iter().map(rate));
    for _ in 0..4 {
        let outcome = rig.poll().await;
        for poll in &outcome.profiles {
            assert!(poll.coverage.is_none_or(|coverage| coverage.to <= rig.clock.now()));
        }
        if outcome.is_complete() {
            break;
        }
    }
    rig.control.clear_faults();
    let outcome = rig.poll_completely().await;
    assert!(watermarks(&outcome).iter().all(|watermark| *watermark <= rig.clock.now()));
    rig.assert_ledger_equals_truth();
    let mut appeared =
        crate::harness::texts_of(&rig.path(), "SELECT orchestration_id FROM journal WHERE kind = 'appeared'");
    appeared.sort_unstable();
    let mut ids: Vec<_> = rig.control.truth().iter().map(id_of).collect();
    ids.sort_unstable();
    assert_eq!(appeared, ids, "each row appears in the journal once");
    rig.end().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 40, ..ProptestConfig::default() })]

    /// Catches: what nobody thought of.
    #[test]
    fn rule_01_any_small_world_is_held_completely(case in case()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(check(case));
    }
}
