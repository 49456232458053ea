//! The decisions that are not the ledger's own, as functions that are handed in.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{
    Notice, Orchestration, PageFacts, PollFacts, ReportFacts, SinkName, Step, Timestamp, Tracked, Trust,
    Verdict,
};

/// Compares a received orchestration with the known one; see `sync::diff`.
pub type Compare = fn(Option<&Tracked>, &Orchestration, Timestamp, Trust) -> Verdict;

/// Says what becomes of breaks by a page. A pure function: it runs inside the page's transaction.
pub type Judge = Arc<dyn Fn(&PageFacts<'_>) -> Vec<Step> + Send + Sync>;

/// Says what becomes of breaks by how polls went. A pure function too.
pub type JudgePolls = Arc<dyn Fn(&PollFacts<'_>) -> Vec<Step> + Send + Sync>;

/// Says what becomes of breaks by what became of a report. A pure function too.
pub type JudgeReport = Arc<dyn Fn(&ReportFacts<'_>) -> Vec<Step> + Send + Sync>;

/// Says which sinks tell a notice.
pub type Route = Arc<dyn Fn(&Notice) -> Vec<SinkName> + Send + Sync>;

/// Says how near in time another orchestration has to be created to be told as a lookalike of this one; `None`
/// where nobody asks for that.
pub type LookalikesWithin = Arc<dyn Fn(&Orchestration) -> Option<Duration> + Send + Sync>;

/// The decisions that are not the ledger's own.
#[derive(Clone)]
pub struct Rules {
    /// What counts as a change.
    pub compare: Compare,
    /// What follows from it.
    pub judge: Judge,
    /// What follows from how polls went.
    pub judge_polls: JudgePolls,
    /// What follows from what became of a report.
    pub judge_report: JudgeReport,
    /// Who is told.
    pub route: Route,
    /// Which others a new orchestration is judged beside.
    pub lookalikes_within: LookalikesWithin,
}

impl Rules {
    /// Rules under which nothing follows from anything.
    pub fn without_breaks(compare: Compare) -> Self {
        Self {
            compare,
            judge: Arc::new(|_| Vec::new()),
            judge_polls: Arc::new(|_| Vec::new()),
            judge_report: Arc::new(|_| Vec::new()),
            route: Arc::new(|_| Vec::new()),
            lookalikes_within: Arc::new(|_| None),
        }
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Rules").finish_non_exhaustive()
    }
}
