//! What is wrong with the text of a schedule.

use super::field::CrontabField;

/// How much of a text is shown, in characters.
const MAX_SHOWN: usize = 60;

/// A text that is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Not five fields.
    #[error("expected five fields (minute, hour, day-of-month, month, day-of-week), found {found}")]
    FieldCount {
        /// How many there are.
        found: usize,
    },
    /// A part of a field.
    #[error("{field}: expected {}, found {found:?}", .expected.in_words(*.field))]
    Field {
        /// The field.
        field: CrontabField,
        /// The part of it, cut to a length fit for a message.
        found: String,
        /// What may stand there.
        expected: Expected,
    },
    /// `@reboot`.
    #[error("expected times that recur, found \"@reboot\": a run that was missed is made up at start anyway")]
    Reboot,
    /// Another word with `@`.
    #[error("expected @hourly, @daily, @midnight, @weekly, @monthly, @yearly or @annually, found {found:?}")]
    Word {
        /// The word, cut to a length fit for a message.
        found: String,
    },
    /// A date that is in no calendar.
    #[error("expected a date that comes, found day-of-month {day_of_month:?} in month {month:?}")]
    NoSuchDate {
        /// The day-of-month, cut to a length fit for a message.
        day_of_month: String,
        /// The month, cut to a length fit for a message.
        month: String,
    },
    /// The `cron` crate refused what the fields were translated to: a bug of this room.
    #[error("expected five fields as in crontab(5), found some that the calendar does not take: {message}")]
    Untranslated {
        /// What it said.
        message: String,
    },
}

/// What may stand at a place in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A value.
    Value,
    /// A range whose end is not before its beginning.
    RisingRange,
    /// The step of a range, from 1 to the highest value.
    Step,
    /// A range or `*` in front of a step.
    RangeBeforeStep,
}

impl Expected {
    fn in_words(self, field: CrontabField) -> String {
        let (low, high) = (field.low(), field.high());
        match self {
            Self::Value => match (field.names().first(), field.names().last()) {
                (Some(first), Some(last)) => format!("{low} to {high}, {first} to {last}, or *"),
                _ => format!("{low} to {high}, or *"),
            },
            Self::RisingRange => format!("a range that rises, from {low} to {high}"),
            Self::Step => format!("a step from 1 to {high}"),
            Self::RangeBeforeStep => format!("a range before the step, as in {low}-{high}/2 or */2"),
        }
    }
}

/// A text cut to a length fit for a message.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN).collect()
}
