//! The listener of the configuration.

use std::ffi::OsString;

use tallyd::config::Colour;

use super::{Bench, LEAST, now, one_fault};

fn with_server(lines: &str) -> String {
    format!("{LEAST}\n[server]\n{lines}\n")
}

#[test]
fn without_the_table_nobody_listens() {
    assert!(Bench::new().load(LEAST).unwrap().config.server.is_none());
}

#[test]
fn what_is_set_is_shown_but_for_the_token() {
    let bench = Bench::new();
    let text =
        with_server("listen = \"[::1]:9464\"\ntoken_file = \"DIR/secret\"\nmetrics_token_env = \"SCRAPE\"");
    let environment = |name: &str| (name == "SCRAPE").then(|| OsString::from("of-metrics"));
    let config = bench.load_with(&text, &environment).unwrap().config;
    let lines = config.summary(now());
    let value = |key: &str| lines.iter().find(|(name, _)| name == key).unwrap().1.clone();
    assert_eq!(value("server.listen"), "[::1]:9464");
    assert!(value("server.token").starts_with("from the file "));
    assert_eq!(value("server.metrics_token"), "from the environment variable SCRAPE");
    assert!(!format!("{config:?}").contains("of-metrics"));
}

/// Catches: an address that is guessed, a token without a listener, metrics for everybody.
#[test]
fn what_cannot_be_listened_to_is_told() {
    let bench = Bench::new();
    for (lines, key, said) in [
        ("listen = \"localhost:9464\"", "server.listen", "expected an IP address and a port, found"),
        ("listen = 9464", "server.listen", "expected"),
        ("listen = \"127.0.0.1\"", "server.listen", "expected an IP address and a port"),
        ("token_file = \"DIR/secret\"", "server.listen", "missing, and there is no default for it"),
        ("listen = \"0.0.0.0:9464\"", "server.listen", "no token guards what is there"),
        ("listen = \"10.1.2.3:9464\"", "server.listen", "no token guards what is there"),
        ("listen = \"127.0.0.1:1\"\ntoken = \"x\"", "server.token", "unknown key"),
    ] {
        let error = bench.load(&with_server(lines)).unwrap_err();
        let fault = one_fault(&error);
        assert_eq!(fault.key.as_deref(), Some(key), "{lines}");
        assert!(fault.message.contains(said), "{lines}: {}", error.render(Colour::Plain));
    }
    bench.load(&with_server("listen = \"0.0.0.0:9464\"\ntoken_file = \"DIR/secret\"")).unwrap();
}
