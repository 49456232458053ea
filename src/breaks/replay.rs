//! What a configuration would have raised over the past: an orchestration's timeline, judged again.
//!
//! The rules are those that judge every page. What is here is when to judge: where something was seen, and in
//! between at the first poll after a limit has passed. A poll that did not happen judges nothing.

use crate::model::{
    Audience, BreakKind, BreakNumber, KnownFrom, LegStatus, ListingTurn, Mute, Observation, PageFacts,
    PollSpan, PolledProfile, ProfilePlace, Raised, Resolution, Resolved, SeenRow, Severity, Shown, Standing,
    Status, Step, Tell, Timeline, Timestamp, Told,
};

use super::judge::judge;
use super::lifecycle::History;
use super::limits::Limits;

/// For how long polls go on to look at what is COMPLETED while a leg is not.
const UNSETTLED: std::time::Duration = std::time::Duration::from_secs(7 * 86_400);

/// The past under other limits.
#[derive(Clone, Copy, Debug)]
pub struct Replay<'a> {
    /// The limits.
    pub limits: &'a Limits,
    /// Whether people are told of what was over before the first poll.
    pub history: History,
    /// The profiles and their polls.
    pub profiles: &'a [PolledProfile],
}

/// One break in the replay, beside what the ledger raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Its kind.
    pub kind: BreakKind,
    /// Who raised it.
    pub by: RaisedBy,
}

/// Who raised a break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RaisedBy {
    /// The replay alone.
    Replay(Replayed),
    /// The ledger alone.
    Ledger(Raised),
    /// Both, in the same poll and as bad.
    Both(Replayed, Raised),
    /// Both, at other times or not as bad.
    BothOtherwise(Replayed, Raised),
}

/// A break as the replay raised it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// In which poll it opened: what that poll saw changed is known to the moment, else its beginning is told.
    pub opened: PollSpan,
    /// How bad it was then.
    pub opened_as: Severity,
    /// When it got worse.
    pub worse_at: Option<Timestamp>,
    /// How bad it became.
    pub severity: Severity,
    /// Whether people would have been told.
    pub audience: Audience,
    /// How it ended; `None` where it would still be there.
    pub resolved: Option<Resolved>,
}

impl Replay<'_> {
    /// What would have been raised about one orchestration, beside what was.
    pub fn compare(&self, timeline: &Timeline) -> Vec<Compared> {
        pair(timeline, self.play(timeline))
    }

    fn play(&self, timeline: &Timeline) -> Vec<(BreakKind, Replayed)> {
        let mut book = Book::default();
        let mut before: Option<&SeenRow> = None;
        let ends = timeline.sightings.iter().skip(1).map(|next| Some(next.at)).chain([None]);
        for (sighting, end) in timeline.sightings.iter().zip(ends) {
            let now = PollSpan { began_at: sighting.at, ended_at: sighting.at };
            book.follow_people(&timeline.raised, sighting.at);
            let steps = match &sighting.shown {
                // What was pruned before a row's first state is no sighting: the next poll is the first.
                Shown::Row(row) if before.is_none() && row.changes.is_empty() => Vec::new(),
                Shown::Row(row) | Shown::Gone(row) => {
                    self.judge(sighting.profile, now, sighting.listing, &seen(row, before, &book.standing))
                }
                Shown::Unreadable(row) => {
                    let unreadable = Observation::Unreadable { row, standing: &book.standing };
                    self.judge(sighting.profile, now, sighting.listing, &unreadable)
                }
            };
            book.take(steps, now);
            before = sighting.shown.row().or(before);
            // What is gone or cannot be read is shown by no poll.
            let Shown::Row(row) = &sighting.shown else { continue };
            for poll in self.looks(timeline.profile, row, sighting.at, end) {
                book.follow_people(&timeline.raised, poll.began_at);
                let steps =
                    self.judge(timeline.profile, poll, ListingTurn::Later, &unchanged(row, &book.standing));
                book.take(steps, poll);
            }
        }
        book.follow_people(&timeline.raised, Timestamp::from_micros(i64::MAX));
        book.episodes
    }

    fn judge(
        &self,
        place: ProfilePlace,
        poll: PollSpan,
        listing: ListingTurn,
        observation: &Observation<'_>,
    ) -> Vec<Step> {
        let Some(polled) = self.profiles.get(place.0) else { return Vec::new() };
        let page = PageFacts {
            profile: &polled.profile.id,
            seen_at: poll.began_at,
            first_poll_began_at: polled.first_poll_began_at.unwrap_or(poll.began_at),
            listing,
            observations: std::slice::from_ref(observation),
        };
        judge(self.limits, self.history, &page)
    }

    /// The polls that showed a row after it was seen at `from` and before it was seen otherwise, in which a rule
    /// about time may say something else than before: of each limit the first one after its end.
    fn looks(
        &self,
        place: ProfilePlace,
        row: &SeenRow,
        from: Timestamp,
        to: Option<Timestamp>,
    ) -> Vec<PollSpan> {
        let Some(polled) = self.profiles.get(place.0) else { return Vec::new() };
        let mut looks: Vec<PollSpan> = Vec::new();
        let mut turns = turns(self.limits, polled, row);
        if row.changes.is_empty() && !row.tracked.orchestration.status.is_final() {
            turns.push(from);
        }
        for turn in turns {
            let passed = turn.max(from);
            let next = polled.polls.partition_point(|poll| poll.began_at <= passed);
            let Some(poll) = polled.polls.get(next) else { continue };
            // One that ended when the row had changed showed it as it was then.
            let is_before = to.is_none_or(|to| poll.ended_at < to);
            let is_looked_at = row.tracked.orchestration.status != Status::Completed
                || poll.began_at.since(row.tracked.status_since) < UNSETTLED;
            if is_before && is_looked_at {
                looks.push(*poll);
            }
        }
        looks.sort_by_key(|poll| poll.began_at);
        looks.dedup();
        looks
    }
}

/// The instants after which a rule about time may say something else of a row that stays as it is.
fn turns(limits: &Limits, polled: &PolledProfile, row: &SeenRow) -> Vec<Timestamp> {
    let now = &row.tracked.orchestration;
    let legs = [&now.source_transfer.status, &now.destination_transfer.status];
    if now.status.is_final() {
        let is_open = |leg: &Option<LegStatus>| leg.as_ref().is_some_and(|leg| *leg != LegStatus::Completed);
        if now.status != Status::Completed || !legs.into_iter().any(is_open) {
            return Vec::new();
        }
    }
    let limits = limits.of(now, &polled.profile.id);
    let since = row.tracked.status_since;
    let mut turns = vec![
        limits.inconsistent_legs.ends_at(since),
        limits.inconsistent_legs.ends_at(row.leg_times.source.max(since)),
        limits.inconsistent_legs.ends_at(row.leg_times.destination.max(since)),
    ];
    if !now.status.is_final() {
        turns.extend([
            limits.processing.ends_at(since),
            limits.critical_processing().ends_at(since),
            limits.between_legs.ends_at(row.leg_times.source),
            limits.pending.ends_at(since),
        ]);
    }
    turns
}

fn seen<'a>(row: &'a SeenRow, before: Option<&'a SeenRow>, standing: &'a [Standing]) -> Observation<'a> {
    Observation::Row {
        before: before.map(|before| &before.tracked.orchestration),
        now: &row.tracked.orchestration,
        status_since: row.tracked.status_since,
        leg_times: row.leg_times,
        changes: &row.changes,
        standing,
        namesakes: &row.namesakes,
        lookalikes: &row.lookalikes,
    }
}

fn unchanged<'a>(row: &'a SeenRow, standing: &'a [Standing]) -> Observation<'a> {
    Observation::Row {
        before: Some(&row.tracked.orchestration),
        now: &row.tracked.orchestration,
        status_since: row.tracked.status_since,
        leg_times: row.leg_times,
        changes: &[],
        standing,
        namesakes: &[],
        lookalikes: &[],
    }
}

/// The breaks of one orchestration in the replay.
#[derive(Default)]
struct Book {
    standing: Vec<Standing>,
    /// Each by its number.
    episodes: Vec<(BreakKind, Replayed)>,
}

impl Book {
    fn take(&mut self, steps: Vec<Step>, poll: PollSpan) {
        for step in steps {
            self.take_one(step, poll);
        }
    }

    fn take_one(&mut self, step: Step, poll: PollSpan) {
        match step {
            Step::Open { finding, tell } => {
                let number = BreakNumber(i64::try_from(self.episodes.len()).unwrap_or(i64::MAX));
                self.episodes.push((
                    finding.kind,
                    Replayed {
                        opened: poll,
                        opened_as: finding.severity,
                        worse_at: None,
                        severity: finding.severity,
                        audience: finding.audience,
                        resolved: None,
                    },
                ));
                self.standing.push(Standing {
                    number,
                    kind: finding.kind,
                    subject: finding.subject,
                    episode: 1,
                    severity: finding.severity,
                    evidence: finding.evidence,
                    opened_at: poll.began_at,
                    audience: finding.audience,
                    told: if tell == Tell::People { Told::As(finding.severity) } else { Told::Nothing },
                    mute: Mute::Off,
                });
            }
            Step::Revise { number, severity, evidence, tell } => {
                let episode = self.episode(number);
                if let Some(episode) = episode.filter(|episode| severity > episode.severity) {
                    episode.severity = severity;
                    episode.worse_at = Some(poll.began_at);
                }
                if let Some(standing) = self.standing.iter_mut().find(|standing| standing.number == number) {
                    standing.severity = severity;
                    standing.evidence = evidence;
                    if tell == Tell::People {
                        standing.told = Told::As(severity);
                    }
                }
            }
            // Nobody acknowledges anything in a replay.
            Step::Unmute { .. } => {}
            Step::Resolve { number, why, .. } => self.resolve(number, Resolved { at: poll.began_at, why }),
        }
    }

    fn resolve(&mut self, number: BreakNumber, resolved: Resolved) {
        self.standing.retain(|standing| standing.number != number);
        if let Some(episode) = self.episode(number) {
            episode.resolved = Some(resolved);
        }
    }

    fn episode(&mut self, number: BreakNumber) -> Option<&mut Replayed> {
        let place = usize::try_from(number.0).ok()?;
        self.episodes.get_mut(place).map(|(_, episode)| episode)
    }

    /// What people resolved before an instant is resolved here too: what came later is another episode.
    fn follow_people(&mut self, raised: &[Raised], until: Timestamp) {
        for one in raised {
            let Some(resolved) = &one.resolved else { continue };
            if !matches!(resolved.why, Resolution::Person { .. }) || resolved.at >= until {
                continue;
            }
            let is_that =
                |standing: &&Standing| standing.kind == one.kind && standing.opened_at <= resolved.at;
            if let Some(number) = self.standing.iter().find(is_that).map(|standing| standing.number) {
                self.resolve(number, resolved.clone());
            }
        }
    }
}

/// Puts each break of the replay beside the one of the ledger that was there at the same time.
fn pair(timeline: &Timeline, replayed: Vec<(BreakKind, Replayed)>) -> Vec<Compared> {
    let mut left: Vec<_> = timeline.raised.iter().collect();
    let mut compared = Vec::new();
    for (kind, replay) in replayed {
        let is_beside = |raised: &&Raised| {
            let ends_at =
                |resolved: &Option<Resolved>| resolved.as_ref().map_or(i64::MAX, |it| it.at.as_micros());
            raised.kind == kind
                && raised.opened_at.as_micros() <= ends_at(&replay.resolved)
                && replay.opened.began_at.as_micros() <= ends_at(&raised.resolved)
        };
        let by = match left.iter().position(is_beside).map(|place| left.remove(place)) {
            None => RaisedBy::Replay(replay),
            Some(raised) if is_same(timeline.known, kind, &replay, raised) => {
                RaisedBy::Both(replay, raised.clone())
            }
            Some(raised) => RaisedBy::BothOtherwise(replay, raised.clone()),
        };
        compared.push(Compared { kind, by });
    }
    // What opened before the past is known cannot be replayed.
    left.retain(|raised| !is_before(timeline.known, raised.opened_at));
    compared.extend(
        left.into_iter().map(|raised| Compared { kind: raised.kind, by: RaisedBy::Ledger(raised.clone()) }),
    );
    compared
}

fn is_before(known: KnownFrom, at: Timestamp) -> bool {
    match known {
        KnownFrom::Beginning => false,
        KnownFrom::Pruned(from) => at < from,
    }
}

fn is_same(known: KnownFrom, kind: BreakKind, replay: &Replayed, raised: &Raised) -> bool {
    // During a first backfill they are found when it ends, which the replay does not know.
    let is_dated = kind != BreakKind::DuplicateRefId && !is_before(known, raised.opened_at);
    let is_then = (replay.opened.began_at..=replay.opened.ended_at).contains(&raised.opened_at);
    raised.severity == replay.severity && (is_then || !is_dated)
}
