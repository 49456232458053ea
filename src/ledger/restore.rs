//! Putting a backup in the place of the ledger.
//!
//! The ledger that is there is kept aside. The backup goes in its place whole or not at all, and begins an
//! epoch: it knows nothing of what came after it was taken, so everything has to be listed again.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use serde_json::json;

use crate::model::{Identifier, Timestamp};

use super::backup::{BackupError, BackupProblem};
use super::breaks::restored::{self as outbox, LastNumbers, RestoredOutbox, Since, Waiting};
use super::journal::{self, Body, Entry, EntryKind, JournalHead};
use super::outbox::restored::{self as reports, EndedReport};
use super::partial::{Partial, SIDE_FILES, beside, sync_folder};
use super::stops::{self, StoredStop};
use super::writer::in_transaction;
use super::{Problem, Role, identity, lock, open, owed, polls, requests, schema, sweep, verify};

/// A backup that was put in the ledger's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// How often this ledger was restored, this time included.
    pub epoch: i64,
    /// The head of the journal in the backup.
    pub from: JournalHead,
    /// The head since; the restore itself is in the journal.
    pub head: JournalHead,
    /// What became of the ledger that was there.
    pub replaced: Replaced,
    /// What became of the notifications that waited in the backup.
    pub outbox: RestoredOutbox,
}

/// What became of the ledger that was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// There was none.
    Nothing,
    /// It was kept.
    Kept {
        /// Its file since.
        at: PathBuf,
        /// What became of its pauses.
        stops: Stops,
    },
}

/// What became of the pauses (429) of the ledger that was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stops {
    /// Those in force were taken over, so many.
    TakenOver(usize),
    /// They could not be read, for this reason.
    Unread(String),
}

/// What the ledger that is to be replaced still tells.
struct Former {
    epoch: i64,
    customer: Option<Identifier>,
    stops: Vec<StoredStop>,
    /// What it knows of what waits in the backup.
    since: Vec<Since>,
    /// The reports that it has sent or given up.
    reports: Vec<EndedReport>,
    last_numbers: LastNumbers,
}

/// Puts the backup in `file` in the place of the ledger. Needs that nobody else has the ledger open for
/// writing. `now` is by the local clock.
pub fn restore(ledger: &Path, file: &Path, api_url: &str, now: Timestamp) -> Result<Restored, BackupError> {
    let of_ledger = |problem: Problem| problem.of(ledger);
    let of_file = |problem: BackupProblem| problem.of(file);
    let path = open::resolve(ledger).map_err(of_ledger)?;
    let lock = lock::take(&path, Role::Command).map_err(of_ledger)?;
    if file.canonicalize().is_ok_and(|file| file == path) {
        return Err(of_file(BackupProblem::OfTheLedger));
    }
    let source = open::for_reading(file).map_err(|problem| of_file(problem.into()))?;
    let partial = Partial::begin(beside(&path, ".restoring"))
        .and_then(|begun| begun.ok_or(Problem::Busy))
        .map_err(of_ledger)?;
    let mut copy = partial.fill_from(&source).map_err(|problem| blame(problem, ledger, file))?;
    drop(source);
    check(&mut copy, &path, api_url, now).map_err(of_file)?;
    let waiting = outbox::waiting(&copy).map_err(|problem| of_file(problem.into()))?;
    let former = match fold(&path).map_err(of_ledger)? {
        Present::None => None,
        Present::There => Some(read(&path, &waiting, now)),
    };
    let amended = amend(&mut copy, former.as_ref().and_then(|read| read.as_ref().ok()), &waiting, now);
    let Amended { epoch, from, head, outbox } = amended.map_err(|problem| problem.of(file))?;
    copy.close().map_err(|(_, error)| of_ledger(error.into()))?;
    partial.give_to_owner_of(&path).map_err(of_ledger)?;
    let replaced = match former {
        None => Replaced::Nothing,
        Some(former) => {
            let stops = match former {
                Ok(former) => Stops::TakenOver(former.stops.len()),
                Err(problem) => Stops::Unread(problem.to_string()),
            };
            Replaced::Kept { at: keep_aside(&path, now).map_err(of_ledger)?, stops }
        }
    };
    partial.put(&path).map_err(of_ledger)?;
    drop(lock);
    Ok(Restored { epoch, from, head, replaced, outbox })
}

/// Copying reads the backup and writes beside the ledger: what is wrong with which?
fn blame(problem: Problem, ledger: &Path, file: &Path) -> BackupError {
    match problem {
        Problem::DiskFull | Problem::ReadOnly => problem.of(ledger).into(),
        other => BackupProblem::from(other).of(file),
    }
}

/// Refuses a backup that is damaged, edited or of another environment. The copy is brought up to the
/// newest format.
fn check(copy: &mut Connection, path: &Path, api_url: &str, now: Timestamp) -> Result<(), BackupProblem> {
    schema::migrate(copy, path)?;
    identity::bind_environment(copy, api_url, now)?;
    match verify::verify(copy, None)?.findings.first() {
        None => Ok(()),
        Some(finding) => Err(BackupProblem::NotSound { finding: finding.to_string() }),
    }
}

/// What is in the ledger's place.
enum Present {
    None,
    There,
}

/// Takes everything that the ledger's write-ahead log holds into its file, which nobody else may have open:
/// its last reader would take the new ledger's log away.
fn fold(path: &Path) -> Result<Present, Problem> {
    match open::existing(path) {
        Err(Problem::Missing) => return Ok(Present::None),
        found => found?,
    };
    let folded = || -> Result<(), Problem> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        match open::check_application(&connection) {
            // It is kept as it is; nothing but its log is touched.
            Ok(()) | Err(Problem::Newer { .. }) => {}
            Err(other) => return Err(other),
        }
        let mode: String = connection.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))?;
        if mode != "delete" {
            return Err(Problem::Busy);
        }
        connection.close().map_err(|(_, error)| error.into())
    };
    match folded() {
        // A damaged one is kept with its log.
        Ok(()) | Err(Problem::Corrupt { .. }) => Ok(Present::There),
        Err(other) => Err(other),
    }
}

fn read(path: &Path, waiting: &[Waiting], now: Timestamp) -> Result<Former, Problem> {
    let connection = open::for_reading(path)?;
    Ok(Former {
        epoch: connection.query_row("SELECT epoch FROM ledger", [], |row| row.get(0))?,
        customer: identity::customer(&connection)?,
        stops: stops::in_force(&connection, now)?,
        since: outbox::since(&connection, waiting)?,
        reports: reports::ended(&connection)?,
        last_numbers: outbox::last_numbers(&connection)?,
    })
}

/// What making the copy the ledger of a new epoch came to: the epoch, the heads before and after, the outbox.
struct Amended {
    epoch: i64,
    from: JournalHead,
    head: JournalHead,
    outbox: RestoredOutbox,
}

/// Makes the copy the ledger of a new epoch.
fn amend(
    copy: &mut Connection,
    former: Option<&Former>,
    waiting: &[Waiting],
    now: Timestamp,
) -> Result<Amended, BackupProblem> {
    let customers =
        (identity::customer(copy).map_err(Problem::from)?, former.and_then(|former| former.customer.clone()));
    if let (Some(backup), Some(ledger)) = customers
        && backup != ledger
    {
        return Err(BackupProblem::OtherCustomer { backup: backup.to_string(), ledger: ledger.to_string() });
    }
    copy.pragma_update(None, "foreign_keys", true).map_err(Problem::from)?;
    Ok(in_transaction(copy, |copy| {
        let before: i64 = copy.query_row("SELECT epoch FROM ledger", [], |row| row.get(0))?;
        let epoch = before.max(former.map_or(0, |former| former.epoch)) + 1;
        copy.execute("UPDATE ledger SET epoch = ?1", [epoch])?;
        let from = journal::head(copy)?;
        polls::mark_interrupted(copy)?;
        sweep::forget(copy)?;
        requests::forget(copy)?;
        let since = former.map_or(&[][..], |former| &former.since);
        let mut outbox = outbox::judge(copy, waiting, since, now)?;
        if let Some(former) = former {
            outbox.ended += reports::end(copy, &former.reports)?;
            outbox::count_on(copy, &former.last_numbers)?;
        }
        for stop in former.iter().flat_map(|former| &former.stops) {
            stops::keep(copy, stop)?;
        }
        let reason = format!("restored on {} from a backup at {}", now.to_rfc3339_seconds(), from.note());
        owed::owe(copy, &reason, now)?;
        let body = json!({ "epoch": epoch, "from": from.note(), "at": now.to_rfc3339() });
        let entry =
            Entry { kind: EntryKind::Restored, orchestration: None, body: Body::Json(body.to_string()) };
        journal::append(copy, &[entry], now, 0)?;
        Ok(Amended { epoch, from, head: journal::head(copy)?, outbox })
    })?)
}

/// Gives the ledger a second name, under which it stays. The side files of a damaged one go along: they
/// must not be taken for the new one's.
fn keep_aside(path: &Path, now: Timestamp) -> Result<PathBuf, Problem> {
    let time = now.to_rfc3339().replace(['-', ':'], "");
    let aside = beside(path, &format!(".before-restore-{time}"));
    std::fs::hard_link(path, &aside)?;
    for suffix in SIDE_FILES {
        let side = beside(path, suffix);
        if side.exists() {
            std::fs::rename(&side, beside(&aside, suffix))?;
        }
    }
    sync_folder(path)?;
    Ok(aside)
}
