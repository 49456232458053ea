//! Opening a ledger: who may, who is refused, and what they are told.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rusqlite::{Connection, ErrorCode, ffi};
use tallyd::ledger::{Ledger, LedgerError, Problem, Reader};
use tallyd::model::{Identifier, Orchestration};
use tempfile::TempDir;

use super::{API, Bench, findings, minute, plain_rules, row};

fn open(path: &Path) -> Result<Ledger, LedgerError> {
    Ledger::open(path, API, plain_rules(), minute(0))
}

/// An error as it is shown, with its causes, and with the folder's name taken out.
fn shown(error: &dyn std::error::Error, folder: &Path) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text.replace(folder.to_str().unwrap(), "DIR")
}

fn told<T>(outcome: Result<T, LedgerError>, folder: &Path) -> String {
    match outcome {
        Ok(_) => "it opens".to_owned(),
        Err(error) => shown(&error, folder),
    }
}

/// A closed ledger with this many rows, and the folder that it lies in.
async fn closed(rows: u32) -> TempDir {
    let bench = Bench::new().await;
    bench.commit((0..rows).map(row).collect()).await;
    let Bench { folder, ledger, .. } = bench;
    ledger.close().await;
    folder
}

const OTHER: &str = "--exact ledger::opening::the_other_process --ignored --nocapture --test-threads=1";

/// Another process, which was told to do something with a ledger.
struct Other {
    process: Child,
    answers: BufReader<ChildStdout>,
    _stdin: ChildStdin,
}

impl Other {
    fn told_to(what: &str, path: &Path) -> Self {
        Self::spawn(&mut Command::new(std::env::current_exe().unwrap()), what, path)
    }

    fn spawn(command: &mut Command, what: &str, path: &Path) -> Self {
        let mut process = command
            .args(OTHER.split(' '))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = process.stdin.take().unwrap();
        writeln!(stdin, "{what} {}", path.display()).unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Self { process, answers, _stdin: stdin }
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        while self.answers.read_line(&mut line).unwrap() > 0 {
            if let Some((_, answer)) = line.trim_end().split_once("ANSWER ") {
                return answer.to_owned();
            }
            line.clear();
        }
        String::new()
    }

    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[test]
#[ignore = "the other process of the tests beside it; it is told on its standard input what to do"]
fn the_other_process() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    let Some((what, path)) = line.trim_end().split_once(' ') else { return };
    let path = Path::new(path);
    let folder = path.parent().unwrap();
    match what {
        "write" => println!("ANSWER {}", told(open(path), folder)),
        "read" => println!("ANSWER {}", told(Reader::open(path), folder)),
        "hold" => {
            let _ledger = open(path).unwrap();
            println!("ANSWER held");
            // Until whoever asked ends this process, or itself.
            std::io::stdin().read_line(&mut line).unwrap();
        }
        _ => {
            let connection = Connection::open(path).unwrap();
            let rows: i64 =
                connection.query_row("SELECT count(*) FROM orchestrations", [], |row| row.get(0)).unwrap();
            connection.close().unwrap();
            println!("ANSWER {rows}");
        }
    }
}

#[tokio::test]
async fn rule_11_a_second_writer_is_refused_until_the_first_one_is_gone() {
    let bench = Bench::new().await;
    let path = bench.path();
    let Err(LedgerError { problem: Problem::Locked { holder }, .. }) = open(&path) else {
        panic!("a second writer was let in");
    };
    assert_eq!(holder, format!("pid {}", std::process::id()));
    let alias = bench.folder.path().join("alias.db");
    symlink(&path, &alias).unwrap();
    let refused = open(&alias);
    assert!(matches!(refused, Err(LedgerError { problem: Problem::Locked { .. }, .. })), "{refused:?}");
    bench.ledger.close().await;
    open(&alias).unwrap().close().await;
    open(&path).unwrap().close().await;
}

#[tokio::test]
async fn rule_11_the_lock_ends_with_its_process_however_that_ends() {
    let folder = closed(3).await;
    let path = folder.path().join("ledger.db");
    let mut other = Other::told_to("hold", &path);
    assert_eq!(other.answer(), "held");
    let Err(LedgerError { problem: Problem::Locked { holder }, .. }) = open(&path) else {
        panic!("a second writer was let in");
    };
    assert_eq!(holder, format!("pid {}", other.process.id()));
    // Who only reads goes in beside it.
    assert_eq!(Reader::open(&path).unwrap().overview(minute(0)).unwrap().orchestrations, 3);
    other.kill();
    open(&path).unwrap().close().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn opening_takes_no_lock_away_that_this_process_has_on_the_file() {
    // The system drops a process's locks on a file when any descriptor of it is closed, also one that
    // SQLite knows nothing of. Another program may then take itself for the last one that has the ledger
    // open, and remove the write-ahead log with what is committed under the writer's feet.
    let bench = Bench::new().await;
    bench.commit(vec![row(1)]).await;
    let inode = format!(":{} ", fs::metadata(bench.path()).unwrap().ino());
    let locks = || {
        let all = fs::read_to_string("/proc/locks").unwrap();
        all.lines().filter(|line| line.contains(&inode)).count()
    };
    let before = locks();
    drop(bench.reader());
    assert!(open(&bench.path()).is_err());
    assert_eq!(locks(), before);
    assert_eq!(Other::told_to("touch", &bench.path()).answer(), "1");
    bench.commit(vec![row(2)]).await;
    assert_eq!(Other::told_to("touch", &bench.path()).answer(), "2");
}

#[tokio::test]
async fn a_ledger_and_its_side_files_are_for_their_owner_only() {
    let bench = Bench::new().await;
    bench.commit(vec![row(1)]).await;
    for entry in fs::read_dir(bench.folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
}

#[tokio::test]
async fn what_a_killed_process_left_before_its_first_commit_is_a_new_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.db");
    File::create(&empty).unwrap();
    let begun = folder.path().join("begun.db");
    Connection::open(&begun).unwrap().pragma_update(None, "journal_mode", "WAL").unwrap();
    for path in [empty, begun] {
        let refused = Reader::open(&path).unwrap_err();
        assert!(matches!(refused.problem, Problem::Missing), "{refused}");
        open(&path).unwrap().close().await;
        assert_eq!(findings(&Reader::open(&path).unwrap()), [""; 0]);
    }
}

/// Overwrites a third of a file, behind the pages of the schema: without those nothing can be opened.
fn damage(path: &Path) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    let length = file.metadata().unwrap().len();
    file.write_all_at(&vec![0xA5; usize::try_from(length / 3).unwrap()], length * 3 / 5).unwrap();
}

#[tokio::test]
async fn a_damaged_file_is_told_as_that_by_whatever_meets_it() {
    let folder = closed(2000).await;
    let path = folder.path().join("ledger.db");
    damage(&path);
    let reader = Reader::open(&path).unwrap();
    let problems = [
        reader.for_each(|_| {}).err(),
        reader.orchestration(&Identifier::new("not there")).err(),
        reader.history(&row(1999).id).err(),
        // Verification says so in a finding, or ends in it.
        match reader.verify(None) {
            Ok(verification) => {
                assert_ne!(verification.findings, []);
                None
            }
            Err(error) => Some(error),
        },
    ];
    assert!(problems[0].is_some());
    for error in problems.into_iter().flatten() {
        assert!(matches!(error.problem, Problem::Corrupt { .. }), "{error}");
    }
    let bench = Bench::new().await;
    fs::copy(&path, folder.path().join("copy.db")).unwrap();
    let ledger = open(&folder.path().join("copy.db")).unwrap();
    let page = bench.page((0..2000).map(|number| Orchestration { ref_id: None, ..row(number) }).collect());
    let error = ledger.commit_page(page).await.unwrap_err();
    assert!(matches!(error.problem, Problem::Corrupt { .. }), "{error}");
}

/// Every message that opening can end in, for writing and for reading.
#[tokio::test]
async fn every_refusal_says_what_is_wrong_and_what_to_do() {
    let sound = closed(3).await;
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let copy = |name: &str, change: &str| {
        fs::copy(sound.path().join("ledger.db"), place(name)).unwrap();
        Connection::open(place(name)).unwrap().execute_batch(change).unwrap();
    };
    fs::create_dir(place("a folder")).unwrap();
    fs::write(place("a note"), "Dear diary, today I moved a lot of money.").unwrap();
    fs::write(place("a short note"), "x").unwrap();
    symlink("/dev/null", place("a device")).unwrap();
    Connection::open(place("somebody's")).unwrap().execute_batch("CREATE TABLE note (text)").unwrap();
    copy("tomorrow's", "PRAGMA user_version = 99");
    copy("production's", "UPDATE ledger SET api_url = 'https://api.paxos.com/v2'");
    copy("damaged", "");
    OpenOptions::new().write(true).open(place("damaged")).unwrap().write_all_at(&[0xA5; 900], 100).unwrap();
    copy("busy", "");
    let busy = Connection::open(place("busy")).unwrap();
    busy.execute_batch("BEGIN IMMEDIATE").unwrap();
    let cases = [
        "missing",
        "no/such/folder",
        "a note/below a file",
        "a folder",
        "a note",
        "a short note",
        "a device",
        "somebody's",
        "tomorrow's",
        "production's",
        "damaged",
        "busy",
    ];
    let mut text = String::new();
    for case in cases {
        let reading = told(Reader::open(&place(case)), folder.path());
        let writing = told(open(&place(case)), folder.path());
        writeln!(text, "{case}\n  read:  {reading}\n  write: {writing}").unwrap();
    }
    insta::assert_snapshot!(text);
    assert!(!place("a folder.lock").exists(), "what is no ledger is left alone");
}

/// What is refused by permissions, which bind everybody but root.
#[tokio::test]
async fn what_permissions_forbid_is_told_apart() {
    let sound = closed(3).await;
    let cases: [(&str, u32, u32); 4] = [
        ("a file that may only be read", 0o444, 0o777),
        ("a file that may not even be read", 0o000, 0o777),
        ("a folder that may not be written", 0o666, 0o555),
        ("a folder that may not be entered", 0o666, 0o600),
    ];
    let mut text = String::new();
    for (case, file, folder) in cases {
        let outer = tempfile::tempdir().unwrap();
        fs::set_permissions(outer.path(), Permissions::from_mode(0o755)).unwrap();
        let inner = outer.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let path = inner.join("ledger.db");
        fs::copy(sound.path().join("ledger.db"), &path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(file)).unwrap();
        fs::set_permissions(&inner, Permissions::from_mode(folder)).unwrap();
        let reading = as_nobody("read", &path, outer.path());
        let writing = as_nobody("write", &path, outer.path());
        writeln!(text, "{case}\n  read:  {reading}\n  write: {writing}").unwrap();
        fs::set_permissions(&inner, Permissions::from_mode(0o700)).unwrap();
    }
    insta::assert_snapshot!(text);
}

/// What another process is told that is not root, from a copy of this program that it may run.
fn as_nobody(what: &str, path: &Path, outer: &Path) -> String {
    let program = outer.join("program");
    if !program.exists() {
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = Command::new(&program);
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        command.uid(65_534).gid(65_534);
    }
    Other::spawn(&mut command, what, path).answer()
}

#[test]
fn every_code_of_sqlite_that_matters_has_its_words() {
    let codes = [
        ffi::SQLITE_FULL,
        ffi::SQLITE_READONLY,
        ffi::SQLITE_CORRUPT,
        ffi::SQLITE_NOTADB,
        ffi::SQLITE_BUSY,
        ffi::SQLITE_LOCKED,
        ffi::SQLITE_CANTOPEN,
        ffi::SQLITE_PERM,
        ffi::SQLITE_IOERR,
        ffi::SQLITE_CONSTRAINT,
    ];
    let mut text = String::new();
    for code in codes {
        let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
        let error = LedgerError { path: "DIR/ledger.db".into(), problem: error.into() };
        writeln!(text, "{code}: {}", shown(&error, Path::new("nowhere"))).unwrap();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_full_disk_is_what_sqlite_calls_one() {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch("PRAGMA max_page_count = 3; CREATE TABLE note (text)").unwrap();
    let error = connection.execute("INSERT INTO note VALUES (zeroblob(100000))", []).unwrap_err();
    assert_eq!(error.sqlite_error_code(), Some(ErrorCode::DiskFull));
    assert!(matches!(Problem::from(error), Problem::DiskFull));
}

#[test]
fn a_ledger_is_made_with_everything_above_it_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    drop(open(&path).unwrap());
    let mut magic = [0; 15];
    File::open(&path).unwrap().read_exact(&mut magic).unwrap();
    assert_eq!(&magic, b"SQLite format 3");
}
