//! The ledger through its public edge, on real SQLite files.
//!
//! Here: the bench on which all of it is tested. What it is tested for is in the modules.

#![expect(clippy::unwrap_used, reason = "a test whose stage cannot be set has failed")]

mod backup;
mod breaks;
mod browse;
mod duplicates;
mod glance;
mod going_back;
mod listings;
mod missing;
mod opening;

mod pages;
mod prune;
mod prune_measured;
mod prune_properties;
mod restore;
mod round_trip;
mod transactions;
mod verification;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::Connection;
use tallyd::ledger::{
    Judge, Ledger, Listing, PageCommit, PageCommitted, PollNumber, ProfileKey, Progress, Reader, Rules,
    SliceKey,
};
use tallyd::model::{
    Amount, Endpoint, Fingerprint, Identifier, Lane, Leg, Orchestration, Profile, Received, Status,
    Timestamp, UnreadableRow,
};
use tempfile::TempDir;

/// The environment of every ledger here.
const API: &str = "https://api.sandbox.paxos.com/v2";

/// An instant, in minutes after the beginning of the tests' time.
fn minute(minute: i64) -> Timestamp {
    Timestamp::from_micros(1_780_000_000_000_000 + minute * 60_000_000)
}

/// The rules by which nothing follows from a page.
fn plain_rules() -> Rules {
    tallyd::sync::rules()
}

/// The rules with a judge.
fn rules_with(judge: Judge) -> Rules {
    Rules { judge, ..plain_rules() }
}

/// A folder with a ledger in it, open for writing, and a profile with a poll under way.
struct Bench {
    folder: TempDir,
    ledger: Ledger,
    profile: ProfileKey,
    poll: PollNumber,
    now: AtomicI64,
}

impl Bench {
    async fn new() -> Self {
        Self::with(plain_rules()).await
    }

    async fn with(rules: Rules) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("ledger.db"), API, rules, minute(0)).unwrap();
        let profile = open_profile(&ledger, "treasury").await;
        let poll = ledger.begin_poll(profile, Lane::Discover, minute(0), Some(minute(0))).await.unwrap();
        Self { folder, ledger, profile, poll, now: AtomicI64::new(1) }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("ledger.db")
    }

    fn reader(&self) -> Reader {
        Reader::open(&self.path()).unwrap()
    }

    /// The file as `sqlite3` users see it, and as somebody edits it who should not.
    fn sql(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    /// The number in a one-line query.
    fn count(&self, sql: &str) -> i64 {
        self.sql().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    async fn next_poll(&mut self) {
        self.poll = self.begin_poll(self.profile).await;
    }

    async fn begin_poll(&self, profile: ProfileKey) -> PollNumber {
        self.ledger.begin_poll(profile, Lane::Discover, minute(0), Some(minute(0))).await.unwrap()
    }

    /// A page of the present poll that belongs to no listing; each is seen a minute after the last.
    fn page(&self, rows: Vec<Orchestration>) -> PageCommit {
        PageCommit {
            poll: self.poll,
            profile: self.profile,
            seen_at: minute(1000 + self.now.fetch_add(1, Ordering::Relaxed)),
            asked_at: self.ledger.moment(),
            rows: rows.into_iter().map(received).collect(),
            unreadable: Vec::new(),
            without_id: 0,
            begins_at: minute(0),
            progress: Progress::None,
        }
    }

    async fn commit(&self, rows: Vec<Orchestration>) -> PageCommitted {
        self.ledger.commit_page(self.page(rows)).await.unwrap()
    }

    async fn commit_unreadable(&self, row: UnreadableRow) -> PageCommitted {
        let page = PageCommit { unreadable: vec![row], ..self.page(Vec::new()) };
        self.ledger.commit_page(page).await.unwrap()
    }

    async fn lookup(&self, row: &Orchestration) -> PageCommitted {
        self.ledger.commit_lookup(self.page(vec![row.clone()])).await.unwrap()
    }

    async fn begin_listing(&self, lane: Lane, from: Timestamp, to: Timestamp) -> Listing {
        self.ledger.begin_listing(self.profile, lane, to, from, to).await.unwrap()
    }

    /// Lists and completes a whole backfill with these rows, and builds the late indexes.
    async fn backfill(&self, rows: Vec<Orchestration>) {
        let listing = self.begin_listing(Lane::Backfill, Timestamp::EPOCH, minute(500)).await;
        let page = PageCommit { progress: Progress::Finished(listing.slices[0].key), ..self.page(rows) };
        self.ledger.commit_page(page).await.unwrap();
        self.ledger.complete_listing(self.profile, minute(500)).await.unwrap();
        self.ledger.build_indexes(polled(), minute(900)).await.unwrap();
    }

    /// What verification says, in words; nothing for a sound ledger.
    fn findings(&self) -> Vec<String> {
        findings(&self.reader())
    }

    async fn reopened(self) -> Self {
        self.meanwhile(|_| ()).await.0
    }

    /// Closes the ledger, does something with its file, and opens it again.
    async fn meanwhile<T>(self, work: impl FnOnce(&Path) -> T) -> (Self, T) {
        let Self { folder, ledger, profile, poll, now } = self;
        ledger.close().await;
        let done = work(&folder.path().join("ledger.db"));
        let ledger = Ledger::open(&folder.path().join("ledger.db"), API, plain_rules(), minute(0)).unwrap();
        (Self { folder, ledger, profile, poll, now }, done)
    }
}

/// What `docs/verify-ledger.py` says of a ledger: whether it is sound, and its words. `None` without Python.
pub(crate) fn by_script(path: &Path, noted: Option<&str>) -> Option<(bool, String)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verify-ledger.py");
    let ran = Command::new("python3").arg(script).arg(path).args(noted).output().ok()?;
    let said = [ran.stdout, ran.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    Some((ran.status.success(), said))
}

fn findings(reader: &Reader) -> Vec<String> {
    reader.verify(None).unwrap().findings.iter().map(ToString::to_string).collect()
}

/// The one profile of most tests.
fn polled() -> Vec<Identifier> {
    vec![Identifier::new("treasury")]
}

async fn open_profile(ledger: &Ledger, id: &str) -> ProfileKey {
    let profile = Profile { id: Identifier::new(id), name: None };
    ledger.open_profile(profile, minute(0)).await.unwrap().key
}

/// An ordinary orchestration: the number tells its id and when it was created.
/// The row as an answer would bring it.
fn received(orchestration: Orchestration) -> Received {
    let fingerprint = Fingerprint::of(&format!("{orchestration:?}"));
    Received { orchestration, fingerprint }
}

fn row(number: u32) -> Orchestration {
    Orchestration {
        id: Identifier::new(&format!("00000000-0000-4000-8000-{number:012x}")),
        profile_id: Some(Identifier::new("treasury")),
        identity_id: None,
        account_id: None,
        customer_id: Some(Identifier::new("6b1f0a52-9d6e-4c0f-8a0b-1f6f3b0e7a11")),
        ref_id: Some(Identifier::new(&format!("payout-{number}"))),
        source_asset: Some("USD".into()),
        destination_asset: Some("USDG".into()),
        source_amount: Some(Amount::parse("250.00").unwrap()),
        destination_amount: None,
        source_transfer: Leg::default(),
        destination_transfer: Leg::default(),
        status: Status::Processing,
        fail_reason: None,
        source: Some(Endpoint::Profile { profile_id: Identifier::new("treasury") }),
        destination: Some(Endpoint::Crypto {
            address: Some("9vE1".into()),
            network: Some("SOLANA".into()),
            address_id: None,
        }),
        orchestration_rule_id: None,
        created_at: minute(i64::from(number)),
        updated_at: Some(minute(i64::from(number))),
        completed_at: None,
        metadata: Some(r#"{"desk":"emea"}"#.into()),
        remainder: None,
    }
}

/// The orchestration in another status, updated so many minutes after its creation.
fn moved(number: u32, status: Status, after: i64) -> Orchestration {
    let row = row(number);
    Orchestration { status, updated_at: Some(minute(i64::from(number) + after)), ..row }
}

fn unreadable(number: u32, raw: &str) -> UnreadableRow {
    UnreadableRow { id: row(number).id, raw: raw.into(), problem: "status is missing".to_owned() }
}

fn reached(slice: SliceKey, minutes: i64) -> Progress {
    Progress::Reached(slice, minute(minutes))
}
