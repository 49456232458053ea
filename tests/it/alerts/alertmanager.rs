//! Alertmanager: its wire by the rules of its `OpenAPI` document, and a real one where it is installed.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tallyd::alerts::{Sink, alert, alertmanager_payload};
use tallyd::config::{Login, SinkTarget, process_environment};
use tallyd::model::{BreakKind, BreakNumber, Identifier, Occasion, Severity, Subject, Timestamp};
use tempfile::TempDir;

use super::{Receiver, Script, message, now, record, resolved, sink, summary};
use crate::harness::{DEADLINE, wait_for_exit};

fn target(urls: &[&str]) -> SinkTarget {
    SinkTarget::Alertmanager {
        urls: urls.iter().map(|url| url.parse().unwrap()).collect(),
        login: Login::None,
    }
}

/// A label's or an annotation's name, as Alertmanager checks it.
fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && chars.all(|char| char.is_ascii_alphanumeric() || char == '_')
}

#[test]
fn alerts_are_as_the_open_api_document_asks() {
    for kind in BreakKind::ALL {
        for (record, occasion) in [(record(kind), Occasion::Opened), (resolved(kind), Occasion::Resolved)] {
            let alerts: Value =
                serde_json::from_str(&alertmanager_payload(&[alert(&message(record, occasion), now())]))
                    .unwrap();
            let alert = &alerts[0];
            let time = |key: &str| Timestamp::parse_rfc3339(alert[key].as_str().unwrap()).unwrap();
            assert!(time("startsAt") <= time("endsAt"), "{kind} {occasion}");
            assert_eq!(time("endsAt") > now(), occasion == Occasion::Opened, "{kind} {occasion}");
            for part in ["labels", "annotations"] {
                for (name, value) in alert[part].as_object().unwrap() {
                    assert!(is_name(name) && value.is_string(), "{kind}: {part}.{name}");
                }
            }
            let labels = alert["labels"].as_object().unwrap();
            let names: Vec<&str> = labels.keys().map(String::as_str).collect();
            assert!(
                names
                    .iter()
                    .all(|name| ["alertname", "break", "kind", "profile", "service", "severity"]
                        .contains(name)),
                "{names:?}"
            );
        }
    }
}

#[test]
fn a_worse_break_is_another_alert_and_a_repeat_the_same() {
    let labels = |record| alert(&message(record, Occasion::Opened), now()).labels;
    let mut worse = record(BreakKind::StuckPending);
    worse.standing.severity = Severity::Critical;
    assert_eq!(labels(record(BreakKind::StuckPending)), labels(record(BreakKind::StuckPending)));
    assert_ne!(labels(record(BreakKind::StuckPending)), labels(worse));
}

#[tokio::test]
async fn one_of_several_is_enough_and_each_is_sent_everything() {
    let (one, two) = (Receiver::start([]).await, Receiver::start([Script::Answer(500, "")]).await);
    let both = sink(target(&[&one.url, &format!("{}/prefix/", two.url)]));
    both.send(&summary(11), now()).await.unwrap();
    assert_eq!(one.got()[0].path, "/api/v2/alerts");
    assert_eq!(two.got()[0].path, "/prefix/api/v2/alerts");
    assert_eq!(one.got()[0].header("content-type"), "application/json");
    one.then([Script::Answer(500, "")]);
    two.then([Script::Answer(503, "")]);
    both.send(&summary(11), now()).await.unwrap_err();
}

/// A real Alertmanager.
struct Real {
    child: Child,
    url: String,
    port: u16,
    folder: TempDir,
}

/// The program, where it is installed; elsewhere its test holds nothing.
fn installed() -> Option<PathBuf> {
    let path = process_environment("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .flat_map(|folder| ["prometheus-alertmanager", "alertmanager"].map(|name| folder.join(name)))
        .find(|program| program.is_file());
    if found.is_none() {
        assert!(process_environment("CI").is_none(), "CI installs prometheus-alertmanager");
    }
    found
}

fn spawn(program: &PathBuf, folder: &TempDir, port: u16) -> Child {
    let file = |name: &str| folder.path().join(name);
    Command::new(program)
        .arg(format!("--config.file={}", file("alertmanager.yml").display()))
        .arg(format!("--storage.path={}", file("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--cluster.listen-address=")
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(file("log")).unwrap())
        .spawn()
        .unwrap()
}

impl Real {
    async fn start(program: &PathBuf, hook: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "route:\n  receiver: hook\n  group_by: [alertname, profile]\n  group_wait: 0s\n  group_interval: 1s\n\
             receivers:\n- name: hook\n  webhook_configs:\n  - url: {hook}\n    send_resolved: true\n"
        );
        std::fs::write(folder.path().join("alertmanager.yml"), config).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        let real = Self { child: spawn(program, &folder, port), url, port, folder };
        real.ready().await;
        real
    }

    async fn ready(&self) {
        self.until("it is ready", "/-/ready", |_| true).await;
    }

    async fn restart(&mut self, program: &PathBuf) {
        self.child.kill().unwrap();
        wait_for_exit(&mut self.child);
        self.child = spawn(program, &self.folder, self.port);
        self.ready().await;
    }

    /// Asks until the answer is as wanted.
    async fn until(&self, what: &str, path: &str, wanted: impl Fn(&str) -> bool) -> String {
        let began = std::time::Instant::now();
        let mut last = String::new();
        while began.elapsed() < DEADLINE {
            if let Ok(answer) = reqwest::get(format!("{}{path}", self.url)).await
                && answer.status().is_success()
            {
                last = answer.text().await.unwrap();
                if wanted(&last) {
                    return last;
                }
            }
            tokio::task::yield_now().await;
        }
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
        panic!("never: {what}\n{last}\n{log}");
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        self.child.wait().unwrap();
    }
}

async fn send(sink: &Sink, numbers: std::ops::Range<i64>, is_over: bool, now: Timestamp) {
    for number in numbers {
        let (mut record, occasion) = if is_over {
            (resolved(BreakKind::Failed), Occasion::Resolved)
        } else {
            (record(BreakKind::Failed), Occasion::Opened)
        };
        record.standing.number = BreakNumber(number);
        record.standing.subject = Subject::Orchestration(Identifier::new(&format!("orch_{number}")));
        record.standing.opened_at = now.minus(std::time::Duration::from_secs(60));
        if let Some(resolved) = &mut record.resolved {
            resolved.at = now;
        }
        sink.send(&message(record, occasion), now).await.unwrap();
    }
}

#[tokio::test]
async fn a_real_alertmanager_groups_survives_a_restart_and_resolves() {
    use tallyd::clock::{Clock as _, SystemClock};
    let Some(program) = installed() else { return };
    let hook = Receiver::start([]).await;
    let mut real = Real::start(&program, &hook.url).await;
    let sink = sink(target(&[&real.url]));
    send(&sink, 0..3, false, SystemClock.now()).await;
    let told = real
        .until("three alerts", "/api/v2/alerts", |text| text.matches("\"fingerprint\"").count() == 3)
        .await;
    assert!(told.contains("TallydFailed") && told.contains("runbook_url"), "{told}");
    let groups =
        real.until("they are grouped", "/api/v2/alerts/groups", |text| text.contains("TallydFailed")).await;
    let groups: Value = serde_json::from_str(&groups).unwrap();
    assert_eq!(groups.as_array().unwrap().len(), 1, "one group for one kind and profile");
    // A restart forgets alerts: sending again, as tallyd does each minute, brings them back.
    real.restart(&program).await;
    send(&sink, 0..3, false, SystemClock.now()).await;
    real.until("they are back", "/api/v2/alerts", |text| text.matches("\"fingerprint\"").count() == 3).await;
    if let Ok(amtool) =
        Command::new("amtool").args(["alert", "query", "--alertmanager.url", &real.url]).output()
    {
        let shown = String::from_utf8(amtool.stdout).unwrap();
        assert!(shown.contains("TallydFailed"), "{shown}{}", String::from_utf8(amtool.stderr).unwrap());
    }
    send(&sink, 0..3, true, SystemClock.now()).await;
    real.until("none stands", "/api/v2/alerts", |text| text.trim() == "[]").await;
    let is_resolved = |got: &super::Got| got.json()["status"] == "resolved";
    let began = std::time::Instant::now();
    while !hook.got().iter().any(is_resolved) {
        assert!(began.elapsed() < DEADLINE, "the end was never passed on");
        tokio::task::yield_now().await;
    }
}
