//! The configuration through its public edge: files on disk in, settings or faults out.

#![expect(clippy::unwrap_used, reason = "a test whose stage cannot be set has failed")]

mod alerts;
mod limits;
mod reports;
mod server;
mod sweeps;

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use secrecy::ExposeSecret;
use tallyd::config::{
    Colour, Config, ConfigError, DEFAULT_BACKFILL_AFTER, DEFAULT_BACKFILL_REQUESTS_PER_SECOND, DEFAULT_EVERY,
    DEFAULT_OVERLAP, DEFAULT_PATH, DEFAULT_REQUEST_TIMEOUT, DEFAULT_REQUESTS_PER_SECOND, EnvironmentName,
    Loaded, LogFormat, LogLevel, Position, SecretSource, path_from,
};
use tallyd::model::{ProfileSelection, Timestamp, TransferLookUps};
use tempfile::TempDir;

/// The secret of every test: it must turn up nowhere.
const SECRET: &str = "hunter2-correct-horse";

/// A directory with a secret in it, and a configuration that names that.
struct Bench {
    directory: TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { directory: tempfile::tempdir().unwrap() };
        bench.write("secret", format!("{SECRET}\n").as_bytes());
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// Loads a configuration; `DIR` in it stands for the directory.
    fn load(&self, text: &str) -> Result<Loaded, ConfigError> {
        self.load_with(text, &|_| None)
    }

    fn load_with(
        &self,
        text: &str,
        environment: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Loaded, ConfigError> {
        let directory = self.directory.path().to_str().unwrap();
        let path = self.write("config.toml", text.replace("DIR", directory).as_bytes());
        Config::load(&path, environment)
    }

    /// What is shown of the faults, with the directory's name taken out.
    fn shown(&self, error: &ConfigError) -> String {
        self.anonymous(&error.render(Colour::Plain))
    }

    fn anonymous(&self, text: &str) -> String {
        text.replace(self.directory.path().to_str().unwrap(), "DIR")
    }
}

const LEAST: &str = r#"
[paxos]
environment = "sandbox"
client_id = "desk"
client_secret_file = "DIR/secret"
[ledger]
path = "ledger.db"
"#;

/// The least that works, with lines added to one table.
fn with(table: &str, lines: &str) -> String {
    match table {
        "paxos" => LEAST.replace("[ledger]", &format!("{lines}\n[ledger]")),
        "ledger" => format!("{LEAST}{lines}\n"),
        _ => format!("{LEAST}[{table}]\n{lines}\n"),
    }
}

/// The least that works with another line for the secret.
fn with_secret(line: &str) -> String {
    LEAST.replace("client_secret_file = \"DIR/secret\"", line)
}

/// When the summaries are made.
fn now() -> Timestamp {
    Timestamp::parse_rfc3339("2026-11-21T15:30:00Z").unwrap()
}

fn one_fault(error: &ConfigError) -> &tallyd::config::Fault {
    assert_eq!(error.faults().len(), 1, "{}", error.render(Colour::Plain));
    &error.faults()[0]
}

#[test]
fn the_least_that_works_has_every_default() {
    let bench = Bench::new();
    let Loaded { config, warnings, .. } = bench.load(LEAST).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(config.paxos.environment, EnvironmentName::Sandbox);
    assert_eq!(config.paxos.api_url, "https://api.sandbox.paxos.com/v2");
    assert_eq!(config.paxos.token_url, "https://oauth.sandbox.paxos.com/oauth2/token");
    assert_eq!(config.paxos.client_id, "desk");
    assert_eq!(config.paxos.client_secret.expose_secret(), SECRET);
    assert_eq!(config.paxos.client_secret_source, SecretSource::File(bench.path("secret")));
    assert_eq!(config.paxos.requests_per_second, DEFAULT_REQUESTS_PER_SECOND);
    assert_eq!(config.paxos.backfill_requests_per_second, DEFAULT_BACKFILL_REQUESTS_PER_SECOND);
    assert_eq!(config.paxos.request_timeout, DEFAULT_REQUEST_TIMEOUT);
    assert_eq!(config.paxos.look_up_transfers, TransferLookUps::Off);
    assert_eq!(config.paxos.extra_roots, None);
    assert_eq!(config.profiles, ProfileSelection::All);
    assert_eq!(config.ledger.path, Path::new("ledger.db"));
    assert_eq!(config.poll.every, DEFAULT_EVERY);
    assert_eq!(config.poll.overlap, DEFAULT_OVERLAP);
    assert_eq!(config.poll.backfill_after, DEFAULT_BACKFILL_AFTER);
    assert_eq!(config.log.format, LogFormat::Auto);
    assert_eq!(config.log.level, LogLevel::Info);
}

#[test]
fn every_setting_arrives() {
    let bench = Bench::new();
    bench.write("ca.pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let text = r#"
        log = { format = "json", level = "trace" }
        ledger.path = "/data/ledger.db"
        [paxos]
        api_url = "http://127.0.0.1:8080/v2/"
        token_url = "http://[::1]:8080/oauth2/token"
        client_id = "desk"
        client_secret_env = "PAXOS_SECRET"
        requests_per_second = 1
        backfill_requests_per_second = 0x32
        request_timeout = "1m 30s"
        look_up_transfers = true
        ca_file = "DIR/ca.pem"
        [[profiles]]
        id = "3b9d6a52-8e17-4c0f-a4d2-5f61c7e09b38"
        [[profiles]]
        id = "prof_9"
        name = "payouts"
        heartbeat_url_file = "DIR/heartbeat"
        [alerts]
        runbook_url = "https://git.example.com/runbook.md"
        history = true
        heartbeat.url = "https://hc.example.com/ping/0a1b2c"
        [[alerts.sinks]]
        name = "am"
        type = "alertmanager"
        urls = ["http://127.0.0.1:9093", "https://am.example.com/prefix"]
        user = "tallyd"
        password_file = "DIR/secret"
        [[alerts.sinks]]
        name = "mail"
        type = "email"
        host = "smtp.example.com"
        from = "tallyd@example.com"
        to = ["a@example.com", "b@example.com"]
        min_severity = "critical"
        kinds = ["failed", "rejected"]
        profiles = ["payouts", "3b9d6a52-8e17-4c0f-a4d2-5f61c7e09b38"]
        resolved = false
        repeat = "never"
        burst = 3
        give_up_after = "1d"
        timeout = "20s"
        ca_file = "DIR/ca.pem"
        [poll]
        every = "90s"
        overlap = "2h"
        backfill_after = "2d"
        [[sweeps]]
        schedule = "30 2 * * mon-fri"
        window = "3d 12h"
        time_zone = "America/New_York"
        [[sweeps]]
        schedule = "@Monthly"
        window = "all"
        name = "month-end"
    "#;
    bench.write("heartbeat", b"https://hc.example.com/ping/payouts\n");
    let environment = |name: &str| (name == "PAXOS_SECRET").then(|| OsString::from(SECRET));
    let Loaded { config, warnings, .. } = bench.load_with(text, &environment).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(config.paxos.environment, EnvironmentName::Custom);
    assert_eq!(config.paxos.api_url, "http://127.0.0.1:8080/v2");
    assert_eq!(config.paxos.client_secret.expose_secret(), SECRET);
    assert_eq!(config.paxos.request_timeout, Duration::from_secs(90));
    assert_eq!(config.paxos.look_up_transfers, TransferLookUps::On);
    assert_eq!(config.paxos.extra_roots.as_ref().unwrap().path, bench.path("ca.pem"));
    let summary: Vec<String> =
        config.summary(now()).iter().map(|(key, value)| format!("{key} = {value}")).collect();
    insta::assert_snapshot!(bench.anonymous(&summary.join("\n")));
}

#[test]
fn the_shipped_example_loads_with_the_defaults_it_shows() {
    let bench = Bench::new();
    let example = include_str!("../../config.example.toml").replace("/etc/tallyd/secret", "DIR/secret");
    let as_shipped = bench.load(&example).unwrap();
    assert_eq!(as_shipped.warnings, []);

    // A line `# key = value` shows a default, unless it is one of the choices that are not taken. Tables that
    // are commented out as a whole are choices too.
    let not_taken = [
        "api_url",
        "token_url",
        "client_secret_env",
        "client_secret_credential",
        "ca_file",
        "runbook_url",
        "kinds",
        "profiles",
    ];
    let starts = ["heartbeat_url", "token_", "metrics_token_"];
    let is_choice = |key: &str| not_taken.contains(&key) || starts.iter().any(|start| key.starts_with(start));
    let mut in_a_choice = false;
    let spelled_out: Vec<&str> = example
        .lines()
        .map(|line| match line.strip_prefix("# ").and_then(|rest| Some((rest, rest.split_once(" = ")?.0))) {
            Some((rest, key)) if !key.contains(' ') && !is_choice(key) && !in_a_choice => rest,
            _ => {
                in_a_choice = line.starts_with("# [alerts")
                    || line.starts_with("# [[alerts")
                    || line.starts_with("# [[reports")
                    || (in_a_choice && !line.is_empty());
                line
            }
        })
        .collect();
    let spelled_out = bench.load(&spelled_out.join("\n")).unwrap();
    assert_eq!(spelled_out.config.summary(now()), as_shipped.config.summary(now()));
    let least = bench.load(LEAST).unwrap();
    assert_eq!(as_shipped.config.sweeps, least.config.sweeps);
    assert_eq!(as_shipped.config.poll, least.config.poll);

    // What an unknown key's help lists is every key there is: the example must show each.
    for table in [
        "paxos",
        "[reports]",
        "[profiles]",
        "ledger",
        "poll",
        "[sweeps]",
        "limits",
        "[limits.rules]",
        "[limits.calendars]",
        "[alerts.sinks]",
        "server",
        "log",
    ] {
        let error = bench.load(&with(table, "qqqqqqqqqq = 1")).map(|_| ());
        let error = error.unwrap_err();
        let help =
            error.faults().iter().find_map(|fault| fault.help.as_ref().filter(|help| help.contains("has: ")));
        let keys = help.unwrap().split_once("has: ").unwrap().1.to_owned();
        for key in keys.split(", ") {
            // Some keys are tables of their own.
            let is_shown = [format!("{key} = "), format!("[[limits.{key}]]"), format!("[alerts.{key}]")];
            assert!(is_shown.iter().any(|text| example.contains(text)), "the example lacks {key}");
        }
    }
}

#[test]
fn every_mistake_is_told_at_once() {
    let bench = Bench::new();
    let error = bench
        .load(
            r#"
[paxos]
environment = "sandbocks"
api_url = "http://api.example.com/v2"
clientid = "desk"
client_secret_file = "/nonexistent/secret"
client_secret_env = "PAXOS_SECRET"
requests_per_second = 500
backfill_requests_per_second = "40"
request_timeout = 30
ca_file = ""
overlap = "10m"

[[profiles]]
id = "3b9d6a52-8e17-4c0f-a4d2-5f61c7e09b38"
name = "treasury"

[[profiles]]
id = "3b9d6a52-8e17-4c0f-a4d2-5f61c7e09b38"
name = "treasury"

[[profiles]]
nickname = "payouts"

[ledgr]
path = "ledger.db"

[poll]
every = "1d"
overlap = "10 fortnights"
backfill_after = "5m"

[[sweeps]]
schedule = "17 * * *"
window = "forever"
name = "hourly sweep"

[[sweeps]]
schedule = "0 25 * * *"
time_zone = "Europe/Berln"
window = "48h"

[[sweeps]]
schedule = "0 0 30 2 *"
window = "2d"

[[sweeps]]
schedule = "@reboot"
window = "35"
zone = "UTC"

[alerts]
runbook_url = "ftp://example.com"
histroy = true

[[alerts.sinks]]
name = "slack"
type = "slak"

[[alerts.sinks]]
name = "slack"
type = "slack"
url = "https://hooks.slack.com/services/T0/B0/hunter2-correct-horse"
kinds = ["failled"]

[[alerts.sinks]]
name = "slack"
type = "webhook"
url = "http://hooks.example.com/hunter2-correct-horse"
profiles = ["treasuri"]
min_severity = "info"

[[alerts.sinks]]
type = "email"
host = "smtp.example.com"
tls = "none"
from = "tallyd"
to = []
repeat = "1s"
burst = 0
routing_key_file = "/etc/tallyd/key"

[log]
format = true
level = ["info"]
zzz = "what is this"
"#,
        )
        .unwrap_err();
    insta::assert_snapshot!(bench.shown(&error));
}

#[test]
fn every_fault_of_syntax_is_told_at_once_with_those_of_values() {
    let bench = Bench::new();
    let error = bench
        .load(
            r#"
[paxos]
environment = sandbox
client_id = "desk
client_secret: hunter2-correct-horse
requests_per_second 10
request_timeout = "never"

[ledger]
path =
"#,
        )
        .unwrap_err();
    insta::assert_snapshot!(bench.shown(&error));
}

#[test]
fn what_follows_a_broken_header_is_not_guessed_at() {
    let bench = Bench::new();
    let error = bench.load(&LEAST.replace("[ledger]", "[ledger")).unwrap_err();
    let fault = one_fault(&error);
    assert_eq!(fault.position, Some(Position { line: 6, column: 8 }));
    assert_eq!(fault.key, None);
}

#[test]
fn an_empty_file_lacks_its_tables() {
    let bench = Bench::new();
    let error = bench.load("").unwrap_err();
    insta::assert_snapshot!(bench.shown(&error));
}

#[test]
fn single_faults_have_their_key_and_message() {
    let bench = Bench::new();
    let cases = [
        ("paxos", "request_timeout = \"10M\"", "paxos.request_timeout", "expected a duration such as"),
        ("paxos", "request_timeout = \"6m\"", "paxos.request_timeout", "expected a duration from 1s to 5m"),
        ("paxos", "request_timeout = \"\"", "paxos.request_timeout", "expected a duration such as"),
        ("paxos", "look_up_transfers = \"yes\"", "paxos.look_up_transfers", "expected true or false"),
        ("paxos", "requests_per_second = 0", "paxos.requests_per_second", "a whole number from 1 to 50"),
        ("paxos", "requests_per_second = -1", "paxos.requests_per_second", "found the number -1"),
        ("paxos", "requests_per_second = 9.5", "paxos.requests_per_second", "found the number 9.5"),
        ("paxos", "requests_per_second = 99999999999999999999", "paxos.requests_per_second", "from 1 to 50"),
        ("paxos", "api_url = \"ftp://example.com\"", "paxos.api_url", "expected a URL such as"),
        ("paxos", "api_url = \"https://example.com/?a=b\"", "paxos.api_url", "expected a URL such as"),
        ("paxos", "token_url = \"http://127.0.0.1.example.com\"", "paxos.token_url", "a URL with https"),
        ("paxos", "ca_file = \"DIR/secret\"", "paxos.ca_file", "holds no certificate"),
        ("paxos", "ca_file = \"DIR\"", "paxos.ca_file", "this is a directory, not a file"),
        ("paxos", "Client_Id = \"x\"", "paxos.Client_Id", "unknown key"),
        ("ledger", "path_ = \"x\"", "ledger.path_", "unknown key"),
        ("poll", "overlap = \"25h\"", "poll.overlap", "expected a duration from 0s to 1d"),
        ("poll", "every = \"0s\"", "poll.every", "expected a duration from 1s to 1h"),
        ("poll", "every = \"61m\"", "poll.every", "expected a duration from 1s to 1h"),
        ("poll", "evry = \"5m\"", "poll.evry", "unknown key"),
        ("limits.rules", "pending = \"1h\"", "limits.rules", "expected a list of tables, found a table"),
        ("sweeps", "window = \"48h\"", "sweeps", "expected a list of tables, found a table"),
        ("log", "level = \"INFO\"", "log.level", "expected one of \"error\", \"warn\""),
        ("books", "x = 1", "books", "unknown table"),
        ("reports", "x = 1", "reports", "expected a list of tables, found a table"),
        ("profiles", "id = \"x\"", "profiles", "expected a list of tables, found a table"),
        ("[profiles]", "id = \"a b\"", "", "expected a text without spaces"),
    ];
    for (table, line, key, message) in cases {
        let error = bench.load(&with(table, line)).map(|_| ()).expect_err(line);
        let fault = one_fault(&error);
        assert!(key.is_empty() || fault.key.as_deref() == Some(key), "{line}: {fault}");
        assert!(fault.message.contains(message), "{line}: {fault}");
        assert!(fault.help.is_some() || fault.message.contains("found"), "{line}: {fault}");
        assert!(fault.position.is_some(), "{line}: {fault}");
        assert!(error.to_string().starts_with("load the configuration: "), "{error}");
    }
}

#[test]
fn a_key_that_does_not_exist_comes_with_a_suggestion() {
    let bench = Bench::new();
    let cases = [
        ("paxos", "request_per_seconds = 5", "did you mean `requests_per_second`?"),
        ("paxos", "ca-file = \"x\"", "did you mean `ca_file`?"),
        ("paxos", "backfill_after = \"1d\"", "`backfill_after` belongs in [poll]"),
        ("paxos", "client_secret = \"hunter2-correct-horse\"", "name that with `client_secret_file`"),
        ("pol", "overlap = \"1m\"", "did you mean [poll]?"),
        ("log", "colour = 1", "[log] has: format, level"),
        ("limits", "procesing = \"1h\"", "did you mean `processing`?"),
        ("limits", "network = \"SOLANA\"", "`network` belongs in [[limits.rules]]"),
        ("rules", "network = \"SOLANA\"", "`rules` belongs in [limits]"),
        ("poll", "sweeps = []", "`sweeps` belongs in front of the first table"),
        ("poll", "schedule = \"@daily\"", "`schedule` belongs in [[sweeps]]"),
        (
            "[sweeps]",
            "schedule = \"@daily\"\nwindow = \"all\"\ntimezone = \"UTC\"",
            "did you mean `time_zone`?",
        ),
    ];
    for (table, line, help) in cases {
        let error = bench.load(&with(table, line)).map(|_| ()).expect_err(line);
        assert!(one_fault(&error).help.as_ref().unwrap().contains(help), "{line}: {error}");
    }
}

#[test]
fn the_environment_follows_from_the_urls() {
    let bench = Bench::new();
    let load = |lines: &str| bench.load(&LEAST.replace("environment = \"sandbox\"", lines));
    let production = load("environment = \"production\"").unwrap();
    assert_eq!(production.config.paxos.environment, EnvironmentName::Production);
    assert_eq!(production.config.paxos.api_url, "https://api.paxos.com/v2");
    let spelled_out = load(
        "api_url = \"https://api.sandbox.paxos.com/v2/\"\ntoken_url = \
         \"https://oauth.sandbox.paxos.com/oauth2/token\"",
    );
    assert_eq!(spelled_out.unwrap().config.paxos.environment, EnvironmentName::Sandbox);

    let half = load("environment = \"production\"\napi_url = \"https://proxy.example.com/v2\"").unwrap();
    assert_eq!(half.config.paxos.environment, EnvironmentName::Custom);
    assert_eq!(half.config.paxos.token_url, "https://oauth.paxos.com/oauth2/token");
    assert!(half.render_warnings(Colour::Plain).contains("only this URL is overridden"));

    for (lines, key) in [
        ("", "paxos.environment"),
        ("api_url = \"https://api.example.com\"", "paxos.token_url"),
        ("token_url = \"https://api.example.com\"", "paxos.api_url"),
    ] {
        let error = load(lines).map(|_| ()).expect_err(lines);
        assert_eq!(one_fault(&error).key.as_deref(), Some(key));
    }
}

#[test]
fn a_misspelt_key_is_not_called_missing_too() {
    let bench = Bench::new();
    for (right, wrong, key) in [
        ("client_id", "clientid", "paxos.clientid"),
        ("environment", "enviroment", "paxos.enviroment"),
        ("client_secret_file", "client_secret_fiel", "paxos.client_secret_fiel"),
        ("[ledger]", "[legder]", "legder"),
    ] {
        let error = bench.load(&LEAST.replace(right, wrong)).map(|_| ()).expect_err(wrong);
        assert_eq!(one_fault(&error).key.as_deref(), Some(key));
    }
}

#[test]
fn a_secret_comes_from_a_file_a_variable_or_a_credential() {
    let bench = Bench::new();
    let directory = bench.directory.path().as_os_str().to_owned();
    let environment = move |name: &str| match name {
        "PAXOS_SECRET" => Some(OsString::from(format!("{SECRET}\n"))),
        "CREDENTIALS_DIRECTORY" => Some(directory.clone()),
        _ => None,
    };
    for (name, content) in [("unix", "\n"), ("windows", "\r\n"), ("bare", "")] {
        bench.write(name, format!("{SECRET}{content}").as_bytes());
    }
    for line in [
        "client_secret_file = \"DIR/unix\"",
        "client_secret_file = \"DIR/windows\"",
        "client_secret_file = \"DIR/bare\"",
        "client_secret_env = \"PAXOS_SECRET\"",
        "client_secret_credential = \"unix\"",
    ] {
        let loaded = bench.load_with(&with_secret(line), &environment).unwrap();
        assert_eq!(loaded.config.paxos.client_secret.expose_secret(), SECRET, "{line}");
        assert_eq!(loaded.warnings, [], "{line}");
    }
}

#[test]
fn a_secret_that_cannot_be_had_is_a_fault() {
    let bench = Bench::new();
    bench.write("empty", b"\n");
    bench.write("two-lines", b"one\ntwo\n");
    bench.write("binary", b"\xff\xfe");
    let environment = |name: &str| match name {
        "EMPTY" => Some(OsString::new()),
        "BINARY" => Some(OsString::from_vec(vec![0xff])),
        _ => None,
    };
    for (line, message) in [
        ("", "missing: there is no stand-in for it"),
        ("client_secret_file = \"DIR/nothing\"", "there is no such file"),
        ("client_secret_file = \"DIR\"", "this is a directory, not a file"),
        ("client_secret_file = \"DIR/empty\"", "the secret is empty"),
        ("client_secret_file = \"DIR/two-lines\"", "more than one line"),
        ("client_secret_file = \"DIR/binary\"", "not UTF-8 text"),
        ("client_secret_env = \"NOT_SET\"", "the environment variable is not set"),
        ("client_secret_env = \"EMPTY\"", "the secret is empty"),
        ("client_secret_env = \"BINARY\"", "not UTF-8 text"),
        ("client_secret_credential = \"name\"", "CREDENTIALS_DIRECTORY is not set"),
        ("client_secret_credential = \"../name\"", "expected the name of a systemd credential"),
    ] {
        let error = bench.load_with(&with_secret(line), &environment).map(|_| ()).expect_err(line);
        assert!(one_fault(&error).message.contains(message), "{line}: {error}");
    }
}

#[test]
fn what_works_and_is_doubtful_is_warned_of() {
    let bench = Bench::new();
    fs::set_permissions(bench.path("secret"), fs::Permissions::from_mode(0o644)).unwrap();
    let loaded = bench.load(&with("poll", "overlap = \"30s\"")).unwrap();
    let keys: Vec<_> = loaded.warnings.iter().map(|warning| warning.key.as_deref().unwrap()).collect();
    assert_eq!(keys, ["paxos.client_secret_file", "poll.overlap"]);
    let shown = bench.anonymous(&loaded.render_warnings(Colour::Plain));
    assert!(shown.starts_with("warning: "), "{shown}");
    assert!(shown.contains("help: chmod 600 DIR/secret"), "{shown}");
}

#[test]
fn the_same_id_in_another_spelling_is_warned_of() {
    let bench = Bench::new();
    let loaded = bench.load(&with("[profiles]", "id = \"3B9D6A52-8E17-4C0F-A4D2-5F61C7E09B38\"")).unwrap();
    assert!(loaded.warnings[0].help.as_ref().unwrap().contains("3b9d6a52-8e17-4c0f-a4d2-5f61c7e09b38"));
}

/// Contract rule 13: whatever the user wrote wrong, the secret is in no text that is shown or logged.
#[test]
fn rule_13_the_secret_is_never_shown() {
    let bench = Bench::new();
    let environment = |name: &str| (name == "PAXOS_SECRET").then(|| OsString::from(SECRET));
    let mut texts: Vec<String> = [
        "client_secret_file = \"DIR/secret\"",
        "client_secret_env = \"PAXOS_SECRET\"",
        "client_secret = \"SECRET\"",
        "clientsecret = \"SECRET\"",
        "password = [\"SECRET\"]",
        "auth = { basic = \"SECRET\" }",
        "client_secret = SECRET",
        "client_secret SECRET",
        "client_secret: SECRET",
        "client_secret = \"SECRET",
        "client_secret = \"\"\"\nSECRET",
        "SECRET",
        "SECRET==",
        "client_secret_file = \"SECRET\"",
        "client_secret_env = \"SECRET\"",
        "client_secret_env = SECRET",
        "client_secret_credential = \"SECRET\"",
        "client_secret_credential = [\"SECRET\"]",
        "client_secret_file = { text = \"SECRET\" }",
        "api_url = \"https://desk:SECRET@api.example.com\"",
        "api_url = \"https//desk:SECRET@api.example.com\"",
        "api_url = \"https://api.example.com/?key=SECRET\"",
    ]
    .iter()
    .map(|line| with_secret(line))
    .collect();
    texts.push("SECRET\n".to_owned());
    texts.push("paxos = \"SECRET\"\n".to_owned());
    texts.push("paxos = [\"SECRET\"]\n".to_owned());
    texts.push("profiles = \"SECRET\"\n".to_owned());
    texts.push("paxos = { client_secret = SECRET, client_id = 5 }\n".to_owned());
    texts.push("[secrets]\npaxos = \"SECRET\"\n".to_owned());
    for text in texts {
        let shown = match bench.load_with(&text.replace("SECRET", SECRET), &environment) {
            Ok(loaded) => {
                format!(
                    "{loaded:?} {:?} {}",
                    loaded.config.summary(now()),
                    loaded.render_warnings(Colour::Plain)
                )
            }
            Err(error) => format!(
                "{error} {error:?} {} {}",
                error.render(Colour::Plain),
                error.render(Colour::Coloured)
            ),
        };
        assert!(!shown.contains(SECRET), "{text}\n{shown}");
        assert!(!shown.contains("hunter2"), "{text}\n{shown}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_told_plainly() {
    let bench = Bench::new();
    bench.write("latin1", b"[paxos]\nclient_id = \"caf\xe9\"\n");
    bench.write("long", &vec![b'#'; 1024 * 1024 + 1]);
    for (name, message) in [
        ("absent", "there is no such file"),
        ("", "this is a directory, not a file"),
        ("latin1", "not UTF-8 text: the byte at offset 24"),
        ("long", "longer than 1048576 bytes"),
        ("secret/under", "cannot be read"),
    ] {
        let error = Config::load(&bench.path(name), &|_| None).map(|_| ()).expect_err(name);
        let fault = one_fault(&error);
        assert!(fault.message.contains(message), "{name}: {fault}");
        assert_eq!((fault.position, fault.key.as_ref()), (None, None));
        assert!(fault.help.is_some());
        assert!(error.render(Colour::Plain).contains(bench.path(name).to_str().unwrap()));
    }
}

#[test]
fn a_line_is_counted_in_characters_and_either_line_ending() {
    let bench = Bench::new();
    let text = LEAST.replace("client_id = \"desk\"", "\"klientü\" = 1").replace('\n', "\r\n");
    let error = bench.load(&format!("\u{feff}{text}")).unwrap_err();
    let at: Vec<_> = error.faults().iter().map(|fault| fault.position.unwrap()).collect();
    assert_eq!(at, [Position { line: 2, column: 1 }, Position { line: 4, column: 1 }]);
}

#[test]
fn the_path_is_what_was_given_else_the_default() {
    assert_eq!(path_from(Some(PathBuf::from("here.toml"))), Path::new("here.toml"));
    assert_eq!(path_from(None), Path::new(DEFAULT_PATH));
}

/// Lines that look like a configuration, whole and broken.
fn lines() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        "\\[{0,2}(paxos|profiles|ledger|poll|sweeps|limits|limits\\.rules|limits\\.calendars|log|x)\\]{0,2}",
        "(environment|api_url|client_id|client_secret_file|client_secret|requests_per_second|id|path|overlap|schedule|window|\
         processing|network|calendar|name|weekend|days_off|critical_amount|ü) \
         ?=? ?(\"[a-z0-9:/@.é]{0,12}\"?|[0-9]{1,4}|'''|\"\"\"|\\[|\\]|\\{|\\}|true)?",
        "\\PC{0,20}",
        Just("\r".to_owned()),
    ];
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn no_text_whatever_makes_it_panic(text in prop_oneof![lines(), any::<String>()]) {
        let bench = Bench::new();
        if let Err(error) = bench.load(&text) {
            prop_assert!(!error.faults().is_empty());
            for fault in error.faults() {
                let lines = text.lines().count().max(1) + 1;
                prop_assert!(fault.position.is_none_or(|at| (1..=lines).contains(&at.line)));
            }
            prop_assert!(!error.render(Colour::Plain).is_empty());
            prop_assert!(!error.render(Colour::Coloured).is_empty());
        }
    }

    #[test]
    fn rule_13_no_broken_line_shows_the_secret(
        before in "(client_secret|client_secret_env|password|zz)? ?[=: .]{0,2}[\"'\\[{]{0,3}(\n|a = )?",
        after in "[\"'}, #@]{0,4}(\n[a-z= \"]{0,10})?",
    ) {
        let bench = Bench::new();
        let line = format!("{before}{SECRET}{after}");
        for text in [with_secret(&line), format!("{LEAST}{line}"), line] {
            if let Err(error) = bench.load(&text) {
                let shown = format!("{error} {error:?} {}", error.render(Colour::Plain));
                prop_assert!(!shown.contains("correct-horse"), "{}", shown);
            }
        }
    }

    #[test]
    fn no_bytes_whatever_make_it_panic(bytes: Vec<u8>) {
        let bench = Bench::new();
        let path = bench.write("config.toml", &bytes);
        if let Err(error) = Config::load(&path, &|_| None) {
            prop_assert!(!error.render(Colour::Plain).is_empty());
        }
    }
}
