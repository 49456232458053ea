//! What a poll came to.
//!
//! A poll returns a value. Logs, `status`, metrics and exit codes read it, so none of them can say
//! more than the others.

use std::fmt;
use std::time::Duration;

use super::{Coverage, Profile, Timestamp};

/// Which kind of work a request or a poll belongs to. Their order is their priority at the limiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Looking again at every open orchestration.
    Refresh,
    /// Listing what was created since the watermark.
    Discover,
    /// The first discovery of a profile, or the one after a long gap.
    Backfill,
    /// Listing a whole window again.
    Sweep,
}

impl Lane {
    /// Every lane, by priority.
    pub const ALL: [Self; 4] = [Self::Refresh, Self::Discover, Self::Backfill, Self::Sweep];

    /// The lane's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refresh => "refresh",
            Self::Discover => "discover",
            Self::Backfill => "backfill",
            Self::Sweep => "sweep",
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// How much a poll met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Pages committed.
    pub pages: u64,
    /// Rows on them.
    pub rows: u64,
    /// Rows seen for the first time.
    pub appeared: u64,
    /// Rows that changed.
    pub changed: u64,
    /// Rows that could not be read and were kept raw.
    pub unreadable: u64,
    /// Rows older than the ledger's, which were not taken.
    pub stale: u64,
    /// Rows without an id, which cannot be kept.
    pub without_id: u64,
    /// Rows on the pages of a refresh; they are among `rows`.
    pub refreshed: u64,
    /// Orchestrations about which Get Orchestration was asked and answered.
    pub looked_up: u64,
}

impl Counts {
    /// Adds what another page or profile met.
    pub fn add(&mut self, other: &Self) {
        self.pages += other.pages;
        self.rows += other.rows;
        self.appeared += other.appeared;
        self.changed += other.changed;
        self.unreadable += other.unreadable;
        self.stale += other.stale;
        self.without_id += other.without_id;
        self.refreshed += other.refreshed;
        self.looked_up += other.looked_up;
    }
}

/// Whose fault it is that a poll did not complete: what a person does next depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// Paxos could not be reached, did not answer in time, or answered 5xx.
    Unreachable,
    /// Paxos asked for a pause (429).
    Throttled,
    /// The credentials or their scopes were refused.
    Credentials,
    /// This profile was refused: unknown, or not of this account.
    Profile,
    /// Paxos answered something that cannot be understood.
    Protocol,
    /// The ledger could not be written.
    Ledger,
    /// The ledger belongs to another environment or Paxos customer.
    WrongLedger,
    /// tallyd is shutting down.
    Stopped,
}

/// Why a poll did not complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollFailure {
    /// The kind of failure.
    pub kind: FailureKind,
    /// What happened, on what, and what to do next.
    pub message: String,
}

/// One way in which a poll that listed something fell short of complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shortfall {
    /// Rows older than the ledger's: the answer came from a stale replica.
    StaleRows(u64),
    /// Rows without an id, which cannot be kept.
    RowsWithoutId(u64),
    /// The listing ended before its last page.
    CutShort(PollFailure),
    /// Orchestrations that were asked for, and of which nothing is known: neither a list nor Get
    /// Orchestration answered, or the 404 of a young one may be a lagging replica's.
    Unanswered(u64),
    /// So many rows are gone at once that the account or the credentials are in doubt. None of them is
    /// called missing.
    ManyMissing {
        /// How many.
        missing: u64,
        /// Of how many that were looked for.
        of: u64,
    },
    /// The watermark lies ahead of the server's clock: an earlier `Date` was wrong. What was created
    /// since may have been passed over, so the poll began at the newest row known.
    WatermarkAhead(Timestamp),
    /// No row was ever listed under the profile, and the account could not be asked whether it has it.
    Unconfirmed,
    /// Only rows that another list showed were taken in. The profile's own list was not read yet.
    OwnListUnread,
}

impl fmt::Display for Shortfall {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StaleRows(count) => {
                write!(formatter, "{count} rows were older than the ledger's (stale replica)")
            }
            Self::RowsWithoutId(count) => write!(formatter, "{count} rows came without an id"),
            Self::CutShort(failure) => formatter.write_str(&failure.message),
            Self::Unanswered(count) => write!(
                formatter,
                "{count} orchestrations were asked for and not answered; the next poll asks again"
            ),
            Self::ManyMissing { missing, of } => write!(
                formatter,
                "{missing} of {of} orchestrations are gone at once, so none of them is called missing; check \
                 that these are the right credentials, and what they may see"
            ),
            Self::WatermarkAhead(watermark) => write!(
                formatter,
                "the watermark {watermark} lies ahead of Paxos's clock, which was wrong when it was set; polls \
                 stay partial until that time has come"
            ),
            Self::Unconfirmed => formatter.write_str(
                "nobody confirmed that this profile exists: it never listed a row, and the account's profiles \
                 could not be listed; check its id, and grant the scope funding:read_profile",
            ),
            Self::OwnListUnread => formatter.write_str(
                "its orchestrations were found in the account's list, but its own list was not read yet; the \
                 next poll reads it",
            ),
        }
    }
}

/// How a poll of one profile ended. Nothing rounds it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PollResult {
    /// Everything up to the ceiling was listed and committed, and every open orchestration looked at again.
    Complete,
    /// Something was committed, but not everything, for these reasons.
    Partial(Vec<Shortfall>),
    /// Nothing was committed.
    Failed(PollFailure),
}

impl PollResult {
    /// `complete`, `partial` or `failed`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial(_) => "partial",
            Self::Failed(_) => "failed",
        }
    }

    /// What went wrong, in words; `None` for a complete poll.
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Complete => None,
            Self::Partial(shortfalls) => {
                Some(shortfalls.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
            }
            Self::Failed(failure) => Some(failure.message.clone()),
        }
    }

    /// The failures in it.
    pub fn failures(&self) -> impl Iterator<Item = &PollFailure> {
        let (shortfalls, failed) = match self {
            Self::Complete => (&[][..], None),
            Self::Partial(shortfalls) => (shortfalls.as_slice(), None),
            Self::Failed(failure) => (&[][..], Some(failure)),
        };
        let cut_short = shortfalls.iter().filter_map(|shortfall| match shortfall {
            Shortfall::CutShort(failure) => Some(failure),
            Shortfall::StaleRows(_)
            | Shortfall::RowsWithoutId(_)
            | Shortfall::Unanswered(_)
            | Shortfall::ManyMissing { .. }
            | Shortfall::WatermarkAhead(_)
            | Shortfall::Unconfirmed
            | Shortfall::OwnListUnread => None,
        });
        cut_short.chain(failed)
    }
}

/// One poll of one profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfilePoll {
    /// The profile.
    pub profile: Profile,
    /// Whether it was an ordinary discovery or a backfill.
    pub lane: Lane,
    /// When it began, by the server's clock where that was known.
    pub began_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// How long it took. The server's clock, which tells the two instants, has whole seconds.
    pub took: Duration,
    /// How it ended.
    pub result: PollResult,
    /// What it met.
    pub counts: Counts,
    /// What is covered now; `None` where the profile was never completely listed.
    pub coverage: Option<Coverage>,
    /// Since when everything was compared that a sweep compared: before it began, where it went on with one
    /// that was cut short. `None` where no sweep began.
    pub compared_since: Option<Timestamp>,
}

/// A local clock that is off by more than this, in microseconds, is told (the contract's rule 7).
pub const MAX_SKEW_MICROS: i64 = 30_000_000;

/// One round over all profiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollOutcome {
    /// Every profile that was polled, in the order of the configuration.
    pub profiles: Vec<ProfilePoll>,
    /// Why it is not known which profiles there are, where that had to be asked and was not answered.
    pub account_failure: Option<PollFailure>,
    /// The local clock less the server's, in microseconds, as last seen; `None` where no answer
    /// carried a usable `Date`.
    pub clock_skew_micros: Option<i64>,
    /// HTTP requests sent, retries included.
    pub requests: u64,
}

impl PollOutcome {
    /// Whether every profile was completely polled.
    pub fn is_complete(&self) -> bool {
        !self.profiles.is_empty()
            && self.account_failure.is_none()
            && self.profiles.iter().all(|poll| poll.result == PollResult::Complete)
    }

    /// Whether tallyd's end cut it short.
    pub fn was_stopped(&self) -> bool {
        let failures = self.profiles.iter().flat_map(|poll| poll.result.failures());
        failures.chain(&self.account_failure).any(|failure| failure.kind == FailureKind::Stopped)
    }
}
