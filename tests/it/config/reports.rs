//! The sinks that reports are sent to.

use tallyd::model::SinkName;

use super::{Bench, LEAST, now, one_fault};

const REPORT: &str =
    "[[reports]]\nname = \"daily\"\nschedule = \"@daily\"\nperiod = \"day\"\ndirectory = \"/srv/reports\"\n";

const SINKS: &str = "[[alerts.sinks]]\ntype = \"webhook\"\nname = \"hook\"\nurl = \"https://hook.example.com/\"\n\
    secret_file = \"DIR/secret\"\n[[alerts.sinks]]\ntype = \"email\"\nname = \"treasury-mail\"\nhost = \"localhost\"\n\
    tls = \"none\"\nfrom = \"a@example.com\"\nto = [\"b@example.com\"]\n[[alerts.sinks]]\ntype = \"alertmanager\"\n\
    name = \"alertmanager\"\nurls = [\"http://127.0.0.1:9093\"]\n";

fn with(sinks: &str, named: &str) -> String {
    format!("{LEAST}\n{REPORT}sinks = {named}\n{sinks}")
}

#[test]
fn sinks_are_named_once_each_and_shown() {
    let bench = Bench::new();
    let config = bench.load(&with(SINKS, "[\"treasury-mail\", \"hook\", \"hook\"]")).unwrap().config;
    assert_eq!(config.reports[0].sinks, [SinkName("hook".to_owned()), SinkName("treasury-mail".to_owned())]);
    let shown = config.summary(now());
    let (_, report) = shown.iter().find(|(key, _)| key == "reports").unwrap();
    assert!(report.contains("/srv/reports, sent to hook and treasury-mail, kept"), "{report}");
    let config = bench.load(&format!("{LEAST}\n{REPORT}")).unwrap().config;
    assert_eq!(config.reports[0].sinks, []);
}

/// Catches: a report that is made for a sink that is not there, or that can do nothing with it.
#[test]
fn what_takes_no_report_is_refused_with_what_does() {
    let bench = Bench::new();
    for (sinks, named, message, help) in [
        (
            SINKS,
            "[\"treasury-mial\"]",
            "the name of a sink of [[alerts.sinks]]",
            "did you mean \"treasury-mail\"?",
        ),
        (
            SINKS,
            "[\"elsewhere\"]",
            "the name of a sink of [[alerts.sinks]]",
            "there are: hook, treasury-mail",
        ),
        (
            SINKS,
            "[\"hook\", \"alertmanager\"]",
            "a sink that takes reports",
            "it is of type alertmanager, and the types webhook, slack and email take reports; there are: hook, treasury-mail",
        ),
        (SINKS, "[\"log\"]", "a sink that takes reports", "it is of type log"),
        ("", "[\"log\"]", "a sink that takes reports", "there is none yet"),
        ("", "\"hook\"", "a list", ""),
    ] {
        let error = bench.load(&with(sinks, named)).unwrap_err();
        let fault = one_fault(&error);
        assert!(fault.key.as_deref().unwrap().starts_with("reports[0].sinks"), "{fault}");
        assert!(fault.message.contains(message), "{fault}");
        assert!(fault.help.as_deref().unwrap_or_default().contains(help), "{:?}", fault.help);
    }
    // What is wrong with a sink is told, and no more: nobody knows its name.
    let broken = SINKS.replace("type = \"webhook\"", "type = \"webhok\"");
    let error = bench.load(&with(&broken, "[\"hook\"]")).unwrap_err();
    assert!(one_fault(&error).key.as_deref().unwrap().starts_with("alerts.sinks[0]"), "{error}");
}
