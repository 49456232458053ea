//! Business days: when they are over, and when a calendar runs out.

use std::time::Duration;

use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, TimeZone as _, Timelike as _};
use chrono_tz::Tz;
use proptest::prelude::*;
use tallyd::model::Timestamp;
use tallyd::schedule::{Calendar, Day, Weekend, Zone, business_days};

use super::at;

fn calendar(zone: &str, days_off: &[&str]) -> Calendar {
    with_weekend(zone, Weekend::SATURDAY_AND_SUNDAY, days_off)
}

fn with_weekend(zone: &str, weekend: Weekend, days_off: &[&str]) -> Calendar {
    let days_off = days_off.iter().map(|day| Day::parse(day).unwrap()).collect();
    Calendar::new("test", Zone::parse(zone).unwrap(), weekend, days_off)
}

#[test]
fn business_days_end_at_the_same_time_of_day() {
    for (zone, days_off, since, days, expected) in [
        // Thursday; Friday to Monday; Thursday over a weekend.
        ("UTC", &[][..], "2026-11-19T10:00:00.000001Z", 1, "2026-11-20T10:00:00.000001Z"),
        ("UTC", &[], "2026-11-20T10:00:00Z", 1, "2026-11-23T10:00:00Z"),
        ("UTC", &[], "2026-11-19T23:59:59Z", 2, "2026-11-23T23:59:59Z"),
        ("UTC", &[], "2026-11-19T10:00:00Z", 10, "2026-12-03T10:00:00Z"),
        // What begins on a day off counts from the beginning of the next business day.
        ("UTC", &[], "2026-11-21T10:00:00Z", 1, "2026-11-24T00:00:00Z"),
        ("UTC", &[], "2026-11-22T23:59:59Z", 2, "2026-11-25T00:00:00Z"),
        // Days off within, at the beginning and at the end, and one that is a Saturday anyway.
        ("UTC", &["2026-12-25"], "2026-12-24T09:00:00Z", 1, "2026-12-28T09:00:00Z"),
        ("UTC", &["2026-12-25"], "2026-12-25T09:00:00Z", 1, "2026-12-29T00:00:00Z"),
        ("UTC", &["2026-12-25", "2026-12-28"], "2026-12-24T09:00:00Z", 2, "2026-12-30T09:00:00Z"),
        ("UTC", &["2026-12-26"], "2026-12-24T09:00:00Z", 1, "2026-12-25T09:00:00Z"),
        // The zone says which day it is: Friday evening in New York is Saturday in UTC.
        ("America/New_York", &[], "2026-11-21T02:00:00Z", 1, "2026-11-24T02:00:00Z"),
        // New York sets its clocks forward on 8 March, and back on 1 November 2026.
        ("America/New_York", &[], "2026-03-06T15:00:00Z", 1, "2026-03-09T14:00:00Z"),
        ("America/New_York", &[], "2026-10-30T14:00:00Z", 1, "2026-11-02T15:00:00Z"),
        ("America/New_York", &["2026-11-26"], "2026-11-25T20:00:00Z", 1, "2026-11-27T20:00:00Z"),
        ("Asia/Kathmandu", &[], "2026-11-20T10:00:00Z", 1, "2026-11-23T10:00:00Z"),
        // The whole of Friday 30 December 2011 was skipped: what would end in it ends with the gap.
        ("Pacific/Apia", &[], "2011-12-29T20:00:00Z", 1, "2011-12-30T10:00:00Z"),
    ] {
        let end = calendar(zone, days_off).after(at(since), days);
        assert_eq!(end, at(expected), "{zone} {since} + {days}: {end}");
    }
}

#[test]
fn a_weekend_is_what_the_calendar_says() {
    let friday = Weekend::NONE.with("Friday").unwrap().with("sat").unwrap();
    let gulf = with_weekend("Asia/Riyadh", friday, &[]);
    assert_eq!(gulf.after(at("2026-11-19T10:00:00Z"), 1), at("2026-11-22T10:00:00Z"));
    let none = with_weekend("UTC", Weekend::NONE, &[]);
    assert_eq!(none.after(at("2026-11-20T10:00:00Z"), 2), at("2026-11-22T10:00:00Z"));
    assert_eq!(Weekend::NONE.with("Caturday"), None);
    assert_eq!(friday.to_string(), "Friday, Saturday");
    // A week without a business day would never end.
    let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let week = names.iter().try_fold(Weekend::NONE, |weekend, day| weekend.with(day)).unwrap();
    assert!(!week.leaves_a_day());
    assert_eq!(
        with_weekend("UTC", week, &[]).after(at("2026-11-20T10:00:00Z"), 1),
        at("2026-11-21T10:00:00Z")
    );
}

#[test]
fn a_limit_in_an_hour_that_daylight_saving_touches_ends_in_it() {
    let every_day = with_weekend("Europe/Berlin", Weekend::NONE, &[]);
    // 02:30 is skipped on 29 March 2026, and comes twice on 25 October.
    assert_eq!(every_day.after(at("2026-03-28T01:30:00Z"), 1), at("2026-03-29T01:00:00Z"));
    assert_eq!(every_day.after(at("2026-10-24T00:30:00Z"), 1), at("2026-10-25T00:30:00Z"));
}

#[test]
fn what_cannot_be_expressed_is_never_over() {
    let utc = calendar("UTC", &[]);
    assert_eq!(utc.after(Timestamp::from_micros(i64::MAX), 1), Timestamp::from_micros(i64::MAX));
    assert_eq!(utc.after(Timestamp::from_micros(i64::MIN), 1), Timestamp::from_micros(i64::MAX));
}

#[test]
fn a_calendar_that_runs_out_is_told_before_it_does() {
    let calendar = calendar("America/New_York", &["2026-12-25", "2026-07-03"]);
    for (now, told) in [
        ("2026-10-26T12:00:00Z", None),
        // 60 days before, by New York's date.
        ("2026-10-27T03:59:59Z", None),
        ("2026-10-27T04:00:00Z", Some("2026-12-25, 59 days ahead;")),
        ("2026-12-24T12:00:00Z", Some("2026-12-25, 1 day ahead;")),
        ("2026-12-25T12:00:00Z", Some("2026-12-25, today;")),
        ("2026-12-26T12:00:00Z", Some("2026-12-25, 1 day ago;")),
        ("2029-12-25T12:00:00Z", Some("2026-12-25, 1096 days ago;")),
    ] {
        let running_out = calendar.running_out(at(now)).map(|out| out.to_string());
        assert_eq!(running_out.is_some(), told.is_some(), "{now}: {running_out:?}");
        assert!(running_out.unwrap_or_default().contains(told.unwrap_or_default()), "{now}");
    }
    assert_eq!(self::calendar("UTC", &[]).running_out(at("2026-10-26T12:00:00Z")), None);
}

#[test]
fn numbers_of_business_days_and_dates_are_read_strictly() {
    let read =
        ["1 business day", "2 business days", " 10  business days ", "1 business days"].map(business_days);
    assert_eq!(read, [Some(1), Some(2), Some(10), Some(1)]);
    for text in [
        "",
        "business days",
        "+2 business days",
        "-1 business days",
        "1.5 business days",
        "2 days",
        "2 business weeks",
        "2 business days ago",
        "99999999999 business days",
        "2 Business days",
    ] {
        assert_eq!(business_days(text), None, "{text:?}");
    }
    for text in
        ["", "2026-1-5", "2026-02-29", "1999-12-31", "2101-01-01", "26-12-25", "2026-12-25 ", "+2026-12-2"]
    {
        let refused = Day::parse(text).unwrap_err().to_string();
        assert!(refused.contains(text) && refused.contains("2026-12-25"), "{refused}");
    }
    assert_eq!(Day::parse("2028-02-29").unwrap().to_string(), "2028-02-29");
}

const ZONES: [&str; 6] =
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Chatham"];

/// The end by a look at every day in turn, on a wall clock of another library's making.
fn by_looking(zone: Tz, off: &dyn Fn(NaiveDate) -> bool, since: Timestamp, days: u32) -> (NaiveDate, u32) {
    let wall =
        zone.from_utc_datetime(&DateTime::from_timestamp_micros(since.as_micros()).unwrap().naive_utc());
    let (mut date, mut second) = (wall.date_naive(), wall.num_seconds_from_midnight());
    let mut left = days;
    if off(date) {
        // The next business day begins with nothing counted.
        (second, left) = (0, days + 1);
    }
    while left > 0 {
        date += TimeDelta::days(1);
        if !off(date) {
            left -= 1;
        }
    }
    (date, second)
}

proptest! {
    #[test]
    fn the_end_is_what_looking_at_every_day_finds(
        zone in proptest::sample::select(&ZONES[..]),
        since in 1_767_225_600_i64..1_893_456_000,
        days in 1_u32..30,
        weekend in proptest::collection::vec(0_u32..7, 0..4),
        days_off in proptest::collection::btree_set(0_i64..1600, 0..200),
    ) {
        let first = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
        let days_off: Vec<NaiveDate> = days_off.iter().map(|day| first + TimeDelta::days(*day)).collect();
        let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let free = weekend.iter().try_fold(Weekend::NONE, |free, day| free.with(names[*day as usize])).unwrap();
        let texts: Vec<String> = days_off.iter().map(ToString::to_string).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let calendar = with_weekend(zone, free, &texts);
        let off = |date: NaiveDate| {
            weekend.contains(&date.weekday().num_days_from_monday()) || days_off.contains(&date)
        };
        let since = Timestamp::from_micros(since * 1_000_000);
        let end = calendar.after(since, days);
        prop_assert!(end > since);
        let tz: Tz = zone.parse().unwrap();
        let (date, second) = by_looking(tz, &off, since, days);
        let wall = tz.from_utc_datetime(&DateTime::from_timestamp_micros(end.as_micros()).unwrap().naive_utc());
        let shown = (wall.date_naive(), wall.num_seconds_from_midnight());
        // A time that is skipped that day is the first after it.
        let is_skipped = tz.from_local_datetime(&date.and_hms_opt(0, 0, 0).unwrap().checked_add_signed(
            TimeDelta::seconds(i64::from(second))).unwrap()).earliest().is_none();
        prop_assert!(shown == (date, second) || (is_skipped && shown > (date, second)), "{:?} {:?}", shown, (date, second));
        prop_assert!(!off(wall.date_naive()));
    }

    /// Catches: a limit that ends earlier for what began later. Where the clocks never change that cannot be.
    #[test]
    fn what_begins_later_never_ends_earlier(
        since in 1_767_225_600_i64..1_893_456_000, later in 0_u64..1_000_000, days in 1_u32..10, more in 0_u32..5,
    ) {
        let calendar = calendar("Asia/Kathmandu", &["2026-12-25", "2027-01-01"]);
        let since = Timestamp::from_micros(since * 1_000_000);
        prop_assert!(calendar.after(since, days) <= calendar.after(since.plus(Duration::from_secs(later)), days + more));
    }
}
