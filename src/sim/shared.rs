//! What all requests and the control handle share.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::watch;

use super::config::{ApiConfig, Credentials, Latency, SimConfig};
use super::create::Balances;
use super::cursor::Cursor;
use super::dice::dice_for;
use super::endpoint::Endpoint;
use super::faults::{FaultRate, Scripted};
use super::log::RequestLog;
use super::throttle::Throttle;
use super::token::Tokens;
use super::world::World;
use crate::clock::SharedClock;

/// The running simulator's state. Every lock is held for a moment and never over an `await`.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) clock: SharedClock,
    pub(super) address: SocketAddr,
    pub(super) credentials: Credentials,
    pub(super) log: RequestLog,
    world: RwLock<World>,
    dials: Mutex<Dials>,
    tokens: Mutex<Tokens>,
    throttle: Mutex<Throttle>,
    cursor_uses: Mutex<HashMap<String, u32>>,
    closing: watch::Sender<Closing>,
    /// Profiles whose lists are not answered for now.
    held: watch::Sender<HashSet<String>>,
    /// Numbers cursors and requests.
    numbers: AtomicU64,
}

/// What can be turned while it runs.
#[derive(Debug)]
pub(super) struct Dials {
    pub(super) api: ApiConfig,
    pub(super) latency: Latency,
    pub(super) faults: Vec<FaultRate>,
    pub(super) scripts: HashMap<Endpoint, VecDeque<Scripted>>,
    pub(super) balances: Balances,
    dice: Rng,
}

/// Whether the simulator is being shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    No,
    Yes,
}

/// Whether lists of a profile are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    Back,
    LetGo,
}

impl Shared {
    pub(super) fn new(config: SimConfig, clock: SharedClock, address: SocketAddr) -> Self {
        let seed = config.world.seed;
        let now = clock.now().as_micros();
        Self {
            address,
            credentials: config.credentials,
            log: RequestLog::new(config.api.remembered_requests),
            world: RwLock::new(World::new(config.world, now)),
            dials: Mutex::new(Dials {
                api: config.api,
                latency: config.latency,
                faults: config.faults,
                scripts: HashMap::new(),
                balances: Balances::new(),
                dice: dice_for(seed, 0xFA17),
            }),
            tokens: Mutex::new(Tokens::new(seed)),
            throttle: Mutex::new(Throttle::new(config.rate_limit)),
            cursor_uses: Mutex::new(HashMap::new()),
            closing: watch::Sender::new(Closing::No),
            held: watch::Sender::default(),
            numbers: AtomicU64::new(1),
            clock,
        }
    }

    pub(super) fn now(&self) -> i64 {
        self.clock.now().as_micros()
    }

    /// The world with everything in it that has arrived.
    pub(super) fn world(&self, now: i64) -> RwLockReadGuard<'_, World> {
        let world = self.world.read().unwrap_or_else(PoisonError::into_inner);
        if !world.is_behind(now) {
            return world;
        }
        drop(world);
        drop(self.world_mut(now));
        self.world.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`world`](Self::world), to change it.
    pub(super) fn world_mut(&self, now: i64) -> RwLockWriteGuard<'_, World> {
        let mut world = self.world.write().unwrap_or_else(PoisonError::into_inner);
        world.grow_to(now);
        world
    }

    pub(super) fn dials(&self) -> MutexGuard<'_, Dials> {
        hold(&self.dials)
    }

    pub(super) fn tokens(&self) -> MutexGuard<'_, Tokens> {
        hold(&self.tokens)
    }

    pub(super) fn throttle(&self) -> MutexGuard<'_, Throttle> {
        hold(&self.throttle)
    }

    /// How often a cursor has been used, this time included.
    pub(super) fn use_cursor(&self, text: &str) -> u32 {
        let mut uses = hold(&self.cursor_uses);
        let count = uses.entry(text.to_owned()).or_default();
        *count += 1;
        *count
    }

    /// A cursor's text, unlike any before.
    pub(super) fn encode_cursor(&self, cursor: &Cursor, now: i64) -> String {
        cursor.encode(now, self.next_number())
    }

    pub(super) fn request_id(&self) -> String {
        format!("sim-request-{}", self.next_number())
    }

    pub(super) fn close(&self) {
        self.closing.send_replace(Closing::Yes);
    }

    pub(super) fn closing(&self) -> watch::Receiver<Closing> {
        self.closing.subscribe()
    }

    /// Comes back when the simulator is being shut down.
    pub(super) async fn closed(&self) {
        // An error means that the sender is gone, and then it is being shut down too.
        let _ = self.closing().wait_for(|closing| *closing == Closing::Yes).await;
    }

    /// Holds lists of a profile back, or lets them go.
    pub(super) fn hold(&self, profile: &str, hold: Hold) {
        self.held.send_modify(|held| {
            match hold {
                Hold::Back => held.insert(profile.to_owned()),
                Hold::LetGo => held.remove(profile),
            };
        });
    }

    /// Comes back once no profile that the query names is held back, or the simulator is being shut down.
    pub(super) async fn let_go(&self, query: &str) {
        let mut held = self.held.subscribe();
        let is_free = |held: &HashSet<String>| held.iter().all(|profile| !query.contains(profile.as_str()));
        tokio::select! {
            () = self.closed() => {}
            // The sender lives as long as this.
            _ = held.wait_for(is_free) => {}
        }
    }

    fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }
}

impl Dials {
    /// How long the next answer takes.
    pub(super) fn draw_latency(&mut self) -> Duration {
        let jitter = u64::try_from(self.latency.jitter.as_micros()).unwrap_or(u64::MAX);
        let drawn = if jitter == 0 { 0 } else { self.dice.u64(..=jitter) };
        self.latency.fixed + Duration::from_micros(drawn)
    }

    /// What becomes of the next request: what the script says, else what chance says.
    pub(super) fn draw_fate(&mut self, endpoint: Endpoint) -> Scripted {
        if let Some(scripted) = self.scripts.get_mut(&endpoint).and_then(VecDeque::pop_front) {
            return scripted;
        }
        let Self { faults, dice, .. } = self;
        let mut possible = faults.iter().filter(|rate| rate.befalls(endpoint));
        possible
            .find(|rate| rate.rate.rolls(dice))
            .map_or(Scripted::Honest, |rate| Scripted::Fault(rate.fault))
    }

    /// Some of the ids, at least one where there are any.
    pub(super) fn draw_omitted(&mut self, ids: &[String]) -> HashSet<String> {
        let dice = &mut self.dice;
        let certain = dice.usize(..ids.len().max(1));
        let mut omitted = |place: usize| place == certain || dice.u8(..4) == 0;
        ids.iter().enumerate().filter(|(place, _)| omitted(*place)).map(|(_, id)| id.clone()).collect()
    }
}

/// A panic elsewhere already fails the run; what it left is good enough to look at.
fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
