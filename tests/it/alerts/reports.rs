//! Reports at the sinks that take them: what each gets, and what becomes of one that is not taken.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tallyd::alerts::{
    MAX_ATTACHED, SendError, Sink, signature, slack_report_payload, webhook_report_payload,
};
use tallyd::config::{EmailConfig, Login, SinkConfig, SinkTarget, SmtpTls};
use tallyd::ledger::{ReportRun, ScheduleRun};
use tallyd::model::{
    Completeness, DeliveryState, MadeFile, MadeReport, Proof, ReportCounts, Sentence, SinkName, Status,
    UndeliveredItem, Weight,
};

use super::delivery::{Desk, row};
use super::email::{Smtp, decoded, header};
use super::{Receiver, Script, at, now, sink, sink_config, webhook_at};
use crate::harness::{faults_by_schema, in_time};

/// As a manifest is.
const MANIFEST: &str = r#"{"version": 1, "report": "daily", "title": "daily, 2026-11-20",
"period_from": "2026-11-20T00:00:00Z", "period_to": "2026-11-21T00:00:00Z", "time_zone": "UTC", "as_of": "7:6e57@2026-11-21T01:00:00Z",
"standing": "settled", "journal_head": "7:6e57", "covered": false, "ties_out": true, "tallyd_version": "0.1.0",
"configuration_sha256": "00", "files": [{"name": "daily-2026-11-20.html", "bytes": 39, "sha256": "01"}]}"#;

const CSV: &str = "profile_id,count\r\n'=cmd,3\r\n";

fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// Puts files into a folder; says what a report would say of them.
fn files(folder: &Path, contents: &[(&str, Vec<u8>)]) -> Vec<MadeFile> {
    let put = contents.iter().map(|(name, content)| {
        std::fs::write(folder.join(name), content).unwrap();
        MadeFile {
            name: (*name).to_owned(),
            bytes: content.len().try_into().unwrap(),
            sha256: sha256(content),
        }
    });
    put.collect()
}

fn usual(folder: &Path) -> Vec<MadeFile> {
    files(
        folder,
        &[
            ("daily-2026-11-20.html", b"<!DOCTYPE html>\n<p>20 USD \xe2\x86\x92 USDG</p>\n".to_vec()),
            ("daily-2026-11-20.accounts.csv", CSV.as_bytes().to_vec()),
            ("daily-2026-11-20.manifest.json", MANIFEST.into()),
        ],
    )
}

fn made(directory: &Path, files: Vec<MadeFile>) -> MadeReport {
    let said = |weight, text: &str| Sentence { weight, text: text.to_owned() };
    MadeReport {
        name: "daily".to_owned(),
        period: "2026-11-20".to_owned(),
        title: "daily, 2026-11-20".to_owned(),
        from: at("2026-11-20T00:00:00Z"),
        to: at("2026-11-21T00:00:00Z"),
        period_words: "2026-11-20 00:00:00 to 2026-11-21 00:00:00 (UTC)".to_owned(),
        proof: Proof::TiesOut,
        completeness: Completeness::NotCovered,
        sentences: vec![
            said(Weight::Loud, "NOT COMPLETE: treasury <b>: no poll had listed it completely by then."),
            said(Weight::Good, "Every account ties out: nothing is left over."),
        ],
        counts: ReportCounts {
            opening: 3,
            created: 40,
            adjusted: -1,
            completed: 38,
            failed: 1,
            rejected: 0,
            closing: 3,
            restated: 2,
        },
        directory: directory.to_owned(),
        files,
        manifest: MANIFEST.to_owned(),
    }
}

/// The attachments of a mail, by name, decoded.
fn attachments(mail: &str) -> Vec<(String, Vec<u8>)> {
    let parts = mail.split("Content-Disposition: attachment; filename=\"").skip(1);
    let part = |part: &str| {
        let (name, rest) = part.split_once('"').unwrap();
        let (_, body) = rest.split_once("\r\n\r\n").unwrap();
        let body = body.split("\r\n--").next().unwrap().replace("\r\n", "");
        (name.to_owned(), STANDARD.decode(body).unwrap())
    };
    parts.map(part).collect()
}

/// Catches: a file that arrives with other bytes, one that is missing without a word, and markup from outside.
#[tokio::test]
async fn mail_brings_the_files_along_byte_for_byte() {
    let smtp = Smtp::start(false);
    let folder = tempfile::tempdir().unwrap();
    let report = made(folder.path(), usual(folder.path()));
    let sink = Sink::new(&smtp.config(SmtpTls::StartTls, Login::None)).unwrap();
    sink.send_report(&report, now()).await.unwrap();
    sink.send_report(&report, now()).await.unwrap();
    let taken = smtp.taken();
    assert_eq!(header(&taken[0], "Message-ID"), header(&taken[1], "Message-ID"), "a repeat is the same mail");
    let found = attachments(&taken[0]);
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["daily-2026-11-20.manifest.json", "daily-2026-11-20.html", "daily-2026-11-20.accounts.csv"]
    );
    for (name, content) in &found {
        let file = report.files.iter().find(|file| file.name == *name).unwrap();
        assert_eq!(sha256(content), file.sha256, "{name}");
    }
    let mail = decoded(taken[0].split("Content-Disposition: attachment").next().unwrap());
    assert!(
        header(&mail, "Subject").starts_with("[tallyd report] Report daily, 2026-11-20: NOT COMPLETE"),
        "{mail}"
    );
    let (text, html) = mail.split_once("Content-Type: text/html").unwrap();
    assert!(html.contains("treasury &lt;b&gt;") && !html.contains("treasury <b>"), "{html}");
    let (_, text) = text.split_once("Content-Type: text/plain").unwrap();
    let (_, text) = text.split_once("\r\n\r\n").unwrap();
    let text = text.split("\r\n--").next().unwrap().replace('\r', "");
    insta::assert_snapshot!(text.replace(&folder.path().display().to_string(), "FOLDER"));
}

/// Catches: a mail that no server takes, and a file that is not what was made.
#[tokio::test]
async fn what_is_too_large_gone_or_changed_is_named_and_not_attached() {
    let smtp = Smtp::start(false);
    let folder = tempfile::tempdir().unwrap();
    let half = usize::try_from(MAX_ATTACHED).unwrap() / 2;
    let report = made(
        folder.path(),
        files(
            folder.path(),
            &[
                ("a.html", vec![b'a'; half]),
                ("b.csv", vec![b'b'; half]),
                ("c.csv", b"gone".to_vec()),
                ("d.csv", b"made".to_vec()),
                ("e.csv", b"longer".to_vec()),
                ("m.manifest.json", b"{}".to_vec()),
            ],
        ),
    );
    std::fs::remove_file(folder.path().join("c.csv")).unwrap();
    std::fs::write(folder.path().join("d.csv"), b"MADE").unwrap();
    std::fs::write(folder.path().join("e.csv"), b"longer than it was").unwrap();
    let sink = Sink::new(&smtp.config(SmtpTls::StartTls, Login::None)).unwrap();
    sink.send_report(&report, now()).await.unwrap();
    let mail = smtp.taken().remove(0);
    assert!(mail.len() < 10_240_000, "{}", mail.len());
    let names: Vec<String> = attachments(&mail).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["m.manifest.json", "a.html"]);
    let folder = folder.path().display();
    let text = decoded(mail.split("Content-Disposition").next().unwrap());
    for told in [
        "m.manifest.json (2 bytes), attached".to_owned(),
        "a.html (3.5 MiB), attached".to_owned(),
        format!(
            "b.csv: NOT ATTACHED: with its 3.5 MiB the mail would bring more than 7.0 MiB. It is at {folder}/b.csv"
        ),
        format!("c.csv: NOT ATTACHED: it is no longer at {folder}/c.csv"),
        format!(
            "d.csv: NOT ATTACHED: what is at {folder}/d.csv is not what was made (SHA-256 {})",
            sha256(b"made")
        ),
        format!("e.csv: NOT ATTACHED: what is at {folder}/e.csv is not what was made"),
    ] {
        assert!(text.contains(&told), "{told}\n{text}");
    }
}

/// Catches: a queue that stands still for ever behind a server that took the connection and says nothing.
#[tokio::test]
async fn a_mail_server_that_falls_silent_is_given_up_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = SinkTarget::Email(EmailConfig {
        host: "localhost".to_owned(),
        port: listener.local_addr().unwrap().port(),
        tls: SmtpTls::Off,
        login: Login::None,
        from: "tallyd@example.com".to_owned(),
        to: vec!["treasury@example.com".to_owned()],
    });
    let config = SinkConfig { timeout: Duration::from_millis(200), ..sink_config("mail", target) };
    let sink = Sink::new(&config).unwrap();
    let message = super::summary(11);
    let sent = in_time("the end of a mail", sink.send(&message, now())).await;
    assert!(
        matches!(&sent, Err(SendError::Passing { what, .. }) if what.contains("did not take the mail")),
        "{sent:?}"
    );
}

#[tokio::test]
async fn a_webhook_gets_what_is_published_signed_and_under_one_key() {
    let receiver = Receiver::start([]).await;
    let folder = tempfile::tempdir().unwrap();
    let report = made(folder.path(), usual(folder.path()));
    let sink = sink(webhook_at(&receiver.url));
    sink.send_report(&report, now()).await.unwrap();
    sink.send_report(&report, now().plus(Duration::from_secs(60))).await.unwrap();
    let got = receiver.got();
    assert_eq!(got[0].header("idempotency-key"), got[1].header("idempotency-key"));
    let digest = &report.files.last().unwrap().sha256[..16];
    assert_eq!(got[0].header("idempotency-key"), format!("tallyd/report/daily/2026-11-20/{digest}"));
    let seconds = now().as_micros() / 1_000_000;
    assert_eq!(got[0].header("tallyd-signature"), signature("hunter2", seconds, &got[0].body));
    let schema: Value = serde_json::from_str(include_str!("../../../docs/webhook-v1.schema.json")).unwrap();
    assert_eq!(faults_by_schema(&got[0].json(), &schema), [""; 0]);
    let body = webhook_report_payload(&report, now());
    let text = format!("{body:#}").replace(&folder.path().display().to_string(), "FOLDER");
    insta::assert_snapshot!(text);
}

#[test]
fn slack_gets_a_summary() {
    let report = made(Path::new("/srv/reports"), usual(tempfile::tempdir().unwrap().path()));
    insta::assert_snapshot!(format!("{:#}", slack_report_payload(&report)));
}

fn run_of(report: MadeReport, sinks: &[&str]) -> ReportRun {
    ReportRun {
        run: ScheduleRun { name: tallyd::model::report_run(&report.name), last_due: now() },
        report,
        sinks: sinks.iter().map(|sink| SinkName((*sink).to_owned())).collect(),
        at: now(),
    }
}

/// Catches: a report that is put there twice, a dead sink that delays others, a retry that forgets its key, one that is
/// tried without end, and a sink that takes none and is tried all the same.
#[tokio::test]
async fn reports_go_through_the_outbox_each_by_itself() {
    let (well, ill) =
        (Receiver::start([]).await, Receiver::start([Script::Hang, Script::Answer(503, "")]).await);
    let ill_config =
        SinkConfig { timeout: Duration::from_millis(300), ..sink_config("ill", webhook_at(&ill.url)) };
    let sinks =
        vec![sink_config("log", SinkTarget::Log), sink_config("well", webhook_at(&well.url)), ill_config];
    let mut desk = Desk::new(sinks).await;
    let folder = tempfile::tempdir().unwrap();
    let report = made(folder.path(), usual(folder.path()));
    desk.ledger.report_made(run_of(report.clone(), &["well", "ill", "log"]), now()).await.unwrap();
    desk.ledger.report_made(run_of(report.clone(), &["well", "ill", "log"]), now()).await.unwrap();
    desk.observe([row(1, Status::Failed)]).await;

    desk.flush().await;
    let types = |receiver: &Receiver| -> Vec<String> {
        let mut types: Vec<_> =
            receiver.got().iter().map(|got| got.json()["type"].as_str().unwrap().to_owned()).collect();
        types.sort();
        types
    };
    assert_eq!(types(&well).iter().filter(|one| *one == "report").count(), 1, "{:?}", types(&well));
    let left = desk.reader().undelivered(100).unwrap();
    let of = |sink: &str| {
        let found = left.iter().find(|one| {
            one.sink.0 == sink
                && matches!(&one.item, UndeliveredItem::Report(queued) if queued.report == report)
        });
        found.unwrap_or_else(|| panic!("nothing is left for {sink}: {left:?}"))
    };
    // The log takes none: that is given up at once.
    assert!(matches!(of("log").state, DeliveryState::Dead(_)));
    assert!(of("log").error.as_ref().unwrap().contains("webhook, slack and email"), "{:?}", of("log").error);
    assert!(matches!(of("ill").state, DeliveryState::Waiting(at) if at > now()), "{:?}", of("ill").state);

    // Tried again later under the same key, until it is taken.
    for _ in 0..4 {
        desk.clock.advance(Duration::from_secs(1200));
        desk.flush().await;
    }
    let keys: Vec<String> = ill
        .got()
        .iter()
        .filter(|got| got.json()["type"] == "report")
        .map(|got| got.header("idempotency-key").to_owned())
        .collect();
    assert!(keys.len() >= 2 && keys.iter().all(|key| *key == report.delivery_key()), "{keys:?}");
    assert!(!desk.reader().undelivered(100).unwrap().iter().any(|one| one.sink.0 == "ill"));
    assert!(types(&well).contains(&"dead_letters".to_owned()), "what the log was to tell is told elsewhere");

    // One that is never taken comes to an end, which the others tell.
    let dead = Receiver::start(std::iter::repeat_n(Script::Answer(500, ""), 100)).await;
    desk.sinks[2] =
        SinkConfig { give_up_after: Duration::from_secs(3600), ..sink_config("dead", webhook_at(&dead.url)) };
    let next = MadeReport { period: "2026-11-21".to_owned(), ..report };
    let later = desk.clock.as_ref();
    let at = tallyd::clock::Clock::now(later);
    desk.ledger.report_made(ReportRun { at, ..run_of(next, &["dead"]) }, at).await.unwrap();
    for _ in 0..12 {
        desk.flush().await;
        desk.clock.advance(Duration::from_secs(900));
    }
    let told = well.got();
    let last = told.iter().rev().find(|got| got.json()["type"] == "dead_letters").unwrap().json();
    assert_eq!(last["dead_letters"]["sink"], "dead");
    assert!(last["title"].as_str().unwrap().contains("message(s)"), "{last}");
}

/// Catches: a migration that loses what waits, tells again what was told, or gives a number twice.
#[tokio::test]
async fn what_an_older_ledger_has_in_its_outbox_stays_as_it_is() {
    let receiver = Receiver::start([]).await;
    let desk = Desk::new(vec![sink_config("hook", webhook_at(&receiver.url))]).await;
    desk.observe([row(1, Status::Failed), row(2, Status::Rejected)]).await;
    desk.flush().await;
    desk.observe([row(3, Status::Failed)]).await;
    let path = desk.path();
    let outbox = || {
        crate::harness::texts_of(
            &path,
            "SELECT number || ' ' || break || ' ' || occasion || ' ' || notice.at || ' ' || sink || ' ' || state
             || ' ' || attempts FROM notice JOIN delivery ON notice = number WHERE break IS NOT NULL ORDER BY 1",
        )
    };
    let before = outbox();
    assert_eq!(before.len(), 3, "{before:?}");
    // A number that was given and is gone is not given again.
    let forget = "INSERT INTO notice (number, break, occasion, severity, at) VALUES (9, 1, 'opened', 1, 0);
        DELETE FROM notice WHERE number = 9";
    rusqlite::Connection::open(&path).unwrap().execute_batch(forget).unwrap();
    let Desk { folder, ledger, .. } = desk;
    ledger.close().await;
    crate::harness::take_back(&path, 3);
    let ledger =
        tallyd::ledger::Ledger::open(&path, "https://api.sandbox.paxos.com/v2", tallyd::sync::rules(), now());
    let ledger = ledger.unwrap();
    assert_eq!(outbox(), before);
    assert!(folder.path().join("ledger.db.format-3").exists());
    let report = made(folder.path(), usual(folder.path()));
    ledger.report_made(run_of(report, &["hook"]), now()).await.unwrap();
    assert_eq!(outbox(), before);
    assert_eq!(crate::harness::texts_of(&path, "SELECT number FROM notice WHERE report IS NOT NULL"), ["10"]);
    ledger.close().await;
}
