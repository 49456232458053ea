//! The writer: a thread that owns the connection.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::Instant;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use crate::model::{
    Coverage, Identifier, Lane, PollResult, Profile, ProfileSelection, SweepWindow, Timestamp,
};

use super::journal::{self, JournalHead};
use super::listing::{self, Listing, ProfileState, Slice, SliceKey};
use super::lock::{Lock, Role};
use super::lookup::{self, Before, Lost};
use super::observer::{Observer, TRANSACTIONS, Unobserved};
use super::open_rows::{self, KnownRow, OpenRow};
use super::owed::{self, OwedSweep};
use super::page::{self, PageCommit, PageCommitted};
use super::rules::Rules;
use super::skew::{self, ClockSkew};
use super::stops::{self, StoredStop};
use super::sweep::{self, Sweep, SweepKey, SweepStep, SweptRow};
use super::take_over::take_over;
use super::{
    LedgerError, Moment, OrchestrationKey, PollNumber, Problem, ProfileKey, breaks, checkpoint, indexes,
    polls,
};

/// How many transactions may wait for the writer before those who ask wait too.
const QUEUE: usize = 16;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A ledger that is open for writing. Cheap to clone; the last clone that goes closes it.
#[derive(Clone)]
pub struct Ledger {
    jobs: mpsc::Sender<Job>,
    path: Arc<Path>,
    rules: Arc<RwLock<Arc<Rules>>>,
    observer: Arc<dyn Observer>,
    /// The seq of the journal's last entry.
    seq: Arc<AtomicI64>,
    closed: Arc<tokio::sync::Mutex<oneshot::Receiver<()>>>,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Ledger").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Ledger {
    /// Opens the ledger at `path` for the environment at `api_url`; makes it where there is none. Holds
    /// the lock that keeps every other writer out until the last clone is gone.
    pub fn open(path: &Path, api_url: &str, rules: Rules, now: Timestamp) -> Result<Self, LedgerError> {
        Self::open_as(Role::Command, path, api_url, rules, now)
    }

    /// Opens it in a role, which the lock tells to others.
    pub fn open_as(
        role: Role,
        path: &Path,
        api_url: &str,
        rules: Rules,
        now: Timestamp,
    ) -> Result<Self, LedgerError> {
        let (lock, connection) = take_over(path, role, api_url, now).map_err(|problem| problem.of(path))?;
        let head = journal::head(&connection).map_err(|problem| problem.of(path))?;
        let seq = Arc::new(AtomicI64::new(head.seq));
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (ended, closed) = oneshot::channel();
        thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || serve(connection, queue, lock, ended))
            .map_err(|error| Problem::Io(error).of(path))?;
        Ok(Self {
            jobs,
            path: path.into(),
            rules: Arc::new(RwLock::new(Arc::new(rules))),
            observer: Arc::new(Unobserved),
            seq,
            closed: Arc::new(tokio::sync::Mutex::new(closed)),
        })
    }

    /// The same handle, which tells `observer` what it has the writer do.
    #[must_use]
    pub fn observed_by(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer, ..self }
    }

    /// The ledger's file.
    pub fn path(&self) -> PathBuf {
        self.path.to_path_buf()
    }

    /// Closes this handle and, if it is the last one, waits until the file is closed.
    pub async fn close(self) {
        let Self { jobs, closed, .. } = self;
        drop(jobs);
        if let Some(closed) = Arc::into_inner(closed) {
            // An error means that the thread ended without saying so: it is closed all the same.
            closed.into_inner().await.unwrap_or_default();
        }
    }

    /// Waits until the writer has ended, which it does not do by itself while there is a handle.
    pub async fn writer_gone(&self) {
        self.jobs.closed().await;
    }

    /// Has every transaction from now on go by these rules.
    pub fn set_rules(&self, rules: Rules) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }

    pub(super) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Finds or adds a profile and says what is known of it.
    pub async fn open_profile(&self, profile: Profile, now: Timestamp) -> Result<ProfileState, LedgerError> {
        self.transact("open_profile", move |connection| polls::open_profile(connection, &profile, now)).await
    }

    /// Every profile that was ever listed under.
    pub async fn profiles(&self) -> Result<Vec<Profile>, LedgerError> {
        self.transact("profiles", |connection| polls::profiles(connection)).await
    }

    /// Notes that a poll of a profile began. `ceiling` is missing for one that failed before it had one.
    pub async fn begin_poll(
        &self,
        profile: ProfileKey,
        lane: Lane,
        began_at: Timestamp,
        ceiling: Option<Timestamp>,
    ) -> Result<PollNumber, LedgerError> {
        self.transact("begin_poll", move |connection| {
            polls::begin(connection, profile, None, lane, began_at, ceiling)
        })
        .await
    }

    /// Notes that the next poll of the same round over the profile began, after `former`. What both met
    /// counts as met once where polls running are counted.
    pub async fn begin_next_poll(
        &self,
        profile: ProfileKey,
        former: PollNumber,
        lane: Lane,
        began_at: Timestamp,
        ceiling: Option<Timestamp>,
    ) -> Result<PollNumber, LedgerError> {
        self.transact("begin_next_poll", move |connection| {
            polls::begin(connection, profile, Some(former), lane, began_at, ceiling)
        })
        .await
    }

    /// Notes how a poll ended.
    pub async fn end_poll(
        &self,
        poll: PollNumber,
        ended_at: Timestamp,
        result: PollResult,
    ) -> Result<(), LedgerError> {
        let rules = self.rules();
        self.transact("end_poll", move |connection| {
            polls::end(connection, poll, ended_at, &result)?;
            breaks::alone::judge_unjudged(connection, &rules, poll, ended_at)
        })
        .await
    }

    /// Begins a discovery of the window from `begins_at` to `ceiling`, as one slice.
    pub async fn begin_listing(
        &self,
        profile: ProfileKey,
        lane: Lane,
        began_at: Timestamp,
        begins_at: Timestamp,
        ceiling: Timestamp,
    ) -> Result<Listing, LedgerError> {
        self.transact("begin_listing", move |connection| {
            listing::begin(connection, profile, lane, began_at, begins_at, ceiling)
        })
        .await
    }

    /// Cuts a slice in two at `at`, which begins the new one.
    pub async fn split_slice(&self, slice: SliceKey, at: Timestamp) -> Result<Slice, LedgerError> {
        self.transact("split_slice", move |connection| listing::split(connection, slice, at)).await
    }

    /// Takes a slice back to an earlier position, because its pages came out of order.
    pub async fn rewind_slice(&self, slice: SliceKey, to: Timestamp) -> Result<(), LedgerError> {
        self.transact("rewind_slice", move |connection| listing::rewind(connection, slice, to)).await
    }

    /// Commits a page with all that follows from it.
    pub async fn commit_page(&self, page: PageCommit) -> Result<PageCommitted, LedgerError> {
        self.commit("commit_page", move |connection, rules| page::commit(connection, rules, &page)).await
    }

    /// Commits what Get Orchestration answered about rows that were listed in an older state. The same
    /// older answer in three polls running is taken, and journalled as gone back in time.
    pub async fn commit_lookup(&self, page: PageCommit) -> Result<PageCommitted, LedgerError> {
        let before = Before::ListedStale;
        self.commit("commit_lookup", move |connection, rules| {
            lookup::commit(connection, rules, &page, before)
        })
        .await
    }

    /// Commits what Get Orchestration answered about rows that no list has answered about. Older answers
    /// are weighed as in [`commit_lookup`](Self::commit_lookup), and counted.
    pub async fn commit_found(&self, page: PageCommit) -> Result<PageCommitted, LedgerError> {
        let before = Before::NotListed;
        self.commit("commit_found", move |connection, rules| lookup::commit(connection, rules, &page, before))
            .await
    }

    /// Commits that Paxos no longer knows these orchestrations. They are missing until they are met again.
    pub async fn commit_lost(&self, lost: Lost) -> Result<PageCommitted, LedgerError> {
        self.commit("commit_lost", move |connection, rules| lookup::commit_lost(connection, rules, &lost))
            .await
    }

    /// Every orchestration that the ledger holds as open and that the profile lists, oldest first.
    pub async fn open_rows(&self, profile: ProfileKey) -> Result<Vec<OpenRow>, LedgerError> {
        self.transact("open_rows", move |connection| open_rows::of_profile(connection, profile)).await
    }

    /// Ends a discovery whose slices are all finished and says what is covered. The watermark moves to
    /// `watermark`, or only to where doubt begins (stale rows, rows without an id), and never back.
    pub async fn complete_listing(
        &self,
        profile: ProfileKey,
        watermark: Timestamp,
    ) -> Result<Option<Coverage>, LedgerError> {
        self.transact("complete_listing", move |connection| {
            listing::complete(connection, profile, watermark)?;
            listing::coverage(connection, profile)
        })
        .await
    }

    /// Builds the indexes that are left until the first backfill ends, unless a backfill of one of the
    /// `polled` profiles is under way. One of a profile that nobody polls any more never ends.
    pub async fn build_indexes(&self, polled: Vec<Identifier>, now: Timestamp) -> Result<(), LedgerError> {
        let rules = self.rules();
        self.transact("build_indexes", move |connection| {
            if listing::is_backfilled(connection, &polled)? {
                return Ok(());
            }
            indexes::build(connection, &rules, now)
        })
        .await
    }

    /// Finds the sweep of such a window that was cut short after `not_before`, else begins one at `now`.
    pub async fn begin_sweep(
        &self,
        profile: ProfileKey,
        window: SweepWindow,
        now: Timestamp,
        begins_at: Timestamp,
        not_before: Timestamp,
    ) -> Result<Sweep, LedgerError> {
        self.transact("begin_sweep", move |connection| {
            sweep::begin(connection, profile, window, now, begins_at, not_before)
        })
        .await
    }

    /// Notes that a poll began that sweeps.
    pub async fn begin_sweep_poll(
        &self,
        profile: ProfileKey,
        began_at: Timestamp,
        sweep: &Sweep,
    ) -> Result<PollNumber, LedgerError> {
        let (begins_at, ceiling) = (sweep.begins_at, sweep.ceiling);
        self.transact("begin_sweep_poll", move |connection| {
            polls::begin_sweep(connection, profile, began_at, begins_at, ceiling)
        })
        .await
    }

    /// The rows that a profile lists (any, where none is given) and that were created from `from` to `to`,
    /// both included, without those that are missing.
    pub async fn swept_rows(
        &self,
        profile: Option<ProfileKey>,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<SweptRow>, LedgerError> {
        self.transact("swept_rows", move |connection| sweep::known(connection, profile, from, to)).await
    }

    /// Which of these orchestrations, by id and `created_at`, the ledger does not hold.
    pub async fn unknown(
        &self,
        rows: Vec<(Identifier, Timestamp)>,
    ) -> Result<HashSet<Identifier>, LedgerError> {
        self.transact("unknown", move |connection| sweep::unknown(connection, rows)).await
    }

    /// Commits what differs on a page of a sweep, and how far the sweep is with it.
    pub async fn commit_sweep_page(
        &self,
        page: PageCommit,
        step: SweepStep,
    ) -> Result<PageCommitted, LedgerError> {
        self.commit("commit_sweep_page", move |connection, rules| {
            sweep::commit(connection, rules, &page, &step)
        })
        .await
    }

    /// Takes a sweep back to `to`, if that is before its position, and forgets what it did not meet from
    /// there on. Returns the position.
    pub async fn rewind_sweep(&self, sweep: SweepKey, to: Timestamp) -> Result<Timestamp, LedgerError> {
        self.transact("rewind_sweep", move |connection| sweep::rewind(connection, sweep, to)).await
    }

    /// The rows that a sweep did not meet, oldest first, and how many its window holds.
    pub async fn unmet(&self, sweep: SweepKey) -> Result<(Vec<KnownRow>, u64), LedgerError> {
        self.transact("unmet", move |connection| sweep::unmet(connection, sweep)).await
    }

    /// Ends a sweep that has compared its whole window. The rows in `elsewhere` are there, but the profile
    /// no longer lists them.
    pub async fn end_sweep(
        &self,
        profile: ProfileKey,
        sweep: SweepKey,
        elsewhere: Vec<OrchestrationKey>,
    ) -> Result<(), LedgerError> {
        self.transact("end_sweep", move |connection| sweep::end(connection, profile, sweep, &elsewhere)).await
    }

    /// Judges how the profiles that are polled fare, and which acknowledgements are over. `now` is by Paxos's
    /// clock, as far as that is known.
    pub async fn judge_polls(&self, polled: ProfileSelection, now: Timestamp) -> Result<(), LedgerError> {
        let rules = self.rules();
        self.transact("judge_polls", move |connection| breaks::polls::judge(connection, &rules, &polled, now))
            .await
    }

    /// The journal's place now. What is asked of Paxos after it may be older than what is taken in later.
    pub fn moment(&self) -> Moment {
        Moment(self.seq.load(Ordering::Acquire))
    }

    /// Keeps a pause that Paxos asked for.
    pub async fn keep_stop(&self, stop: StoredStop) -> Result<(), LedgerError> {
        self.transact("keep_stop", move |connection| stops::keep(connection, &stop)).await
    }

    /// Keeps how far the local clock is off.
    pub async fn keep_skew(&self, skew: ClockSkew) -> Result<(), LedgerError> {
        self.transact("keep_skew", move |connection| skew::keep(connection, skew)).await
    }

    /// The pauses that have not ended at `now`.
    pub async fn stops(&self, now: Timestamp) -> Result<Vec<StoredStop>, LedgerError> {
        self.transact("stops", move |connection| stops::in_force(connection, now)).await
    }

    /// The instant before which nothing may be listed again, because it was pruned.
    pub async fn floor(&self) -> Result<Option<Timestamp>, LedgerError> {
        self.transact("floor", |connection| Ok(checkpoint::find(connection)?.map(|found| found.floor))).await
    }

    /// The profiles of which everything must be listed again, and why.
    pub async fn owed_sweeps(&self) -> Result<Vec<OwedSweep>, LedgerError> {
        self.transact("owed_sweeps", |connection| owed::all(connection)).await
    }

    /// Notes that a sweep over everything of the profile, from the floor on, was complete.
    pub async fn settle_sweep(&self, profile: ProfileKey) -> Result<(), LedgerError> {
        self.transact("settle_sweep", move |connection| owed::settle(connection, profile)).await
    }

    /// The journal's head.
    pub async fn journal_head(&self) -> Result<JournalHead, LedgerError> {
        self.transact("journal_head", move |connection| journal::head(connection)).await
    }

    /// Commits a page, by the rules that hold, and tells what it came to.
    async fn commit(
        &self,
        name: &'static str,
        work: impl FnOnce(&Transaction<'_>, &Rules) -> Result<PageCommitted, Problem> + Send + 'static,
    ) -> Result<PageCommitted, LedgerError> {
        let (rules, observer) = (self.rules(), Arc::clone(&self.observer));
        let tell = move |page: &PageCommitted| {
            if let Some(news) = &page.news {
                observer.committed(&page.counts, news);
            }
        };
        self.transact_then(name, move |connection| work(connection, &rules), tell).await
    }

    /// Runs `work` in a transaction of the writer. An error rolls all of it back.
    pub(super) async fn transact<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.transact_then(name, work, |_| {}).await
    }

    /// The same; `then` is given what was committed.
    async fn transact_then<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Problem> + Send + 'static,
        then: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T, LedgerError> {
        debug_assert!(TRANSACTIONS.contains(&name), "add {name} to TRANSACTIONS");
        let (answer, mut result) = oneshot::channel();
        let (seq, observer) = (Arc::clone(&self.seq), Arc::clone(&self.observer));
        let job: Job = Box::new(move |connection| {
            let began = Instant::now();
            let outcome = in_transaction(connection, work);
            observer.transacted(name, began.elapsed());
            if let Ok(value) = &outcome {
                then(value);
            }
            if let Ok(head) = journal::head(connection) {
                seq.store(head.seq, Ordering::Release);
            }
            tracing::trace!(
                transaction = name,
                duration_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
                committed = outcome.is_ok(),
                "ledger transaction"
            );
            // Whoever asked may have gone; the work is done all the same.
            drop(answer.send(outcome));
        });
        let gone = || Problem::WriterGone.of(&self.path);
        self.jobs.send(job).await.map_err(|_| gone())?;
        let answered = tokio::select! {
            biased;
            answered = &mut result => answered.ok(),
            // What is sent in the very moment in which the writer ends stays in the queue, and nobody drops it. What
            // it did last it may have answered since.
            () = self.jobs.closed() => result.try_recv().ok(),
        };
        answered.ok_or_else(gone)?.map_err(|problem| problem.of(&self.path))
    }
}

/// Runs `work` in a transaction. An error rolls all of it back.
pub(super) fn in_transaction<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let value = work(&transaction)?;
    transaction.commit()?;
    Ok(value)
}

fn serve(mut connection: Connection, mut queue: mpsc::Receiver<Job>, lock: Lock, ended: oneshot::Sender<()>) {
    while let Some(job) = queue.blocking_recv() {
        job(&mut connection);
    }
    if let Err((_, error)) = connection.close() {
        tracing::warn!(error = %error, "the ledger could not be closed cleanly; nothing committed is lost");
    }
    drop(lock);
    // Nobody may wait for it.
    ended.send(()).unwrap_or_default();
}
