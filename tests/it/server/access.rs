//! Tokens, and addresses that other machines can reach.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use tallyd::sim::Endpoint;

use super::{configure, shell};
use crate::harness::Shell;

fn write_token(shell: &Shell, name: &str, token: &str) {
    std::fs::write(shell.file(name), format!("{token}\n")).unwrap();
    std::fs::set_permissions(shell.file(name), Permissions::from_mode(0o600)).unwrap();
}

fn key(shell: &Shell, key: &str, name: &str) -> String {
    format!("{key} = {:?}\n", shell.file(name).to_str().unwrap())
}

/// Catches: a page that a missing or wrong token opens, one that a right one does not, a token for metrics that
/// opens everything.
#[test]
fn rule_13_a_token_opens_everything_and_that_for_metrics_the_pages_of_monitoring() {
    let shell = shell("1h", "");
    write_token(&shell, "all", "of-everything");
    write_token(&shell, "some", "of-metrics");
    let keys = key(&shell, "token_file", "all") + &key(&shell, "metrics_token_file", "some");
    configure(&shell, "1h", &keys);
    let daemon = shell.start_daemon();
    let status =
        |path: &str, token: &str| daemon.get_with(path, &format!("Authorization: {token}\r\n")).status;
    for path in ["/metrics", "/healthz", "/readyz?format=json", "/other", "/api/v1/status"] {
        let denied = daemon.get(path);
        assert_eq!(
            (denied.status, denied.header("www-authenticate")),
            (401, "Bearer realm=\"tallyd\""),
            "{path}"
        );
        assert_eq!(denied.header("content-type"), "application/problem+json");
        assert!(denied.body.contains("\"status\":401"), "{}", denied.body);
        for wrong in ["Bearer of-everythin", "Bearer of-everything2", "Bearer ", "Basic of-everything", "x"] {
            assert_eq!(status(path, wrong), 401, "{path} {wrong}");
        }
    }
    let wrong = daemon.get_with("/metrics", "Authorization: Bearer no\r\n");
    assert!(wrong.header("www-authenticate").ends_with("error=\"invalid_token\""), "{}", wrong.head);
    assert_eq!(status("/metrics", "Bearer of-everything"), 200);
    assert_eq!(status("/metrics", "bearer of-metrics"), 200);
    assert_eq!(status("/healthz", "Bearer of-metrics"), 200);
    assert_eq!(status("/other", "Bearer of-metrics"), 401);
    assert_eq!(status("/other", "Bearer of-everything"), 404);
    // A browser sends it as a password: `me:of-everything`.
    assert_eq!(status("/other", "Basic bWU6b2YtZXZlcnl0aGluZw=="), 404);
    assert_eq!(status("/api/v1/status", "basic bWU6b2YtZXZlcnl0aGluZw=="), 200);
    assert_eq!(status("/api/v1/status", "Basic bWU6b2YtbWV0cmljcw=="), 401);
    assert!(daemon.get("/api/v1/status").head.contains("Basic realm="));
    assert!(!daemon.get("/metrics").head.contains("Basic realm="));
    // Another token needs no restart.
    write_token(&shell, "some", "of-tomorrow");
    daemon.signal("-HUP");
    daemon.wait_for("the configuration was read again", 1);
    assert_eq!(status("/metrics", "Bearer of-metrics"), 401);
    assert_eq!(status("/metrics", "Bearer of-tomorrow"), 200);
    let log = daemon.stop();
    assert!(!log.contains("of-everything") && !log.contains("of-tomorrow"), "{log}");
    shell.end();
}

/// Catches: a token for metrics that opens the ledger where it is the only one.
#[test]
fn rule_13_a_token_for_metrics_never_opens_the_ledger() {
    let shell = shell("1h", "");
    write_token(&shell, "some", "of-metrics");
    configure(&shell, "1h", &key(&shell, "metrics_token_file", "some"));
    let daemon = shell.start_daemon();
    for authorization in ["", "Authorization: Bearer of-metrics\r\n"] {
        let answered = daemon.get_with("/api/v1/status", authorization);
        assert_eq!(answered.status, 403);
        assert!(answered.body.contains("token_file"), "{}", answered.body);
    }
    assert_eq!(daemon.get_with("/metrics", "Authorization: Bearer of-metrics\r\n").status, 200);
    daemon.stop();
    shell.end();
}

/// Catches: a web page in this machine's browser that reads the ledger under a name of its own (DNS rebinding).
#[test]
fn rule_13_without_a_token_only_this_machines_own_names_are_answered() {
    let shell = shell("1h", "");
    let daemon = shell.start_daemon();
    let status = |path: &str, host: &str| {
        daemon.send(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).status
    };
    for host in ["localhost", "localhost:9464", "127.0.0.1:9464", "[::1]:9464", "192.0.2.7"] {
        assert_eq!(status("/api/v1/status", host), 200, "{host}");
    }
    for host in
        ["evil.example", "evil.example:9464", "localhost.evil.example", "127.0.0.1.evil.example", "a b", ""]
    {
        assert_eq!(status("/api/v1/status", host), 421, "{host:?}");
    }
    assert_eq!(status("/metrics", "tallyd.example"), 200);
    daemon.stop();
    shell.end();
}

/// Catches: a listener that a reload opens to everybody.
#[test]
fn rule_13_a_reload_neither_moves_the_listener_nor_takes_its_token_away() {
    let shell = shell("1h", "");
    write_token(&shell, "all", "of-everything");
    configure(&shell, "1h", &key(&shell, "token_file", "all"));
    let daemon = shell.start_daemon();
    shell.configure(&[("+", "[server]\nlisten = \"127.0.0.2:0\"\n")]);
    daemon.signal("-HUP");
    let kept = daemon.wait_for("needs a restart", 2);
    assert!(kept.contains("server."), "{kept}");
    daemon.wait_for("the configuration was read again", 1);
    assert_eq!(daemon.get("/metrics").status, 401);
    daemon.stop();
    shell.end();
}

/// Catches: metrics that any machine can read.
#[test]
fn rule_13_a_public_address_without_a_token_is_refused() {
    let shell = shell("1h", "");
    for address in ["0.0.0.0:9464", "192.0.2.7:9464", "[::]:9464"] {
        shell.configure(&[("+", &format!("[server]\nlisten = {address:?}\n"))]);
        let ran = shell.run(&["run"]);
        assert_eq!(ran.code, Some(78), "{ran:?}");
        let says = |what: &str| assert!(ran.stderr.contains(what), "{}", ran.stderr);
        says("other machines can reach this address, and no token guards what is there");
        says("metrics_token_file");
    }
    assert_eq!(shell.control.count(Endpoint::Token), 0);
    // One token guards all that is there.
    write_token(&shell, "some", "of-metrics");
    let public = format!("[server]\nlisten = \"0.0.0.0:0\"\n{}", key(&shell, "metrics_token_file", "some"));
    shell.configure(&[("+", &public)]);
    shell.run_well(&["check-config"]);
    shell.end();
}

/// Catches: a daemon that polls and cannot be scraped, and one that says nothing of the reason.
#[test]
fn a_port_in_use_ends_the_start_before_anything_is_polled() {
    let shell = shell("1h", "");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    shell.configure(&[("+", &format!("[server]\nlisten = {address:?}\n"))]);
    let ran = shell.run(&["run"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let wanted = format!(
        "failed to listen on {address} (`[server] listen`): another process listens there; stop that one or choose \
         another port"
    );
    assert!(ran.stderr.contains(&wanted), "{}", ran.stderr);
    assert_eq!(shell.control.count(Endpoint::Token), 0);
    shell.end();
}
