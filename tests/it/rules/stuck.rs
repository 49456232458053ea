//! What is held up, and for how long.

use tallyd::breaks::limits::Allowance;
use tallyd::model::{BreakKind, Certainty, Evidence, LegSide, LegTimes, Since};

use super::{Book, WITHIN_PAXOS, in_status, minute, minutes, row, with_legs};

const NOTHING: [&str; 0] = [];

#[test]
fn processing_opens_past_its_limit_and_not_at_it_and_is_critical_at_three_times_that() {
    let mut book = Book::new();
    assert_eq!(book.sees(1, &row()), NOTHING);
    assert_eq!(book.sees(WITHIN_PAXOS, &row()), NOTHING);
    assert_eq!(book.sees(WITHIN_PAXOS + 1, &row()), ["stuck_processing opens, warning, told"]);
    assert_eq!(book.sees(3 * WITHIN_PAXOS, &row()), NOTHING);
    assert_eq!(book.sees(3 * WITHIN_PAXOS + 1, &row()), ["stuck_processing stands, critical, told"]);
    assert_eq!(book.sees(9 * WITHIN_PAXOS, &row()), NOTHING);
    assert_eq!(
        book.sees(500, &in_status("COMPLETED", 499)),
        ["stuck_processing resolves: moved on to COMPLETED, told"]
    );
}

#[test]
fn pending_opens_past_its_limit_alone() {
    let mut book = Book::new();
    let day = 24 * 60;
    assert_eq!(book.sees(day, &in_status("PENDING", 0)), NOTHING);
    assert_eq!(book.sees(day + 1, &in_status("PENDING", 0)), ["stuck_pending opens, warning, told"]);
    assert_eq!(
        book.sees(day + 2, &in_status("PROCESSING", day + 1)),
        ["stuck_pending resolves: moved on to PROCESSING, told"]
    );
}

/// Catches: ages that count from the creation, or begin anew where only a leg moved.
#[test]
fn a_status_counts_from_the_earliest_update_that_was_seen_in_it() {
    let mut book = Book::new();
    book.sees(1, &in_status("PENDING", 0));
    assert_eq!(book.sees(100, &in_status("PROCESSING", 99)), NOTHING);
    // A leg moves, and with it `updated_at`.
    assert_eq!(book.sees(110, &with_legs("PROCESSING", ["PROCESSING", ""], 109)), NOTHING);
    let late = with_legs("PROCESSING", ["PROCESSING", ""], 109);
    assert_eq!(book.sees(99 + WITHIN_PAXOS, &late), NOTHING);
    assert_eq!(book.sees(99 + WITHIN_PAXOS + 1, &late), ["stuck_processing opens, warning, told"]);
    let Evidence::HeldUp { leg, since, passed_at, .. } = &book.of(BreakKind::StuckProcessing).evidence else {
        panic!()
    };
    assert_eq!(*leg, Some(LegSide::Source));
    assert_eq!(*since, Since { at: minute(99), certainty: Certainty::AtLatest });
    assert_eq!(*passed_at, minute(99 + WITHIN_PAXOS));
}

#[test]
fn since_when_is_exact_only_where_nothing_changed_since_the_creation() {
    let mut book = Book::new();
    book.sees(1, &row());
    book.sees(100, &row());
    let Evidence::HeldUp { since, .. } = &book.of(BreakKind::StuckProcessing).evidence else { panic!() };
    assert_eq!(*since, Since { at: minute(0), certainty: Certainty::Exactly });
}

#[test]
fn a_source_that_is_done_without_its_destination_is_told_instead_of_processing() {
    let mut book = Book::new();
    book.leg_times = Some(LegTimes { source: minute(2), destination: minute(0) });
    let between = with_legs("PROCESSING", ["COMPLETED", "PENDING"], 2);
    assert_eq!(book.sees(3, &between), NOTHING);
    // Both are past their limits, by minutes: only the worse one is told.
    assert_eq!(
        book.sees(WITHIN_PAXOS + 3, &between),
        ["stuck_processing opens, warning", "stuck_between_legs opens, critical, told"]
    );
    let Evidence::HeldUp { leg, since, .. } = &book.of(BreakKind::StuckBetweenLegs).evidence else {
        panic!()
    };
    assert_eq!((*leg, since.at), (Some(LegSide::Destination), minute(2)));
    // The legs moved on and it is still PROCESSING: now that is the worst, and nobody was told of it.
    let late = with_legs("PROCESSING", ["COMPLETED", "COMPLETED"], 30);
    assert_eq!(
        book.sees(31, &late),
        ["stuck_processing stands, warning, told", "stuck_between_legs resolves: the legs moved on, told"]
    );
}

/// Catches: a destination leg without a status that passes for one that is done.
#[test]
fn a_destination_that_says_nothing_has_not_arrived() {
    for destination in ["", "PENDING", "PROCESSING", "FAILED", "SOMETHING_NEW"] {
        let mut book = Book::new();
        book.leg_times = Some(LegTimes { source: minute(0), destination: minute(99) });
        let row = with_legs("PROCESSING", ["COMPLETED", destination], 0);
        let steps = book.sees(WITHIN_PAXOS + 1, &row);
        assert!(
            steps.contains(&"stuck_between_legs opens, critical, told".to_owned()),
            "{destination}: {steps:?}"
        );
    }
}

#[test]
fn the_leg_that_is_named_is_the_first_that_is_not_done() {
    let cases = [
        (["", ""], None),
        (["PENDING", ""], Some(LegSide::Source)),
        (["PROCESSING", "PENDING"], Some(LegSide::Source)),
        (["COMPLETED", "PROCESSING"], Some(LegSide::Destination)),
        (["COMPLETED", ""], Some(LegSide::Destination)),
        (["", "PROCESSING"], Some(LegSide::Destination)),
        (["COMPLETED", "COMPLETED"], None),
    ];
    for (legs, expected) in cases {
        let mut book = Book::new();
        book.sees(WITHIN_PAXOS + 1, &with_legs("PROCESSING", legs, 0));
        let Evidence::HeldUp { leg, .. } = &book.of(BreakKind::StuckProcessing).evidence else { panic!() };
        assert_eq!(*leg, expected, "{legs:?}");
    }
}

#[test]
fn a_limit_that_changed_resolves_what_is_within_it_now_and_says_so() {
    let mut book = Book::new();
    book.sees(WITHIN_PAXOS + 1, &row());
    book.limits.defaults.processing = Some(Allowance::Elapsed(minutes(600)));
    assert_eq!(book.sees(WITHIN_PAXOS + 2, &row()), ["stuck_processing resolves: the limit changed, told"]);
}

/// Catches: rules about time that judge a row of which Paxos says that there is none.
#[test]
fn what_just_went_missing_is_not_judged_by_its_age() {
    let mut book = Book::new();
    book.sees(1, &row());
    assert_eq!(
        book.meets(1000, &[tallyd::model::Change::WentMissing]),
        ["missing_upstream opens, critical, told"]
    );
}

#[test]
fn final_states_are_never_held_up() {
    for status in ["COMPLETED", "FAILED", "REJECTED"] {
        let mut book = Book::new();
        let steps = book.sees(100_000, &with_legs(status, ["COMPLETED", "COMPLETED"], 0));
        assert!(!steps.iter().any(|step| step.starts_with("stuck")), "{status}: {steps:?}");
    }
}

#[test]
fn contradicting_legs_open_past_their_grace_and_resolve_when_they_follow() {
    let mut book = Book::new();
    let lagging = with_legs("COMPLETED", ["COMPLETED", "PROCESSING"], 5);
    assert_eq!(book.sees(6, &lagging), NOTHING);
    assert_eq!(book.sees(20, &lagging), NOTHING);
    assert_eq!(book.sees(21, &lagging), ["inconsistent_legs opens, warning, told"]);
    assert_eq!(
        book.sees(30, &with_legs("COMPLETED", ["COMPLETED", "COMPLETED"], 29)),
        ["inconsistent_legs resolves: the legs say what the status says, told"]
    );

    let mut book = Book::new();
    book.leg_times = Some(LegTimes { source: minute(3), destination: minute(0) });
    let failed = with_legs("PROCESSING", ["FAILED", "PENDING"], 3);
    assert_eq!(book.sees(4, &failed), NOTHING);
    assert_eq!(book.sees(18, &failed), NOTHING);
    assert_eq!(
        book.sees(19, &failed),
        ["stuck_processing opens, warning, told", "inconsistent_legs opens, warning, told"]
    );
}

#[test]
fn legs_that_say_nothing_contradict_nothing() {
    let mut book = Book::new();
    assert_eq!(book.sees(10_000, &with_legs("COMPLETED", ["", ""], 0)), NOTHING);
    assert_eq!(book.sees(10_001, &with_legs("COMPLETED", ["COMPLETED", ""], 1)), NOTHING);
}
