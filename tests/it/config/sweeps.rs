//! The sweeps of the configuration.

use std::time::Duration;

use tallyd::config::{Colour, SweepConfig};
use tallyd::model::SweepWindow;

use super::{Bench, LEAST, now, one_fault};

/// The least that works, with a text in front of its tables and one behind.
fn with_sweeps(before: &str, after: &str) -> String {
    format!("{before}\n{LEAST}\n{after}")
}

fn told(sweeps: &[SweepConfig]) -> Vec<String> {
    sweeps.iter().map(|sweep| format!("{}: {}, {}", sweep.name, sweep.schedule, sweep.window)).collect()
}

#[test]
fn without_sweeps_there_are_three() {
    let config = Bench::new().load(LEAST).unwrap().config;
    assert_eq!(
        told(&config.sweeps),
        ["48h: 17 * * * * (UTC), 48h", "35d: 23 2 * * * (UTC), 35d", "all: 41 3 * * 0 (UTC), all"]
    );
    let windows: Vec<_> = config.sweeps.iter().map(|sweep| sweep.window).collect();
    let hours = |hours: u64| SweepWindow::Last(Duration::from_secs(hours * 3600));
    assert_eq!(windows, [hours(48), hours(35 * 24), SweepWindow::Everything]);
}

#[test]
fn the_sweeps_that_are_named_replace_the_three() {
    let text = "[[sweeps]]\nschedule = \"@daily\"\nwindow = \"2d\"\ntime_zone = \"Europe/Berlin\"";
    let config = Bench::new().load(&with_sweeps("", text)).unwrap().config;
    assert_eq!(told(&config.sweeps), ["48h: @daily (Europe/Berlin), 48h"]);
}

#[test]
fn an_empty_list_means_no_sweeps_and_is_warned_of() {
    let bench = Bench::new();
    let loaded = bench.load(&with_sweeps("sweeps = []", "")).unwrap();
    assert_eq!(loaded.config.sweeps, []);
    let keys: Vec<_> = loaded.warnings.iter().map(|warning| warning.key.as_deref().unwrap()).collect();
    assert_eq!(keys, ["sweeps"]);
    assert!(loaded.render_warnings(Colour::Plain).contains("nothing is swept"));
    assert!(loaded.config.summary(now()).contains(&("sweeps".to_owned(), "none".to_owned())));
}

#[test]
fn a_name_is_given_once_whoever_gave_it() {
    let bench = Bench::new();
    let sweep = |more: &str| format!("[[sweeps]]\nschedule = \"@daily\"\n{more}\n");
    let nightly = sweep("window = \"48h\"");
    for other in ["window = \"2d\"", "window = \"all\"\nname = \"48h\""] {
        let error = bench.load(&with_sweeps("", &format!("{nightly}{}", sweep(other)))).unwrap_err();
        let fault = one_fault(&error);
        assert_eq!(fault.key.as_deref(), Some("sweeps[1].name"));
        assert!(
            fault.message.contains("no other sweep has, found \"48h\" again: it is on line 12"),
            "{fault}"
        );
    }
    let named = sweep("window = \"2d\"\nname = \"second\"");
    assert_eq!(bench.load(&with_sweeps("", &format!("{nightly}{named}"))).unwrap().config.sweeps.len(), 2);
}

#[test]
fn single_faults_of_a_sweep_have_their_key_and_message() {
    let bench = Bench::new();
    let least = [("schedule", "schedule = \"@daily\""), ("window", "window = \"48h\"")];
    for (key, line, message) in [
        ("schedule", "", "missing, and there is no default for it"),
        ("window", "", "missing, and there is no default for it"),
        ("schedule", "schedule = \"60 * * * *\"", "minute: expected 0 to 59, or *, found \"60\""),
        ("schedule", "schedule = 5", "expected a text, found the number 5"),
        ("window", "window = \"59m\"", "expected a duration from 1h to 3650d, found \"59m\""),
        ("window", "window = \"3651d\"", "expected a duration from 1h to 3650d, found \"3651d\""),
        ("window", "window = \"All\"", "expected a duration such as"),
        ("window", "window = 48", "expected a duration such as"),
        ("time_zone", "time_zone = \"Berlin\"", "expected an IANA time zone such as \"Europe/Berlin\""),
        ("time_zone", "time_zone = \"\"", "expected a text that is not empty"),
        ("name", "name = \"hourly sweep\"", "expected a text without spaces"),
    ] {
        let others = least.iter().filter(|(other, _)| *other != key).map(|(_, line)| *line);
        let lines: Vec<&str> = std::iter::once(line).chain(others).collect();
        let error = bench.load(&with_sweeps("", &format!("[[sweeps]]\n{}", lines.join("\n")))).unwrap_err();
        let fault = one_fault(&error);
        assert_eq!(fault.key.as_deref(), Some(&*format!("sweeps[0].{key}")), "{line}");
        assert!(fault.message.contains(message), "{line}: {fault}");
        assert!(fault.position.is_some(), "{line}");
    }
}
