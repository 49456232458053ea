//! What `verify` finds when somebody edited the file.

use rusqlite::Connection;
use rusqlite::types::Value;
use tallyd::ledger::{Finding, Found, Reader};
use tallyd::model::{Endpoint, Leg, LegStatus, Orchestration, Status};

use super::{Bench, findings, minute, moved, row, unreadable};

/// An orchestration with a value in every column that its ends have.
fn full(number: u32, source: Endpoint, destination: Endpoint) -> Orchestration {
    let id = |text: &str| Some(format!("{text}-{number}").as_str().into());
    let leg = |text: &str| Leg { transfer_id: id(text), status: Some(LegStatus::Completed) };
    Orchestration {
        identity_id: id("identity"),
        account_id: id("account"),
        destination_amount: Some("249.5".parse_amount()),
        source_transfer: leg("in"),
        destination_transfer: leg("out"),
        fail_reason: Some("none".into()),
        source: Some(source),
        destination: Some(destination),
        orchestration_rule_id: id("rule"),
        completed_at: Some(minute(700)),
        remainder: Some(r#"{"fee":"0.5"}"#.into()),
        ..row(number)
    }
}

trait ParseAmount {
    fn parse_amount(&self) -> tallyd::model::Amount;
}

impl ParseAmount for str {
    fn parse_amount(&self) -> tallyd::model::Amount {
        tallyd::model::Amount::parse(self).unwrap()
    }
}

/// A ledger with rows of every kind of end, changes, a merge and an unreadable row in two batches each.
async fn bench() -> Bench {
    let profile = || Endpoint::Profile { profile_id: "desk".into() };
    let crypto = || Endpoint::Crypto {
        address: Some("9vE1".into()),
        network: Some("SOLANA".into()),
        address_id: Some("book-1".into()),
    };
    let fiat = || Endpoint::Fiat { account_id: Some("bank-1".into()), memo: Some("rent".into()) };
    let bench = Bench::new().await;
    bench.commit(vec![full(1, profile(), crypto()), full(2, crypto(), fiat())]).await;
    bench.commit(vec![full(3, fiat(), profile()), row(4), row(5)]).await;
    bench.commit(vec![moved(4, Status::Completed, 3)]).await;
    bench.commit(vec![Orchestration { created_at: minute(50), ..moved(5, Status::Failed, 3) }]).await;
    bench.commit_unreadable(unreadable(8, r#"{"id":8}"#)).await;
    bench.commit_unreadable(unreadable(9, r#"{"id":9}"#)).await;
    bench.commit(vec![row(9)]).await;
    bench.backfill(vec![row(6)]).await;
    assert_eq!(bench.findings(), [""; 0]);
    bench
}

/// A connection that nothing holds back.
pub(super) fn forger(bench: &Bench) -> Connection {
    let connection = bench.sql();
    connection
        .execute_batch(
            "PRAGMA foreign_keys = OFF;
             DROP TRIGGER IF EXISTS journal_entry_is_append_only;
             DROP TRIGGER IF EXISTS journal_batch_is_append_only;",
        )
        .unwrap();
    connection
}

fn columns(connection: &Connection, table: &str) -> Vec<String> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)").unwrap();
    statement.query_map([table], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

/// Writes every value that the format admits into one cell after the other, and returns the edits that
/// verification did not find.
pub(super) fn unnoticed_edits(bench: &Bench, table: &str, key: &str, ignored: &[&str]) -> Vec<String> {
    let connection = forger(bench);
    let reader = bench.reader();
    let mut keys = connection.prepare(&format!("SELECT {key} FROM {table} LIMIT 6")).unwrap();
    let keys: Vec<Value> = keys.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    assert!(!keys.is_empty());
    let mut unnoticed = Vec::new();
    for column in columns(&connection, table).iter().filter(|column| !ignored.contains(&column.as_str())) {
        for key_value in &keys {
            let select = format!("SELECT {column} FROM {table} WHERE {key} = ?1");
            let old: Value = connection.query_row(&select, [key_value], |row| row.get(0)).unwrap();
            let update = format!("UPDATE {table} SET {column} = ?2 WHERE {key} = ?1");
            let edits = [
                Value::Null,
                Value::Integer(2),
                Value::Text(if column == "metadata" { "{}" } else { "251.00" }.to_owned()),
                Value::Blob(vec![0; 16]),
                // The same bytes as another type.
                match &old {
                    Value::Text(text) => Value::Blob(text.clone().into_bytes()),
                    Value::Blob(blob) => Value::Text(String::from_utf8_lossy(blob).into_owned()),
                    other => other.clone(),
                },
            ];
            for edit in edits.into_iter().filter(|edit| *edit != old) {
                // What the format itself refuses needs no finding.
                let Ok(1) = connection.execute(&update, (key_value, &edit)) else { continue };
                if findings(&reader).is_empty() {
                    unnoticed.push(format!("{table}.{column}: {old:?} -> {edit:?}"));
                }
                let undo = if column == key {
                    format!("UPDATE {table} SET {key} = ?2 WHERE {key} = ?1")
                } else {
                    update.clone()
                };
                let at = if column == key { &edit } else { key_value };
                connection.execute(&undo, (at, &old)).unwrap();
            }
        }
    }
    assert_eq!(findings(&reader), [""; 0], "every edit was undone");
    unnoticed
}

#[tokio::test]
async fn an_edit_of_any_column_of_any_row_is_found() {
    let bench = bench().await;
    // What the journal does not tell: who lists it, since when it has its status, and from what text it was read.
    let ignored = ["listed_by", "status_since", "fingerprint"];
    assert_eq!(unnoticed_edits(&bench, "orchestration", "key", &ignored), [""; 0]);
}

#[tokio::test]
async fn an_edit_of_any_column_of_the_journal_is_found() {
    let bench = bench().await;
    assert_eq!(unnoticed_edits(&bench, "journal_entry", "seq", &[]), [""; 0]);
    assert_eq!(unnoticed_edits(&bench, "journal_batch", "number", &[]), [""; 0]);
}

#[tokio::test]
async fn an_edit_of_a_raw_text_or_of_where_the_ledger_belongs_is_found() {
    let bench = bench().await;
    assert_eq!(unnoticed_edits(&bench, "unreadable", "id", &["listed_by", "first_seen_at"]), [""; 0]);
    assert_eq!(unnoticed_edits(&bench, "ledger", "only", &["only", "customer_id", "epoch"]), [""; 0]);
}

#[tokio::test]
async fn a_row_or_entry_that_is_gone_or_too_many_is_found() {
    let edits = [
        "DELETE FROM orchestration WHERE key = 1",
        "DELETE FROM orchestration WHERE key = (SELECT max(key) FROM orchestration)",
        "DELETE FROM orchestration",
        "DELETE FROM unreadable",
        "DELETE FROM journal_entry WHERE seq = 1",
        "DELETE FROM journal_entry WHERE seq = (SELECT max(seq) FROM journal_entry)",
        "DELETE FROM journal_entry",
        "DELETE FROM journal_batch WHERE number = 2",
        "DELETE FROM journal_batch WHERE number = (SELECT max(number) FROM journal_batch)",
        "DELETE FROM profile",
        "INSERT INTO journal_entry SELECT seq + 1000, batch + 1000, kind, orchestration, body FROM journal_entry WHERE seq = 1",
        "INSERT INTO journal_entry SELECT seq + 1000, batch, kind, orchestration, body FROM journal_entry WHERE seq = 1",
        "INSERT INTO unreadable VALUES ('x', 1, '{}', 'none', 0)",
        "INSERT INTO orchestration (id, listed_by, status, created_at, status_since, fingerprint) VALUES ('x', 1, 1, 0, 0, 0)",
    ];
    for edit in edits {
        let bench = bench().await;
        forger(&bench).execute_batch(edit).unwrap();
        assert_ne!(bench.findings(), [""; 0], "{edit}");
    }
}

#[tokio::test]
async fn findings_name_what_is_wrong_and_where() {
    let bench = bench().await;
    let connection = forger(&bench);
    connection
        .execute_batch(
            "UPDATE orchestration SET source_amount = '9.00' WHERE key = 1;
             UPDATE orchestration SET source_rail = 9 WHERE key = 2;
             DELETE FROM orchestration WHERE key = 3;
             INSERT INTO orchestration (key, id, listed_by, status, created_at, status_since, fingerprint)
             VALUES (99, 'stranger', 1, 1, 0, 0, 0);
             UPDATE unreadable SET raw = '{}';
             UPDATE journal_batch SET at = at + 1 WHERE number = 2;",
        )
        .unwrap();
    let noted = bench.reader().verify(Some((3, "00"))).unwrap();
    let texts: Vec<_> = noted.findings.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(texts.join("\n"));
}

#[tokio::test]
async fn a_head_that_was_noted_elsewhere_tells_a_forged_or_shortened_journal() {
    let bench = bench().await;
    let noted = bench.ledger.journal_head().await.unwrap();
    let hash = noted.note().split_once(':').unwrap().1.to_owned();
    let check = |reader: &Reader| reader.verify(Some((noted.batch, &hash))).unwrap().findings;
    assert_eq!(check(&bench.reader()), []);
    // The journal goes on, and the head of before still lies on its way.
    bench.commit(vec![row(7)]).await;
    assert_eq!(check(&bench.reader()), []);
    // A ledger of the same birth with another past is sound in itself.
    let forged = Bench::new().await;
    for number in 1..=noted.batch {
        forged.commit(vec![row(u32::try_from(number).unwrap())]).await;
    }
    assert_eq!(forged.findings(), [""; 0]);
    let found = forged.ledger.journal_head().await.unwrap().note();
    let found = found.split_once(':').unwrap().1.to_owned();
    let expected = Finding::HeadDiffers {
        batch: noted.batch,
        noted: hash.clone(),
        found: Found::Other { hash: found, epoch: 0 },
    };
    assert_eq!(check(&forged.reader()), [expected]);
    // So is one whose end was cut off with all that belongs to it.
    let shortened = Bench::new().await;
    shortened.commit(vec![row(1)]).await;
    assert_eq!(shortened.findings(), [""; 0]);
    let expected =
        Finding::HeadDiffers { batch: noted.batch, noted: hash.clone(), found: Found::Beyond { epoch: 0 } };
    assert_eq!(check(&shortened.reader()), [expected]);
}

#[tokio::test]
async fn a_new_ledger_is_sound_and_so_is_what_was_counted() {
    let bench = Bench::new().await;
    assert_eq!(bench.findings(), [""; 0]);
    bench.commit((0..150).map(row).collect()).await;
    bench.commit(vec![moved(1, Status::Completed, 3)]).await;
    let verification = bench.reader().verify(None).unwrap();
    assert_eq!((verification.batches, verification.entries, verification.orchestrations), (2, 151, 150));
    assert_eq!(verification.head, bench.ledger.journal_head().await.unwrap());
    // However much is wrong, the list of it stays short.
    forger(&bench).execute_batch("UPDATE orchestration SET source_amount = '9.00'").unwrap();
    assert_eq!(bench.findings().len(), 100);
}
