//! The past of every orchestration, one after the other, as the journal tells it: for judging it again.
//!
//! Rows and entries are both read in the order of the rows' keys, so memory stays flat. What has always been as it
//! should be is left out by the query. What rows that could not be read have come to is kept in memory: they are few.

mod story;
mod twins;

use std::collections::{HashMap, HashSet};

use rusqlite::Connection;
use serde_json::Value;

use crate::model::{
    Identifier, KnownFrom, ListingTurn, PollSpan, PolledProfile, Profile, ProfilePlace, Raised, Resolution,
    Resolved, Shown, Sighting, Timeline, Timestamp, UnreadableRow,
};

use self::story::{Told, sightings};
use self::twins::Twins;
use super::breaks;
use super::indexes::Lookup;
use super::journal::EntryKind;
use super::rows::{self, Stored};
use super::rules::Rules;
use super::verify::stories::{self, Stories};
use super::{PollNumber, Problem, checkpoint, listing};

/// Which orchestrations are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tellable {
    /// Those of which any rule may have something to say as long as nobody asks for lookalikes.
    Noteworthy,
    /// Every one.
    Every,
}

/// What is known of the past.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PastKnown {
    /// How many orchestrations the ledger holds.
    pub orchestrations: u64,
    /// From when on the journal tells everything, where its beginning was pruned.
    pub pruned_up_to: Option<Timestamp>,
    /// Whether those with the same `ref_id` could be found.
    pub namesakes: Namesakes,
    /// Orchestrations whose past the journal does not tell as it should.
    pub lost: u64,
}

/// Whether those with the same `ref_id` could be found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Namesakes {
    /// They could.
    #[default]
    Found,
    /// Not before the first backfill has ended.
    NotYet,
}

/// Tells every timeline. `rules` says what counts as a change and who is a lookalike.
pub(super) fn tell(
    connection: &Connection,
    rules: &Rules,
    tellable: Tellable,
    mut then: impl FnMut(&[PolledProfile], Timeline),
) -> Result<PastKnown, Problem> {
    breaks::require_replayable(connection)?;
    let mut teller = Teller::new(connection, rules)?;
    let orchestrations = connection.query_row("SELECT count(*) FROM orchestration", [], |row| row.get(0))?;
    let mut known = PastKnown {
        orchestrations,
        pruned_up_to: teller.pruned_up_to,
        namesakes: teller.twins.namesakes_known(),
        lost: 0,
    };
    let mut statement = connection.prepare(stories::ALL)?;
    let mut told = Stories::begin(statement.query([i64::MIN, i64::MAX])?)?;
    rows::by_key_where(connection, condition(tellable, known.namesakes), |key, row| {
        while told.next_if(|other| other < key)?.is_some() {}
        let story = told.next_if(|other| other == key)?.unwrap_or_default();
        let Ok(stored) = row else {
            known.lost += 1;
            return Ok(());
        };
        let story = story.into_iter().map(|entry| Told {
            seq: entry.seq,
            batch: entry.batch,
            kind: EntryKind::from_number(entry.kind),
            body: entry.body,
        });
        match teller.timeline(&stored, story.collect())? {
            Some(timeline) => then(&teller.profiles, timeline),
            None => known.lost += 1,
        }
        Ok(())
    })?;
    for (id, told) in std::mem::take(&mut teller.unreadable) {
        let timeline = match teller.read_at_last(&id)? {
            Some((stored, appeared)) => {
                teller.unreadable.insert(id, told);
                teller.timeline(&stored, appeared)?
            }
            None => Some(teller.of_unreadable(&id, &told)?),
        };
        match timeline {
            Some(timeline) => then(&teller.profiles, timeline),
            None => known.lost += 1,
        }
    }
    Ok(known)
}

/// What any rule may have something to say of, now or at any time.
macro_rules! noteworthy {
    () => {
        "status <> 3 OR source_transfer_status <> 3 OR destination_transfer_status <> 3
         OR EXISTS (SELECT 1 FROM journal_entry AS e WHERE e.orchestration = orchestration.key AND e.kind <> 1)"
    };
}

/// The rows to read.
fn condition(tellable: Tellable, namesakes: Namesakes) -> &'static str {
    match (tellable, namesakes) {
        (Tellable::Every, _) => "1",
        (Tellable::Noteworthy, Namesakes::NotYet) => noteworthy!(),
        (Tellable::Noteworthy, Namesakes::Found) => concat!(
            noteworthy!(),
            " OR ref_id IN (SELECT ref_id FROM orchestration WHERE ref_id IS NOT NULL GROUP BY ref_id
              HAVING count(*) > 1)"
        ),
    }
}

/// Something that a row that could not be read came to.
#[derive(Clone, Debug)]
struct UnreadableTold {
    seq: i64,
    batch: i64,
    /// Why it could not be read; `None` where it could again.
    problem: Option<String>,
}

/// What is known beside the rows and their entries.
struct Teller<'a> {
    connection: &'a Connection,
    rules: &'a Rules,
    profiles: Vec<PolledProfile>,
    places: HashMap<i64, ProfilePlace>,
    twins: Twins<'a>,
    pruned_up_to: Option<Timestamp>,
    /// Orchestrations with breaks, by key.
    with_breaks: HashSet<i64>,
    unreadable: HashMap<Identifier, Vec<UnreadableTold>>,
    /// The batch that was looked up last: entries of one page come one after the other.
    last_batch: Option<(i64, Batch)>,
}

/// When and under which profile something was observed.
#[derive(Clone, Copy)]
struct Batch {
    at: Timestamp,
    profile: Option<ProfilePlace>,
    listing: ListingTurn,
}

impl<'a> Teller<'a> {
    fn new(connection: &'a Connection, rules: &'a Rules) -> Result<Self, Problem> {
        let (profiles, places) = profiles(connection)?;
        let with_breaks = connection
            .prepare("SELECT DISTINCT orchestration FROM break WHERE orchestration IS NOT NULL")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        Ok(Self {
            connection,
            rules,
            profiles,
            places,
            twins: Twins::new(connection, Lookup::of(connection)?)?,
            pruned_up_to: checkpoint::find(connection)?.map(|checkpoint| checkpoint.floor),
            with_breaks,
            unreadable: unreadable(connection)?,
            last_batch: None,
        })
    }

    /// The timeline of a row; `None` where the journal does not lead to it.
    fn timeline(&mut self, stored: &Stored, mut story: Vec<Told>) -> Result<Option<Timeline>, Problem> {
        let id = stored.tracked.orchestration.id.clone();
        let unreadable = self.unreadable.remove(&id);
        let is_of_break = self.with_breaks.contains(&stored.key) || unreadable.is_some();
        for told in unreadable.unwrap_or_default() {
            story.push(Told::of_unreadable(&told));
        }
        story.sort_by_key(|told| told.seq);
        let is_unreadable = story.iter().any(|told| told.kind == Some(EntryKind::Unreadable));
        let raised = if is_of_break || is_unreadable { raised(self.connection, &id)? } else { Vec::new() };
        let profile = self.places.get(&stored.listed_by).copied().unwrap_or(ProfilePlace(0));
        let known = match (story.iter().any(|told| told.kind == Some(EntryKind::Appeared)), self.pruned_up_to)
        {
            (true, _) => KnownFrom::Beginning,
            (false, Some(floor)) => KnownFrom::Pruned(floor),
            (false, None) => return Ok(None),
        };
        let Some(sightings) = sightings(self, stored, &story, known)? else { return Ok(None) };
        Ok(Some(Timeline { id, profile, known, sightings, raised }))
    }

    /// A row that could not be read and then was as it should be ever since, with the entry of its appearance.
    fn read_at_last(&self, id: &Identifier) -> Result<Option<(Stored, Vec<Told>)>, Problem> {
        // Before ids are indexed each look would read everything.
        if Lookup::of(self.connection)? == Lookup::ByCreation {
            return Ok(None);
        }
        let Some(stored) = rows::find_by_id(self.connection, id)? else { return Ok(None) };
        let appeared = self
            .connection
            .prepare_cached("SELECT seq, batch, kind, body FROM journal_entry WHERE seq = ?1 AND kind = 1")?
            .query_map([stored.key], |row| {
                Ok(Told {
                    seq: row.get(0)?,
                    batch: row.get(1)?,
                    kind: EntryKind::from_number(row.get(2)?),
                    body: row.get(3)?,
                })
            })?
            .collect::<Result<_, _>>()?;
        Ok(Some((stored, appeared)))
    }

    /// The timeline of rows under an id of which no row that was read is known.
    fn of_unreadable(&mut self, id: &Identifier, told: &[UnreadableTold]) -> Result<Timeline, Problem> {
        let raised = raised(self.connection, id)?;
        let mut sightings = Vec::new();
        for one in told {
            let batch = self.batch(one.batch)?;
            let Some(problem) = &one.problem else { continue };
            let row = UnreadableRow { id: id.clone(), raw: "".into(), problem: problem.clone() };
            let profile = batch.profile.unwrap_or(ProfilePlace(0));
            let shown = Shown::Unreadable(row);
            sightings.push(Sighting { at: batch.at, profile, listing: batch.listing, shown });
        }
        let profile = sightings.first().map_or(ProfilePlace(0), |sighting: &Sighting| sighting.profile);
        let known = self.pruned_up_to.map_or(KnownFrom::Beginning, KnownFrom::Pruned);
        Ok(Timeline { id: id.clone(), profile, known, sightings, raised })
    }

    fn batch(&mut self, number: i64) -> Result<Batch, Problem> {
        if let Some((last, batch)) = self.last_batch
            && last == number
        {
            return Ok(batch);
        }
        let (at, profile, poll): (Timestamp, Option<i64>, i64) = self
            .connection
            .prepare_cached(
                "SELECT b.at, p.profile, b.poll FROM journal_batch AS b LEFT JOIN poll AS p ON p.number = b.poll
                 WHERE b.number = ?1",
            )?
            .query_row([number], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let profile = profile.and_then(|key| self.places.get(&key).copied());
        let listing = listing::turn_of(self.connection, PollNumber(poll))?;
        let batch = Batch { at, profile, listing };
        self.last_batch = Some((number, batch));
        Ok(batch)
    }
}

/// The profiles and their polls, and the place of each by its key.
fn profiles(connection: &Connection) -> Result<(Vec<PolledProfile>, HashMap<i64, ProfilePlace>), Problem> {
    let mut places = HashMap::new();
    let mut profiles = Vec::new();
    let mut keys = connection.prepare("SELECT key, id, name, first_poll_at FROM profile ORDER BY key")?;
    let mut polls = connection.prepare(
        "SELECT began_at, ended_at FROM poll WHERE profile = ?1 AND lane <> 'sweep' AND ended_at IS NOT NULL
         AND result IN ('complete', 'partial') ORDER BY began_at, number",
    )?;
    let mut found = keys.query([])?;
    while let Some(row) = found.next()? {
        let key: i64 = row.get(0)?;
        let spans =
            polls.query_map([key], |row| Ok(PollSpan { began_at: row.get(0)?, ended_at: row.get(1)? }))?;
        places.insert(key, ProfilePlace(profiles.len()));
        profiles.push(PolledProfile {
            profile: Profile { id: row.get(1)?, name: row.get(2)? },
            first_poll_began_at: row.get(3)?,
            polls: spans.collect::<Result<_, _>>()?,
        });
    }
    Ok((profiles, places))
}

/// What every row that could not be read, and was not known by then, came to. By id; in the order of the journal.
fn unreadable(connection: &Connection) -> Result<HashMap<Identifier, Vec<UnreadableTold>>, Problem> {
    let mut found: HashMap<Identifier, Vec<UnreadableTold>> = HashMap::new();
    let mut statement = connection.prepare(
        "SELECT seq, batch, kind, body ->> 'id', body ->> 'problem' FROM journal_entry
         WHERE orchestration IS NULL AND kind <> 1 AND kind IN (4, 5) ORDER BY seq",
    )?;
    let mut entries = statement.query([])?;
    while let Some(entry) = entries.next()? {
        let problem = match EntryKind::from_number(entry.get(2)?) {
            Some(EntryKind::Unreadable) => entry.get(4)?,
            _ => None,
        };
        let told = UnreadableTold { seq: entry.get(0)?, batch: entry.get(1)?, problem };
        found.entry(Identifier::new(&entry.get::<_, String>(3)?)).or_default().push(told);
    }
    Ok(found)
}

/// The breaks about an orchestration, or about a row under its id, oldest first.
fn raised(connection: &Connection, id: &Identifier) -> Result<Vec<Raised>, Problem> {
    Ok(connection
        .prepare_cached(
            "SELECT number, kind, severity, opened_at, resolved_at, resolved_by, resolved_why FROM break
             WHERE subject = ?1 AND scope = 1 ORDER BY number",
        )?
        .query_map([id], |row| {
            let why = |by: Option<String>, why: String| match by {
                Some(by) => Resolution::Person { by, why },
                None => Resolution::Over(why),
            };
            let resolved = match row.get::<_, Option<Timestamp>>(4)? {
                Some(at) => Some(Resolved { at, why: why(row.get(5)?, row.get(6)?) }),
                None => None,
            };
            Ok(Raised {
                number: row.get(0)?,
                kind: row.get(1)?,
                severity: row.get(2)?,
                opened_at: row.get(3)?,
                resolved,
            })
        })?
        .collect::<Result<_, _>>()?)
}

/// Why a row could not be read, in the body of an entry.
fn problem_in(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    Some(body.get("problem")?.as_str()?.to_owned())
}
