//! The contract's rule 9: one break, one story.

use proptest::prelude::*;
use tallyd::model::{Acknowledgement, BreakKind, Change, Mute, Severity, Told};

use super::{Book, WITHIN_PAXOS, in_status, minute, row, with_legs};

const NOTHING: [&str; 0] = [];

fn acknowledged(severity: Severity) -> Mute {
    Mute::On(Acknowledgement {
        by: "ops".to_owned(),
        why: "looking".to_owned(),
        at: minute(16),
        until: None,
        severity,
    })
}

#[test]
fn rule_09_an_acknowledgement_mutes_until_the_severity_rises() {
    let mut book = Book::new();
    book.sees(WITHIN_PAXOS + 1, &row());
    book.of(BreakKind::StuckProcessing).mute = acknowledged(Severity::Warning);
    assert_eq!(book.sees(WITHIN_PAXOS + 2, &row()), NOTHING);
    assert_eq!(
        book.sees(3 * WITHIN_PAXOS + 1, &row()),
        ["stuck_processing is no longer muted", "stuck_processing stands, critical, told"]
    );
}

#[test]
fn rule_09_what_was_acknowledged_as_critical_stays_muted_and_its_end_is_told() {
    let mut book = Book::new();
    book.sees(3 * WITHIN_PAXOS + 1, &row());
    book.of(BreakKind::StuckProcessing).mute = acknowledged(Severity::Critical);
    assert_eq!(book.sees(10_000, &row()), NOTHING);
    assert_eq!(
        book.sees(10_001, &in_status("FAILED", 10_000)),
        ["stuck_processing resolves: moved on to FAILED, told", "failed opens, critical, told"]
    );
}

#[test]
fn rule_09_what_comes_back_opens_anew() {
    let mut book = Book::new();
    book.sees(20, &in_status("ON_HOLD", 0));
    book.sees(21, &in_status("PROCESSING", 20));
    assert_eq!(book.sees(22, &in_status("ON_HOLD", 21)), ["unknown_status opens, warning, told"]);
}

const STATUSES: [&str; 6] = ["PENDING", "PROCESSING", "COMPLETED", "FAILED", "REJECTED", "ON_HOLD"];
const LEGS: [&str; 5] = ["", "PENDING", "PROCESSING", "COMPLETED", "FAILED"];

proptest! {
    /// Whatever a row does: no kind opens twice (the book refuses it), what a person closes stays, at most one kind
    /// that says "held up" was told and stands unmuted without a worse one, and a row that is seen again as it was,
    /// at the same time, has nothing more to say.
    #[test]
    fn rule_09_one_story_whatever_happens(
        steps in proptest::collection::vec((0_usize..6, 0_usize..5, 0_usize..5, 0_i64..200, 0_u8..8), 1..25),
    ) {
        let mut book = Book::new();
        let mut now = 0;
        for (status, source, destination, wait, extra) in steps {
            now += wait;
            let row = with_legs(STATUSES[status], [LEGS[source], LEGS[destination]], now);
            let by_person: Vec<_> = book
                .standing
                .iter()
                .filter(|standing| standing.kind.closing() == tallyd::model::Closing::ByPerson)
                .map(|standing| standing.number)
                .collect();
            book.sees(now, &row);
            match extra {
                0 => drop(book.meets(now, &[Change::WentMissing])),
                1 => drop(book.meets(now, &[Change::Reappeared])),
                2 => drop(book.cannot_read(now, "garbled")),
                _ => {}
            }
            for number in by_person {
                prop_assert!(book.standing.iter().any(|standing| standing.number == number));
            }
            let ranks: Vec<_> = book.standing.iter().filter_map(|standing| standing.kind.held_up_rank()).collect();
            for standing in &book.standing {
                if standing.kind.held_up_rank().is_some_and(|rank| Some(&rank) == ranks.iter().max()) {
                    prop_assert_eq!(standing.told, Told::As(standing.severity), "{:?}", standing);
                }
            }
            if extra > 2 {
                prop_assert_eq!(book.sees(now, &row), Vec::<String>::new());
            }
        }
    }
}
