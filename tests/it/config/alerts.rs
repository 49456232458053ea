//! The alerts of the configuration.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tallyd::config::{Colour, Login, ProfileFilter, Repeat, SinkTarget, SmtpTls};
use tallyd::model::{Audience, Severity};

use super::{Bench, LEAST, now, one_fault};

/// The least that works, with one sink.
fn with_sink(lines: &str) -> String {
    format!("{LEAST}[[alerts.sinks]]\n{lines}\n")
}

const SLACK: &str = "name = \"desk\"\ntype = \"slack\"\nurl_file = \"DIR/slack\"";
const SLACK_URL: &str = "https://hooks.slack.com/services/T0/B0/hunter2-correct-horse";

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("slack", format!("{SLACK_URL}\n").as_bytes());
    bench
}

#[test]
fn the_log_is_always_a_sink_and_history_is_silent() {
    let bench = bench();
    let alerts = bench.load(LEAST).unwrap().config.alerts;
    assert_eq!(alerts.history, Audience::Nobody);
    assert!(alerts.heartbeat.is_none() && alerts.runbook_url.is_none());
    let names = |text: &str| -> Vec<String> {
        let sinks = bench.load(text).unwrap().config.alerts.sinks;
        sinks.iter().map(|sink| format!("{} {}", sink.name, sink.target.type_name())).collect()
    };
    assert_eq!(names(LEAST), ["log log"]);
    assert_eq!(names(&with_sink(SLACK)), ["log log", "desk slack"]);
    assert_eq!(names(&with_sink("type = \"log\"\nmin_severity = \"critical\"")), ["log log"]);
    assert_eq!(names(&with_sink("type = \"log\"\nname = \"journal\"")), ["journal log"]);
}

#[test]
fn every_type_arrives() {
    let bench = bench();
    let load = |lines: &str| bench.load(&with_sink(lines)).unwrap().config.alerts.sinks.pop().unwrap();
    let slack = load(SLACK);
    assert!(matches!(&slack.target, SinkTarget::Slack { url } if url.expose() == SLACK_URL));
    assert_eq!(slack.routing.min_severity, Severity::Warning);
    assert_eq!(slack.routing.profiles, ProfileFilter::All);
    assert!(matches!(slack.routing.repeat, Repeat::After(after) if after.as_secs() == 86_400));
    let hook = load(
        "name = \"hook\"\ntype = \"webhook\"\nurl = \"https://hook.example.com/x?key=1\"\nsecret_file = \"DIR/secret\"",
    );
    assert!(matches!(&hook.target, SinkTarget::Webhook { url, .. } if url.expose().ends_with("/x?key=1")));
    let pager = load("name = \"p\"\ntype = \"pagerduty\"\nrouting_key_file = \"DIR/secret\"");
    assert!(
        matches!(&pager.target, SinkTarget::PagerDuty { url, .. } if url == tallyd::config::PAGERDUTY_URL)
    );
    let am = load(
        "name = \"a\"\ntype = \"alertmanager\"\nurls = [\"http://[::1]:9093\"]\ntoken_file = \"DIR/secret\"",
    );
    assert!(matches!(&am.target, SinkTarget::Alertmanager { login: Login::Bearer(_), .. }));
    for (tls, mode, port) in [("starttls", SmtpTls::StartTls, 587), ("implicit", SmtpTls::Implicit, 465)] {
        let mail = load(&format!(
            "name = \"m\"\ntype = \"email\"\nhost = \"smtp.example.com\"\ntls = {tls:?}\nfrom = \"a@example.com\"\nto = [\"b@example.com\"]"
        ));
        assert!(matches!(&mail.target, SinkTarget::Email(email) if email.tls == mode && email.port == port));
    }
}

#[test]
fn single_faults_of_a_sink_have_their_key_and_message() {
    let bench = bench();
    bench.write("ftp", b"ftp://hooks.example.com/hunter2-correct-horse\n");
    let mail = |line: &str, without: &str| {
        let lines = [
            ("name", "name = \"m\""),
            ("type", "type = \"email\""),
            ("host", "host = \"smtp.example.com\""),
            ("from", "from = \"a@example.com\""),
            ("to", "to = [\"b@example.com\"]"),
        ];
        let kept = lines.iter().filter(|(key, _)| *key != without).map(|(_, line)| *line);
        kept.chain([line]).collect::<Vec<_>>().join("\n")
    };
    let slack = |line: &str| format!("{SLACK}\n{line}");
    for (lines, key, message) in [
        ("type = \"webhok\"\nname = \"x\"".to_owned(), "type", "expected one of \"log\""),
        ("name = \"x\"".to_owned(), "type", "missing"),
        ("type = \"slack\"\nurl_file = \"DIR/slack\"".to_owned(), "name", "missing"),
        ("type = \"slack\"\nname = \"log\"\nurl_file = \"DIR/slack\"".to_owned(), "name", "always there"),
        ("type = \"slack\"\nname = \"x\"".to_owned(), "url_file", "missing: there is no stand-in"),
        (
            "type = \"slack\"\nname = \"x\"\nurl_file = \"DIR/ftp\"".to_owned(),
            "url_file",
            "expected a URL such as",
        ),
        (
            "type = \"pagerduty\"\nname = \"x\"".to_owned(),
            "routing_key_file",
            "missing: there is no stand-in",
        ),
        (
            "type = \"webhook\"\nname = \"x\"\nurl = \"https://h.example.com\"".to_owned(),
            "secret_file",
            "missing",
        ),
        ("type = \"webhook\"\nname = \"x\"\nsecret_file = \"DIR/secret\"".to_owned(), "url", "missing"),
        (
            "type = \"alertmanager\"\nname = \"x\"\nurls = [\"http://am.example.com\"]".to_owned(),
            "urls",
            "a URL with https",
        ),
        (slack("host = \"x\""), "host", "a sink of type \"slack\" has no such key"),
        (slack("kinds = [\"stuck_procesing\"]"), "kinds", "expected a kind of break"),
        (slack("kinds = []"), "kinds", "expected a list of at least one"),
        (slack("repeat = \"1m\""), "repeat", "expected a duration from 5m to 90d"),
        (slack("resolved = \"no\""), "resolved", "expected true or false"),
        (slack("burst = 0"), "burst", "expected a whole number from 1 to 1000"),
        (slack("min_severity = \"fatal\""), "min_severity", "expected one of \"warning\", \"critical\""),
        (mail("tls = \"none\"", ""), "tls", "goes to this machine alone"),
        (mail("port = 0", ""), "port", "expected a port"),
        (mail("user = \"x\"", ""), "password_file", "missing"),
        (mail("password_file = \"DIR/secret\"", ""), "user", "missing, and there is a password"),
        (mail("from = \"Ada <a@example.com>\"", "from"), "from", "expected an address such as"),
    ] {
        let error = bench.load(&with_sink(&lines)).map(|_| ()).expect_err(&lines);
        let fault = one_fault(&error);
        assert_eq!(fault.key.as_deref(), Some(&*format!("alerts.sinks[0].{key}")), "{lines}");
        assert!(fault.message.contains(message), "{lines}: {fault}");
        assert!(!error.render(Colour::Plain).contains("hunter2"), "{lines}");
    }
}

#[test]
fn no_two_sinks_share_a_name() {
    let bench = bench();
    let error = bench.load(&format!("{}[[alerts.sinks]]\n{SLACK}", with_sink(SLACK))).unwrap_err();
    assert!(one_fault(&error).message.contains("no other sink has, found \"desk\" again"));
}

#[test]
fn a_secret_that_everybody_can_read_is_warned_of() {
    let bench = bench();
    fs::set_permissions(bench.path("slack"), fs::Permissions::from_mode(0o644)).unwrap();
    let loaded = bench.load(&with_sink(SLACK)).unwrap();
    let shown = bench.anonymous(&loaded.render_warnings(Colour::Plain));
    assert!(
        shown.contains("`alerts.sinks[0].url_file`: every user of this machine can read the secret"),
        "{shown}"
    );
    assert!(shown.contains("help: chmod 600 DIR/slack"), "{shown}");
}

/// Contract rule 13, for what sinks know.
#[test]
fn rule_13_no_secret_of_a_sink_is_shown() {
    let bench = bench();
    let texts = [
        SLACK.to_owned(),
        format!("name = \"x\"\ntype = \"slack\"\nurl = {SLACK_URL:?}"),
        format!("name = \"x\"\ntype = \"slack\"\nurl = {SLACK_URL}"),
        format!("name = \"x\"\ntype = \"webhook\"\nurl = {SLACK_URL:?}\nsecret = \"hunter2-correct-horse\""),
        "name = \"x\"\ntype = \"webhook\"\nurl = \"https://u:hunter2-correct-horse@example.com\"".to_owned(),
        "name = \"x\"\ntype = \"pagerduty\"\nrouting_key = \"hunter2-correct-horse\"".to_owned(),
        "name = \"x\"\ntype = \"email\"\npassword = \"hunter2-correct-horse\"".to_owned(),
        "name = \"x\"\ntype = \"email\"\npassword = \"hunter2-correct-horse".to_owned(),
    ];
    for text in texts {
        let shown = match bench.load(&with_sink(&text)) {
            Ok(loaded) => {
                assert!(loaded.config.alerts.has_the_secrets_of(&loaded.config.alerts.clone()));
                format!("{loaded:?} {:?}", loaded.config.summary(now()))
            }
            Err(error) => format!("{error} {error:?} {}", error.render(Colour::Plain)),
        };
        assert!(!shown.contains("hunter2"), "{text}\n{shown}");
    }
}
