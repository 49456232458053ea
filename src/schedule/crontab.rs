//! The five fields as times on a wall clock: reads crontab(5) and walks the calendar with `cron`.
//!
//! The language of the `cron` crate differs: it wants a field for seconds, counts Sunday as 1, and joins
//! the two day fields with *and*. So the fields are read here, and `cron` is given lists of numbers.

use chrono::NaiveDateTime;

use super::error::{ScheduleError, shown};
use super::field::{CrontabField, Restriction, Values};

/// The `@` words with what they stand for, as in crontab(5).
const WORDS: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// A crontab line without a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Crontab {
    text: String,
    /// A time is on the schedule if it is on one of these.
    either: Vec<cron::Schedule>,
}

impl Crontab {
    pub(super) fn parse(text: &str) -> Result<Self, ScheduleError> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let given = fields.join(" ");
        let either = match fields.as_slice() {
            [word] if word.starts_with('@') => of_fields(&meaning(word)?)?,
            _ => of_fields(&fields)?,
        };
        Ok(Self { text: given, either })
    }

    /// The text as it was given, with single blanks.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The first time strictly after another, up to the year 2100.
    pub(super) fn next_after(&self, wall: NaiveDateTime) -> Option<NaiveDateTime> {
        // UTC skips and repeats nothing: here it only carries the wall clock through the library.
        let next = |schedule: &cron::Schedule| schedule.after(&wall.and_utc()).next();
        self.either.iter().filter_map(next).min().map(|next| next.naive_utc())
    }
}

fn meaning(word: &str) -> Result<Vec<&'static str>, ScheduleError> {
    if word.eq_ignore_ascii_case("@reboot") {
        return Err(ScheduleError::Reboot);
    }
    let known = WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word));
    known
        .map(|(_, fields)| fields.split(' ').collect())
        .ok_or_else(|| ScheduleError::Word { found: shown(word) })
}

fn of_fields(fields: &[&str]) -> Result<Vec<cron::Schedule>, ScheduleError> {
    let &[minute, hour, day_of_month, month, day_of_week] = fields else {
        return Err(ScheduleError::FieldCount { found: fields.len() });
    };
    let minutes = list(&Values::parse(CrontabField::Minute, minute)?.allowed);
    let hours = list(&Values::parse(CrontabField::Hour, hour)?.allowed);
    let days = Values::parse(CrontabField::DayOfMonth, day_of_month)?;
    let months = Values::parse(CrontabField::Month, month)?;
    let weekdays = Values::parse(CrontabField::DayOfWeek, day_of_week)?;

    let dates = list(&days.allowed);
    let numbered_from_one = list(&weekdays.allowed.iter().map(|day| day + 1).collect::<Vec<_>>());
    // crontab(5): "If both fields are restricted (i.e., don't contain the "*" character), the command will
    // be run when either field matches the current time." What counts is the field's first character, as
    // in Vixie's cron: `*/2` is a star too, and the two fields are then joined with *and*.
    let is_either = [&days, &weekdays].iter().all(|field| field.restriction == Restriction::Restricted);
    if !is_either && !months.allowed.iter().any(|month| days.allowed.iter().any(|day| exists(*month, *day))) {
        return Err(ScheduleError::NoSuchDate { day_of_month: shown(day_of_month), month: shown(month) });
    }
    let months = list(&months.allowed);
    let of_days = |days: &str, weekdays: &str| {
        format!("0 {minutes} {hours} {days} {months} {weekdays} *")
            .parse()
            .map_err(|error: cron::error::Error| ScheduleError::Untranslated { message: error.to_string() })
    };
    if is_either {
        Ok(vec![of_days(&dates, "*")?, of_days("*", &numbered_from_one)?])
    } else {
        Ok(vec![of_days(&dates, &numbered_from_one)?])
    }
}

/// Whether a month has a day, in a leap year at least. Every such date falls on every day of the week some
/// year.
fn exists(month: u8, day: u8) -> bool {
    let last = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    day <= last
}

fn list(values: &[u8]) -> String {
    values.iter().map(u8::to_string).collect::<Vec<_>>().join(",")
}
