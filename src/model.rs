//! The words of the domain as types: what several rooms pass to each other.
//!
//! Values only. Nothing here reads a clock, a file or the network, and nothing here knows how Paxos
//! or SQLite spell these values: `paxos` and `ledger` translate at their edges.

mod age_band;
mod amount;
mod breaks;
mod causes;
mod change;
mod duration;
mod field;
mod identifier;
mod made_report;
mod nearest;
mod orchestration;
mod past;
mod period;
mod poll;
mod profile;
mod rank;
mod rebuilt;
mod received;
mod report_form;
mod route;
mod shown;
mod status;
mod sum;
mod sweep_window;
mod timestamp;

pub use age_band::AgeBand;
pub use amount::{Amount, InvalidAmount};
pub use breaks::{
    Acknowledgement, Audience, BreakKind, BreakNumber, BreakRecord, Cause, Certainty, Closing, DeliveryState,
    Difference, Evidence, Finding, Mute, Notice, NoticeNumber, Occasion, Outcome, Queued, QueuedReport,
    ReportFacts, ReportFailure, ReportFate, Resolution, Resolved, Severity, Since, SinkBacklog, SinkName,
    Standing, Step, Subject, Tell, Told, TransferFacts, TransferLookUps, Undelivered, UndeliveredItem,
    Waiting,
};
pub use causes::with_causes;
pub use change::{
    Change, LegSide, LegTimes, ListingTurn, Lookalike, ManyGone, Observation, PageFacts, PollFacts,
    ProfileFacts, Trouble, Trust, Verdict,
};
pub use duration::in_words;
pub use field::{Field, FieldValue};
pub use identifier::Identifier;
pub use made_report::{
    Completeness, MadeFile, MadeReport, Proof, ReportCounts, Sentence, Weight, report_run,
};
pub use nearest::nearest;
pub use orchestration::{Leg, Orchestration, Tracked, UnreadableRow};
pub use past::{
    KnownFrom, PollSpan, PolledProfile, ProfilePlace, Raised, SeenRow, Shown, Sighting, Timeline,
};
pub use period::{PeriodBreak, PollTally, ProfileRead, SweptSpan};
pub use poll::{
    Counts, FailureKind, Lane, MAX_SKEW_MICROS, PollFailure, PollOutcome, PollResult, ProfilePoll, Shortfall,
};
pub use profile::{Coverage, Profile, ProfileSelection};
pub use rank::nearest_rank;
pub use received::{Fingerprint, Received};
pub use report_form::ReportForm;
pub use route::{Endpoint, Rail, Route};
pub use shown::{cut, grouped, plain, span};
pub use status::{LegStatus, Status};
pub use sum::Sum;
pub use sweep_window::SweepWindow;
pub use timestamp::{InvalidTimestamp, Timestamp};
