//! What orchestrations were at places in the journal, one after the other: for reports.
//!
//! Owns finding the places and undoing what came after them. Rows that are as they were are read as they stand, with
//! the columns that a report needs; the others, whose keys are in memory, are taken back through their stories. What
//! it adds up to is left to whoever is told.

mod beside;
mod places;
mod story;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use rusqlite::{Connection, Row, params};

use crate::model::{Endpoint, Identifier, Leg, Orchestration, PeriodBreak, ProfileRead, Status, Timestamp};

use super::{JournalHead, Problem, breaks, missing};

use self::places::Places;

pub(super) use self::places::is_past;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatesWanted {
    /// The beginning of the period.
    pub from: Timestamp,
    /// The first instant after it.
    pub to: Timestamp,
    /// How long after an end the place that counts for it is.
    pub settle: Duration,
    /// By when everything is told that was known.
    pub as_of: AsOf,
}

/// A place in the journal, as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// Where it counts for the period: its end and the time to settle.
    Settled,
    /// The journal's end.
    Now,
    /// Where an instant was.
    Instant(Timestamp),
    /// Behind a batch.
    Batch {
        /// Its number.
        number: i64,
        /// The beginning of the chain's head behind it, in hexadecimal, to be held against the journal.
        hash: Option<String>,
        /// Up to when polls count; where it is not given, up to the batch.
        until: Option<Timestamp>,
    },
}

/// How a place stands to the one that counts for the period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is that one.
    Settled,
    /// It is an earlier one: more may come.
    Provisional,
    /// It is a later one.
    Later,
}

/// By what a report was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basis {
    /// The place that counts for the beginning.
    pub opening: JournalHead,
    /// The place that counts for the end, where it is not beyond the closing one.
    pub settled: JournalHead,
    /// The place up to which everything is told.
    pub closing: JournalHead,
    /// Polls that ended before this count, and what was known then.
    pub until: Timestamp,
    /// How the closing place stands to the one that counts.
    pub standing: Standing,
    /// When the ledger was made.
    pub ledger_began: Timestamp,
    /// Every profile that was polled by then.
    pub profiles: Vec<ProfileRead>,
    /// Rows that could never be read by then: they are in no count.
    pub unreadable: u64,
    /// The breaks that were open in the period, history left out.
    pub breaks: Vec<PeriodBreak>,
    /// Orchestrations of which the journal does not tell as it should: they are in no count.
    pub lost: u64,
}

/// An orchestration at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// What a report needs of it; the rest may be missing.
    pub orchestration: Orchestration,
    /// See [`Tracked::status_since`](crate::model::Tracked).
    pub status_since: Timestamp,
    /// Whether Paxos knew it.
    pub presence: Presence,
}

/// Whether Paxos knew an orchestration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It did.
    There,
    /// No list showed it any more.
    Missing,
}

/// When an orchestration was seen for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Before the opening place.
    Known,
    /// After it, in the first listing of its profile: nothing could be known before.
    FirstListing,
    /// After it, at this time; which is told of those alone that a former period, or a report made later, has to
    /// account for.
    Later(Option<Timestamp>),
}

/// One orchestration at the places of a report.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The profile that listed it first.
    pub listed_by: &'a Identifier,
    /// At the opening place; `None` where it was not known, or merged into another one.
    pub opening: Option<&'a State>,
    /// At the settled place.
    pub settled: Option<&'a State>,
    /// At the closing place.
    pub closing: Option<&'a State>,
    /// When it was seen first.
    pub arrival: Arrival,
    /// Its states behind the opening place, up to the closing one, by when each was observed; empty for one that has
    /// not changed since it was seen. `None` where it was merged into another one.
    pub steps: &'a [(Timestamp, Option<State>)],
}

/// Tells every orchestration that has a part in the period, or of which the journal told something since.
pub(super) fn tell(
    connection: &Connection,
    wanted: &StatesWanted,
    mut then: impl FnMut(Subject<'_>),
) -> Result<Basis, Problem> {
    breaks::require_replayable(connection)?;
    let places = Places::find(connection, wanted)?;
    let beside = beside::read(connection, wanted, &places)?;
    let teller =
        Teller { connection, places: &places, profiles: beside.ids, first_listed: beside.first_listed };
    let restless = teller.restless()?;
    teller.tell_steady(wanted, &restless, &mut then)?;
    let lost = teller.tell_restless(&restless, &mut then)?;
    let Places { opening, settled, closing, until, standing } = places;
    Ok(Basis {
        opening,
        settled,
        closing,
        until,
        standing,
        ledger_began: beside.ledger_began,
        profiles: beside.profiles,
        unreadable: beside.unreadable,
        breaks: beside.breaks,
        lost,
    })
}

/// What is known while rows are read.
struct Teller<'a> {
    connection: &'a Connection,
    places: &'a Places,
    /// Profiles by key.
    profiles: HashMap<i64, Identifier>,
    /// Up to which place each profile was listed for the first time.
    first_listed: HashMap<i64, i64>,
}

/// The columns of a report, in the order of [`read_light`].
macro_rules! light_columns {
    () => {
        "key, listed_by, id, profile_id, source_asset, destination_asset, source_amount, destination_amount, status, \
         fail_reason, source_rail, source_network, destination_rail, destination_network, created_at, completed_at, \
         status_since"
    };
}

/// Rows that may have a part in the period from ?1 to ?2 and were known at ?4. Those that ended before it count where
/// they were seen after the place ?3 alone.
const STEADY: &str = concat!(
    "SELECT ",
    light_columns!(),
    " FROM orchestration WHERE created_at < ?2 AND key <= ?4 AND (created_at >= ?1 OR key > ?3
      OR status NOT IN (3, 4, 5) OR status_since >= ?1 OR completed_at >= ?1)"
);

impl Teller<'_> {
    /// The keys of rows of which the journal tells something after the place at which they count.
    fn restless(&self) -> Result<HashSet<i64>, Problem> {
        // Whatever was unknown at the opening place is needed as it was at the others alone.
        let last = self.places.settled.seq.min(self.places.closing.seq);
        let mut statement = self.connection.prepare(
            "SELECT orchestration FROM journal_entry WHERE seq > ?1 AND kind IN (2, 3, 6, 10, 11)
             AND orchestration IS NOT NULL AND (seq > ?2 OR orchestration <= ?1)",
        )?;
        let keys = statement.query_map([self.places.opening.seq, last], |row| row.get(0))?;
        Ok(keys.collect::<Result<_, _>>()?)
    }

    fn tell_steady(
        &self,
        wanted: &StatesWanted,
        restless: &HashSet<i64>,
        then: &mut impl FnMut(Subject<'_>),
    ) -> Result<(), Problem> {
        let missing = missing::keys(self.connection)?;
        let mut statement = self.connection.prepare(STEADY)?;
        let (opening, closing) = (self.places.opening.seq, self.places.closing.seq);
        let mut found = statement.query(params![wanted.from, wanted.to, opening, closing])?;
        while let Some(row) = found.next()? {
            let key: i64 = row.get(0)?;
            if restless.contains(&key) {
                continue;
            }
            let listed_by: i64 = row.get(1)?;
            let presence = if missing.contains(&key) { Presence::Missing } else { Presence::There };
            let state = State { orchestration: read_light(row)?, status_since: row.get(16)?, presence };
            let known_at = |place: &JournalHead| (key <= place.seq).then_some(&state);
            let is_wanted = state.orchestration.created_at < wanted.from || key > self.places.settled.seq;
            then(Subject {
                listed_by: self.profile(listed_by)?,
                opening: known_at(&self.places.opening),
                settled: known_at(&self.places.settled),
                closing: Some(&state),
                arrival: self.arrival(key, listed_by, is_wanted)?,
                steps: &[],
            });
        }
        Ok(())
    }

    fn profile(&self, key: i64) -> Result<&Identifier, Problem> {
        self.profiles
            .get(&key)
            .ok_or_else(|| Problem::Inconsistent(format!("there is no profile with key {key}")))
    }

    fn arrival(&self, key: i64, listed_by: i64, is_wanted: bool) -> Result<Arrival, Problem> {
        if key <= self.places.opening.seq {
            return Ok(Arrival::Known);
        }
        if self.first_listed.get(&listed_by).is_some_and(|last| key <= *last) {
            return Ok(Arrival::FirstListing);
        }
        let at = if is_wanted { Some(self.observed(key)?) } else { None };
        Ok(Arrival::Later(at))
    }

    /// When an entry was observed.
    fn observed(&self, seq: i64) -> Result<Timestamp, Problem> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT b.at FROM journal_entry AS e JOIN journal_batch AS b ON b.number = e.batch WHERE e.seq = ?1",
            )?
            .query_row([seq], |row| row.get(0))?)
    }

    /// Tells those that are taken back; the answer is of how many the journal does not tell as it should.
    fn tell_restless(
        &self,
        restless: &HashSet<i64>,
        then: &mut impl FnMut(Subject<'_>),
    ) -> Result<u64, Problem> {
        let mut lost = 0;
        let mut keys: Vec<_> =
            restless.iter().copied().filter(|key| *key <= self.places.closing.seq).collect();
        keys.sort_unstable();
        for key in keys {
            let Some(story) = story::of(self.connection, key)? else {
                lost += 1;
                continue;
            };
            let Places { opening, settled, closing, .. } = self.places;
            let steps: Vec<_> = story
                .steps
                .iter()
                .filter(|step| opening.seq < step.seq && step.seq <= closing.seq)
                .map(|step| (step.at, step.state.clone()))
                .collect();
            then(Subject {
                listed_by: self.profile(story.listed_by)?,
                opening: story.at(opening.seq),
                settled: story.at(settled.seq.min(closing.seq)),
                closing: story.at(closing.seq),
                arrival: self.arrival(key, story.listed_by, true)?,
                steps: &steps,
            });
        }
        Ok(lost)
    }
}

/// Reads what a report needs of a row.
fn read_light(row: &Row<'_>) -> rusqlite::Result<Orchestration> {
    let status: Status = row.get(8)?;
    Ok(Orchestration {
        id: row.get(2)?,
        profile_id: row.get(3)?,
        identity_id: None,
        account_id: None,
        customer_id: None,
        ref_id: None,
        source_asset: row.get(4)?,
        destination_asset: row.get(5)?,
        source_amount: row.get(6)?,
        destination_amount: row.get(7)?,
        source_transfer: Leg::default(),
        destination_transfer: Leg::default(),
        fail_reason: if status == Status::Failed { row.get(9)? } else { None },
        status,
        source: light_endpoint(row, 10)?,
        destination: light_endpoint(row, 12)?,
        orchestration_rule_id: None,
        created_at: row.get(14)?,
        updated_at: None,
        completed_at: row.get(15)?,
        metadata: None,
        remainder: None,
    })
}

/// An end with nothing but its rail and its network.
fn light_endpoint(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Endpoint>> {
    Ok(match row.get::<_, Option<i64>>(first)? {
        Some(1) => Some(Endpoint::Profile { profile_id: Identifier::Text("".into()) }),
        Some(2) => Some(Endpoint::Crypto { address: None, network: row.get(first + 1)?, address_id: None }),
        Some(3) => Some(Endpoint::Fiat { account_id: None, memo: None }),
        _ => None,
    })
}
