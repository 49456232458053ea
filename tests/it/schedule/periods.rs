//! Where periods begin and end when the clocks of their zone change.

use std::time::Duration;

use tallyd::model::Timestamp;
use tallyd::schedule::{Period, PeriodKind, WhichPeriod, Zone};

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(&format!("{}:00Z", text.replace(' ', "T"))).unwrap()
}

fn named(zone: &str, name: &str) -> Period {
    let zone = Zone::parse(zone).unwrap();
    WhichPeriod::parse(name).unwrap().of(zone, at("2030-01-01 00:00")).unwrap()
}

fn minutes(period: &Period) -> u64 {
    period.to.since(period.from).as_secs() / 60
}

/// Catches: a day that is always 24 hours long, so that an hour counts in no day or in two.
#[test]
fn a_day_a_week_and_a_month_are_an_hour_shorter_or_longer_when_clocks_change() {
    const DAY: u64 = 24 * 60;
    for (zone, name, from, to, change) in [
        // 02:00 → 03:00 on 29 March 2026, 03:00 → 02:00 on 25 October.
        ("Europe/Berlin", "2026-03-29", "2026-03-28 23:00", "2026-03-29 22:00", -60),
        ("Europe/Berlin", "2026-W13", "2026-03-22 23:00", "2026-03-29 22:00", -60),
        ("Europe/Berlin", "2026-03", "2026-02-28 23:00", "2026-03-31 22:00", -60),
        ("Europe/Berlin", "2026-10-25", "2026-10-24 22:00", "2026-10-25 23:00", 60),
        ("Europe/Berlin", "2026-W43", "2026-10-18 22:00", "2026-10-25 23:00", 60),
        ("Europe/Berlin", "2026-10", "2026-09-30 22:00", "2026-10-31 23:00", 60),
        // 02:00 → 03:00 on 8 March 2026, 02:00 → 01:00 on 1 November, which is the first day of a month.
        ("America/New_York", "2026-03-08", "2026-03-08 05:00", "2026-03-09 04:00", -60),
        ("America/New_York", "2026-W10", "2026-03-02 05:00", "2026-03-09 04:00", -60),
        ("America/New_York", "2026-03", "2026-03-01 05:00", "2026-04-01 04:00", -60),
        ("America/New_York", "2026-11-01", "2026-11-01 04:00", "2026-11-02 05:00", 60),
        ("America/New_York", "2026-W44", "2026-10-26 04:00", "2026-11-02 05:00", 60),
        ("America/New_York", "2026-11", "2026-11-01 04:00", "2026-12-01 05:00", 60),
        ("America/New_York", "2026-10", "2026-10-01 04:00", "2026-11-01 04:00", 0),
        // Half an hour: 02:00 → 01:30 on 5 April 2026, 02:00 → 02:30 on 4 October.
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-04 13:00", "2026-04-05 13:30", 30),
        ("Australia/Lord_Howe", "2026-10-04", "2026-10-03 13:30", "2026-10-04 13:00", -30),
        ("Australia/Lord_Howe", "2026-10", "2026-09-30 13:30", "2026-10-31 13:00", -30),
        // At midnight itself: 00:00 → 01:00 on 24 April 2026, so the day begins at one o'clock.
        ("Africa/Cairo", "2026-04-24", "2026-04-23 22:00", "2026-04-24 21:00", -60),
        // 01:00 → 00:00 on 1 November 2026, so midnight comes twice; the day begins with the first.
        ("America/Havana", "2026-11-01", "2026-11-01 04:00", "2026-11-02 05:00", 60),
    ] {
        let period = named(zone, name);
        assert_eq!((period.from, period.to), (at(from), at(to)), "{zone} {name}");
        assert_eq!(period.name(), name, "{zone}");
        let days = match period.kind.unwrap() {
            PeriodKind::Day => 1,
            PeriodKind::Week => 7,
            PeriodKind::Month if name.ends_with("11") => 30,
            PeriodKind::Month => 31,
        };
        let expected = (days * DAY).checked_add_signed(change).unwrap();
        assert_eq!(minutes(&period), expected, "{zone} {name}");
        // Every instant is in one period: what lies at the ends belongs to it or to its neighbours, and to no other.
        let kind = period.kind.unwrap();
        let containing = |at: Timestamp| Period::containing(kind, period.zone, at).unwrap();
        let last = period.to.minus(Duration::from_micros(1));
        assert_eq!(
            (containing(period.from), containing(last)),
            (period.clone(), period.clone()),
            "{zone} {name}"
        );
        let (next, former) =
            (period.next().unwrap(), containing(period.from.minus(Duration::from_micros(1))));
        assert_eq!((next.from, former.to), (period.to, period.from), "{zone} {name}");
        assert_eq!(containing(period.to), next, "{zone} {name}");
        // It is the last one that is over from its end on, and not before.
        let over = |now: Timestamp| WhichPeriod::Last(kind).of(period.zone, now).unwrap();
        assert_eq!((over(period.to), over(last)), (period.clone(), former), "{zone} {name}");
    }
}

/// Catches: an hour of a year that lies in no day, or in two.
#[test]
fn the_days_of_a_year_are_the_year() {
    for zone in ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/Havana"]
    {
        let (mut day, mut lengths) = (named(zone, "2026-01-01"), Vec::new());
        let begin = day.from;
        while day.name().as_str() < "2027" {
            lengths.push(minutes(&day));
            day = day.next().unwrap();
        }
        assert_eq!(lengths.len(), 365, "{zone}");
        assert_eq!(lengths.iter().sum::<u64>() * 60, day.from.since(begin).as_secs(), "{zone}");
        assert_eq!(lengths.iter().filter(|length| **length != 24 * 60).count(), 2, "{zone}");
        assert_eq!(day.from.since(begin).as_secs(), 365 * 24 * 3600, "{zone}");
    }
}
