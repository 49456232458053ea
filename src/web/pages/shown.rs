//! Values as pages show them: times with ages, badges, text from outside made harmless and short, addresses.

use url::form_urlencoded;

use crate::display::numbers::{age, thousands};
use crate::display::words;
use crate::ledger::BreakState;
use crate::model::{
    Amount, BreakRecord, Identifier, Orchestration, Profile, Severity, Status, Subject, Timestamp, cut,
    grouped, plain, span,
};

/// The most characters of a value that a page shows. Whoever needs more of it has the commands and the API.
const LONGEST: usize = 2000;

/// How far ahead a time may lie that is still now: times of tallyd's own are told in whole seconds.
const GRAIN_MICROS: i64 = 1_000_000;

/// A time, with how long ago it was.
#[derive(Clone, Debug)]
pub(super) struct When {
    /// For programs.
    pub(super) iso: String,
    /// For people.
    pub(super) text: String,
    /// `3m 2s ago`, or `in 5m`.
    pub(super) age: String,
}

impl When {
    /// The time, at `now`.
    pub(super) fn at(time: Timestamp, now: Timestamp) -> Self {
        let iso = time.to_rfc3339_seconds();
        let text = iso.replace('T', " ").replace('Z', " UTC");
        let ahead = time.as_micros().saturating_sub(now.as_micros());
        let age = if ahead > GRAIN_MICROS {
            format!("in {}", span(time.since(now)))
        } else {
            format!("{} ago", age(now, time))
        };
        Self { iso, text, age }
    }
}

/// A word that stands out, with a sign beside its colour.
#[derive(Clone, Debug)]
pub(super) struct Badge {
    pub(super) class: &'static str,
    pub(super) sign: &'static str,
    pub(super) text: String,
}

impl Badge {
    pub(super) fn good(text: &str) -> Self {
        Self { class: "good", sign: "✓", text: text.to_owned() }
    }

    pub(super) fn warning(text: &str) -> Self {
        Self { class: "warn", sign: "▲", text: text.to_owned() }
    }

    pub(super) fn bad(text: &str) -> Self {
        Self { class: "bad", sign: "◆", text: text.to_owned() }
    }

    pub(super) fn quiet(text: &str) -> Self {
        Self { class: "quiet", sign: "●", text: text.to_owned() }
    }

    /// How bad a break is, or was.
    pub(super) fn of_break(record: &BreakRecord) -> Self {
        let text = record.standing.severity.as_str();
        match (BreakState::of(record), record.standing.severity) {
            (BreakState::Resolved, _) => Self::good(text),
            (BreakState::Acknowledged, _) => Self::quiet(text),
            (BreakState::Open, Severity::Critical) => Self::bad(text),
            (BreakState::Open, Severity::Warning) => Self::warning(text),
        }
    }

    /// Where an orchestration stands.
    pub(super) fn of_status(status: &Status) -> Self {
        match status {
            Status::Completed => Self::good(status.as_str()),
            Status::Failed => Self::bad(status.as_str()),
            Status::Rejected => Self::warning(status.as_str()),
            Status::Pending | Status::Processing => Self::quiet(status.as_str()),
            Status::Unknown(text) => Self { class: "warn long", ..Self::warning(&short(text, 60)) },
        }
    }

    /// How a poll ended, or that it runs.
    pub(super) fn of_poll(result: &str) -> Self {
        match result {
            "complete" => Self::good(result),
            "failed" => Self::bad(result),
            "running" => Self::quiet(result),
            _ => Self::warning(result),
        }
    }
}

/// A break in a table.
#[derive(Clone, Debug)]
pub(super) struct BreakRow {
    pub(super) number: i64,
    pub(super) kind: &'static str,
    pub(super) severity: Badge,
    pub(super) state: String,
    pub(super) lasts: String,
    pub(super) since: When,
    pub(super) amount: String,
    pub(super) profile: String,
    pub(super) about: String,
    pub(super) about_href: Option<String>,
}

impl BreakRow {
    pub(super) fn of(record: &BreakRecord, now: Timestamp) -> Self {
        Self {
            number: record.standing.number.0,
            kind: record.standing.kind.as_str(),
            severity: Badge::of_break(record),
            state: words::state(record),
            lasts: words::lasting(record, now),
            since: When::at(words::since(record).at, now),
            amount: short(&words::amounts(record), 80),
            profile: record.profile.as_ref().map(|profile| short(&profile.label(), 80)).unwrap_or_default(),
            about: short(&words::subject(record), 120),
            about_href: about_href(record),
        }
    }
}

/// Where the orchestration is shown that a break is about.
pub(super) fn about_href(record: &BreakRecord) -> Option<String> {
    match &record.standing.subject {
        Subject::Orchestration(id) => Some(orchestration_href(id)),
        Subject::Profile(_) | Subject::Cause(_) | Subject::Report(_) => None,
    }
}

/// A name and a value, perhaps with a link or an age.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) href: Option<String>,
    pub(super) age: Option<String>,
}

impl Fact {
    pub(super) fn new(name: &str, value: impl Into<String>) -> Self {
        Self { name: name.to_owned(), value: value.into(), href: None, age: None }
    }

    pub(super) fn time(name: &str, time: Timestamp, now: Timestamp) -> Self {
        let When { text, age, .. } = When::at(time, now);
        Self { age: Some(age), ..Self::new(name, text) }
    }
}

/// A bar of a chart, in thousandths of its width.
#[derive(Clone, Debug)]
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) count: String,
    pub(super) width: u64,
    pub(super) class: &'static str,
}

/// Bars by the longest of them. What is there at all is seen.
pub(super) fn bars(counts: &[(String, u64, &'static str)]) -> Vec<Bar> {
    let longest = counts.iter().map(|(_, count, _)| *count).max().unwrap_or(0).max(1);
    let bar = |(label, count, class): &(String, u64, &'static str)| {
        let least = if *count > 0 { 4 } else { 0 };
        let width = (count.saturating_mul(1000) / longest).max(least);
        Bar { label: label.clone(), count: thousands(*count), width, class }
    };
    counts.iter().map(bar).collect()
}

/// Text from outside, harmless and not longer than a page bears.
pub(super) fn text(text: &str) -> String {
    short(text, LONGEST)
}

/// The same, shorter.
pub(super) fn short(text: &str, most: usize) -> String {
    // Cut first: what is made harmless of it may be longer, and is worth showing.
    plain(&cut(text, most))
}

/// What is taken, with its asset; empty where that is not given.
pub(super) fn amount_of(row: &Orchestration) -> String {
    let amount = row.source_amount.as_ref().map(Amount::as_str).map(grouped);
    let parts: Vec<_> =
        [amount, row.source_asset.as_deref().map(str::to_owned)].into_iter().flatten().collect();
    short(&parts.join(" "), 120)
}

/// The name of a profile, or its id.
pub(super) fn label(profile: &Profile) -> String {
    short(&profile.label(), 80)
}

/// Where an orchestration is shown.
pub(super) fn orchestration_href(id: &Identifier) -> String {
    format!("/orchestrations/{}", segment(&id.to_string()))
}

/// A text as one part of an address.
pub(super) fn segment(text: &str) -> String {
    // A form writes a blank as `+`, which is a plus in a path.
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_grouped_before_the_point_only() {
        let shown = ["0.5", "-1234567.891234", "999", "1000"].map(grouped);
        assert_eq!(shown, ["0.5", "-1,234,567.891234", "999", "1,000"]);
    }

    #[test]
    fn an_id_of_any_text_is_one_part_of_an_address() {
        assert_eq!(segment("a b+c/../d?e#f%"), "a%20b%2Bc%2F..%2Fd%3Fe%23f%25");
    }

    #[test]
    fn a_time_ahead_is_told_as_such() {
        let now = Timestamp::from_micros(1_780_000_000_000_000);
        let at =
            |seconds: i64| When::at(Timestamp::from_micros(now.as_micros() + seconds * 1_000_000), now).age;
        assert_eq!([at(-61), at(0), at(1), at(90)], ["1m 1s ago", "0s ago", "0s ago", "in 1m 30s"]);
    }
}
