//! The states of one orchestration by their places: the present row with its changes undone.

use rusqlite::{Connection, OptionalExtension};

use crate::ledger::indexes::{merged_into, merged_values};
use crate::ledger::journal::{EntryKind, StoredBody};
use crate::ledger::{Problem, checkpoint, rows};
use crate::model::{Orchestration, Timestamp};

use super::{Presence, State};

/// The states that one had.
pub(super) struct Story {
    pub(super) listed_by: i64,
    /// In the order of the journal.
    pub(super) steps: Vec<StoryStep>,
}

/// From an entry on it was so.
pub(super) struct StoryStep {
    /// The entry; below every other where the beginning was pruned.
    pub(super) seq: i64,
    /// When it was observed.
    pub(super) at: Timestamp,
    /// `None` once it was merged into another one.
    pub(super) state: Option<State>,
}

impl Story {
    /// What it was at a place.
    pub(super) fn at(&self, seq: i64) -> Option<&State> {
        self.steps.iter().rev().find(|step| step.seq <= seq)?.state.as_ref()
    }
}

/// An entry about it.
struct Told {
    seq: i64,
    kind: Option<EntryKind>,
    body: StoredBody,
    at: Timestamp,
}

/// The story of the row with this key; `None` where the journal does not lead to it.
pub(super) fn of(connection: &Connection, key: i64) -> Result<Option<Story>, Problem> {
    let told: Vec<Told> = connection
        .prepare_cached(
            "SELECT e.seq, e.kind, e.body, b.at FROM journal_entry AS e JOIN journal_batch AS b ON b.number = e.batch
             WHERE (e.seq = ?1 AND e.kind = 1) OR (e.orchestration = ?1 AND e.kind <> 1 AND e.kind < 12)
             ORDER BY e.seq",
        )?
        .query_map([key], |row| {
            let kind = EntryKind::from_number(row.get(1)?);
            Ok(Told { seq: row.get(0)?, kind, body: row.get(2)?, at: row.get(3)? })
        })?
        .collect::<Result<_, _>>()?;
    let Some(end) = end_of(connection, key, &told)? else { return Ok(None) };
    let Some(mut states) = states(&end.orchestration, &told) else { return Ok(None) };
    let mut steps: Vec<StoryStep> = Vec::new();
    if told.first().is_none_or(|first| first.kind != Some(EntryKind::Appeared)) {
        let kept_status = states.iter().all(|state| state.status == end.orchestration.status);
        let Some(first) = states.pop() else { return Ok(None) };
        let since = kept_status.then_some(end.status_since);
        steps.push(beginning(connection, since, first, &told)?);
    }
    for entry in &told {
        let before = steps.last().and_then(|step| step.state.as_ref());
        let state = match entry.kind {
            Some(EntryKind::Appeared | EntryKind::Changed | EntryKind::WentBackInTime) => {
                let Some(orchestration) = states.pop() else { return Ok(None) };
                Some(reached(before, orchestration, entry.at))
            }
            Some(kind @ (EntryKind::WentMissing | EntryKind::Reappeared)) => {
                let missing = kind == EntryKind::WentMissing;
                let presence = if missing { Presence::Missing } else { Presence::There };
                before.map(|state| State { presence, ..state.clone() })
            }
            Some(EntryKind::Merged) => None,
            // That the row could not be read for a while, or what of it is left of a pruned beginning, alters nothing.
            Some(EntryKind::Unreadable | EntryKind::ReadableAgain | EntryKind::Carried) => continue,
            _ => return Ok(None),
        };
        steps.push(StoryStep { seq: entry.seq, at: entry.at, state });
    }
    Ok(Some(Story { listed_by: end.listed_by, steps }))
}

/// What a story leads to.
struct End {
    listed_by: i64,
    orchestration: Orchestration,
    status_since: Timestamp,
}

/// The present row, or the one that was merged into another.
fn end_of(connection: &Connection, key: i64, told: &[Told]) -> Result<Option<End>, Problem> {
    if let Some(stored) = rows::find_by_key(connection, key)? {
        let tracked = stored.tracked;
        return Ok(Some(End {
            listed_by: stored.listed_by,
            orchestration: tracked.orchestration,
            status_since: tracked.status_since,
        }));
    }
    let merged = told.iter().rev().find(|entry| entry.kind == Some(EntryKind::Merged));
    let Some(body) = merged.and_then(|entry| entry.body.text()) else { return Ok(None) };
    let Some((into, values)) = merged_into(body).zip(merged_values(body)) else { return Ok(None) };
    let Some(into) = rows::find_by_key(connection, into)? else { return Ok(None) };
    let tracked = into.tracked;
    Ok(tracked.orchestration.with(&values).map(|orchestration| End {
        listed_by: into.listed_by,
        orchestration,
        status_since: tracked.status_since,
    }))
}

/// The states that it had, the last one in front.
fn states(now: &Orchestration, told: &[Told]) -> Option<Vec<Orchestration>> {
    let mut states = Vec::new();
    let mut current = now.clone();
    for entry in told.iter().rev() {
        if matches!(entry.kind?, EntryKind::Changed | EntryKind::WentBackInTime) {
            let (_, old) = entry.body.change()?;
            let before = current.with(&old)?;
            states.push(std::mem::replace(&mut current, before));
        }
    }
    states.push(current);
    Some(states)
}

/// The next state. Since when it has its status is what comparing pages says of it.
fn reached(before: Option<&State>, orchestration: Orchestration, at: Timestamp) -> State {
    let entered = orchestration.updated_at.unwrap_or(at);
    let status_since = match before {
        Some(before) if before.orchestration.status == orchestration.status => {
            before.status_since.min(entered)
        }
        _ => entered,
    };
    let presence = before.map_or(Presence::There, |before| before.presence);
    State { orchestration, status_since, presence }
}

/// What it was before anything that the journal still tells; it has its status `since` then, where that is known.
fn beginning(
    connection: &Connection,
    since: Option<Timestamp>,
    first: Orchestration,
    told: &[Told],
) -> Result<StoryStep, Problem> {
    let at = connection
        .query_row("SELECT floor FROM checkpoint", [], |row| row.get(0))
        .optional()?
        .unwrap_or(Timestamp::EPOCH);
    let presence = |entry: &&Told| matches!(entry.kind, Some(EntryKind::WentMissing | EntryKind::Reappeared));
    let carried = || told.iter().rev().find(|entry| entry.kind == Some(EntryKind::Carried));
    // What carries a row tells that it was missing where nothing later tells it.
    let was_missing = match told.iter().find(presence) {
        Some(entry) => entry.kind == Some(EntryKind::Reappeared),
        None => {
            let carried = carried().and_then(|entry| checkpoint::carried(&entry.body));
            carried.is_some_and(|(_, missing)| missing.is_some())
        }
    };
    // It had that status when the journal was pruned, so it came to it before the floor.
    let before_floor = || Timestamp::from_micros(at.as_micros().saturating_sub(1));
    let status_since = since.or(first.updated_at).unwrap_or_else(before_floor);
    let presence = if was_missing { Presence::Missing } else { Presence::There };
    Ok(StoryStep { seq: i64::MIN, at, state: Some(State { orchestration: first, status_since, presence }) })
}
