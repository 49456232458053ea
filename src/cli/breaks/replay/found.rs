//! What a replay found: how many of each kind, and the first so many of them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::breaks::replay::{Compared, RaisedBy, Replayed};
use crate::model::{
    Amount, Audience, BreakKind, Identifier, Orchestration, PolledProfile, Profile, Raised, Resolved, Route,
    Severity, Timeline, Timestamp,
};

/// One break, small enough to be kept.
pub(super) struct Line {
    pub(super) kind: BreakKind,
    pub(super) by: RaisedBy,
    pub(super) about: Identifier,
    pub(super) profile: Profile,
    pub(super) row: Option<Row>,
}

/// What is told of the orchestration.
pub(super) struct Row {
    pub(super) ref_id: Option<String>,
    pub(super) route: String,
    pub(super) source: [Option<String>; 2],
    pub(super) destination: [Option<String>; 2],
}

/// How many breaks of one kind and severity.
#[derive(Clone, Copy, Default)]
pub(super) struct Count {
    pub(super) replay: u64,
    pub(super) ledger: u64,
    pub(super) same: u64,
}

/// What was found. What differs comes first, then by time.
pub(super) struct Found {
    limit: usize,
    total: u64,
    counts: BTreeMap<(BreakKind, Severity), Count>,
    lines: BTreeMap<(u8, Timestamp, Identifier, BreakKind), Line>,
}

impl Found {
    /// Keeps at most so many of them.
    pub(super) fn up_to(limit: usize) -> Self {
        Self { limit, total: 0, counts: BTreeMap::new(), lines: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, line: Line) {
        self.total += 1;
        if let Some(replayed) = line.replayed() {
            self.counts.entry((line.kind, replayed.severity)).or_default().replay += 1;
        }
        if let Some(raised) = line.raised() {
            let count = self.counts.entry((line.kind, raised.severity)).or_default();
            count.ledger += 1;
            count.same += u64::from(matches!(line.by, RaisedBy::Both(..)));
        }
        let opened = line.opened_at().min().unwrap_or(Timestamp::EPOCH);
        self.lines.insert((line.rank(), opened, line.about.clone(), line.kind), line);
        if self.lines.len() > self.limit {
            self.lines.pop_last();
        }
    }

    pub(super) fn counts(&self) -> impl Iterator<Item = ((BreakKind, Severity), Count)> {
        self.counts.iter().map(|(of, count)| (*of, *count))
    }

    pub(super) fn lines(&self) -> impl ExactSizeIterator<Item = &Line> {
        self.lines.values()
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }
}

impl Line {
    /// The line of a break; `None` where its profile is not known any more.
    pub(super) fn of(compared: Compared, timeline: &Timeline, profiles: &[PolledProfile]) -> Option<Self> {
        let last = timeline.sightings.iter().rev().find_map(|sighting| sighting.shown.row());
        Some(Self {
            kind: compared.kind,
            by: compared.by,
            about: timeline.id.clone(),
            profile: profiles.get(timeline.profile.0)?.profile.clone(),
            row: last.map(|row| Row::of(&row.tracked.orchestration)),
        })
    }

    pub(super) fn replayed(&self) -> Option<&Replayed> {
        match &self.by {
            RaisedBy::Replay(replayed)
            | RaisedBy::Both(replayed, _)
            | RaisedBy::BothOtherwise(replayed, _) => Some(replayed),
            RaisedBy::Ledger(_) => None,
        }
    }

    pub(super) fn raised(&self) -> Option<&Raised> {
        match &self.by {
            RaisedBy::Ledger(raised) | RaisedBy::Both(_, raised) | RaisedBy::BothOtherwise(_, raised) => {
                Some(raised)
            }
            RaisedBy::Replay(_) => None,
        }
    }

    /// When it opened, in the replay and in the ledger.
    pub(super) fn opened_at(&self) -> impl Iterator<Item = Timestamp> {
        let replayed = self.replayed().map(|replayed| replayed.opened.began_at);
        let raised = self.raised().map(|raised| raised.opened_at);
        replayed.into_iter().chain(raised)
    }

    /// Who raised it, in a word.
    pub(super) fn who(&self) -> &'static str {
        match self.by {
            RaisedBy::Replay(_) => "only replay",
            RaisedBy::Ledger(_) => "only ledger",
            RaisedBy::BothOtherwise(..) => "otherwise",
            RaisedBy::Both(..) => "same",
        }
    }

    fn rank(&self) -> u8 {
        match self.by {
            RaisedBy::Replay(_) | RaisedBy::Ledger(_) => 0,
            RaisedBy::BothOtherwise(..) => 1,
            RaisedBy::Both(..) => 2,
        }
    }

    pub(super) fn document(&self) -> Value {
        let end = |resolved: &Option<Resolved>| {
            resolved.as_ref().map(|end| json!({ "at": end.at.to_rfc3339(), "why": end.why.to_string() }))
        };
        let replay = self.replayed().map(|one| {
            json!({
                "severity": one.severity.as_str(),
                "opened_at": one.opened.began_at.to_rfc3339(),
                "opened_as": one.opened_as.as_str(),
                "worse_at": one.worse_at.map(Timestamp::to_rfc3339),
                "resolved": end(&one.resolved),
                "history": one.audience == Audience::Nobody,
            })
        });
        let ledger = self.raised().map(|one| {
            json!({
                "number": one.number.0,
                "severity": one.severity.as_str(),
                "opened_at": one.opened_at.to_rfc3339(),
                "resolved": end(&one.resolved),
            })
        });
        let row = self.row.as_ref();
        json!({
            "kind": self.kind.as_str(),
            "raised": self.who().replace(' ', "_"),
            "subject": self.about.to_string(),
            "profile_id": self.profile.id.to_string(),
            "profile_name": self.profile.name,
            "ref_id": row.and_then(|row| row.ref_id.clone()),
            "route": row.map(|row| row.route.clone()),
            "source_amount": row.and_then(|row| row.source[0].clone()),
            "source_asset": row.and_then(|row| row.source[1].clone()),
            "destination_amount": row.and_then(|row| row.destination[0].clone()),
            "destination_asset": row.and_then(|row| row.destination[1].clone()),
            "replay": replay,
            "ledger": ledger,
        })
    }
}

impl Row {
    fn of(row: &Orchestration) -> Self {
        let money = |amount: &Option<Amount>, asset: &Option<Box<str>>| {
            [amount.as_ref().map(ToString::to_string), asset.as_deref().map(str::to_owned)]
        };
        Self {
            ref_id: row.ref_id.as_ref().map(ToString::to_string),
            route: Route::of(row).to_string(),
            source: money(&row.source_amount, &row.source_asset),
            destination: money(&row.destination_amount, &row.destination_asset),
        }
    }

    /// What is taken: `250.00 USD`.
    pub(super) fn amount(&self) -> String {
        self.source.iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}
