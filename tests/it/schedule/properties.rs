//! Any schedule against a clock that is watched minute by minute.

use chrono::{DateTime, Datelike as _, NaiveDateTime, TimeDelta, TimeZone as _, Timelike as _};
use chrono_tz::Tz;
use proptest::prelude::*;
use tallyd::model::Timestamp;

use super::schedule;

/// How long a clock is watched.
const SPAN_MINUTES: i64 = 3 * 24 * 60;

/// What is worth watching: the changes of every zone, the leap day, the end of the year.
const CHANGES: [&str; 9] = [
    "2026-03-29T01:00:00Z",
    "2026-10-25T01:00:00Z",
    "2026-03-08T07:00:00Z",
    "2026-11-01T06:00:00Z",
    "2026-04-04T15:00:00Z",
    "2026-10-03T15:30:00Z",
    "2011-12-30T10:00:00Z",
    "2028-02-29T12:00:00Z",
    "2026-12-31T23:00:00Z",
];

const ZONES: [&str; 6] =
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"];

/// One part of a field's list.
#[derive(Clone, Copy, Debug)]
enum Part {
    Star,
    StarStep(u32),
    Value(u32),
    Range(u32, u32),
    RangeStep(u32, u32, u32),
}

/// A field: its parts, and the values that it can have.
#[derive(Clone, Debug)]
struct Field {
    parts: Vec<Part>,
    low: u32,
    high: u32,
}

impl Field {
    fn text(&self) -> String {
        let part = |part: &Part| match *part {
            Part::Star => "*".to_owned(),
            Part::StarStep(step) => format!("*/{step}"),
            Part::Value(value) => value.to_string(),
            Part::Range(first, last) => format!("{first}-{last}"),
            Part::RangeStep(first, last, step) => format!("{first}-{last}/{step}"),
        };
        self.parts.iter().map(part).collect::<Vec<_>>().join(",")
    }

    fn allows(&self, value: u32) -> bool {
        let stepped = |first: u32, last: u32, step: u32| {
            (first..=last).contains(&value) && (value - first).is_multiple_of(step)
        };
        self.parts.iter().any(|part| match *part {
            Part::Star => true,
            Part::StarStep(step) => stepped(self.low, self.high, step),
            Part::Value(only) => value == only,
            Part::Range(first, last) => stepped(first, last, 1),
            Part::RangeStep(first, last, step) => stepped(first, last, step),
        })
    }

    fn begins_with_star(&self) -> bool {
        matches!(self.parts[0], Part::Star | Part::StarStep(_))
    }
}

fn field(low: u32, high: u32) -> impl Strategy<Value = Field> {
    let range = (low..=high, low..=high).prop_map(|(one, other)| (one.min(other), one.max(other)));
    let part = prop_oneof![
        3 => Just(Part::Star),
        1 => (1..=high.min(30)).prop_map(Part::StarStep),
        1 => (low..=high).prop_map(Part::Value),
        1 => range.clone().prop_map(|(first, last)| Part::Range(first, last)),
        1 => (range, 1..=high).prop_map(|((first, last), step)| Part::RangeStep(first, last, step)),
    ];
    prop::collection::vec(part, 1..3).prop_map(move |parts| Field { parts, low, high })
}

#[derive(Clone, Debug)]
struct Fields {
    minute: Field,
    hour: Field,
    day_of_month: Field,
    month: Field,
    day_of_week: Field,
}

impl Fields {
    fn text(&self) -> String {
        [&self.minute, &self.hour, &self.day_of_month, &self.month, &self.day_of_week]
            .map(Field::text)
            .join(" ")
    }

    fn allow(&self, wall: NaiveDateTime) -> bool {
        let by_date = self.day_of_month.allows(wall.day());
        let weekday = wall.weekday().num_days_from_sunday();
        let by_weekday = self.day_of_week.allows(weekday) || (weekday == 0 && self.day_of_week.allows(7));
        let is_day = if self.day_of_month.begins_with_star() || self.day_of_week.begins_with_star() {
            by_date && by_weekday
        } else {
            by_date || by_weekday
        };
        self.minute.allows(wall.minute())
            && self.hour.allows(wall.hour())
            && self.month.allows(wall.month())
            && is_day
    }
}

fn any_fields() -> impl Strategy<Value = Fields> {
    (field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7)).prop_map(
        |(minute, hour, day_of_month, month, day_of_week)| Fields {
            minute,
            hour,
            day_of_month,
            month,
            day_of_week,
        },
    )
}

/// The minute, of Unix time, at which the watching begins.
fn any_start() -> impl Strategy<Value = i64> {
    let around = (prop::sample::select(&CHANGES[..]), 0..SPAN_MINUTES)
        .prop_map(|(change, before)| DateTime::parse_from_rfc3339(change).unwrap().timestamp() / 60 - before);
    // From 1990 to 2090.
    prop_oneof![3 => around, 1 => 10_519_200_i64..63_115_200]
}

/// Watches the zone's clock, one minute after the other. A run is due when the clock reaches a time that
/// the fields allow, or jumps over it, and has never shown or passed it before.
fn watched(fields: &Fields, zone: Tz, start: i64) -> Vec<i64> {
    let shows = |minute: i64| zone.timestamp_opt(minute * 60, 0).unwrap().naive_local();
    // The clock may be within a repeated hour already, or a day repeated as a whole.
    let mut furthest = (start - 2 * 24 * 60..=start).map(shows).max().unwrap();
    let mut runs = Vec::new();
    for minute in start + 1..=start + SPAN_MINUTES {
        let mut is_due = false;
        while furthest < shows(minute) {
            furthest += TimeDelta::minutes(1);
            is_due |= fields.allow(furthest);
        }
        if is_due {
            runs.push(minute);
        }
    }
    runs
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_runs_are_those_that_a_watched_clock_gives(
        fields in any_fields(),
        zone in prop::sample::select(&ZONES[..]),
        start in any_start(),
    ) {
        let text = fields.text();
        let Ok(schedule) =
            tallyd::schedule::Schedule::parse(&text, tallyd::schedule::Zone::parse(zone).unwrap())
        else {
            // The one thing that these fields can have wrong.
            let days = |month: u32| match month { 2 => 29, 4 | 6 | 9 | 11 => 30, _ => 31 };
            let comes = |month: u32| (1..=days(month)).any(|day| fields.day_of_month.allows(day));
            prop_assert!(!(1..=12).any(|month| fields.month.allows(month) && comes(month)), "{}", text);
            return Ok(());
        };
        let minute = |minute: i64| Timestamp::from_micros(minute * 60_000_000);
        let last = minute(start + SPAN_MINUTES);
        let runs: Vec<Timestamp> =
            std::iter::successors(schedule.next_after(minute(start)), |run| schedule.next_after(*run))
                .take_while(|run| *run <= last)
                .collect();
        prop_assert!(runs.is_sorted_by(|one, next| one < next));
        let expected: Vec<Timestamp> =
            watched(&fields, zone.parse().unwrap(), start).into_iter().map(minute).collect();
        prop_assert_eq!(runs, expected, "{} ({})", text, zone);
    }

    #[test]
    fn asking_at_any_instant_finds_the_same_runs(
        micros in 0_i64..4_000_000_000_000_000,
        text in prop::sample::select(&["17 * * * *", "*/7 1-3 * * *", "30 2 1,15 * sun", "@monthly"][..]),
        zone in prop::sample::select(&ZONES[..]),
    ) {
        let schedule = schedule(text, zone);
        let after = Timestamp::from_micros(micros);
        let next = schedule.next_after(after).unwrap();
        prop_assert!(next > after);
        // The instant before it finds it too, and it is what was missed from then on.
        let before = Timestamp::from_micros(next.as_micros() - 1);
        prop_assert_eq!(schedule.next_after(before), Some(next));
        prop_assert!(schedule.missed(after, next) && !schedule.missed(after, before));
    }

    #[test]
    fn no_text_whatever_makes_it_panic(text in prop_oneof!["[-0-9*/,a-z@ ]{0,40}", any::<String>()]) {
        if let Ok(schedule) = tallyd::schedule::Schedule::parse(&text, tallyd::schedule::Zone::UTC) {
            prop_assert!(schedule.next_after(Timestamp::EPOCH).is_some());
        }
        let _ = tallyd::schedule::Zone::parse(&text);
    }
}
