//! The states of one orchestration, from its entries: the present row with its changes undone, then judged forward by
//! what compares every page.

use crate::ledger::Problem;
use crate::ledger::breaks::leg_times;
use crate::ledger::journal::{EntryKind, StoredBody};
use crate::ledger::rows::Stored;
use crate::model::{
    Change, Field, KnownFrom, LegTimes, ListingTurn, Lookalike, Orchestration, ProfilePlace, SeenRow, Shown,
    Sighting, Timestamp, Tracked, Trust, UnreadableRow, Verdict,
};

use super::{Batch, Teller, UnreadableTold, problem_in};

/// An entry about one orchestration.
pub(super) struct Told {
    pub(super) seq: i64,
    pub(super) batch: i64,
    /// `None` for a kind that no entry has.
    pub(super) kind: Option<EntryKind>,
    pub(super) body: StoredBody,
}

impl Told {
    pub(super) fn of_unreadable(told: &UnreadableTold) -> Self {
        let (kind, body) = match &told.problem {
            Some(problem) => (EntryKind::Unreadable, serde_json::json!({ "problem": problem }).to_string()),
            None => (EntryKind::ReadableAgain, String::new()),
        };
        Self { seq: told.seq, batch: told.batch, kind: Some(kind), body: StoredBody::of_text(body) }
    }
}

/// The sightings of a row; `None` where the journal does not lead to it.
pub(super) fn sightings(
    teller: &mut Teller<'_>,
    stored: &Stored,
    story: &[Told],
    known: KnownFrom,
) -> Result<Option<Vec<Sighting>>, Problem> {
    let Some(mut states) = states(&stored.tracked.orchestration, story) else { return Ok(None) };
    let listed_by = teller.places.get(&stored.listed_by).copied().unwrap_or(ProfilePlace(0));
    let mut walk = Walk { seen: Vec::new(), now: None, legs: Default::default() };
    if let KnownFrom::Pruned(floor) = known {
        let Some(first) = states.pop() else { return Ok(None) };
        let mut batch = None;
        if let Some(told) = story.iter().find(|told| told.kind != Some(EntryKind::Carried)) {
            batch = Some(teller.batch(told.batch)?.at);
        }
        let at = batch.map_or(floor, |at| at.min(floor));
        let kept_status = first.status == stored.tracked.orchestration.status;
        let status_since =
            if kept_status { stored.tracked.status_since } else { first.updated_at.unwrap_or(at) };
        walk.begin(at, listed_by, Tracked { orchestration: first, status_since });
    }
    for told in story {
        let batch = teller.batch(told.batch)?;
        let place = batch.profile.unwrap_or(listed_by);
        match told.kind {
            Some(EntryKind::Appeared | EntryKind::Changed | EntryKind::WentBackInTime) => {
                let Some(state) = states.pop() else { return Ok(None) };
                let compare = teller.rules.compare;
                let verdict = compare(walk.now.as_ref(), &state, batch.at, Trust::Confirmed);
                let (changes, status_since) = match verdict {
                    Verdict::Appeared { status_since } => (vec![Change::Appeared], status_since),
                    Verdict::Changed { kept, changes } => (changes, kept.status_since),
                    Verdict::Unchanged | Verdict::Stale => {
                        let since =
                            walk.now.as_ref().map_or(stored.tracked.status_since, |now| now.status_since);
                        (Vec::new(), since)
                    }
                };
                let [namesakes, lookalikes] =
                    teller.twins.of(told.batch, batch.at, &state, &changes, teller.rules)?;
                let tracked = Tracked { orchestration: state, status_since };
                walk.see(told.batch, batch, place, tracked, changes);
                walk.beside(namesakes, lookalikes);
            }
            Some(kind @ (EntryKind::WentMissing | EntryKind::Reappeared | EntryKind::ReadableAgain)) => {
                let Some(tracked) = walk.now.clone() else { continue };
                let changes = match kind {
                    EntryKind::WentMissing => vec![Change::WentMissing],
                    EntryKind::Reappeared => vec![Change::Reappeared],
                    _ => Vec::new(),
                };
                walk.see(told.batch, batch, place, tracked, changes);
            }
            Some(EntryKind::Unreadable) => {
                let Some(problem) = told.body.text().and_then(problem_in) else { return Ok(None) };
                let id = stored.tracked.orchestration.id.clone();
                let row = UnreadableRow { id, raw: "".into(), problem };
                let shown = Shown::Unreadable(row);
                walk.seen.push((
                    told.batch,
                    Sighting { at: batch.at, profile: place, listing: batch.listing, shown },
                ));
            }
            // What stays of a pruned beginning is no sighting.
            Some(EntryKind::Carried) => {}
            _ => return Ok(None),
        }
    }
    Ok(Some(walk.seen.into_iter().map(|(_, sighting)| sighting).collect()))
}

/// The states that it had, the last one in front. The first is that of its appearance, or of the time before what was
/// pruned.
fn states(now: &Orchestration, story: &[Told]) -> Option<Vec<Orchestration>> {
    let mut states = Vec::new();
    let mut current = now.clone();
    for told in story.iter().rev() {
        match told.kind? {
            EntryKind::Changed | EntryKind::WentBackInTime => {
                let (_, old) = told.body.change()?;
                let before = current.with(&old)?;
                states.push(std::mem::replace(&mut current, before));
            }
            _ => {}
        }
    }
    states.push(current);
    Some(states)
}

/// The sightings so far, each with the batch that it is of.
struct Walk {
    seen: Vec<(i64, Sighting)>,
    now: Option<Tracked>,
    legs: [Leg; 2],
}

/// Since when a leg is where it is, as far as was seen.
#[derive(Default)]
struct Leg {
    status: Option<String>,
    since: Option<Timestamp>,
}

impl Walk {
    /// Begins with a state that was there before anything that is known was seen.
    fn begin(&mut self, at: Timestamp, profile: ProfilePlace, tracked: Tracked) {
        let leg_times = self.reach(&tracked);
        let row = seen_row(tracked.clone(), leg_times, Vec::new());
        self.now = Some(tracked);
        self.seen.push((
            0,
            Sighting { at, profile, listing: ListingTurn::Later, shown: Shown::Row(Box::new(row)) },
        ));
    }

    /// Sees a state. What one page showed is one sighting.
    fn see(
        &mut self,
        number: i64,
        batch: Batch,
        profile: ProfilePlace,
        tracked: Tracked,
        changes: Vec<Change>,
    ) {
        let leg_times = self.reach(&tracked);
        self.now = Some(tracked.clone());
        let is_gone = changes.contains(&Change::WentMissing);
        if let Some((last, Sighting { shown: Shown::Row(row), .. })) = self.seen.last_mut()
            && *last == number
            && !is_gone
        {
            row.tracked = tracked;
            row.leg_times = leg_times;
            row.changes.extend(changes);
            return;
        }
        let row = Box::new(seen_row(tracked, leg_times, changes));
        let shown = if is_gone { Shown::Gone(row) } else { Shown::Row(row) };
        self.seen.push((number, Sighting { at: batch.at, profile, listing: batch.listing, shown }));
    }

    /// Notes who else was there when the last state was seen.
    fn beside(&mut self, namesakes: Vec<Lookalike>, lookalikes: Vec<Lookalike>) {
        if let Some((_, Sighting { shown: Shown::Row(row), .. })) = self.seen.last_mut() {
            row.namesakes = namesakes;
            row.lookalikes = lookalikes;
        }
    }

    /// Since when the legs of the next state are where they are. The same as `leg_times` finds from its end.
    fn reach(&mut self, tracked: &Tracked) -> LegTimes {
        let row = &tracked.orchestration;
        let fields = [Field::SourceTransferStatus, Field::DestinationTransferStatus];
        let seen = row.updated_at.unwrap_or(tracked.status_since);
        let mut since = [seen; 2];
        for ((leg, field), since) in self.legs.iter_mut().zip(fields).zip(&mut since) {
            let status = row.value(field).map(|value| value.to_string());
            if leg.status != status {
                *leg = Leg { status, since: None };
            }
            *since = leg.since.map_or(seen, |before| before.min(seen));
            leg.since = [leg.since, row.updated_at].into_iter().flatten().min();
        }
        if !leg_times::matters(row) {
            since = [tracked.status_since; 2];
        }
        let [source, destination] = since;
        LegTimes { source, destination }
    }
}

fn seen_row(tracked: Tracked, leg_times: LegTimes, changes: Vec<Change>) -> SeenRow {
    SeenRow { tracked, leg_times, changes, namesakes: Vec::new(), lookalikes: Vec::new() }
}
