//! Whether all is well, in one line and a code, for those who watch by running commands: `status --exit-code`.

use std::time::Duration;

use serde::Serialize;

use super::is_polled;
use crate::config::{Config, PollConfig};
use crate::display::numbers::{age, thousands};
use crate::ledger::{LastEnds, Overview};
use crate::model::{Profile, ProfileSelection, Timestamp};

/// Whether all is well, version 1.
#[derive(Debug, Serialize)]
pub struct Check {
    state: State,
    exit_code: u8,
    /// The line.
    pub summary: String,
}

/// The worst of what is. That nobody looked is worse than what was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// All is well.
    Fine,
    /// Breaks are open.
    BreaksOpen,
    /// A profile was not completely polled lately.
    NotPolled,
}

impl State {
    /// The code with which `status --exit-code` ends.
    const fn exit_code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::BreaksOpen => 3,
            Self::NotPolled => 1,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Fine => "OK",
            Self::BreaksOpen => "BREAKS",
            Self::NotPolled => "NOT POLLED",
        }
    }
}

impl Check {
    /// Judges the ledger when the local clock shows `now`.
    pub fn of(overview: &Overview, ends: &[LastEnds], config: &Config, now: Timestamp) -> Self {
        // Everything in the ledger is by Paxos's clock.
        let now = overview.by_paxos(now);
        let polled = polled(overview, ends, &config.profiles);
        let mut doubts: Vec<String> = polled
            .iter()
            .filter_map(|(profile, ends)| {
                let doubt = doubt(*ends, overview, config.poll, now)?;
                Some(format!("{}: {doubt}", profile.label()))
            })
            .collect();
        if polled.is_empty() {
            doubts.push("no profile was polled yet".to_owned());
        }
        let open = overview.breaks.critical + overview.breaks.warning;
        let state = match (doubts.is_empty(), open) {
            (false, _) => State::NotPolled,
            (true, 0) => State::Fine,
            (true, _) => State::BreaksOpen,
        };
        let breaks = format!(
            "{} critical and {} warning breaks open",
            thousands(overview.breaks.critical),
            thousands(overview.breaks.warning)
        );
        let profiles = match polled.len() {
            1 => "1 profile completely polled".to_owned(),
            many => format!("{many} profiles completely polled"),
        };
        let parts = match state {
            State::Fine => format!("{profiles}, no breaks open"),
            State::BreaksOpen => format!("{breaks}; {profiles}"),
            State::NotPolled => format!("{}; {breaks}", doubts.join("; ")),
        };
        // Reasons may have several lines, and this is one.
        let parts = parts.replace(['\n', '\r'], " ");
        let summary = format!("{}: {parts}", state.word());
        Self { state, exit_code: state.exit_code(), summary }
    }

    /// The worst of what is.
    pub const fn state(&self) -> State {
        self.state
    }
}

/// The profiles that are polled, and when each was.
fn polled<'a>(
    overview: &Overview,
    ends: &'a [LastEnds],
    selection: &ProfileSelection,
) -> Vec<(Profile, Option<&'a LastEnds>)> {
    let find = |profile: &Profile| ends.iter().find(|ends| ends.profile.id == profile.id);
    match selection {
        ProfileSelection::All => overview
            .profiles
            .iter()
            .filter(|known| is_polled(known, selection))
            .map(|known| (known.profile.clone(), find(&known.profile)))
            .collect(),
        ProfileSelection::Listed(listed) => {
            let named = |profile: &Profile| {
                let known = find(profile);
                let name = profile.name.clone().or_else(|| known?.profile.name.clone());
                (Profile { id: profile.id.clone(), name }, known)
            };
            listed.iter().map(named).collect()
        }
    }
}

/// Why the last poll that ended cannot be relied on; `None` where it can.
fn doubt(ends: Option<&LastEnds>, overview: &Overview, poll: PollConfig, now: Timestamp) -> Option<String> {
    let Some((ends, ended_at)) = ends.and_then(|ends| Some((ends, ends.polls.any?))) else {
        return Some("never polled".to_owned());
    };
    if ends.polls.complete != Some(ended_at) {
        let known = overview.profiles.iter().find(|known| known.profile.id == ends.profile.id);
        let last = known.and_then(|known| known.last_poll.as_ref());
        // A poll under way has no reason yet.
        let last = last.filter(|last| last.ended_at == Some(ended_at));
        let result = last.map_or("not complete", |last| last.result.as_str());
        let reason = last.and_then(|last| last.reason.as_deref());
        let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
        return Some(format!("last poll {result} {} ago{reason}", age(now, ended_at)));
    }
    let is_old = now.since(ended_at) > poll.fresh_for(ends.polls.took);
    is_old
        .then(|| format!("last polled {} ago, too long for every {}", age(now, ended_at), age_of(poll.every)))
}

fn age_of(span: Duration) -> String {
    age(Timestamp::EPOCH.plus(span), Timestamp::EPOCH)
}
