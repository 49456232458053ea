//! What the rules for one row are given.

use std::cell::OnceCell;
use std::collections::HashSet;

use crate::model::{
    Audience, BreakKind, Certainty, Change, Evidence, Identifier, LegTimes, ListingTurn, Lookalike,
    Orchestration, PageFacts, Resolution, Severity, Since, Standing, Timestamp,
};

use super::limits::{Applied, Limits};

/// One row that was verified, and what it is judged by.
pub(super) struct RowFacts<'a> {
    /// As the ledger knew it before; `None` where it is new.
    pub(super) before: Option<&'a Orchestration>,
    /// As it is.
    pub(super) now: &'a Orchestration,
    /// The earliest `updated_at` that was seen in its status.
    pub(super) status_since: Timestamp,
    /// The same of each leg.
    pub(super) leg_times: LegTimes,
    /// What changed.
    pub(super) changes: &'a [Change],
    /// Others under its `ref_id`.
    pub(super) namesakes: &'a [Lookalike],
    /// Others like it.
    pub(super) lookalikes: &'a [Lookalike],
    /// What appeared on the same page.
    pub(super) appeared: &'a HashSet<&'a Identifier>,
    /// The page.
    pub(super) page: &'a PageFacts<'a>,
    /// All limits that are configured.
    pub(super) limits: &'a Limits,
    /// Those that hold for it, once a rule has asked.
    pub(super) applied: OnceCell<Applied>,
}

/// What a rule says of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// Nothing: what stands stays as it is.
    Silent,
    /// It is wrong.
    Wrong {
        /// How bad that is.
        severity: Severity,
        /// What it rests on.
        evidence: Evidence,
        /// Whether people are told.
        audience: Audience,
    },
    /// It is not wrong, or no longer.
    Fine(Resolution),
}

impl RowFacts<'_> {
    /// The limits that hold for it.
    pub(super) fn limits(&self) -> &Applied {
        self.applied.get_or_init(|| self.limits.of(self.now, self.page.profile))
    }

    /// Whether it is another one than it was: what is new to the ledger only appeared.
    pub(super) fn has_changed(&self) -> bool {
        self.changes.iter().any(|change| *change != Change::Appeared)
    }

    /// Whether it moved to the status that it has, or appeared in it.
    pub(super) fn has_entered_status(&self) -> bool {
        self.changes.iter().any(|change| matches!(change, Change::Appeared | Change::StatusMoved { .. }))
    }

    /// Whether Paxos shows it: a row that just went missing is not verified.
    pub(super) fn is_verified(&self) -> bool {
        !self.changes.contains(&Change::WentMissing)
    }

    /// Since when it has its status.
    pub(super) fn in_status_since(&self) -> Since {
        // Without a change since its creation, it was created in this status.
        let certainty =
            if self.status_since == self.now.created_at { Certainty::Exactly } else { Certainty::AtLatest };
        Since { at: self.status_since, certainty }
    }

    /// Nobody is told of what was over before the profile's first poll began.
    pub(super) fn audience_of_what_ended(&self) -> Audience {
        let was_over = self.status_since < self.page.first_poll_began_at || self.counts_as_over_before();
        if self.now.status.is_final() && was_over { Audience::Nobody } else { Audience::Everybody }
    }

    /// Whether a row that does not say when it changed was over before, as far as can be known: what the first
    /// listing found final, and was not seen to end, counts as ended before.
    fn counts_as_over_before(&self) -> bool {
        if self.now.updated_at.is_some() || self.has_changed() {
            return false;
        }
        let first = self.page.first_poll_began_at;
        match self.now.completed_at {
            Some(at) => at < first,
            None => self.page.listing == ListingTurn::First && self.now.created_at < first,
        }
    }

    /// Why what was held up is no longer.
    pub(super) fn moved_on(&self) -> Judgement {
        Judgement::Fine(Resolution::Over(format!("moved on to {}", self.now.status)))
    }
}

/// The break of a kind among those that stand.
pub(super) fn of_kind(standing: &[Standing], kind: BreakKind) -> Option<&Standing> {
    standing.iter().find(|standing| standing.kind == kind)
}
