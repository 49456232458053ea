//! What a client decides is bounded, and what is wrong with a request is told.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use tallyd::sim::Endpoint;

use super::shell;
use crate::harness::Running;

fn request(method: &str, path: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n")
}

/// Catches: errors without a word, pages that are kept by a cache, a HEAD with a body.
#[test]
fn what_is_wrong_with_a_request_is_told_as_a_problem() {
    let shell = shell("1h", "");
    let daemon = shell.start_daemon();
    let long = format!("X-Long: {}\r\n", "x".repeat(9000));
    let cases = [
        (request("GET", "/nothing", ""), 404, "there is nothing here"),
        (request("GET", "/metrics/", ""), 404, "there is nothing here"),
        (request("POST", "/metrics", ""), 405, "use GET or HEAD"),
        (request("DELETE", "/readyz", ""), 405, "use GET or HEAD"),
        (request("GET", "/metrics", "Content-Length: 5\r\n") + "hello", 413, "requests have no body here"),
        (
            request("GET", "/healthz", "Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n0\r\n\r\n",
            413,
            "requests have no body here",
        ),
        (request("GET", "/metrics", &long), 431, "longer than 8 KiB together"),
        (request("GET", &format!("/metrics?{}", "x".repeat(9000)), ""), 431, "longer than 8 KiB together"),
    ];
    for (request, status, detail) in cases {
        let answer = daemon.send(&request);
        assert_eq!(answer.status, status, "{request:.80}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{request:.80}");
        assert!(answer.body.contains(detail) && answer.body.contains("about:blank"), "{}", answer.body);
        assert_eq!(answer.header("allow"), if status == 405 { "GET,HEAD" } else { "" });
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    // What is no HTTP, or far too long, is not even read to its end.
    assert_eq!(daemon.send("nonsense\r\n\r\n").status, 400);
    let many: String = (0..200).map(|number| format!("X-{number}: 1\r\n")).collect();
    assert_eq!(daemon.send(&request("GET", "/metrics", &many)).status, 431);
    let endless = format!("X-Endless: {}", "x".repeat(64 * 1024));
    assert_eq!(daemon.send(&request("GET", "/metrics", &endless)).status, 431);
    let head = daemon.send(&request("HEAD", "/metrics", ""));
    assert!(head.status == 200 && head.body.is_empty() && head.header("content-length") != "0", "{head:?}");
    let samples = daemon.samples();
    let counted = |path: &str, code: u16| {
        samples[&format!("tallyd_http_requests_total{{code=\"{code}\",path=\"{path}\"}}")]
    };
    assert!(
        counted("other", 404) >= 2.0 && counted("/metrics", 431) >= 2.0 && counted("/readyz", 405) >= 1.0
    );
    daemon.stop();
    shell.end();
}

/// Waits until the other side has closed a connection.
fn is_closed(mut stream: TcpStream) -> bool {
    let mut rest = Vec::new();
    // Whether by its end or by a reset; only silence until the deadline is none.
    stream.read_to_end(&mut rest).is_ok_and(|_| true) || rest.is_empty()
}

/// Catches: connections that a client holds open for ever, by sending slowly or nothing.
#[test]
fn who_is_slow_is_closed_and_who_waits_holds_up_no_stop() {
    let shell = shell("1h", "");
    let daemon = shell.start_daemon();
    let mut slow = daemon.connect();
    slow.write_all(b"GET /metrics HTTP/1.1\r\nHost: ta").unwrap();
    let mut idle = daemon.connect();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let silent = daemon.connect();
    let mut answer = [0; 15];
    idle.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    for stream in [slow, idle, silent] {
        assert!(is_closed(stream));
    }
    daemon.until_sample("tallyd_http_connections", 1.0);
    let open = daemon.connect();
    daemon.stop();
    drop(open);
    shell.end();
}

fn idle_connections(daemon: &Running, many: usize) -> Vec<TcpStream> {
    (0..many).map(|_| daemon.connect()).collect()
}

/// Catches: polls that wait for clients, file handles that clients take all of, a scrape that never comes through.
#[test]
fn hundreds_of_idle_connections_hold_up_neither_polls_nor_for_long_a_scrape() {
    let shell = shell("1s", "");
    let daemon = shell.start_daemon();
    daemon.wait_for("poll complete", 1);
    let idle = idle_connections(&daemon, 400);
    let listed = shell.control.count(Endpoint::List);
    shell.wait("polls go on", shell.control.reached(Endpoint::List, listed + 4));
    let samples = daemon.samples();
    assert!(samples["process_open_fds"] < 400.0, "{}", samples["process_open_fds"]);
    drop(idle);
    let log = daemon.stop();
    assert!(!log.contains("WARN"), "{log}");
    shell.end();
}
