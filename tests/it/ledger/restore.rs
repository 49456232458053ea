//! A backup in the ledger's place: what is kept, what is owed, and what is refused.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tallyd::ledger::{
    BackupError, BackupProblem, Beside, Existing, LedgerError, Problem, Reader, Replaced, Restored, Stops,
    StoredStop, backup, restore,
};
use tallyd::model::{Identifier, Orchestration, Status, Timestamp};

use super::{API, Bench, by_script, findings, minute, moved, row};

fn stop(host: &str, until: Timestamp) -> StoredStop {
    StoredStop { host: host.to_owned(), until, reason: "429".to_owned() }
}

/// A ledger that went on since its backup, and the backup.
async fn bench() -> (Bench, PathBuf) {
    let bench = Bench::new().await;
    bench.backfill((1..10).map(row).collect()).await;
    bench.ledger.keep_stop(stop("old", minute(5))).await.unwrap();
    let copy = bench.folder.path().join("copy.db");
    backup(&bench.path(), &copy, Existing::Keep).unwrap();
    bench.commit(vec![moved(3, Status::Completed, 5), row(20)]).await;
    bench.ledger.keep_stop(stop("api", minute(6000))).await.unwrap();
    (bench, copy)
}

fn restored(path: &Path, copy: &Path) -> Result<Restored, BackupError> {
    restore(path, copy, API, minute(5000))
}

fn kept(restored: &Restored) -> PathBuf {
    match &restored.replaced {
        Replaced::Kept { at, .. } => at.clone(),
        Replaced::Nothing => panic!("nothing was kept"),
    }
}

/// Catches: a service that cannot open the ledger which root restored for it.
#[tokio::test]
async fn what_root_restores_belongs_to_the_former_owner() {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let (bench, copy) = bench().await;
    // Nobody but root can give a file away.
    if chown(bench.path(), Some(4711), Some(4712)).is_err() {
        return;
    }
    let (bench, ()) = bench
        .meanwhile(|path| {
            restored(path, &copy).unwrap();
            let owner = fs::metadata(path).map(|found| (found.uid(), found.gid())).unwrap();
            assert_eq!(owner, (4711, 4712));
            // Where there is none the folder tells whose it is.
            fs::remove_file(path).unwrap();
            chown(path.parent().unwrap(), Some(4713), None).unwrap();
            restored(path, &copy).unwrap();
            assert_eq!(fs::metadata(path).unwrap().uid(), 4713);
        })
        .await;
    assert_eq!(bench.findings(), [""; 0]);
}

#[tokio::test]
async fn rule_10_a_restored_backup_starts_an_epoch_and_owes_a_sweep() {
    let (bench, copy) = bench().await;
    let newer = bench.ledger.journal_head().await.unwrap();
    let coverage = bench.reader().overview(minute(0)).unwrap().profiles[0].coverage;
    let (bench, done) = bench.meanwhile(|path| restored(path, &copy).unwrap()).await;
    assert_eq!(done.epoch, 1);
    assert_eq!(bench.findings(), [""; 0]);
    if let Some((is_sound, said)) = by_script(&bench.path(), Some(&done.from.note())) {
        assert!(is_sound, "{said}");
    }
    let overview = bench.reader().overview(minute(5000)).unwrap();
    assert_eq!((overview.epoch, overview.orchestrations), (1, 9));
    assert_eq!(overview.journal, done.head);
    assert_eq!(overview.profiles[0].coverage, coverage);
    // The poll that ran when the backup was taken runs no more.
    assert_eq!(overview.profiles[0].last_poll.as_ref().unwrap().result, "interrupted");
    // A pause that is in force holds, whichever ledger knew of it.
    assert_eq!(overview.stops, [stop("api", minute(6000))]);
    assert!(matches!(&done.replaced, Replaced::Kept { stops: Stops::TakenOver(1), .. }), "{done:?}");
    let owed = bench.ledger.owed_sweeps().await.unwrap();
    assert_eq!(owed.len(), 1);
    assert_eq!((owed[0].key, owed[0].since), (bench.profile, minute(5000)));
    assert!(owed[0].reason.contains(&done.from.note()), "{owed:?}");
    bench.ledger.settle_sweep(bench.profile).await.unwrap();
    assert_eq!(bench.ledger.owed_sweeps().await.unwrap(), []);
    // The journal tells of it, and goes on.
    let told = bench.sql().query_row(
        "SELECT old_values ->> 'epoch', old_values ->> 'from' FROM journal WHERE kind = 'restored'",
        [],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)),
    );
    assert_eq!(told.unwrap(), (1, done.from.note()));
    // A head that was noted since the backup is not found, and the reason is told.
    let note = newer.note();
    let finding = bench.reader().verify(Some((newer.batch + 5, note.split_once(':').unwrap().1))).unwrap();
    assert!(finding.findings[0].to_string().contains("restored from a backup (epoch 1)"), "{finding:?}");
    bench.commit(vec![moved(3, Status::Completed, 5), row(20)]).await;
    assert_eq!(bench.findings(), [""; 0]);
    // What was there is kept, with all that was in its write-ahead log.
    let aside = Reader::open(&kept(&done)).unwrap();
    assert_eq!(findings(&aside), [""; 0]);
    assert_eq!(aside.overview(minute(0)).unwrap().journal, newer);
}

/// Catches: what somebody asked for before the backup, served by the next daemon.
#[tokio::test]
async fn what_was_asked_of_a_daemon_before_the_backup_is_not_asked_any_more() {
    let bench = Bench::new().await;
    Beside::at(&bench.path()).ask(API, "poll", "{}", minute(4999)).unwrap();
    let copy = bench.folder.path().join("copy.db");
    backup(&bench.path(), &copy, Existing::Keep).unwrap();
    let (bench, _) = bench.meanwhile(|path| restored(path, &copy).unwrap()).await;
    assert_eq!(bench.reader().unended_requests().unwrap(), []);
}

#[tokio::test]
async fn each_restore_is_an_epoch_of_its_own() {
    let (bench, copy) = bench().await;
    let (bench, done) = bench.meanwhile(|path| restored(path, &copy).unwrap()).await;
    let (bench, again) = bench.meanwhile(|path| restore(path, &copy, API, minute(5001)).unwrap()).await;
    assert_eq!((done.epoch, again.epoch), (1, 2));
    let aside = kept(&again);
    let (bench, back) = bench.meanwhile(|path| restore(path, &aside, API, minute(5002)).unwrap()).await;
    assert_eq!(back.epoch, 3);
    assert_eq!(bench.findings(), [""; 0]);
    // The backup itself was never touched.
    assert_eq!(Reader::open(&copy).unwrap().overview(minute(0)).unwrap().epoch, 0);
    // Where there is no ledger, there is nothing to keep.
    let elsewhere = bench.folder.path().join("elsewhere.db");
    let first = restored(&elsewhere, &copy).unwrap();
    assert_eq!(first.replaced, Replaced::Nothing);
    assert_eq!(findings(&Reader::open(&elsewhere).unwrap()), [""; 0]);
}

#[tokio::test]
async fn a_restore_waits_for_nobody_and_says_who_is_in_the_way() {
    let (bench, copy) = bench().await;
    let Err(BackupError::Ledger(LedgerError { problem: Problem::Locked { holder }, .. })) =
        restored(&bench.path(), &copy)
    else {
        panic!("it was restored under a writer");
    };
    assert_eq!(holder, format!("pid {}", std::process::id()));
    let head = bench.ledger.journal_head().await.unwrap();
    let (bench, ()) = bench
        .meanwhile(|path| {
            // Somebody looks at it with `sqlite3`.
            let other = Connection::open(path).unwrap();
            other.execute_batch("BEGIN; SELECT count(*) FROM ledger").unwrap();
            other.query_row("SELECT count(*) FROM ledger", [], |_| Ok(())).unwrap();
            let refused = restored(path, &copy);
            assert!(
                matches!(&refused, Err(BackupError::Ledger(LedgerError { problem: Problem::Busy, .. }))),
                "{refused:?}"
            );
        })
        .await;
    assert_eq!(bench.ledger.journal_head().await.unwrap(), head);
    assert_eq!(bench.findings(), [""; 0]);
}

#[tokio::test]
async fn a_backup_that_is_none_or_not_this_ledgers_changes_nothing() {
    let (bench, copy) = bench().await;
    let folder = bench.folder.path().to_owned();
    let of = |name: &str, edit: &str| {
        let path = folder.join(name);
        fs::copy(&copy, &path).unwrap();
        Connection::open(&path).unwrap().execute_batch(edit).unwrap();
        path
    };
    let edited = of("edited.db", "UPDATE orchestration SET source_amount = '1' WHERE key = 2");
    let newer = of("newer.db", "PRAGMA user_version = 99");
    let other = of("other.db", "PRAGMA application_id = 77");
    fs::write(folder.join("text.db"), "to do: buy milk\n".repeat(400)).unwrap();
    let stranger = Bench::new().await;
    let customer = Some(Identifier::new("f0f0f0f0-1111-4222-8333-444455556666"));
    stranger.commit(vec![Orchestration { customer_id: customer, ..row(1) }]).await;
    backup(&stranger.path(), &folder.join("stranger.db"), Existing::Keep).unwrap();
    let head = bench.ledger.journal_head().await.unwrap();
    let (bench, ()) = bench
        .meanwhile(|path| {
            let refused = |file: &Path, api: &str| match restore(path, file, api, minute(5000)) {
                Err(BackupError::File { problem, .. }) => problem,
                other => panic!("{}: {other:?}", file.display()),
            };
            assert!(matches!(refused(&edited, API), BackupProblem::NotSound { .. }));
            assert!(matches!(refused(&newer, API), BackupProblem::Other(Problem::Newer { .. })));
            assert!(matches!(refused(&other, API), BackupProblem::NotALedger { .. }));
            assert!(matches!(refused(&folder.join("text.db"), API), BackupProblem::NotALedger { .. }));
            assert!(matches!(refused(&folder.join("none.db"), API), BackupProblem::Missing));
            assert!(matches!(refused(path, API), BackupProblem::OfTheLedger));
            assert!(matches!(
                refused(&copy, "https://api.paxos.com/v2"),
                BackupProblem::OtherEnvironment { .. }
            ));
            let stranger = refused(&folder.join("stranger.db"), API);
            assert!(matches!(stranger, BackupProblem::OtherCustomer { .. }), "{stranger:?}");
        })
        .await;
    assert_eq!(bench.ledger.journal_head().await.unwrap(), head);
    assert_eq!(bench.findings(), [""; 0]);
    let left: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("restor"))
        .collect();
    assert_eq!(left, [""; 0]);
}

#[tokio::test]
async fn a_damaged_ledger_is_kept_with_its_log_and_replaced() {
    let (bench, copy) = bench().await;
    bench.commit((100..600).map(row).collect()).await;
    let (bench, done) = bench
        .meanwhile(|path| {
            let file = fs::OpenOptions::new().write(true).open(path).unwrap();
            let length = file.metadata().unwrap().len();
            file.write_all_at(&vec![0x5a; usize::try_from(length).unwrap() - 100], 100).unwrap();
            drop(file);
            // The log of somebody who was killed: the new ledger must not take it for its own.
            fs::write(path.with_file_name("ledger.db-wal"), "log").unwrap();
            let done = restored(path, &copy).unwrap();
            assert!(!path.with_file_name("ledger.db-wal").exists());
            done
        })
        .await;
    assert!(matches!(&done.replaced, Replaced::Kept { stops: Stops::Unread(_), .. }), "{done:?}");
    assert_eq!(bench.findings(), [""; 0]);
    assert!(fs::metadata(kept(&done)).unwrap().len() > 4096);
}
