//! Breaks: the reconciliation exceptions, as values.
//!
//! What opens one is the rules' affair (`breaks`), keeping it the ledger's, telling people the sinks'. Here
//! is what they pass to each other.

mod evidence;
mod kind;
mod notice;
mod outbox;
mod record;
mod report;
mod standing;
mod step;
mod transfer;

pub use evidence::{Certainty, Difference, Evidence, Since};
pub use kind::{BreakKind, Cause, Closing, Severity};
pub use notice::{Notice, Occasion, SinkName};
pub use outbox::{
    DeliveryState, NoticeNumber, Outcome, Queued, SinkBacklog, Undelivered, UndeliveredItem, Waiting,
};
pub use record::{BreakRecord, Resolved};
pub use report::{QueuedReport, ReportFacts, ReportFailure, ReportFate};
pub use standing::{Acknowledgement, Audience, BreakNumber, Mute, Resolution, Standing, Told};
pub use step::{Finding, Step, Subject, Tell};
pub use transfer::{TransferFacts, TransferLookUps};
