//! What is refused: with the right status, a problem document that says what to do, and nothing written.

use std::fmt::Write as _;

use serde_json::Value;
use tallyd::model::cut;

use super::{document, troubled_world};

/// Catches: nonsense that is answered, told as something else or in other words than a problem document, or that
/// changes the ledger.
#[test]
fn nonsense_is_refused_in_plain_words_and_changes_nothing() {
    let (shell, daemon) = troubled_world(60);
    let head = document(&daemon, "/api/v1/status")["journal_head"].clone();
    let cursor = document(&daemon, "/api/v1/orchestrations?limit=2")["next_page_cursor"].clone();
    let cursor = cursor.as_str().unwrap();
    let forged = format!("{}0000", &cursor[..cursor.len() - 4]);
    let paths = [
        "/api/v1/nothing".to_owned(),
        "/api/v1/status?colour=red".to_owned(),
        "/api/v1/breaks?knd=failed".to_owned(),
        "/api/v1/breaks?kind=faild".to_owned(),
        "/api/v1/breaks?severity=bad".to_owned(),
        "/api/v1/breaks?severity=warning&severity=critical".to_owned(),
        "/api/v1/breaks?profile=nobody".to_owned(),
        "/api/v1/breaks?from=moon".to_owned(),
        "/api/v1/breaks?opened_after=yesterday".to_owned(),
        "/api/v1/breaks?limit=0".to_owned(),
        "/api/v1/breaks?limit=".to_owned(),
        "/api/v1/breaks?limit=99999999999999999999999".to_owned(),
        "/api/v1/breaks?page_cursor=00".to_owned(),
        format!("/api/v1/breaks?page_cursor={cursor}"),
        "/api/v1/breaks/4711".to_owned(),
        "/api/v1/breaks/-1".to_owned(),
        "/api/v1/breaks/seven".to_owned(),
        "/api/v1/orchestrations?status=processing".to_owned(),
        "/api/v1/orchestrations?order=up".to_owned(),
        "/api/v1/orchestrations?created_at.gte=2026-02-30".to_owned(),
        format!("/api/v1/orchestrations?page_cursor={forged}"),
        format!("/api/v1/orchestrations?status=FAILED&page_cursor={cursor}"),
        "/api/v1/orchestrations/nobody".to_owned(),
        "/api/v1/reports?name=nobody".to_owned(),
        "/api/v1/orchestrations/%FF%FE".to_owned(),
        "/api/v1/orchestrations/..%2F..%2Fetc%2Fpasswd".to_owned(),
        "/api/v1/orchestrations/'%20OR%201=1--/journal".to_owned(),
        "/api/v1/../../etc/passwd".to_owned(),
    ];
    let mut told = String::new();
    for path in paths {
        let answered = daemon.get(&path);
        assert_eq!(answered.header("content-type"), "application/problem+json", "{path}: {}", answered.body);
        let problem: Value = serde_json::from_str(&answered.body).unwrap();
        assert_eq!(problem["status"], answered.status, "{path}");
        let detail = problem["detail"].as_str().unwrap().replace(&cut(cursor, 60), "CURSOR");
        let path = path.replace(&forged, "FORGED").replace(cursor, "CURSOR");
        writeln!(told, "{} {path}\n    {detail}", answered.status).unwrap();
    }
    insta::assert_snapshot!(told);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let request =
            format!("{method} /api/v1/breaks/1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answered = daemon.send(&request);
        assert_eq!((answered.status, answered.header("allow")), (405, "GET,HEAD"), "{method}");
    }
    assert_eq!(document(&daemon, "/api/v1/status")["journal_head"], head);
    daemon.stop();
    shell.end();
}
