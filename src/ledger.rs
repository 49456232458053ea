//! The ledger: one SQLite file that holds the orchestrations as last seen and the journal of every
//! change. All SQL is here and nowhere else.
//!
//! [`Ledger`] writes: a thread of its own owns the connection and runs one transaction after the other.
//! [`Reader`] reads beside it. What counts as a change and what follows from it are [`Rules`] that are
//! handed in; when it is, is told by the caller.

mod backup;
mod beside;
mod breaks;
mod browse;
mod checkpoint;
mod columns;
mod counts;
mod digest;
mod error;
mod glance;
mod history;
mod identity;
mod indexes;
mod journal;
mod listing;
mod lock;
mod lookup;
mod measures;
mod missing;
mod observer;
mod open;
mod open_rows;
mod outbox;
mod owed;
mod page;
mod partial;
mod past;
mod place;
mod polls;
mod prune;
mod reader;
mod requests;
mod restore;
mod rows;
mod rules;
mod schedule_runs;
mod schema;
mod skew;
mod states;
mod stops;
mod sweep;
mod take_over;
mod transfers;
mod vacuum;
mod verify;
mod writer;

pub use backup::{Backup, BackupError, BackupProblem, Existing, backup};
pub use beside::Beside;
pub use breaks::evidence::to_text as evidence_text;
pub use breaks::filter::{BreakFilter, BreakPlace, BreakState, WhichHistory};
pub use breaks::people::{Deed, Deeds, Refusal, Refused, Rest};
pub use breaks::reading::{BreakCounts, BreakPage, BreakTotal};
pub use breaks::reports::ReportRun;
pub use breaks::restored::RestoredOutbox;
pub use breaks::story::{BreakStory, StoryDelivery, StoryNotice, StoryStep};
pub use browse::{ListOrder, OrchestrationFilter, OrchestrationPage, OrchestrationPlace};
pub use checkpoint::{Checkpoint, PrunedCounts};
pub use counts::WrongCount;
pub use error::{LedgerError, Problem};
pub use glance::{Completed, CompletedReach, CompletedRoute, Glance, GlanceWanted, OpenMoney};
pub use history::{Beginning, BreakEvent, BreakStep, Event, EventKind, History, Was};
pub use journal::{EntryKind, JournalHead};
pub use listing::{Listing, ProfileState, Progress, Slice, SliceKey};
pub use lock::{Holder, Role};
pub use lookup::Lost;
pub use measures::{BreakGroup, LastEnd, LastEnds, Measures, ProfileMeasures};
pub use observer::{Completion, Observer, PageNews, TRANSACTIONS, Unobserved};
pub use open_rows::{KnownRow, OpenRow, Reach};
pub use outbox::{Reminding, Tells};
pub use owed::OwedSweep;
pub use page::{PageCommit, PageCommitted};
pub use past::{Namesakes, PastKnown, Tellable};
pub use place::Place;
pub use prune::{Intent, NothingToPrune, Pruned, Pruning, prune};
pub use reader::{Backlog, Indexes, LastPoll, Overview, ProfileOverview, Reader, RunningPoll};
pub use requests::{Request, RequestEnd, RequestNumber, RequestState};
pub use restore::{Replaced, Restored, Stops, restore};
pub use rules::{Compare, Judge, JudgePolls, JudgeReport, LookalikesWithin, Route, Rules};
pub use schedule_runs::ScheduleRun;
pub use skew::ClockSkew;
pub use states::{Arrival, AsOf, Basis, Presence, Standing, State, StatesWanted, Subject};
pub use stops::{StoredStop, keep_stop_beside};
pub use sweep::{Sweep, SweepKey, SweepStep, SweptRow};
pub use transfers::{TransferAnswer, WantedTransfer};
pub use vacuum::{Vacuumed, vacuum};
pub use verify::{Finding, Found, Verification};
pub use writer::Ledger;

/// Names a profile in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProfileKey(i64);

/// Names an orchestration in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrchestrationKey(i64);

/// A place in the journal: what the ledger had taken in at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(i64);

impl Moment {
    /// The place behind everything: nothing is taken in after it.
    pub const END: Self = Self(i64::MAX);

    /// Whether an orchestration was first seen later.
    pub const fn is_before(self, orchestration: OrchestrationKey) -> bool {
        // A row is named by the journal's entry of its appearance.
        self.0 < orchestration.0
    }
}

/// Names a poll of one profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PollNumber(i64);

impl PollNumber {
    /// The number in the `polls` view.
    pub const fn get(self) -> i64 {
        self.0
    }
}
