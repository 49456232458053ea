//! Client, poller and ledger around a simulator, all in this process.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::Value;
use tallyd::clock::{Clock as _, ManualClock};
use tallyd::ledger::{Ledger, Problem, Reader, Rules};
use tallyd::model::{PollOutcome, PollResult, Profile, ProfileSelection, Timestamp, TransferLookUps};
use tallyd::paxos::{ApiUrl, Client, ForgetStops, Limits, Settings, Stop};
use tallyd::sim::{Control, RunningSimulator, SimConfig, Simulator, WorldConfig};
use tallyd::sync::{self, Pace, Poller, Watch, unwatched};
use tempfile::TempDir;

use super::truth::{documented, id_of, ledger_rows, meaning, rows_of_view};
use super::{in_time, start_time};

const FAST: NonZeroU32 = NonZeroU32::new(100_000).unwrap();

/// What a rig is made of.
pub(crate) struct Setup {
    pub(crate) sim: SimConfig,
    pub(crate) rules: Rules,
    pub(crate) watch: Watch,
    pub(crate) request_timeout: Duration,
    pub(crate) requests_per_second: NonZeroU32,
    /// How far the local clock is ahead of the server's.
    pub(crate) ahead: Duration,
    /// How long a pause after 429 is waited out.
    pub(crate) stop_patience: Duration,
    pub(crate) look_up_transfers: TransferLookUps,
    /// Where the ledger's folder is made.
    pub(crate) scratch: PathBuf,
}

impl Setup {
    /// A quiet world of that many orchestrations: nothing arrives unless a test lets it.
    pub(crate) fn of(size: u64) -> Self {
        Self::new(SimConfig {
            world: WorldConfig { size, arrivals_per_hour: 0, ..WorldConfig::default() },
            ..SimConfig::default()
        })
    }

    pub(crate) fn new(sim: SimConfig) -> Self {
        Self {
            sim,
            rules: sync::rules(),
            watch: unwatched(),
            request_timeout: Duration::from_secs(20),
            requests_per_second: FAST,
            ahead: Duration::ZERO,
            stop_patience: Settings::STOP_PATIENCE,
            look_up_transfers: TransferLookUps::Off,
            scratch: std::env::temp_dir(),
        }
    }

    /// The same with pages of at most that many rows.
    pub(crate) fn pages_of(mut self, rows: usize) -> Self {
        self.sim.api.max_page_rows = rows;
        self
    }

    /// The same with that many profiles.
    pub(crate) fn profiles(mut self, profiles: u16) -> Self {
        self.sim.world.profiles = profiles;
        self
    }
}

/// A simulator and all that polls it.
pub(crate) struct Rig {
    /// The server's clock.
    pub(crate) clock: Arc<ManualClock>,
    /// The clock of the machine that tallyd runs on.
    pub(crate) local: Arc<ManualClock>,
    pub(crate) control: Control,
    pub(crate) client: Client,
    pub(crate) ledger: Ledger,
    pub(crate) poller: Poller,
    rules: Rules,
    watch: Watch,
    settings: Settings,
    sim: RunningSimulator,
    folder: TempDir,
}

impl Rig {
    pub(crate) async fn start(setup: Setup) -> Self {
        let clock = Arc::new(ManualClock::at(start_time()));
        let local = Arc::new(ManualClock::at(start_time().plus(setup.ahead)));
        let any: SocketAddr = ([127, 0, 0, 1], 0).into();
        let credentials = setup.sim.credentials.clone();
        let sim = Simulator::bind(setup.sim, clock.clone(), any).await.unwrap();
        let mut settings = Settings::new(
            ApiUrl::parse(&sim.api_url()).unwrap(),
            ApiUrl::parse(&sim.token_url()).unwrap(),
            credentials.client_id,
            credentials.client_secret.into(),
            Limits {
                requests_per_second: setup.requests_per_second,
                backfill_requests_per_second: setup.requests_per_second,
                request_timeout: setup.request_timeout,
            },
        );
        settings.retry.first_delay = Duration::from_millis(1);
        settings.retry.max_delay = Duration::from_millis(4);
        settings.stop_patience = setup.stop_patience;
        settings.look_up_transfers = setup.look_up_transfers;
        let client = client(&settings, &local, Vec::new());
        let folder = tempfile::tempdir_in(&setup.scratch).unwrap();
        let path = folder.path().join("ledger.db");
        let ledger = Ledger::open(&path, &sim.api_url(), setup.rules.clone(), local.now()).unwrap();
        let poller = poller(&client, &ledger, &local, &setup.watch);
        Self {
            clock,
            local,
            control: sim.control(),
            client,
            ledger,
            poller,
            rules: setup.rules,
            watch: setup.watch,
            settings,
            sim,
            folder,
        }
    }

    /// Lets time go by, here and there.
    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.local.advance(by);
    }

    /// Polls every profile of the account.
    pub(crate) async fn poll(&self) -> PollOutcome {
        self.poll_of(&ProfileSelection::All).await
    }

    /// A poller over another client of the same account.
    pub(crate) fn poller_with(&self, client: &Client) -> Poller {
        poller(client, &self.ledger, &self.local, &self.watch)
    }

    pub(crate) async fn poll_of(&self, selection: &ProfileSelection) -> PollOutcome {
        in_time("the end of a poll", self.poller.poll(selection, Pace::ByGap)).await
    }

    /// Polls, and expects every profile to be complete.
    pub(crate) async fn poll_completely(&self) -> PollOutcome {
        let outcome = self.poll().await;
        assert!(outcome.is_complete(), "{outcome:#?}");
        outcome
    }

    /// Closes the ledger and opens it again, with a client that knows nothing but the pause in force, as a
    /// restart of the program does. What a poll that was dropped still has in hand is waited for.
    pub(crate) async fn restart(&mut self) {
        self.restart_after(|_| ()).await;
    }

    /// The same, with something done to the file in between.
    pub(crate) async fn restart_after<T>(&mut self, work: impl FnOnce(&Path) -> T) -> T {
        let path = self.path();
        let parked = self.folder.path().join("parked.db");
        let stand_in = self.open(&parked).await;
        self.client = client(&self.settings, &self.local, self.client.stop().into_iter().collect());
        self.poller = poller(&self.client, &stand_in, &self.local, &self.watch);
        std::mem::replace(&mut self.ledger, stand_in).close().await;
        let done = work(&path);
        let ledger = self.open(&path).await;
        self.poller = poller(&self.client, &ledger, &self.local, &self.watch);
        self.ledger = ledger;
        done
    }

    /// Opens a ledger once its former writer is gone.
    async fn open(&self, path: &Path) -> Ledger {
        let opened = async {
            loop {
                let opened = Ledger::open(path, &self.sim.api_url(), self.rules.clone(), self.local.now());
                match opened {
                    Err(error) if matches!(error.problem, Problem::Locked { .. }) => {
                        tokio::task::yield_now().await;
                    }
                    opened => return opened.unwrap(),
                }
            }
        };
        in_time("the end of the ledger's former writer", opened).await
    }

    /// The ledger at a glance.
    pub(crate) fn overview(&self) -> tallyd::ledger::Overview {
        Reader::open(&self.path()).unwrap().overview(self.local.now()).unwrap()
    }

    /// The API that the ledger belongs to.
    pub(crate) fn api_url(&self) -> String {
        self.sim.api_url()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("ledger.db")
    }

    pub(crate) fn profile(&self, index: usize) -> Profile {
        let profile = self.control.profiles().swap_remove(index);
        Profile { id: profile.id.as_str().into(), name: Some(profile.nickname) }
    }

    /// The simulator's rows that were created up to `ceiling`, by id and by meaning.
    pub(crate) fn truth_until(&self, ceiling: Timestamp) -> BTreeMap<String, Value> {
        let rows = self.control.truth();
        let known = rows.iter().filter(|row| super::times_of(std::slice::from_ref(row))[0] <= ceiling);
        known.map(|row| (id_of(row), meaning(row))).collect()
    }

    /// The ledger holds what the simulator shows, and nothing else: the rows themselves and the view.
    pub(crate) fn assert_ledger_equals_truth(&self) {
        let truth = self.truth_until(self.clock.now());
        assert_same(&ledger_rows(&self.path()), &truth, "ledger");
        let columns = truth.iter().map(|(id, row)| (id.clone(), documented(row))).collect();
        assert_same(&rows_of_view(&self.path()), &columns, "view");
    }

    /// The journal's chain and every digest hold.
    pub(crate) fn assert_sound(&self) {
        let verification = Reader::open(&self.path()).unwrap().verify(None).unwrap();
        assert!(verification.findings.is_empty(), "{:?}", verification.findings);
    }

    /// Ends everything; a panic anywhere fails the test.
    pub(crate) async fn end(self) {
        self.assert_sound();
        drop(self.poller);
        self.ledger.close().await;
        self.sim.shutdown().await;
    }
}

fn client(settings: &Settings, clock: &Arc<ManualClock>, stops: Vec<Stop>) -> Client {
    Client::new(settings.clone(), clock.clone(), Arc::new(ForgetStops), stops).unwrap()
}

fn poller(client: &Client, ledger: &Ledger, clock: &Arc<ManualClock>, watch: &Watch) -> Poller {
    let settings = sync::Settings {
        overlap: Duration::from_secs(600),
        backfill_after: Duration::from_secs(86_400),
        backfill_requests_per_second: FAST,
    };
    Poller::new(client.clone(), ledger.clone(), clock.clone(), settings, watch.clone())
}

fn assert_same(found: &BTreeMap<String, Value>, truth: &BTreeMap<String, Value>, what: &str) {
    for (id, row) in truth {
        assert_eq!(found.get(id), Some(row), "{what} and truth differ about {id}");
    }
    let surplus: Vec<_> = found.keys().filter(|id| !truth.contains_key(*id)).collect();
    assert!(surplus.is_empty(), "the {what} holds rows that are not there: {surplus:?}");
}

/// What a query of a ledger's file answers, each row's columns joined by a space.
pub(crate) fn texts_of(path: &Path, query: &str) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection.prepare(query).unwrap();
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        let text = |index| {
            Ok(match row.get_ref(index)? {
                rusqlite::types::ValueRef::Null => "-".to_owned(),
                rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                other => other.as_str().unwrap_or("?").to_owned(),
            })
        };
        Ok((0..columns).map(text).collect::<rusqlite::Result<Vec<_>>>()?.join(" "))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

/// Whether a poll of a profile was complete, partial or failed, in the order of the outcome.
pub(crate) fn results_of(outcome: &PollOutcome) -> Vec<&'static str> {
    outcome.profiles.iter().map(|poll| PollResult::as_str(&poll.result)).collect()
}
