//! What a poll came to, as JSON: a public form, version 1.
//!
//! `--json` shows it, and the daemon leaves it in the ledger for the command that asked. Tables and exit
//! codes are made from it, so that whoever polled makes no difference.

use serde::{Deserialize, Serialize};

use crate::model::{FailureKind, PollOutcome, PollResult, ProfilePoll, Timestamp};

/// The outcome of a poll, version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Whether every profile was completely polled.
    pub complete: bool,
    /// Why it is not known which profiles there are.
    pub account_failure: Option<String>,
    /// The kind of that failure.
    pub account_failure_kind: Option<Cause>,
    /// HTTP requests sent, retries included.
    pub requests: u64,
    /// The local clock less the server's, in microseconds.
    pub clock_skew_micros: Option<i64>,
    /// Every profile that was polled.
    pub profiles: Vec<ProfileOutcome>,
}

/// The outcome of a poll of one profile, version 1. Instants are RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileOutcome {
    /// The profile's id.
    pub profile_id: String,
    /// Its name.
    pub name: Option<String>,
    /// The lane.
    pub lane: String,
    /// How it ended.
    pub result: ResultName,
    /// Why it was not complete.
    pub reason: Option<String>,
    /// The kinds of the failures among the reasons.
    pub failure_kinds: Vec<Cause>,
    /// When it began.
    pub began_at: String,
    /// When it ended.
    pub ended_at: String,
    /// The beginning of what is covered now.
    pub covered_from: Option<String>,
    /// The end of what is covered now.
    pub covered_to: Option<String>,
    /// Since when everything was compared that a sweep compared. Earlier than when it began, where it went
    /// on with one that was cut short. `None` for a poll.
    #[serde(default)]
    pub compared_since: Option<String>,
    /// Pages committed.
    pub pages: u64,
    /// Rows on them.
    pub rows: u64,
    /// Rows seen for the first time.
    pub appeared: u64,
    /// Rows that changed.
    pub changed: u64,
    /// Rows that could not be read.
    pub unreadable: u64,
    /// Rows older than the ledger's.
    pub stale: u64,
    /// Rows without an id.
    pub without_id: u64,
    /// Rows on the pages of a refresh; they are among `rows`.
    pub refreshed: u64,
    /// Orchestrations about which Get Orchestration was asked and answered.
    pub looked_up: u64,
}

/// How a poll of a profile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResultName {
    /// Everything was listed.
    Complete,
    /// Something was.
    Partial,
    /// Nothing was.
    Failed,
}

impl ResultName {
    /// The name as JSON has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }
}

/// The kind of a failure, by the names that JSON has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the `FailureKind` of its name")]
pub enum Cause {
    Unreachable,
    Throttled,
    Credentials,
    Profile,
    Protocol,
    Ledger,
    WrongLedger,
    Stopped,
}

impl From<FailureKind> for Cause {
    fn from(kind: FailureKind) -> Self {
        match kind {
            FailureKind::Unreachable => Self::Unreachable,
            FailureKind::Throttled => Self::Throttled,
            FailureKind::Credentials => Self::Credentials,
            FailureKind::Profile => Self::Profile,
            FailureKind::Protocol => Self::Protocol,
            FailureKind::Ledger => Self::Ledger,
            FailureKind::WrongLedger => Self::WrongLedger,
            FailureKind::Stopped => Self::Stopped,
        }
    }
}

impl From<Cause> for FailureKind {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Unreachable => Self::Unreachable,
            Cause::Throttled => Self::Throttled,
            Cause::Credentials => Self::Credentials,
            Cause::Profile => Self::Profile,
            Cause::Protocol => Self::Protocol,
            Cause::Ledger => Self::Ledger,
            Cause::WrongLedger => Self::WrongLedger,
            Cause::Stopped => Self::Stopped,
        }
    }
}

impl Outcome {
    /// The kinds of all failures, those of the account last.
    pub fn failure_kinds(&self) -> impl Iterator<Item = FailureKind> {
        let causes = self.profiles.iter().flat_map(|poll| &poll.failure_kinds);
        causes.chain(&self.account_failure_kind).map(|cause| FailureKind::from(*cause))
    }
}

impl ProfileOutcome {
    /// The name to show.
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.profile_id)
    }
}

impl From<&PollOutcome> for Outcome {
    fn from(outcome: &PollOutcome) -> Self {
        let failure = outcome.account_failure.as_ref();
        Self {
            complete: outcome.is_complete(),
            account_failure: failure.map(|failure| failure.message.clone()),
            account_failure_kind: failure.map(|failure| failure.kind.into()),
            requests: outcome.requests,
            clock_skew_micros: outcome.clock_skew_micros,
            profiles: outcome.profiles.iter().map(ProfileOutcome::from).collect(),
        }
    }
}

impl From<&ProfilePoll> for ProfileOutcome {
    fn from(poll: &ProfilePoll) -> Self {
        Self {
            profile_id: poll.profile.id.to_string(),
            name: poll.profile.name.clone(),
            lane: poll.lane.as_str().to_owned(),
            result: match poll.result {
                PollResult::Complete => ResultName::Complete,
                PollResult::Partial(_) => ResultName::Partial,
                PollResult::Failed(_) => ResultName::Failed,
            },
            reason: poll.result.reason(),
            failure_kinds: poll.result.failures().map(|failure| failure.kind.into()).collect(),
            began_at: poll.began_at.to_rfc3339(),
            ended_at: poll.ended_at.to_rfc3339(),
            covered_from: poll.coverage.map(|coverage| coverage.from.to_rfc3339()),
            covered_to: poll.coverage.map(|coverage| coverage.to.to_rfc3339()),
            compared_since: poll.compared_since.map(Timestamp::to_rfc3339),
            pages: poll.counts.pages,
            rows: poll.counts.rows,
            appeared: poll.counts.appeared,
            changed: poll.counts.changed,
            unreadable: poll.counts.unreadable,
            stale: poll.counts.stale,
            without_id: poll.counts.without_id,
            refreshed: poll.counts.refreshed,
            looked_up: poll.counts.looked_up,
        }
    }
}
