//! The daemon: polls, sweeps and serves, until it is told to stop.
//!
//! Owns which tasks there are and what becomes of them, when they are due, the signals and the reload; and
//! the assembly of ledger, client and poller, which commands share. What a poll does is `sync`'s. Time
//! comes from the clock and chance from the seed that are handed in.

mod alerts;
mod judging;
mod observers;
pub mod outcome;
mod polls;
mod readings;
mod reload;
mod report;
mod reports;
mod requests;
mod reread;
mod service;
mod serving;
mod session;
mod signals;
mod standing;
mod streaks;
mod sweeps;
mod tasks;
mod wanted;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, Notify, mpsc, watch};

pub use judging::rules;
pub use observers::Observers;
pub use reports::{Kept, ReportError, configuration_of, make_and_keep, period_of_run, plan_of};
pub use session::{Patience, Session, SessionError, reading_client};
pub use signals::orders;
pub use wanted::{Since, Unservable, Wanted, Whom};

use crate::clock::SharedClock;
use crate::config::{Config, ConfigError, Loaded, LogLevel};
use crate::ledger::{Ledger, LedgerError, Place, Problem, Reader, Role, Rules};
use crate::metrics::Metrics;
use crate::model::{Lane, PollOutcome, ProfilePoll, ProfileSelection, Timestamp, with_causes};
use crate::schedule::RunningOut;
use crate::server::{ListenError, Listener};
use crate::sync::{Chosen, Poller, Stopper, Stopping};
use report::Report;
use service::Service;
use serving::Shown;
use tasks::Tasks;

/// How long everything together may take to stop.
pub const STOP_WITHIN: Duration = Duration::from_secs(5);

/// How often waiting for a wall time looks at the clock again, which may be set meanwhile.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// How a task ends.
type Ended = anyhow::Result<()>;

/// Reads the configuration again.
pub type Reread = Box<dyn Fn() -> Result<Loaded, ConfigError> + Send + Sync>;

/// The rules by which the ledger compares and judges under a configuration; [`rules`] but for tests.
pub type RulesFor = Arc<dyn Fn(&Config) -> Rules + Send + Sync>;

/// Sets the least severe level that is logged.
pub type SetLevel = Box<dyn Fn(LogLevel) + Send + Sync>;

/// What a daemon has to be told.
pub struct Setup {
    /// The configuration to begin with.
    pub config: Config,
    /// Tells the wall time.
    pub clock: SharedClock,
    /// Where the jitter starts.
    pub seed: u64,
    /// How the ledger compares and judges under a configuration.
    pub rules: RulesFor,
    /// Reads the configuration again.
    pub reread: Reread,
    /// Sets the least severe level that is logged.
    pub set_level: SetLevel,
}

impl fmt::Debug for Setup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Setup").field("seed", &self.seed).finish_non_exhaustive()
    }
}

/// What a running daemon is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// To stop; the second time, at once.
    Stop,
    /// To read its configuration again.
    Reload,
}

/// Why a daemon ended that was not told to, or not as it was told to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It could not begin.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// Its port cannot be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A task ended that should run on. Everything committed is safe.
    #[error("failed to go on: the task {task:?} ended; start tallyd again, everything committed is safe")]
    Task {
        /// Its name.
        task: &'static str,
        /// Why.
        #[source]
        cause: anyhow::Error,
    },
    /// It was told to stop a second time.
    #[error("ended at once, as the second signal asked; everything committed is safe")]
    Cut,
    /// It could not stop in time.
    #[error("failed to stop within {} s; ended all the same, everything committed is safe", STOP_WITHIN.as_secs())]
    Late,
}

/// What the tasks share. Cheap to clone.
#[derive(Clone)]
struct Daemon {
    ledger: Ledger,
    clock: SharedClock,
    stopping: Stopping,
    /// The session in effect; a reload replaces it as a whole.
    sessions: watch::Receiver<Arc<Session>>,
    /// Whose turn it is to sweep.
    sweep_turn: Arc<Mutex<()>>,
    report: Arc<Report>,
    service: Arc<Service>,
    metrics: Arc<Metrics>,
    shown: Arc<Shown>,
    /// Told when a poll has ended.
    polled: Arc<Notify>,
}

impl Daemon {
    fn session(&self) -> Arc<Session> {
        Arc::clone(&self.sessions.borrow())
    }

    /// A poller for what the task `polls` begins.
    fn poller(&self) -> Poller {
        self.session().poller(Patience::Usual).with_stopping(self.stopping.clone())
    }

    /// Notes who is polled in a round, as far as the account told.
    fn chosen(&self, chosen: &[Chosen], account: &PollOutcome) {
        let failure = account.account_failure.as_ref();
        let mut standings = self.service.standings();
        standings.account(failure);
        if failure.is_none() {
            let profiles: Vec<_> = chosen.iter().map(|chosen| chosen.profile().clone()).collect();
            standings.only(&profiles);
            self.metrics.polled_profiles(&profiles);
        }
        drop(standings);
        account.profiles.iter().for_each(|poll| self.ended(poll));
    }

    /// Notes how a poll or a sweep of a profile ended.
    fn ended(&self, poll: &ProfilePoll) {
        self.metrics.polled(poll);
        if poll.lane != Lane::Sweep {
            self.service.polled(poll, self.clock.monotonic());
        }
    }

    /// Waits until it may be begun. Of polls, each profile has a turn of its own; two sweeps would share the
    /// requests that one alone could have. `None` once tallyd stops.
    async fn turn(&self, wanted: &Wanted) -> Option<Turn<'_>> {
        let Wanted::Sweep(..) = wanted else { return Some(Turn::OfEachProfile) };
        tokio::select! {
            biased;
            () = self.stopping.given() => None,
            turn = self.sweep_turn.lock() => Some(Turn::OfSweeps(turn)),
        }
    }

    /// Does what is wanted, and logs how it went.
    async fn carry_out(&self, turn: Turn<'_>, wanted: &Wanted, selection: &ProfileSelection) -> PollOutcome {
        let session = self.session();
        let outcome = session.carry_out(wanted, selection, self.stopping.clone()).await;
        self.report.outcome(wanted, &outcome, self.clock.monotonic());
        outcome.profiles.iter().for_each(|poll| self.ended(poll));
        self.polled.notify_one();
        // A heartbeat that hangs holds up neither the next poll nor the end.
        drop(turn);
        tokio::select! {
            () = self.stopping.given() => {}
            () = session.call_heartbeats(wanted, &outcome) => {}
        }
        outcome
    }
}

/// Whose turn it is, for as long as it is held.
enum Turn<'a> {
    /// That of whoever sweeps.
    OfSweeps(#[expect(dead_code, reason = "held, never read")] MutexGuard<'a, ()>),
    /// That of each profile, which its poll takes itself.
    OfEachProfile,
}

/// What a task makes of the ledger's answer: what may pass by itself is logged and there is none, anything else
/// ends the task.
fn or_later<T>(answer: Result<T, LedgerError>) -> anyhow::Result<Option<T>> {
    match answer {
        Err(error) if matches!(error.problem, Problem::DiskFull | Problem::Busy) => {
            tracing::error!(error = %error, "the ledger could not be written; going on");
            Ok(None)
        }
        answer => Ok(Some(answer?)),
    }
}

/// The same for a write that need not be done again.
fn or_log(written: Result<(), LedgerError>) -> Ended {
    or_later(written).map(|_| ())
}

/// Runs until it is told to stop. Everything that it began has ended when it returns, but for an end at once.
///
/// # Errors
///
/// The ledger or the client cannot be used; a task ended unasked; it was cut short.
pub async fn run(setup: Setup, mut orders: mpsc::Receiver<Order>) -> Result<(), RunError> {
    let Setup { config, clock, seed, rules, reread, set_level } = setup;
    let judged_by = rules(&config);
    let service = Arc::new(Service::of_process());
    let metrics = Arc::new(Metrics::new(Arc::clone(&clock)));
    let observers = Observers {
        watch: report::watch(Arc::clone(&service)),
        paxos: Arc::clone(&metrics) as _,
        ledger: Arc::clone(&metrics) as _,
        alerts: Arc::clone(&metrics) as _,
    };
    let session = Session::open(config, Arc::clone(&clock), Role::Daemon, judged_by, observers).await?;
    let path = session.config().ledger.path.clone();
    let place = Place::of(&path).map_err(SessionError::Ledger)?;
    let reader = Reader::open(&path).map_err(SessionError::Ledger)?;
    let listener = listen(session.config()).await?;
    serving::begin(&metrics, session.config(), &reader).map_err(SessionError::Ledger)?;
    tell_start(session.config());
    warn_of_calendars(session.config(), clock.now());
    service.warn_of(session.config().paxos.request_timeout);
    let ledger = session.ledger.clone();
    let shown = Shown::new(Arc::clone(&metrics), Arc::clone(&service), Arc::clone(&clock), session.config());
    let (replace, sessions) = watch::channel(Arc::new(session));
    let (stopper, stopping) = Stopper::new();
    let daemon = Daemon {
        ledger,
        clock,
        stopping,
        sessions,
        sweep_turn: Arc::default(),
        report: Arc::default(),
        service,
        metrics,
        shown: Arc::new(shown),
        polled: Arc::default(),
    };
    let mut tasks = start(&daemon, seed, reader, place);
    if let Some(listener) = listener {
        tasks.spawn(
            "readings",
            readings::run(daemon.clone(), Reader::open(&path).map_err(SessionError::Ledger)?),
        );
        tasks.spawn("server", serving::run(daemon.clone(), listener));
    }
    let ended = loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Reload) => {
                    service::reloading();
                    reread::read_again(&daemon, &replace, &reread, &rules, &set_level);
                    daemon.service.warn_of(daemon.session().config().paxos.request_timeout);
                    daemon.service.reloaded();
                }
                Some(Order::Stop) | None => break Ok(()),
            },
            failed = tasks.failed() => break Err(failed),
            () = daemon.ledger.writer_gone() => break Err(writer_gone(&daemon)),
        }
    };
    match &ended {
        Ok(()) => tracing::info!("stopping: what is under way ends at its next page"),
        Err(error) => tracing::error!(error = with_causes(error), "stopping: tallyd cannot go on"),
    }
    service::stopping();
    stopper.stop();
    let closed = tokio::select! {
        closed = tokio::time::timeout(STOP_WITHIN, close(daemon, replace, tasks)) => {
            closed.unwrap_or(Err(RunError::Late))
        }
        () = second_stop(&mut orders) => Err(RunError::Cut),
    };
    if closed.is_ok() && ended.is_ok() {
        tracing::info!("stopped");
    }
    ended.and(closed)
}

/// Takes the port, where there is one to listen to, before anything is polled.
async fn listen(config: &Config) -> Result<Option<Listener>, ListenError> {
    let Some(server) = &config.server else { return Ok(None) };
    let listener = Listener::bind(server.listen).await?;
    let address = listener.address();
    tracing::info!(%address, "listening: http://{address}/metrics, /healthz and /readyz");
    Ok(Some(listener))
}

/// Starts the tasks that every daemon has.
fn start(daemon: &Daemon, seed: u64, reader: Reader, place: Place) -> Tasks {
    let mut tasks = Tasks::default();
    tasks.spawn("polls", polls::run(daemon.clone(), fastrand::Rng::with_seed(seed)));
    tasks.spawn("sweeps", sweeps::run(daemon.clone()));
    tasks.spawn("reports", reports::run(daemon.clone()));
    tasks.spawn("breaks", judging::run(daemon.clone()));
    tasks.spawn("alerts", alerts::run(daemon.clone(), seed));
    tasks.spawn("watchdog", service::run(daemon.clone()));
    tasks.spawn("requests", requests::run(daemon.clone(), reader, place));
    tasks
}

/// Waits for the tasks, which were told to stop, and closes the ledger.
async fn close(
    daemon: Daemon,
    replace: watch::Sender<Arc<Session>>,
    mut tasks: Tasks,
) -> Result<(), RunError> {
    let joined = tasks.join().await;
    let session = Arc::clone(&replace.borrow());
    // Whoever holds the ledger keeps it open.
    drop((daemon, replace));
    if let Some(session) = Arc::into_inner(session) {
        session.close().await;
    }
    joined
}

/// Waits until it is told to stop once more.
async fn second_stop(orders: &mut mpsc::Receiver<Order>) {
    loop {
        match orders.recv().await {
            Some(Order::Stop) => return,
            Some(Order::Reload) => {}
            None => std::future::pending().await,
        }
    }
}

fn writer_gone(daemon: &Daemon) -> RunError {
    let cause = LedgerError { path: daemon.ledger.path(), problem: Problem::WriterGone };
    RunError::Task { task: "ledger", cause: cause.into() }
}

fn tell_start(config: &Config) {
    let watched = match &config.profiles {
        ProfileSelection::All => "every profile that the account lists".to_owned(),
        ProfileSelection::Listed(profiles) if profiles.len() == 1 => "1 profile".to_owned(),
        ProfileSelection::Listed(profiles) => format!("{} profiles", profiles.len()),
    };
    tracing::info!(
        every_ms = u64::try_from(config.poll.every.as_millis()).unwrap_or(u64::MAX),
        sweeps = config.sweeps.len(),
        reports = config.reports.len(),
        ledger = %config.ledger.path.display(),
        environment = config.paxos.environment.as_str(),
        "watching {watched}"
    );
}

/// Warns of calendars that need days off to be added.
fn warn_of_calendars(config: &Config, now: Timestamp) {
    for running_out in config.limits.running_out(now) {
        let RunningOut { calendar, last, days_ahead } = running_out;
        tracing::warn!(
            calendar,
            last_day_off = %last,
            days_ahead,
            "a calendar of [[limits.calendars]] runs out: add the days off that follow, or they count as business days"
        );
    }
}
