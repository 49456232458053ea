//! Copies of a ledger: whole and sound whenever they are taken, or not there at all.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tallyd::ledger::{BackupError, BackupProblem, Existing, Reader, backup};
use tallyd::model::Status;

use super::{Bench, findings, moved, row};

/// The names of what lies in the bench's folder.
fn names(bench: &Bench) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(bench.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn problem(outcome: Result<tallyd::ledger::Backup, BackupError>) -> BackupProblem {
    match outcome {
        Err(BackupError::File { problem, .. }) => problem,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backups_beside_a_busy_writer_are_each_one_state_and_sound() {
    let bench = Bench::new().await;
    let (ledger, path) = (bench.path(), bench.folder.path().to_owned());
    bench.commit((0..2000).map(row).collect()).await;
    let copies = tokio::task::spawn_blocking(move || {
        let copy = |number| backup(&ledger, &path.join(format!("copy-{number}.db")), Existing::Keep).unwrap();
        (0..5).map(copy).collect::<Vec<_>>()
    });
    let mut number = 2000;
    while !copies.is_finished() {
        bench.commit((number..number + 40).map(row).collect()).await;
        bench.commit((number..number + 40).map(|number| moved(number, Status::Completed, 3)).collect()).await;
        number += 40;
    }
    assert!(number > 2000, "nothing was written meanwhile");
    let live = bench.reader();
    for made in copies.await.unwrap() {
        // Without a folder that may be written, and so without side files.
        let mode = fs::metadata(&made.file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::metadata(&made.file).unwrap().len(), made.bytes);
        let copy = Reader::open(&made.file).unwrap();
        assert_eq!(findings(&copy), [""; 0]);
        let verification = copy.verify(None).unwrap();
        assert_eq!(verification.head, made.head);
        // It is a state that the ledger went through.
        let note = made.head.note();
        let hash = note.split_once(':').unwrap().1;
        assert_eq!(live.verify(Some((made.head.batch, hash))).unwrap().findings, []);
        let changed: i64 = rusqlite::Connection::open(&made.file)
            .unwrap()
            .query_row("SELECT count(*) FROM journal WHERE kind = 'changed'", [], |row| row.get(0))
            .unwrap();
        assert_eq!(u64::try_from(changed).unwrap(), verification.entries - verification.orchestrations);
    }
    let side_files: Vec<_> = names(&bench).into_iter().filter(|name| name.starts_with("copy-")).collect();
    assert_eq!(side_files, ["copy-0.db", "copy-1.db", "copy-2.db", "copy-3.db", "copy-4.db"]);
}

#[tokio::test]
async fn a_backup_replaces_only_what_it_is_told_to_and_never_the_ledger() {
    let bench = Bench::new().await;
    bench.commit(vec![row(1)]).await;
    let (ledger, folder) = (bench.path(), bench.folder.path());
    let copy = folder.join("copy.db");
    fs::write(&copy, "something of mine").unwrap();
    assert!(matches!(problem(backup(&ledger, &copy, Existing::Keep)), BackupProblem::Exists));
    assert_eq!(fs::read_to_string(&copy).unwrap(), "something of mine");
    backup(&ledger, &copy, Existing::Replace).unwrap();
    assert_eq!(findings(&Reader::open(&copy).unwrap()), [""; 0]);
    for name in ["ledger.db", "./ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db.lock", "copy-link"]
    {
        if name == "copy-link" {
            std::os::unix::fs::symlink(&ledger, folder.join(name)).unwrap();
        }
        let refused = problem(backup(&ledger, &folder.join(name), Existing::Replace));
        assert!(matches!(refused, BackupProblem::OfTheLedger), "{name}: {refused:?}");
    }
    let refused = problem(backup(&ledger, folder, Existing::Replace));
    assert!(matches!(refused, BackupProblem::NotAFile), "{refused:?}");
    let refused = problem(backup(&ledger, &folder.join("nowhere/copy.db"), Existing::Keep));
    assert!(matches!(refused, BackupProblem::NoFolder), "{refused:?}");
    assert_eq!(bench.findings(), [""; 0]);
}

#[tokio::test]
async fn what_a_killed_backup_left_is_replaced_by_the_next_one() {
    let bench = Bench::new().await;
    bench.commit(vec![row(1)]).await;
    let leave = |name: &str| fs::write(bench.folder.path().join(name), vec![7; 10_000]).unwrap();
    for name in ["copy.db.partial", "copy.db.partial-journal", "copy.db.partial-wal"] {
        leave(name);
    }
    fs::set_permissions(bench.folder.path().join("copy.db.partial"), fs::Permissions::from_mode(0o666))
        .unwrap();
    let made = backup(&bench.path(), &bench.folder.path().join("copy.db"), Existing::Keep).unwrap();
    assert_eq!(findings(&Reader::open(&made.file).unwrap()), [""; 0]);
    assert_eq!(fs::metadata(&made.file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!names(&bench).iter().any(|name| name.contains("partial")), "{:?}", names(&bench));
}

#[tokio::test]
async fn a_backup_that_fails_leaves_nothing_and_says_whose_fault_it_is() {
    let bench = Bench::new().await;
    let missing =
        backup(Path::new("/nowhere/ledger.db"), &bench.folder.path().join("copy.db"), Existing::Keep);
    assert!(matches!(missing, Err(BackupError::Ledger(_))), "{missing:?}");
    bench.commit((0..500).map(row).collect()).await;
    let (bench, ()) = bench
        .meanwhile(|path| {
            let damaged = path.with_file_name("damaged.db");
            let mut bytes = fs::read(path).unwrap();
            for byte in bytes.iter_mut().skip(4096).take(40_000) {
                *byte = 0x5a;
            }
            fs::write(&damaged, bytes).unwrap();
            let refused = backup(&damaged, &path.with_file_name("copy.db"), Existing::Keep);
            assert!(matches!(refused, Err(BackupError::Ledger(_))), "{refused:?}");
        })
        .await;
    let left: Vec<_> = names(&bench).into_iter().filter(|name| name.starts_with("copy")).collect();
    assert_eq!(left, [""; 0]);
}
