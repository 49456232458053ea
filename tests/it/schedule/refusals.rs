//! What is no schedule and no zone, and how that is said.

use std::fmt::Write as _;

use tallyd::schedule::{Schedule, Zone};

#[test]
fn every_refusal_names_the_field_the_text_and_what_is_allowed() {
    let mut shown = String::new();
    for text in [
        "",
        "* * * *",
        "0 17 * * * *",
        "0 17 * * * * 2026",
        "60 * * * *",
        "-1 * * * *",
        "+5 * * * *",
        "5.5 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * L * *",
        "* * ? * *",
        "* * * 13 *",
        "* * * january *",
        "* * * * 8",
        "* * * * mond",
        "* * * * 5#2",
        "* 22-2 * * *",
        "* * * * fri-mon",
        "* * * * 5-0",
        "1-2-3 * * * *",
        "1, * * * *",
        ", * * * *",
        "*/0 * * * *",
        "*/60 * * * *",
        "*/ * * * *",
        "*/5/5 * * * *",
        "5/15 * * * *",
        "** * * * *",
        "*-5 * * * *",
        "99999999999999999999 * * * *",
        "٣ * * * *",
        "\u{1b}[2J * * * *",
        "0 0 30 2 *",
        "0 0 31 2,4,6,9,11 *",
        "0 0 30-31 feb */2",
        "@reboot",
        "@dayly",
        "@daily @hourly",
        "daily",
    ] {
        let error = Schedule::parse(text, Zone::UTC).expect_err(text);
        writeln!(shown, "{text:?}: {error}").unwrap();
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn a_long_text_is_cut_in_messages() {
    let error = Schedule::parse(&format!("{} * * * *", "9".repeat(10_000)), Zone::UTC).unwrap_err();
    assert!(error.to_string().len() < 200, "{error}");
    let error = Zone::parse(&"x".repeat(1_000)).unwrap_err();
    assert!(error.to_string().len() < 200, "{error}");
}

#[test]
fn an_unknown_zone_comes_with_the_one_that_was_meant() {
    for (typed, meant) in [
        ("Europe/Berln", Some("Europe/Berlin")),
        ("europe/berlin", Some("Europe/Berlin")),
        ("Berlin", Some("Europe/Berlin")),
        ("New York", Some("America/New_York")),
        ("america/new-york", Some("America/New_York")),
        ("utc", Some("UTC")),
        ("Nowhere/Whatsoever", None),
        ("+02:00", None),
        ("", None),
    ] {
        let error = Zone::parse(typed).expect_err(typed);
        assert_eq!(error.meant, meant, "{typed}");
        assert_eq!(error.found, typed);
    }
    assert_eq!(
        Zone::parse("Mars").unwrap_err().to_string(),
        "expected an IANA time zone such as \"Europe/Berlin\" or \"UTC\", found \"Mars\""
    );
    assert_eq!(Zone::parse("UTC"), Ok(Zone::UTC));
    assert_eq!(Zone::parse("Australia/Lord_Howe").unwrap().to_string(), "Australia/Lord_Howe");
}
