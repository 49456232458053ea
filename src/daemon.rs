//! The daemon: polls, sweeps and serves, until it is told to stop.
//!
//! Owns which tasks there are and what becomes of them, when they are due, the signals and the reload; and
//! the assembly of ledger, client and poller, which commands share. What a poll does is `sync`'s. Time
//! comes from the clock and chance from the seed that are handed in.

mod alerts;
mod judging;
pub mod outcome;
mod polls;
mod reload;
mod report;
mod reports;
mod requests;
mod service;
mod session;
mod signals;
mod streaks;
mod sweeps;
mod tasks;
mod wanted;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, Notify, mpsc, watch};

pub use judging::rules;
pub use reports::{
    Kept, ReportError, configuration_of, make_and_keep, period_of_run, plan_of, report_run_name,
};
pub use session::{Patience, Session, SessionError, reading_client};
pub use signals::orders;
pub use sweeps::run_name;
pub use wanted::{Since, Unservable, Wanted, Whom};

use crate::clock::SharedClock;
use crate::config::{Config, ConfigError, Loaded, LogLevel};
use crate::ledger::{Ledger, LedgerError, Place, Problem, Reader, Role, Rules};
use crate::model::{PollOutcome, ProfileSelection, Timestamp, with_causes};
use crate::schedule::RunningOut;
use crate::sync::{Poller, Stopper, Stopping};
use report::Report;
use service::Service;
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
    let watch = report::watch(Arc::clone(&service));
    let session = Session::open(config, Arc::clone(&clock), Role::Daemon, judged_by, watch).await?;
    let path = session.config().ledger.path.clone();
    let place = Place::of(&path).map_err(SessionError::Ledger)?;
    let reader = Reader::open(&path).map_err(SessionError::Ledger)?;
    tell_start(session.config());
    warn_of_calendars(session.config(), clock.now());
    let ledger = session.ledger.clone();
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
        polled: Arc::default(),
    };
    let mut tasks = Tasks::default();
    tasks.spawn("polls", polls::run(daemon.clone(), fastrand::Rng::with_seed(seed)));
    tasks.spawn("sweeps", sweeps::run(daemon.clone()));
    tasks.spawn("reports", reports::run(daemon.clone()));
    tasks.spawn("breaks", judging::run(daemon.clone()));
    tasks.spawn("alerts", alerts::run(daemon.clone(), seed));
    tasks.spawn("watchdog", service::run(daemon.clone()));
    tasks.spawn("requests", requests::run(daemon.clone(), reader, place));
    let ended = loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Reload) => {
                    service::reloading();
                    read_again(&daemon, &replace, &reread, &rules, &set_level);
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

/// Reads the configuration again and puts into effect what can be. Polls and sweeps under way end as they
/// began; the next ones go by the new one.
fn read_again(
    daemon: &Daemon,
    replace: &watch::Sender<Arc<Session>>,
    reread: &Reread,
    rules: &RulesFor,
    set_level: &SetLevel,
) {
    let loaded = match reread() {
        Ok(loaded) => loaded,
        Err(error) => {
            for fault in error.faults() {
                tracing::error!(fault = %fault, "the configuration has a fault");
            }
            tracing::error!(
                faults = error.faults().len(),
                "the configuration cannot be used; going on with the former one"
            );
            return;
        }
    };
    for warning in &loaded.warnings {
        tracing::warn!(warning = %warning, "the configuration is doubtful");
    }
    let former = daemon.session();
    let weighed = reload::weigh(former.config(), loaded.config, daemon.clock.now());
    let level = weighed.config.log.level;
    let is_other_level = level != former.config().log.level;
    let session = match former.with_config(weighed.config) {
        Ok(session) => session,
        Err(error) => {
            tracing::error!(
                error = with_causes(&error),
                "the configuration cannot be used; going on with the former one"
            );
            return;
        }
    };
    daemon.ledger.set_rules(rules(session.config()));
    replace.send_replace(Arc::new(session));
    for difference in &weighed.applied {
        let reload::Difference { key, old, new } = difference;
        tracing::info!(key, old, new, "a setting changed");
    }
    for difference in &weighed.kept {
        let reload::Difference { key, old, new } = difference;
        tracing::warn!(key, old, new, "a setting needs a restart; the old value stays");
    }
    warn_of_calendars(daemon.session().config(), daemon.clock.now());
    if is_other_level {
        set_level(level);
    }
    tracing::info!(
        changed = weighed.applied.len(),
        kept = weighed.kept.len(),
        "the configuration was read again"
    );
}
