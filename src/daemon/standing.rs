//! How the profiles stand: how the last poll of each ended, and whether that is enough to rely on.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::PollConfig;
use crate::model::{Identifier, PollFailure, PollResult, Profile, ProfilePoll, Timestamp};
use crate::server::{Lacking, Verdict};

/// How the profiles stand.
#[derive(Debug, Default)]
pub(super) struct Standings {
    /// Those that are polled, by their labels.
    known: BTreeMap<Identifier, String>,
    last: BTreeMap<Identifier, Standing>,
    /// Why it is not known which profiles there are.
    account: Option<String>,
}

/// How a profile's last poll ended.
#[derive(Debug)]
struct Standing {
    result: PollResult,
    /// By the clock's monotonic reading.
    ended: Duration,
    took: Duration,
}

impl Standings {
    /// Which profiles are polled; the others are forgotten.
    pub(super) fn only<'a>(&mut self, profiles: impl IntoIterator<Item = &'a Profile>) {
        self.known = profiles.into_iter().map(|profile| (profile.id.clone(), profile.label())).collect();
        self.last.retain(|profile, _| self.known.contains_key(profile));
    }

    /// Whether the account told which profiles it has.
    pub(super) fn account(&mut self, failure: Option<&PollFailure>) {
        self.account = failure.map(|failure| failure.message.clone());
    }

    /// Notes how a poll ended, at this reading of the monotonic clock.
    pub(super) fn polled(&mut self, poll: &ProfilePoll, now: Duration) {
        let ProfilePoll { profile, result, took, .. } = poll;
        self.known.insert(profile.id.clone(), profile.label());
        let standing = Standing { result: result.clone(), ended: now, took: *took };
        self.last.insert(profile.id.clone(), standing);
    }

    /// The label of a profile, else its id.
    pub(super) fn label(&self, profile: &Identifier) -> String {
        self.known.get(profile).cloned().unwrap_or_else(|| profile.to_string())
    }

    /// A line for `systemctl status`: how many of the profiles were completely polled, and which were not.
    pub(super) fn status(&self, at: Timestamp) -> String {
        let lacking: Vec<String> = self
            .last
            .iter()
            .filter(|(_, standing)| standing.result != PollResult::Complete)
            .map(|(profile, standing)| format!("{} {}", self.label(profile), standing.result.as_str()))
            .collect();
        let all = self.last.len();
        let complete = all - lacking.len();
        match lacking.as_slice() {
            [] => format!("{complete} of {all} profiles completely polled, lately at {at}"),
            _ => {
                let lacking = lacking.join(", ");
                format!("{complete} of {all} profiles completely polled, {lacking}; lately at {at}")
            }
        }
    }

    /// Whether every profile was completely and lately polled, at this reading of the monotonic clock. `pause` is
    /// until when Paxos wants no request.
    pub(super) fn readiness(&self, poll: PollConfig, pause: Option<Timestamp>, now: Duration) -> Verdict {
        let mut lacking: Vec<Lacking> = self
            .known
            .iter()
            .filter_map(|(profile, label)| {
                let (reason, age) = match self.last.get(profile) {
                    Some(standing) => (standing.doubt(poll, now)?, Some(now.saturating_sub(standing.ended))),
                    None => ("not polled since tallyd started".to_owned(), None),
                };
                Some(Lacking { subject: label.clone(), reason, age })
            })
            .collect();
        let of_account = self.account.clone().map(|reason| format!("its profiles are not known: {reason}"));
        let none_known = || self.known.is_empty().then(|| "no profile is known yet".to_owned());
        let account = of_account.or_else(none_known);
        lacking.extend(account.map(|reason| Lacking { subject: "account".to_owned(), reason, age: None }));
        if let Some(until) = pause.filter(|_| !lacking.is_empty()) {
            let reason = format!("asked for a pause (429) until {}", until.to_rfc3339_seconds());
            lacking.push(Lacking { subject: "Paxos".to_owned(), reason, age: None });
        }
        Verdict { lacking }
    }
}

impl Standing {
    /// Why it cannot be relied on; `None` where it can.
    fn doubt(&self, poll: PollConfig, now: Duration) -> Option<String> {
        let result = self.result.as_str();
        match self.result.reason() {
            Some(reason) => Some(format!("last poll {result}: {reason}")),
            None if now.saturating_sub(self.ended) > poll.fresh_for(self.took) => {
                Some(format!("last poll {result}, and too old"))
            }
            None => None,
        }
    }
}
