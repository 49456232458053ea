//! Rule 13, closed: secrets stay secret, no redirect is followed, bodies have a limit.

use tallyd::model::FailureKind;
use tallyd::sim::{Endpoint, Fault, FaultRate, Rate, SimConfig};

use crate::harness::{Rig, Setup, Shell, results_of};

const SECRET: &str = "hunter2-Tr0ub4dor-secret";

/// Catches: a secret or a token in a log line, a message or the ledger, at any level.
#[test]
fn rule_13_the_secret_and_the_tokens_show_nowhere() {
    let mut config: SimConfig = Setup::of(80).pages_of(20).sim;
    config.credentials.client_secret = SECRET.to_owned();
    let shell = Shell::new(config);
    let id = shell.control.truth()[0]["id"].as_str().unwrap().to_owned();
    std::fs::write(shell.file("secret"), SECRET).unwrap();
    shell.control.script(Endpoint::List, [Fault::ForgetTokens]);
    let mut said = String::new();
    for format in ["text", "json"] {
        for command in
            [&["poll"][..], &["status"], &["show", &id, "--live"], &["history", &id], &["check-config"]]
        {
            let ran = shell.run(&[&["--log-level", "trace", "--log-format", format], command].concat());
            assert_eq!(ran.code, Some(0), "{command:?}: {}", ran.stderr);
            said.push_str(&ran.stdout);
            said.push_str(&ran.stderr);
        }
    }
    // A wrong one must not show either, nor what the token endpoint says about it.
    std::fs::write(shell.file("secret"), format!("{SECRET}-wrong")).unwrap();
    let ran = shell.run(&["--log-level", "trace", "poll"]);
    assert_eq!(ran.code, Some(78), "{}", ran.stderr);
    said.push_str(&ran.stdout);
    said.push_str(&ran.stderr);
    assert!(said.contains("TRACE") && said.contains("\"level\""), "nothing was logged");
    for name in ["ledger.db", "ledger.db-wal"] {
        said.push_str(&String::from_utf8_lossy(&std::fs::read(shell.file(name)).unwrap_or_default()));
    }
    assert!(!said.contains(SECRET), "the secret shows");
    assert!(!said.to_lowercase().contains("bearer "), "a token shows");
    // The simulator's tokens are `sim-` and 32 hexadecimal digits.
    let is_token =
        |rest: &str| rest.len() >= 32 && rest.bytes().take(32).all(|byte| byte.is_ascii_hexdigit());
    assert!(!said.split("sim-").skip(1).any(is_token), "a token shows");
    shell.end();
}

/// Catches: a client that follows a redirect, with its token.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_13_no_redirect_is_followed() {
    let rig = Rig::start(Setup::of(30).profiles(1)).await;
    rig.control.set_faults([FaultRate::on(Endpoint::List, Fault::Redirect, Rate::ALWAYS)]);
    let outcome = rig.poll().await;
    assert_eq!(results_of(&outcome), ["failed"]);
    let failure = outcome.profiles[0].result.failures().next().unwrap();
    assert!(failure.message.contains("redirect"), "{}", failure.message);
    let followed =
        rig.control.requests().into_iter().find(|request| request.path_and_query.contains("redirected"));
    assert_eq!(followed, None);
    rig.end().await;
}

/// Catches: a body that is read to whatever end it has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_13_bodies_have_a_limit() {
    let rig = Rig::start(Setup::of(30).profiles(1)).await;
    rig.control.set_faults([FaultRate::on(
        Endpoint::List,
        Fault::Oversized { bytes: 4 << 30 },
        Rate::ALWAYS,
    )]);
    let outcome = rig.poll().await;
    assert_eq!(results_of(&outcome), ["failed"]);
    let failure = outcome.profiles[0].result.failures().next().unwrap();
    assert_eq!(failure.kind, FailureKind::Protocol);
    assert!(failure.message.contains("longer than"), "{}", failure.message);
    rig.end().await;
}

/// Catches: credentials sent over the open net in the clear.
#[test]
fn rule_13_plain_http_to_a_public_host_is_refused() {
    let shell = Shell::new(Setup::of(1).sim);
    for key in ["api_url", "token_url"] {
        shell.configure(&[(key, "http://paxos.example.com/v2")]);
        let ran = shell.run(&["poll"]);
        assert_eq!(ran.code, Some(78), "{}", ran.stderr);
        assert!(ran.stderr.contains(key) && ran.stderr.contains("https"), "{}", ran.stderr);
    }
    assert_eq!(shell.control.requests(), []);
    assert!(!shell.ledger().exists());
    shell.end();
}
