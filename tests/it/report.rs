//! Reports, from a ledger that a test writes to what people and programs read.
//!
//! Here: a ledger whose story is told step by step. What reports must say of it is in the modules.

#![expect(clippy::unwrap_used, reason = "a test whose stage cannot be set has failed")]

mod beside;
mod forms;
mod merged;
mod oracle;
mod properties;

use std::path::PathBuf;
use std::time::Duration;

use tallyd::breaks::Limits;
use tallyd::ledger::{
    AsOf, Ledger, LedgerError, Lost, PageCommit, PollNumber, ProfileKey, Progress, Reader, Rules,
};
use tallyd::model::{
    Amount, Endpoint, Fingerprint, Identifier, Lane, Leg, Orchestration, PollResult, Profile, Received,
    Status, Timestamp, UnreadableRow,
};
use tallyd::report::{self, Plan, Report};
use tallyd::schedule::{Period, PeriodKind, Zone};
use tempfile::TempDir;

/// The environment of every ledger here.
pub(crate) const API: &str = "https://api.sandbox.paxos.com/v2";

/// How long after an end the place that counts for it is, in these tests.
const SETTLE: Duration = Duration::from_secs(3600);

fn time(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3600)
}

/// A ledger with two profiles, and the time that it is in its world.
struct World {
    folder: TempDir,
    ledger: Ledger,
    profiles: [(ProfileKey, PollNumber); 2],
    now: Timestamp,
}

const PROFILES: [&str; 2] = ["treasury", "payouts"];

impl World {
    /// A ledger whose first listing found these rows under the first profile.
    async fn begin(at: Timestamp, rules: Rules, found: Vec<Orchestration>) -> Self {
        let mut world = Self::listing(at, rules, found).await;
        world.listed().await;
        // What comes later comes with another poll than the first.
        world.poll().await;
        world
    }

    /// A ledger whose first listing has shown these rows under the first profile, and goes on.
    async fn listing(at: Timestamp, rules: Rules, found: Vec<Orchestration>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("ledger.db"), API, rules, at).unwrap();
        let mut opened = Vec::new();
        for id in PROFILES {
            let profile = Profile { id: Identifier::new(id), name: Some(format!("the {id}")) };
            let key = ledger.open_profile(profile, at).await.unwrap().key;
            opened.push((key, ledger.begin_poll(key, Lane::Backfill, at, Some(at)).await.unwrap()));
        }
        let world = Self { folder, ledger, profiles: [opened[0], opened[1]], now: at };
        for (index, (profile, _)) in world.profiles.into_iter().enumerate() {
            let listing =
                world.ledger.begin_listing(profile, Lane::Backfill, at, Timestamp::EPOCH, at).await.unwrap();
            let rows = if index == 0 { found.clone() } else { Vec::new() };
            let progress = Progress::Finished(listing.slices[0].key);
            world.ledger.commit_page(PageCommit { progress, ..world.page(index, rows) }).await.unwrap();
        }
        world
    }

    /// The first listing of both profiles is over, and what is there twice is merged.
    async fn listed(&self) {
        for (profile, poll) in self.profiles {
            self.ledger.complete_listing(profile, self.now).await.unwrap();
            self.ledger.end_poll(poll, self.now, PollResult::Complete).await.unwrap();
        }
        let polled = PROFILES.map(Identifier::new).to_vec();
        self.ledger.build_indexes(polled, self.now).await.unwrap();
    }

    fn page(&self, profile: usize, rows: Vec<Orchestration>) -> PageCommit {
        let received = |row: Orchestration| Received {
            fingerprint: Fingerprint::of(&format!("{row:?}")),
            orchestration: row,
        };
        PageCommit {
            poll: self.profiles[profile].1,
            profile: self.profiles[profile].0,
            seen_at: self.now,
            asked_at: self.ledger.moment(),
            rows: rows.into_iter().map(received).collect(),
            unreadable: Vec::new(),
            without_id: 0,
            begins_at: Timestamp::EPOCH,
            progress: Progress::None,
        }
    }

    async fn see(&self, profile: usize, rows: Vec<Orchestration>) {
        self.ledger.commit_page(self.page(profile, rows)).await.unwrap();
    }

    async fn see_unreadable(&self, id: &str) {
        let row = UnreadableRow { id: id.into(), raw: "{}".into(), problem: "status is missing".to_owned() };
        let page = PageCommit { unreadable: vec![row], ..self.page(0, Vec::new()) };
        self.ledger.commit_page(page).await.unwrap();
    }

    /// Paxos no longer knows this one.
    async fn lose(&self, profile: usize, id: &Identifier) {
        let (profile, poll) = self.profiles[profile];
        let rows =
            self.ledger.swept_rows(None, Timestamp::EPOCH, time("2100-01-01T00:00:00Z")).await.unwrap();
        let orchestrations =
            rows.iter().filter(|swept| swept.row.id == *id).map(|swept| swept.row.key).collect();
        let lost = Lost { poll, profile, seen_at: self.now, orchestrations };
        self.ledger.commit_lost(lost).await.unwrap();
    }

    /// A complete poll of each profile.
    async fn poll(&mut self) {
        for index in 0..2 {
            let key = self.profiles[index].0;
            let poll = self.ledger.begin_poll(key, Lane::Discover, self.now, Some(self.now)).await.unwrap();
            self.profiles[index].1 = poll;
            self.ledger.end_poll(poll, self.now, PollResult::Complete).await.unwrap();
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("ledger.db")
    }

    fn reader(&self) -> Reader {
        Reader::open(&self.path()).unwrap()
    }

    fn report(&self, period: &Period, as_of: AsOf) -> Result<Report, LedgerError> {
        report::make(&self.reader(), plan(period, as_of), &Limits::default())
    }
}

fn plan(period: &Period, as_of: AsOf) -> Plan {
    Plan { name: None, period: period.clone(), settle: SETTLE, as_of, profiles: Vec::new() }
}

/// The day in which an instant lies.
fn day_of(at: Timestamp, zone: Zone) -> Period {
    Period::containing(PeriodKind::Day, zone, at).unwrap()
}

/// Every byte of a report.
fn bytes(report: &Report) -> String {
    let tables: Vec<_> = report.tables().iter().map(|table| report::csv::of(table).unwrap()).collect();
    [
        report::json::of(report).unwrap(),
        report::text::of(report),
        report::markdown::of(report),
        tables.concat(),
    ]
    .concat()
}

/// An open orchestration of 250 USD, as Paxos shows it at a time.
fn row(number: u32, created_at: Timestamp) -> Orchestration {
    Orchestration {
        id: Identifier::new(&format!("00000000-0000-4000-8000-{number:012x}")),
        profile_id: Some(Identifier::new("treasury")),
        identity_id: None,
        account_id: None,
        customer_id: None,
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
        created_at,
        updated_at: Some(created_at),
        completed_at: None,
        metadata: None,
        remainder: None,
    }
}
