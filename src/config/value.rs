//! Single values: from what TOML has to what the settings want.
//!
//! Pure functions that know neither file nor key. Each says what it expected and what it found.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeValue;
use url::Url;

use super::complaint::Complaint;
pub(super) use crate::model::in_words;
use crate::model::{Amount, nearest};
use crate::schedule::Zone;

/// The longest part of a text that is told, in characters.
const MAX_TOLD: usize = 60;

/// A value in words, as in `the text "x"`.
pub(super) fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => quote(text),
        DeValue::Integer(number) => format!("the number {number}"),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::Boolean(truth) => format!("`{truth}`"),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => kind(value).to_owned(),
    }
}

/// A value's type in words. For where the value itself may be anything, a secret too.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A text that is not empty.
pub(super) fn text(value: &DeValue<'_>) -> Result<String, Complaint> {
    match value {
        DeValue::String(text) if !text.trim().is_empty() => Ok(text.clone().into_owned()),
        DeValue::Integer(_) | DeValue::Float(_) => {
            Err(mismatch("a text", value).help("put it in quotation marks"))
        }
        _ => Err(mismatch("a text that is not empty", value)),
    }
}

/// A text without spaces and control characters, as identifiers are.
pub(super) fn word(value: &DeValue<'_>) -> Result<String, Complaint> {
    let text = text(value)?;
    if text.chars().any(|character| character.is_whitespace() || character.is_control()) {
        return Err(mismatch("a text without spaces", value));
    }
    Ok(text)
}

/// A path, as it was written.
pub(super) fn path(value: &DeValue<'_>) -> Result<PathBuf, Complaint> {
    let text = text(value)?;
    if text.contains('\0') {
        return Err(mismatch("a path", value));
    }
    Ok(PathBuf::from(text))
}

/// One of several words.
pub(super) fn choice<T: Copy>(value: &DeValue<'_>, words: &[(&str, T)]) -> Result<T, Complaint> {
    let typed = value.as_str();
    if let Some((_, meant)) = words.iter().find(|(word, _)| Some(*word) == typed) {
        return Ok(*meant);
    }
    let list = words.iter().map(|(word, _)| format!("{word:?}")).collect::<Vec<_>>().join(", ");
    Err(mismatch(&format!("one of {list}"), value))
}

/// One of several words, with a suggestion where another one stands there.
pub(super) fn suggested<T: Copy>(value: &DeValue<'_>, words: &[(&'static str, T)]) -> Result<T, Complaint> {
    choice(value, words).map_err(|complaint| {
        let names = words.iter().map(|(word, _)| *word);
        match value.as_str().and_then(|typed| nearest(typed, names)) {
            Some(meant) => complaint.help(format!("did you mean \"{meant}\"?")),
            None => complaint,
        }
    })
}

/// `true` or `false`.
pub(super) fn truth(value: &DeValue<'_>) -> Result<bool, Complaint> {
    value.as_bool().ok_or_else(|| mismatch("true or false", value))
}

/// A list of at least one, each of which is checked.
pub(super) fn list<T>(
    value: &DeValue<'_>,
    check: impl Fn(&DeValue<'_>) -> Result<T, Complaint>,
) -> Result<Vec<T>, Complaint> {
    match value.as_array() {
        Some(items) if !items.is_empty() => items.iter().map(|item| check(item.get_ref())).collect(),
        Some(_) => Err(Complaint::new("expected a list of at least one, found an empty one")),
        None => Err(mismatch("a list", value).help("put it in brackets, as in [\"...\", \"...\"]")),
    }
}

/// A port.
pub(super) fn port(value: &DeValue<'_>) -> Result<u16, Complaint> {
    whole(value)
        .and_then(|number| u16::try_from(number).ok())
        .filter(|port| *port > 0)
        .ok_or_else(|| mismatch("a port from 1 to 65535", value))
}

fn whole(value: &DeValue<'_>) -> Option<u32> {
    value.as_integer().and_then(|number| u32::from_str_radix(number.as_str(), number.radix()).ok())
}

/// A whole number from a range that holds no zero.
pub(super) fn rate(value: &DeValue<'_>, range: &RangeInclusive<u32>) -> Result<NonZeroU32, Complaint> {
    whole(value)
        .filter(|number| range.contains(number))
        .and_then(NonZeroU32::new)
        .ok_or_else(|| mismatch(&format!("a whole number from {} to {}", range.start(), range.end()), value))
}

/// A duration as a text such as `"90s"`, `"30m"`, `"36h"` or `"2d"`.
pub(super) fn duration(value: &DeValue<'_>, range: &RangeInclusive<Duration>) -> Result<Duration, Complaint> {
    const SPELLINGS: &str = "a duration such as \"90s\", \"30m\", \"36h\" or \"2d\"";
    let text = match value {
        DeValue::String(text) => text,
        DeValue::Integer(number) if number.radix() == 10 => {
            return Err(mismatch(SPELLINGS, value)
                .help(format!("say the unit: \"{number}s\" for seconds, \"{number}m\" for minutes")));
        }
        _ => return Err(mismatch(SPELLINGS, value)),
    };
    // Longer words are left out: to the library `M` is a month and `m` a minute.
    let known_units = text
        .split(|character: char| !character.is_alphabetic())
        .all(|unit| matches!(unit, "" | "ms" | "s" | "m" | "h" | "d"));
    if !known_units {
        return Err(mismatch(SPELLINGS, value).help("the units are s, m, h and d, as in \"1h 30m\""));
    }
    let duration = humantime::parse_duration(text).map_err(|_| mismatch(SPELLINGS, value))?;
    if range.contains(&duration) {
        return Ok(duration);
    }
    let (least, most) = (in_words(*range.start()), in_words(*range.end()));
    Err(mismatch(&format!("a duration from {least} to {most}"), value))
}

/// A decimal above zero, exact: a text, or a number as it was typed.
pub(super) fn decimal(value: &DeValue<'_>, example: &str) -> Result<Amount, Complaint> {
    let complain = || mismatch(&format!("a decimal above zero such as {example}"), value);
    let text = match value {
        DeValue::String(text) => text.as_ref(),
        DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
        DeValue::Float(number) => number.as_str(),
        _ => return Err(complain()),
    };
    let amount = Amount::parse(text).map_err(|_| complain())?;
    if amount.decimal() > 0 { Ok(amount) } else { Err(complain()) }
}

/// An IANA time zone.
pub(super) fn time_zone(value: &DeValue<'_>) -> Result<Zone, Complaint> {
    Zone::parse(&text(value)?).map_err(|unknown| {
        let complaint = Complaint::new(unknown.to_string());
        match unknown.meant {
            Some(meant) => complaint.help(format!("did you mean \"{meant}\"?")),
            None => complaint,
        }
    })
}

/// The URL of a service: `https`, or `http` to this machine.
pub(super) fn url(value: &DeValue<'_>) -> Result<Url, Complaint> {
    const EXPECTED: &str = "a URL such as \"https://api.example.com/v2\"";
    let text = text(value)?;
    // Whatever stands before an @ may be a password, and whatever stands after a ? a key.
    let hidden = || {
        Complaint::new(format!("expected {EXPECTED}"))
            .help(
                "leave out user name, password, `?` and `#`; the value is not shown, as it may hold a secret",
            )
            .masked()
    };
    let Ok(url) = Url::parse(&text) else {
        return Err(if text.contains(['@', '?']) { hidden() } else { mismatch(EXPECTED, value) });
    };
    let has_more = url.password().is_some() || url.query().is_some() || url.fragment().is_some();
    if has_more || !url.username().is_empty() {
        return Err(hidden());
    }
    match (url.scheme(), url.host_str()) {
        ("https", Some(_)) => Ok(url),
        ("http", Some(host)) if is_this_machine(host) => Ok(url),
        ("http", _) => Err(mismatch("a URL with https", value)
            .help("http is allowed to this machine alone (localhost, 127.0.0.1, [::1])")),
        _ => Err(mismatch(EXPECTED, value)),
    }
}

/// A URL that may be a secret, so that nothing of it is told back: `https`, or `http` to this machine.
pub(super) fn secret_url(text: &str) -> Result<Url, Complaint> {
    let refused = |expected: &str| {
        Complaint::new(format!("expected {expected}"))
            .help("the value is not shown, as it may be a secret")
            .masked()
    };
    let Ok(url) = Url::parse(text) else {
        return Err(refused("a URL such as \"https://hooks.example.com/...\""));
    };
    if url.password().is_some() || !url.username().is_empty() || url.fragment().is_some() {
        return Err(refused("a URL without user name, password and `#`"));
    }
    match (url.scheme(), url.host_str()) {
        ("https", Some(_)) => Ok(url),
        ("http", Some(host)) if is_this_machine(host) => Ok(url),
        ("http", _) => Err(refused("a URL with https; http is allowed to this machine alone")),
        _ => Err(refused("a URL such as \"https://hooks.example.com/...\"")),
    }
}

/// What was expected, and what was found.
pub(super) fn mismatch(expected: &str, found: &DeValue<'_>) -> Complaint {
    Complaint::new(format!("expected {expected}, found {}", describe(found)))
}

/// Whether a host is the machine that tallyd runs on.
pub(super) fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn quote(text: &str) -> String {
    match text.char_indices().nth(MAX_TOLD) {
        Some((cut, _)) => format!("{:?}...", text.get(..cut).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}
