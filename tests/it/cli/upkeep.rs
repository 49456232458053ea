//! `ledger backup`, `restore`, `prune` and `vacuum` as people run them.

use std::process::{Command, Stdio};
use std::time::Instant;

use rusqlite::Connection;
use serde_json::Value;

use crate::harness::{DEADLINE, Ran, Setup, Shell, wait_for_exit};

fn json_of(shell: &Shell, arguments: &[&str]) -> Value {
    serde_json::from_str(&shell.run_well(arguments).stdout).unwrap()
}

fn polled() -> Shell {
    let shell = Shell::new(Setup::of(60).profiles(1).sim);
    shell.run_well(&["poll"]);
    shell
}

/// Makes the ledger so large that copying it takes a while.
fn fatten(shell: &Shell) {
    let connection = Connection::open(shell.ledger()).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE ballast (bytes BLOB);
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 48)
             INSERT INTO ballast SELECT randomblob(1000000) FROM n;
             PRAGMA wal_checkpoint(TRUNCATE);",
        )
        .unwrap();
}

fn names(shell: &Shell, of: &str) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(shell.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(of))
        .collect();
    names.sort();
    names
}

#[test]
fn a_ledger_goes_to_a_backup_and_back() {
    let shell = polled();
    let made = json_of(&shell, &["ledger", "backup", "copy.db", "--json"]);
    assert_eq!(made["head"], json_of(&shell, &["status", "--json"])["journal_head"]);
    assert!(shell.run_well(&["ledger", "backup", "copy.db", "--force"]).stdout.contains("journal head"));
    let restored = json_of(&shell, &["ledger", "restore", "copy.db", "--json"]);
    assert_eq!((&restored["epoch"], &restored["from"]), (&1.into(), &made["head"]));
    assert!(std::fs::exists(restored["kept_as"].as_str().unwrap()).unwrap());
    let status = json_of(&shell, &["status", "--json"]);
    assert_eq!((&status["epoch"], &status["journal_head"]), (&1.into(), &restored["head"]));
    assert_eq!(status["owed_sweeps"].as_array().unwrap().len(), 1);
    let told = shell.run_well(&["status"]).stdout;
    assert!(told.contains("sweep owed") && told.contains("restored on"), "{told}");
    assert_eq!(status["owed_sweeps"][0]["is_polled"], true);
    // Of a profile that is no longer polled it is owed for ever, and nobody is told that a poll pays.
    let config = std::fs::read_to_string(shell.file("config.toml")).unwrap();
    shell.configure(&[("+", "[[profiles]]\nid = \"3b9d6a52-8e17-4c0f-a4d2-5f61c7e09b38\"\n")]);
    assert_eq!(json_of(&shell, &["status", "--json"])["owed_sweeps"][0]["is_polled"], false);
    let told = shell.run_well(&["status"]).stdout;
    assert!(told.contains("nobody does it") && !told.contains("does it\n"), "{told}");
    assert!(told.contains("not polled any more"), "{told}");
    std::fs::write(shell.file("config.toml"), config).unwrap();
    // The next poll pays, and the one after it owes nothing.
    let lanes = |outcome: &Value| -> Vec<Value> {
        outcome["profiles"].as_array().unwrap().iter().map(|poll| poll["lane"].clone()).collect()
    };
    assert_eq!(lanes(&json_of(&shell, &["poll", "--json"])), ["discover", "sweep"]);
    let status = json_of(&shell, &["status", "--json"]);
    assert_eq!(status["owed_sweeps"], Value::Array(Vec::new()));
    assert_eq!(lanes(&json_of(&shell, &["poll", "--json"])), ["discover"]);
    shell.run_well(&["ledger", "verify", "--head", made["head"].as_str().unwrap()]);
    shell.end();
}

#[test]
fn a_killed_backup_leaves_nothing_under_its_name_and_the_next_one_cleans_up() {
    let shell = polled();
    fatten(&shell);
    let mut child = shell.command(&["ledger", "backup", "copy.db"]).spawn().unwrap();
    let began = Instant::now();
    while names(&shell, "copy.db").is_empty() {
        assert!(began.elapsed() < DEADLINE, "the backup does not begin");
        crate::harness::breathe();
    }
    child.kill().unwrap();
    wait_for_exit(&mut child);
    assert!(!names(&shell, "copy.db").contains(&"copy.db".to_owned()), "it was too quick to be killed");
    shell.run_well(&["ledger", "backup", "copy.db"]);
    assert_eq!(names(&shell, "copy.db"), ["copy.db"]);
    shell.end();
}

/// Runs the binary where no file may grow beyond so many KiB, which is as near to a full disk as a test
/// gets without a disk of its own.
fn run_confined(shell: &Shell, kib: u32, arguments: &[&str]) -> Ran {
    let plain = shell.command(arguments);
    let mut confined = Command::new("sh");
    // Without the trap the system would kill it for the attempt; dash counts in 512 bytes.
    confined.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {}; exec \"$@\"", kib * 2)).arg("sh");
    confined.arg(plain.get_program()).args(plain.get_args());
    confined.env_clear().current_dir(shell.folder.path()).stdin(Stdio::null());
    confined.output().unwrap().into()
}

#[test]
fn where_nothing_more_can_be_written_nothing_is_lost() {
    let shell = polled();
    shell.run_well(&["ledger", "backup", "before.db"]);
    fatten(&shell);
    for arguments in
        [&["ledger", "backup", "copy.db"][..], &["ledger", "vacuum"], &["ledger", "restore", "fat.db"]]
    {
        if arguments[1] == "restore" {
            shell.run_well(&["ledger", "backup", "fat.db"]);
        }
        let ran = run_confined(&shell, 8 * 1024, arguments);
        assert_eq!(ran.code, Some(1), "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
        assert!(shell.run_well(&["ledger", "verify"]).stdout.contains("sound"));
    }
    assert_eq!(names(&shell, "copy.db"), [""; 0]);
    assert!(names(&shell, "ledger.db.").iter().all(|name| name == "ledger.db.lock"));
    let connection = Connection::open(shell.ledger()).unwrap();
    connection.execute_batch("DROP TABLE ballast").unwrap();
    drop(connection);
    let done = json_of(&shell, &["ledger", "vacuum", "--json"]);
    let bytes = |key: &str| done[key].as_u64().unwrap();
    assert!(bytes("bytes_before") > 40_000_000 && bytes("bytes_after") < 4_000_000, "{done}");
    assert!(shell.run_well(&["ledger", "verify"]).stdout.contains("sound"));
    shell.end();
}

#[test]
fn a_prune_says_why_there_is_nothing_to_prune() {
    let shell = polled();
    let told = json_of(&shell, &["ledger", "prune", "--before", "2020-01-31", "--dry-run", "--json"]);
    assert_eq!((&told["pruned"], &told["rows"]), (&false.into(), &0.into()));
    let told = shell.run_well(&["ledger", "prune", "--before", "400d"]).stdout;
    assert!(told.starts_with("nothing to prune: the journal begins on"), "{told}");
    for nonsense in ["yesterday", "3m", "1y", "-5d", "2026-02-30"] {
        assert_eq!(shell.run(&["ledger", "prune", "--before", nonsense]).code, Some(2), "{nonsense}");
    }
    shell.end();
}
