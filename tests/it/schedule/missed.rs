//! Whether a run was missed.

use super::{at, schedule};

#[test]
fn a_run_that_was_due_since_the_last_one_was_missed() {
    let nightly = schedule("23 2 * * *", "UTC");
    for (last, now, is_missed) in [
        ("2026-11-20T02:23:00Z", "2026-11-20T02:23:00Z", false),
        ("2026-11-20T02:23:00Z", "2026-11-21T02:22:59.999999Z", false),
        ("2026-11-20T02:23:00Z", "2026-11-21T02:23:00Z", true),
        ("2026-11-20T02:22:59Z", "2026-11-20T02:23:00Z", true),
        ("2026-11-01T02:23:00Z", "2026-11-21T12:00:00Z", true),
        // A run that was made up late does not count for the next one.
        ("2026-11-21T12:00:00Z", "2026-11-21T23:59:00Z", false),
        ("2026-11-21T12:00:00Z", "2026-11-22T02:23:00Z", true),
        // The clock was set back.
        ("2026-11-21T12:00:00Z", "2026-11-20T12:00:00Z", false),
    ] {
        assert_eq!(nightly.missed(at(last), at(now)), is_missed, "{last} {now}");
    }
}

#[test]
fn a_run_that_daylight_saving_skips_can_be_missed_too() {
    let nightly = schedule("30 2 * * *", "Europe/Berlin");
    assert!(!nightly.missed(at("2026-03-28T01:30:00Z"), at("2026-03-29T00:59:59Z")));
    assert!(nightly.missed(at("2026-03-28T01:30:00Z"), at("2026-03-29T01:00:00Z")));
    assert!(!nightly.missed(at("2026-10-25T00:30:00Z"), at("2026-10-25T02:00:00Z")));
}
