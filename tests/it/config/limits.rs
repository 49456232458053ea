//! The limits of the configuration: defaults, rules, calendars and every mistake in them.

use std::time::Duration;

use proptest::prelude::*;
use tallyd::breaks::Limits;
use tallyd::config::Colour;

use super::{Bench, LEAST, now, one_fault};

/// The least that works, with a text behind it.
fn and(text: &str) -> String {
    format!("{LEAST}\n{text}")
}

fn shown(limits: &[(String, String)]) -> Vec<String> {
    let of_limits = limits.iter().filter(|(key, _)| key.starts_with("limits."));
    of_limits.map(|(key, value)| format!("{key} = {value}")).collect()
}

#[test]
fn without_limits_they_go_by_the_route() {
    let config = Bench::new().load(LEAST).unwrap().config;
    assert_eq!(config.limits, Limits::default());
    insta::assert_snapshot!(shown(&config.summary(now())).join("\n"));
}

/// Catches: a profile that is polled as planned and called unpolled.
#[test]
fn where_polls_are_rare_a_profile_may_go_longer_unpolled() {
    let bench = Bench::new();
    let unpolled = |text: &str| bench.load(&and(text)).unwrap().config.limits.profile_unpolled;
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    assert_eq!(unpolled(""), minutes(15));
    assert_eq!(unpolled("[poll]\nevery = \"30m\""), minutes(90));
    assert_eq!(unpolled("[poll]\nevery = \"30m\"\n[limits]\npending = \"1h\""), minutes(90));
    assert_eq!(unpolled("[poll]\nevery = \"30m\"\n[limits]\nprofile_unpolled = \"61m\""), minutes(61));
}

const FULL: &str = r#"
[[profiles]]
id = "3b9d6a52-8e17-4c0f-a4d2-5f61c7e09b38"
name = "treasury"

[limits]
processing = "6h"
between_legs = "1 business day"
pending = "2 business days"
inconsistent_legs = "30m"
critical_after = 1.5
critical_amount = ["250000 USD", "1000.50 PYUSD"]
possible_duplicate = "10m"
profile_unpolled = "20m"
calendar = "us"

[[limits.rules]]
name = "solana"
destination_network = "SOLANA"
processing = "30m"
critical_after = "2"

[[limits.rules]]
profile = "treasury"
source_rail = "fiat"
source_asset = "USD"
destination_asset = "USDG"
min_source_amount = 1_000_000
processing = "3 business days"
critical_amount = "off"
possible_duplicate = "off"
calendar = "berlin"

[[limits.rules]]
network = "ETHEREUM"
inconsistent_legs = "1h"

[[limits.calendars]]
name = "berlin"
time_zone = "Europe/Berlin"
days_off = [2027-01-01, "2026-12-25"]

[[limits.calendars]]
name = "us"
time_zone = "America/New_York"
weekend = ["sat", "Sunday", "FRIDAY"]
"#;

#[test]
fn every_limit_arrives() {
    let loaded = Bench::new().load(&and(FULL)).unwrap();
    assert_eq!(loaded.warnings, []);
    insta::assert_snapshot!(shown(&loaded.config.summary(now())).join("\n"));
}

#[test]
fn every_mistake_in_limits_is_told_at_once() {
    let bench = Bench::new();
    let error = bench
        .load(&and(r#"
[poll]
every = "20m"

[[profiles]]
id = "3b9d6a52-8e17-4c0f-a4d2-5f61c7e09b38"
name = "treasury"

[limits]
processing = "0s"
between_legs = "-5m"
pending = "0 business days"
inconsistent_legs = "two business days"
critical_after = 0.5
critical_amount = ["1000 USD", "USD", "5 usd", "-1 USD"]
possible_duplicate = "never"
profile_unpolled = "20m"
calendar = "us-bankz"
rule = []

[[limits.rules]]
name = "solana"
source_rail = "cripto"
destination_network = ""
min_source_amount = "1e6"
processing = "400d"

[[limits.rules]]
name = "solana"
profile = "payouts"
destination_rial = "fiat"
critical_after = "101"
calendar = "us-banks"

[[limits.rules]]
processing = "1h"

[[limits.rules]]
network = "SOLANA"
name = "sets nothing"

[[limits.rules]]
source_rail = "fiat"
destination_rail = "profile"
network = "SOLANA"
procesing = "1h"

[[limits.rules]]
destination_rail = "fiat"
source_network = "SOLANA"
source_rail = "profile"
pending = "1h"
critical_after = 2.0001

[[limits.calendars]]
name = "us-banks"
time_zone = "New York"
weekend = ["Saturday", "Caturday"]
days_off = ["2026-12-25", "2026-02-30", "25.12.2026", 2026-12-26T10:00:00, 5]

[[limits.calendars]]
time_zone = "UTC"
weekend = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
holidays = []

[[limits.calendars]]
name = "us-banks"
time_zone = "UTC"
days_off = "2026-12-25"
"#))
        .unwrap_err();
    insta::assert_snapshot!(bench.shown(&error));
}

#[test]
fn rules_between_which_nothing_decides_are_told_for_every_limit() {
    let bench = Bench::new();
    let error = bench
        .load(&and(r#"
[[limits.rules]]
name = "solana"
network = "SOLANA"
processing = "1h"
pending = "1h"
critical_after = 2

[[limits.rules]]
destination_network = "ethereum"
processing = "2h"
critical_after = 3

[[limits.rules]]
name = "to banks"
destination_rail = "fiat"
source_rail = "crypto"
processing = "3h"

[[limits.rules]]
destination_network = "BASE"
between_legs = "3h"
"#))
        .unwrap_err();
    insta::assert_snapshot!(bench.shown(&error));
}

#[test]
fn single_faults_of_limits_have_their_key_and_message() {
    let bench = Bench::new();
    let rule = |lines: &str| format!("[[limits.rules]]\nnetwork = \"SOLANA\"\n{lines}");
    for (text, key, message) in [
        ("[limits]\nprocessing = 5".to_owned(), "limits.processing", "expected a duration such as"),
        ("[limits]\nprocessing = \"1\"".to_owned(), "limits.processing", "expected a duration such as"),
        ("[limits]\nprocessing = \"2 days\"".to_owned(), "limits.processing", "expected a duration such as"),
        (
            "[limits]\npending = \"61 business days\"".to_owned(),
            "limits.pending",
            "expected 1 to 60 business",
        ),
        (
            "[limits]\npending = \"+2 business days\"".to_owned(),
            "limits.pending",
            "expected 1 to 60 business",
        ),
        ("[limits]\npending = \"366d\"".to_owned(), "limits.pending", "a duration from 1s to 365d"),
        ("[limits]\ncritical_after = 0".to_owned(), "limits.critical_after", "a decimal above zero"),
        ("[limits]\ncritical_after = -1".to_owned(), "limits.critical_after", "a decimal above zero"),
        (
            "[limits]\ncritical_after = \"0.999\"".to_owned(),
            "limits.critical_after",
            "a multiple from 1 to 100",
        ),
        ("[limits]\ncritical_after = inf".to_owned(), "limits.critical_after", "a decimal above zero"),
        ("[limits]\ncritical_amount = []".to_owned(), "limits.critical_amount", "at least one amount"),
        (
            "[limits]\ncritical_amount = 5".to_owned(),
            "limits.critical_amount",
            "an amount above zero and its",
        ),
        ("[limits]\ncalendar = \"x\"".to_owned(), "limits.calendar", "expected the name of a calendar"),
        ("[limits.calendar]\nname = \"x\"".to_owned(), "limits.calendar", "found a table"),
        ("[[limits]]\npending = \"1h\"".to_owned(), "limits", "expected a table, found a list"),
        ("limits.rules = 5".to_owned(), "limits.rules", "expected a list of tables, found a number"),
        ("[\"limits.rules\"]\nx = 1".to_owned(), "limits.rules", "unknown table"),
        (rule("min_source_amount = 0\npending = \"1h\""), "limits.rules[0].min_source_amount", "above zero"),
        (rule("source_rail = \"bank\"\npending = \"1h\""), "limits.rules[0].source_rail", "expected one of"),
        (
            rule("profile_unpolled = \"1h\"\npending = \"1h\""),
            "limits.rules[0].profile_unpolled",
            "unknown key",
        ),
    ] {
        // A key behind the last table would be one of its own.
        let text = if text.starts_with('[') { and(&text) } else { format!("{text}\n{LEAST}") };
        let error = bench.load(&text).map(|_| ()).expect_err(&text);
        let fault = one_fault(&error);
        assert_eq!(fault.key.as_deref(), Some(key), "{text}");
        assert!(fault.message.contains(message), "{text}: {fault}");
        assert!(fault.position.is_some(), "{text}");
    }
}

#[test]
fn what_works_in_limits_and_is_doubtful_is_warned_of() {
    let bench = Bench::new();
    for (text, key, message) in [
        ("[limits]\nprofile_unpolled = \"90s\"", "limits.profile_unpolled", "one poll that fails"),
        (
            "[[limits.rules]]\nprofile = \"treasury\"\npending = \"1h\"",
            "limits.rules[0].profile",
            "this is taken for a profile's id",
        ),
        (
            "[[limits.calendars]]\nname = \"a\"\ntime_zone = \"UTC\"\n[[limits.calendars]]\nname = \"b\"\ntime_zone = \"UTC\"",
            "limits.calendars[1].name",
            "no limit counts business days in this calendar",
        ),
        (
            "[[limits.rules]]\nnetwork = \"SOLANA\"\npending = \"1h\"\ncalendar = \"a\"\n[[limits.calendars]]\nname = \"a\"\n\
             time_zone = \"UTC\"",
            "limits.rules[0].calendar",
            "no limit of this rule is counted in business days",
        ),
    ] {
        let loaded = bench.load(&and(text)).unwrap();
        let keys: Vec<_> = loaded.warnings.iter().map(|warning| warning.key.as_deref().unwrap()).collect();
        assert_eq!(keys, [key], "{text}");
        assert!(loaded.render_warnings(Colour::Plain).contains(message), "{text}");
    }
}

proptest! {
    /// Whatever fits the range is taken as it was written, and shown so.
    #[test]
    fn a_limit_is_taken_as_it_was_written(hours in 1_u64..8760, days in 1_u32..=60, thousandths in 1000_u32..=100_000) {
        let bench = Bench::new();
        let text = format!(
            "[limits]\nprocessing = \"{hours}h\"\npending = \"{days} business days\"\n\
             critical_after = \"{}.{:03}\"",
            thousandths / 1000,
            thousandths % 1000,
        );
        let limits = bench.load(&and(&text)).unwrap().config.limits;
        let again = shown(&bench.load(&and(&text)).unwrap().config.summary(now()));
        let plural = if days == 1 { "" } else { "s" };
        let pending = format!("limits.pending = {days} business day{plural} (built-in)");
        prop_assert!(again.contains(&pending), "{:?}", again);
        let value = limits.default_in_words(tallyd::breaks::limits::Setting::CriticalAfter);
        let tallied: f64 = value.parse().unwrap();
        prop_assert_eq!(format!("{tallied:.3}"), format!("{}.{:03}", thousandths / 1000, thousandths % 1000));
    }
}
