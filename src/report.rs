//! Reports of a period that tie out: what was open and came is what ended and is open.
//!
//! Built from what orchestrations were at places in the journal, so the same places and configuration give the same
//! bytes ever after. No clock is read here. Which report is made when, and who gets it, is left to `daemon` and `cli`.

mod account;
mod build;
pub mod csv;
pub mod folder;
mod forms;
pub mod html;
pub mod json;
pub mod kept;
mod made;
pub mod markdown;
mod restated;
mod shown;
mod summary;
mod tables;
pub mod text;
mod times;
mod words;

use std::time::Duration;

use crate::breaks::Limits;
use crate::ledger::{AsOf, Basis, LedgerError, Reader, StatesWanted};
use crate::model::{AgeBand, BreakKind, Identifier, Timestamp};
pub use crate::model::{Sentence, Weight};
use crate::schedule::Period;

pub use self::account::{Account, AccountKey, Measure, Reason};
pub use self::forms::{FormError, MANIFEST_END, ReportFile};
pub use self::restated::{Restated, Restatement, Restatements};
pub use self::tables::{Cell, Column, ColumnReader, Row, RowKind, Table};
pub use self::times::RouteTimes;

use self::build::Builder;

/// What a report is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its name, where it has one in the configuration.
    pub name: Option<String>,
    /// The period.
    pub period: Period,
    /// How long after an end the place that counts for it is.
    pub settle: Duration,
    /// By which place.
    pub as_of: AsOf,
    /// The profiles; empty for every one.
    pub profiles: Vec<Identifier>,
}

/// A report.
#[derive(Clone, Debug)]
pub struct Report {
    /// What it is about.
    pub plan: Plan,
    /// By what it was made.
    pub basis: Basis,
    /// The accounts, by profile and asset pair.
    pub accounts: Vec<(AccountKey, Account)>,
    /// What is open, by age and asset pair.
    pub open: Vec<OpenBand>,
    /// The oldest of those that are open.
    pub oldest: Vec<OpenRow>,
    /// How long completing took, by route.
    pub times: Vec<RouteTimes>,
    /// What failed, by reason and asset pair.
    pub failures: Vec<Failures>,
    /// Breaks, by kind.
    pub breaks: Vec<BreakLine>,
    /// What changed later about former periods.
    pub restatements: Restatements,
}

/// Those that are open, of an age.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenBand {
    /// How old.
    pub age: AgeBand,
    /// What is taken and delivered.
    pub pair: String,
    /// How many, and how much.
    pub measure: Measure,
}

/// One that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRow {
    /// When it was created.
    pub created_at: Timestamp,
    /// Its id.
    pub id: Identifier,
    /// Whose it is.
    pub profile: Identifier,
    /// Its status as was known last; a final one was reached after the period.
    pub status: String,
    /// Its route.
    pub route: String,
    /// How much is taken.
    pub source_amount: Option<String>,
}

/// What failed for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failures {
    /// The reason; `None` where none was given.
    pub reason: Option<String>,
    /// What was to be taken and delivered.
    pub pair: String,
    /// How many, and how much.
    pub measure: Measure,
}

/// What became of breaks of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakLine {
    /// The kind.
    pub kind: BreakKind,
    /// Open when the period began.
    pub opening: u64,
    /// Opened in it.
    pub opened: u64,
    /// Resolved in it.
    pub resolved: u64,
    /// Still open when it ended.
    pub closing: u64,
    /// When the oldest of those opened.
    pub oldest: Option<Timestamp>,
}

/// Makes a report from a ledger.
///
/// # Errors
///
/// Where the ledger cannot be read, or does not reach back to the period.
pub fn make(reader: &Reader, plan: Plan, limits: &Limits) -> Result<Report, LedgerError> {
    let wanted = StatesWanted {
        from: plan.period.from,
        to: plan.period.to,
        settle: plan.settle,
        as_of: plan.as_of.clone(),
    };
    let mut builder = Builder::new(plan, limits);
    let basis = reader.states(&wanted, |subject| builder.add(&subject))?;
    Ok(builder.finish(basis))
}
