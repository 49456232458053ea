//! What a schedule does when the clocks of its zone change.

use super::{runs, schedule};

#[test]
fn a_skipped_time_runs_at_the_first_moment_after_the_gap() {
    for (zone, text, after, expected) in [
        // 02:00 → 03:00, at 01:00 UTC on 29 March 2026.
        (
            "Europe/Berlin",
            "30 2 * * *",
            "2026-03-28T00:00:00Z",
            ["2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30"],
        ),
        // 02:00 → 03:00, at 07:00 UTC on 8 March 2026.
        (
            "America/New_York",
            "15 2 * * *",
            "2026-03-07T00:00:00Z",
            ["2026-03-07 07:15", "2026-03-08 07:00", "2026-03-09 06:15"],
        ),
        // 02:00 → 02:30, at 15:30 UTC on 3 October 2026.
        (
            "Australia/Lord_Howe",
            "10 2 * * *",
            "2026-10-02T00:00:00Z",
            ["2026-10-02 15:40", "2026-10-03 15:30", "2026-10-04 15:10"],
        ),
        // The whole of 30 December 2011 was skipped, at 10:00 UTC.
        (
            "Pacific/Apia",
            "0 12 29-31 12 *",
            "2011-12-29T00:00:00Z",
            ["2011-12-29 22:00", "2011-12-30 10:00", "2011-12-30 22:00"],
        ),
    ] {
        assert_eq!(runs(&schedule(text, zone), after, 3), expected, "{text} {zone}");
    }
}

#[test]
fn a_repeated_time_runs_once_the_first_time() {
    for (zone, text, after, expected) in [
        // 03:00 → 02:00, at 01:00 UTC on 25 October 2026.
        (
            "Europe/Berlin",
            "30 2 * * *",
            "2026-10-24T00:00:00Z",
            ["2026-10-24 00:30", "2026-10-25 00:30", "2026-10-26 01:30"],
        ),
        (
            "Europe/Berlin",
            "0 2,3 * * *",
            "2026-10-24T12:00:00Z",
            ["2026-10-25 00:00", "2026-10-25 02:00", "2026-10-26 01:00"],
        ),
        // 02:00 → 01:00, at 06:00 UTC on 1 November 2026.
        (
            "America/New_York",
            "45 1 * * *",
            "2026-10-31T00:00:00Z",
            ["2026-10-31 05:45", "2026-11-01 05:45", "2026-11-02 06:45"],
        ),
        // 02:00 → 01:30, at 15:00 UTC on 4 April 2026.
        (
            "Australia/Lord_Howe",
            "40 1 * * *",
            "2026-04-03T00:00:00Z",
            ["2026-04-03 14:40", "2026-04-04 14:40", "2026-04-05 15:10"],
        ),
    ] {
        assert_eq!(runs(&schedule(text, zone), after, 3), expected, "{text} {zone}");
    }
}

#[test]
fn times_that_fall_on_one_instant_are_one_run() {
    let schedule = schedule("0,30 2,3 * * *", "Europe/Berlin");
    // 02:00, 02:30 and 03:00 are the moment at which the clocks go forward.
    assert_eq!(
        runs(&schedule, "2026-03-28T12:00:00Z", 3),
        ["2026-03-29 01:00", "2026-03-29 01:30", "2026-03-30 00:00"]
    );
}

#[test]
fn asking_within_the_repeated_hour_finds_what_comes_after_it() {
    let hourly = schedule("17 * * * *", "Europe/Berlin");
    // 02:17 comes at 00:17 and again at 01:17, and ran the first time.
    for after in
        ["2026-10-25T00:17:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:05:00Z", "2026-10-25T01:30:00Z"]
    {
        assert_eq!(runs(&hourly, after, 2), ["2026-10-25 02:17", "2026-10-25 03:17"], "{after}");
    }
}

#[test]
fn the_zone_decides_the_day_too() {
    let mondays = schedule("0 0 * * mon", "Pacific/Kiritimati");
    assert_eq!(runs(&mondays, "2026-11-21T00:00:00Z", 2), ["2026-11-22 10:00", "2026-11-29 10:00"]);
    let kathmandu = schedule("0 9 * * *", "Asia/Kathmandu");
    assert_eq!(runs(&kathmandu, "2026-11-21T00:00:00Z", 1), ["2026-11-21 03:15"]);
}
