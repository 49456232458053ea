//! What ended without success, what cannot be read, and what is there twice.

use tallyd::breaks::History;
use tallyd::breaks::limits::{CriticalAmount, DuplicateWindow, Money};
use tallyd::model::{BreakKind, Change, Evidence, Identifier, ListingTurn, Lookalike, Orchestration};

use super::{Book, in_status, minute, minutes, row};

const NOTHING: [&str; 0] = [];

#[test]
fn failed_opens_once_with_its_reason_and_only_a_person_closes_it() {
    let mut book = Book::new();
    book.sees(1, &row());
    let failed = Orchestration { fail_reason: Some("returned".into()), ..in_status("FAILED", 5) };
    assert_eq!(book.sees(6, &failed), ["failed opens, critical, told"]);
    let Evidence::Ended { at, reason } = &book.of(BreakKind::Failed).evidence else { panic!() };
    assert_eq!((*at, reason.as_deref()), (minute(5), Some("returned")));
    assert_eq!(book.sees(7, &failed), NOTHING);
    assert_eq!(book.meets(8, &[Change::WentMissing]), ["missing_upstream opens, critical, told"]);
    assert_eq!(book.meets(9, &[Change::Reappeared]), ["missing_upstream stands, critical"]);
    assert_eq!(book.standing.len(), 2);
}

#[test]
fn what_failed_and_was_closed_by_a_person_does_not_open_again_by_being_seen() {
    let mut book = Book::new();
    book.sees(6, &in_status("FAILED", 5));
    book.standing.clear();
    assert_eq!(book.sees(7, &in_status("FAILED", 5)), NOTHING);
}

#[test]
fn rejected_is_a_warning_and_critical_for_a_large_amount() {
    let mut book = Book::new();
    assert_eq!(book.sees(6, &in_status("REJECTED", 5)), ["rejected opens, warning, told"]);
    let mut book = Book::new();
    let large = Money::parse("250 USD").unwrap();
    book.limits.defaults.critical_amount = Some(CriticalAmount::From([large].into()));
    assert_eq!(book.sees(6, &in_status("REJECTED", 5)), ["rejected opens, critical, told"]);
}

/// Catches: old failures that are told as news when a profile is first polled; new ones that are not, because
/// they were found late.
#[test]
fn rule_08_what_was_final_before_the_first_poll_is_recorded_and_not_told() {
    let mut book = Book::new();
    book.first_poll = minute(100);
    assert_eq!(book.sees(101, &in_status("FAILED", 99)), ["failed opens, critical"]);
    let mut book = Book::new();
    book.first_poll = minute(100);
    assert_eq!(book.sees(90_000, &in_status("FAILED", 100)), ["failed opens, critical, told"]);
    // What is still held up is news, however old.
    let mut book = Book::new();
    book.first_poll = minute(100);
    assert_eq!(book.sees(101, &row()), ["stuck_processing opens, critical, told"]);
    let mut book = Book::new();
    book.first_poll = minute(100);
    book.history = History::Told;
    assert_eq!(book.sees(101, &in_status("REJECTED", 99)), ["rejected opens, warning, told"]);
}

/// Catches: an old failure without `updated_at` that is told as news on the first day; one that is taken for old
/// though it was seen to end, or came to light later.
#[test]
fn rule_08_without_a_known_end_what_the_first_listing_finds_final_is_history() {
    let failed = |created: i64, completed: Option<i64>| Orchestration {
        created_at: minute(created),
        updated_at: None,
        completed_at: completed.map(minute),
        ..in_status("FAILED", 0)
    };
    let judged = |listing: ListingTurn, row: &Orchestration| {
        let mut book = Book::new();
        (book.first_poll, book.listing) = (minute(100), listing);
        book.sees(101, row)
    };
    let (history, news) = (["failed opens, critical"], ["failed opens, critical, told"]);
    let (first, later) = (ListingTurn::First, ListingTurn::Later);
    for (listing, created, completed, expected) in [
        (first, 99, None, history),
        (first, 100, None, news),
        (later, 99, None, news),
        (first, 50, Some(99), history),
        (first, 50, Some(100), news),
        (later, 50, Some(99), history),
    ] {
        assert_eq!(
            judged(listing, &failed(created, completed)),
            expected,
            "{listing:?} {created} {completed:?}"
        );
    }
    assert_eq!(judged(first, &in_status("FAILED", 100)), news, "it says when it changed");
    // Listed open and then again, by the same listing that was cut short, it was seen to end.
    let mut book = Book::new();
    (book.first_poll, book.listing) = (minute(100), first);
    book.sees(101, &Orchestration { updated_at: None, ..row() });
    assert_eq!(book.sees(102, &failed(0, None)).last().unwrap(), news[0]);
}

#[test]
fn an_unknown_status_opens_one_break_and_resolves_when_it_moves_on() {
    let mut book = Book::new();
    assert_eq!(book.sees(1, &in_status("ON_HOLD", 0)), ["unknown_status opens, warning, told"]);
    assert_eq!(book.sees(2, &in_status("ON_HOLD", 0)), NOTHING);
    assert_eq!(
        book.sees(3, &in_status("COMPLETED", 2)),
        ["unknown_status resolves: moved on to COMPLETED, told"]
    );
}

#[test]
fn a_row_that_cannot_be_read_opens_one_break_and_resolves_when_it_can() {
    let mut book = Book::new();
    assert_eq!(book.cannot_read(1, "status is missing"), ["unreadable opens, warning, told"]);
    assert_eq!(book.cannot_read(2, "status is missing"), NOTHING);
    assert_eq!(book.cannot_read(3, "created_at is missing"), ["unreadable stands, warning"]);
    assert_eq!(book.sees(4, &row()), ["unreadable resolves: it can be read again, told"]);
}

fn other(id: &str, created: i64) -> Lookalike {
    Lookalike { id: Identifier::new(id), created_at: minute(created) }
}

#[test]
fn a_second_one_under_a_ref_id_opens_a_break_that_names_the_first() {
    let mut book = Book::new();
    let steps = book.sees_beside(1, &row(), &[other("first", -5)], &[]);
    assert_eq!(steps, ["duplicate_ref_id opens, critical, told"]);
    let others = Evidence::SameAs { others: vec![Identifier::new("first")] };
    assert_eq!(book.of(BreakKind::DuplicateRefId).evidence, others);
    // One that was created later and is known already would never tell of it.
    let mut book = Book::new();
    assert_eq!(
        book.sees_beside(1, &row(), &[other("later", 5)], &[]),
        ["duplicate_ref_id opens, critical, told"]
    );
}

#[test]
fn old_duplicates_are_history() {
    let mut book = Book::new();
    book.first_poll = minute(100);
    let steps = book.sees_beside(101, &in_status("COMPLETED", 5), &[other("first", -5)], &[]);
    assert_eq!(steps, ["duplicate_ref_id opens, critical"]);
}

#[test]
fn a_lookalike_is_told_only_where_somebody_asked_for_it() {
    let mut book = Book::new();
    assert_eq!(book.sees_beside(1, &row(), &[], &[other("first", -5)]), NOTHING);
    let mut book = Book::new();
    book.limits.defaults.possible_duplicate = Some(DuplicateWindow::Within(minutes(10)));
    assert_eq!(
        book.sees_beside(1, &row(), &[], &[other("first", -5)]),
        ["possible_duplicate opens, warning, told"]
    );
}
