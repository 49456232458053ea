//! The guard of a listing: a walk that cannot end well ends in an error.

use proptest::prelude::*;
use tallyd::model::FailureKind;
use tallyd::paxos::{Cursor, Order, Page, PageGuard, WalkError};

/// A page whose rows were created at these minutes; ids are `{name}-{minute}`.
fn page(name: &str, minutes: &[u32], next: Option<&str>) -> Page {
    let rows: Vec<String> = minutes
        .iter()
        .map(|minute| {
            let (hour, minute) = (minute / 60, minute % 60);
            format!(
                r#"{{"id":"{name}-{hour}-{minute}","status":"PENDING","created_at":"2026-03-02T{hour:02}:{minute:02}:00Z"}}"#
            )
        })
        .collect();
    let mut page = Page::parse(format!(r#"{{"items":[{}]}}"#, rows.join(",")).as_bytes(), None).unwrap();
    page.next = next.map(Cursor::new);
    page
}

#[test]
fn rule_12_a_cursor_that_repeats_ends_the_walk() {
    let mut guard = PageGuard::new(Order::Ascending);
    guard.check(&page("a", &[1], Some("one"))).unwrap();
    guard.check(&page("b", &[2], Some("two"))).unwrap();
    let error = guard.check(&page("c", &[3], Some("one"))).unwrap_err();
    assert_eq!(error, WalkError::CursorRepeated { page: 3 });
    assert_eq!(error.kind(), FailureKind::Protocol);
}

#[test]
fn rule_12_a_page_that_repeats_ends_the_walk_however_long_ago_it_was() {
    let mut guard = PageGuard::new(Order::Ascending);
    guard.check(&page("a", &[1, 1], Some("one"))).unwrap();
    guard.check(&page("b", &[1], Some("two"))).unwrap();
    assert_eq!(guard.check(&page("a", &[1, 1], Some("three"))), Err(WalkError::PageRepeated { page: 3 }));
}

#[test]
fn rule_12_pages_without_end_end_the_walk() {
    let mut guard = PageGuard::new(Order::Ascending);
    for number in 1..PageGuard::MAX_EMPTY_PAGES {
        guard.check(&page("", &[], Some(&number.to_string()))).unwrap();
    }
    let limit = PageGuard::MAX_EMPTY_PAGES;
    assert_eq!(guard.check(&page("", &[], Some("more"))), Err(WalkError::TooManyEmptyPages { limit }));

    let mut guard = PageGuard::new(Order::Ascending);
    let mut next = page("", &[5], None);
    for number in 0..PageGuard::MAX_PAGES {
        next.next = Some(Cursor::new(&number.to_string()));
        let tallyd::paxos::Row::Readable(row) = &mut next.rows[0] else { panic!() };
        row.orchestration.id = number.to_string().as_str().into();
        guard.check(&next).unwrap();
    }
    next.next = Some(Cursor::new("more"));
    assert_eq!(guard.check(&next), Err(WalkError::TooManyPages { limit: PageGuard::MAX_PAGES }));
}

#[test]
fn empty_pages_in_between_are_fine_and_so_is_an_empty_last_one() {
    let mut guard = PageGuard::new(Order::Ascending);
    for number in 0..200 {
        guard.check(&page("", &[], Some(&format!("e{number}")))).unwrap();
        guard.check(&page(&number.to_string(), &[7], Some(&format!("f{number}")))).unwrap();
    }
    guard.check(&page("", &[], None)).unwrap();
}

#[test]
fn rule_1_a_page_that_goes_back_in_time_ends_the_walk_in_either_order() {
    let mut guard = PageGuard::new(Order::Ascending);
    guard.check(&page("a", &[3, 1, 2], Some("one"))).unwrap();
    guard.check(&page("b", &[3, 4], Some("two"))).unwrap();
    assert!(matches!(guard.check(&page("c", &[5, 3], None)), Err(WalkError::OutOfOrder { page: 3, .. })));

    let mut guard = PageGuard::new(Order::Descending);
    guard.check(&page("a", &[8, 9], Some("one"))).unwrap();
    guard.check(&page("b", &[8, 7], Some("two"))).unwrap();
    assert!(matches!(guard.check(&page("c", &[8, 2], None)), Err(WalkError::OutOfOrder { page: 3, .. })));
}

proptest! {
    #[test]
    fn any_true_listing_passes(
        minutes in prop::collection::vec(0_u32..1440, 0..200),
        size in 1_usize..20,
        descending: bool,
    ) {
        let mut minutes = minutes;
        minutes.sort_unstable();
        let order = if descending { minutes.reverse(); Order::Descending } else { Order::Ascending };
        let mut guard = PageGuard::new(order);
        for (number, chunk) in minutes.chunks(size).enumerate() {
            let next = format!("cursor {number}");
            prop_assert_eq!(guard.check(&page(&number.to_string(), chunk, Some(&next))), Ok(()));
        }
    }
}
