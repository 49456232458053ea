//! What a report says beside orchestrations: how completely profiles were read by then, rows that could not be read,
//! and breaks.
//!
//! All of it by the time up to which polls count: what the ledger knows today only is left out.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension, params};

use crate::ledger::Problem;
use crate::ledger::indexes::Lookup;
use crate::model::{Identifier, PeriodBreak, PollTally, Profile, ProfileRead, SweptSpan, Timestamp};

use super::StatesWanted;
use super::places::Places;

/// What was read beside.
pub(super) struct Beside {
    pub(super) ids: HashMap<i64, Identifier>,
    pub(super) first_listed: HashMap<i64, i64>,
    pub(super) profiles: Vec<ProfileRead>,
    pub(super) unreadable: u64,
    pub(super) breaks: Vec<PeriodBreak>,
    pub(super) ledger_began: Timestamp,
}

/// Reads all of it.
pub(super) fn read(
    connection: &Connection,
    wanted: &StatesWanted,
    places: &Places,
) -> Result<Beside, Problem> {
    let mut beside = Beside {
        ids: HashMap::new(),
        first_listed: first_listed(connection)?,
        profiles: Vec::new(),
        unreadable: unreadable(connection, places.closing.seq)?,
        breaks: breaks(connection, wanted, places)?,
        ledger_began: connection.query_row("SELECT created_at FROM ledger", [], |row| row.get(0))?,
    };
    let mut statement =
        connection.prepare("SELECT key, id, name, first_poll_at, covered_from FROM profile ORDER BY key")?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let key: i64 = row.get(0)?;
        let profile = Profile { id: row.get(1)?, name: row.get(2)? };
        beside.ids.insert(key, profile.id.clone());
        let first_poll_at: Option<Timestamp> = row.get(3)?;
        if let Some(first_poll_at) = first_poll_at.filter(|at| *at < places.until) {
            beside.profiles.push(ProfileRead {
                profile,
                first_poll_at,
                ..profile_read(connection, key, row.get(4)?, wanted, places.until)?
            });
        }
    }
    beside.profiles.sort_by(|one, two| {
        let key = |read: &ProfileRead| {
            (read.profile.name.is_none(), read.profile.name.clone(), read.profile.id.clone())
        };
        key(one).cmp(&key(two))
    });
    Ok(beside)
}

/// The place up to which each profile was listed for the first time, as far as the journal tells; behind everything
/// for one of which that is not over.
fn first_listed(connection: &Connection) -> Result<HashMap<i64, i64>, Problem> {
    Ok(connection
        .prepare(
            "SELECT p.profile, max(b.last_seq) FROM journal_batch AS b JOIN poll AS p ON p.number = b.poll
             JOIN profile AS f ON f.key = p.profile
             WHERE b.poll <= (SELECT max(first_listing) FROM profile) AND p.number <= f.first_listing
             AND p.lane <> 'sweep' GROUP BY p.profile
             UNION ALL SELECT key, ?1 FROM profile WHERE first_listing IS NULL",
        )?
        .query_map([i64::MAX], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?)
}

fn profile_read(
    connection: &Connection,
    key: i64,
    covered_from: Option<Timestamp>,
    wanted: &StatesWanted,
    until: Timestamp,
) -> Result<ProfileRead, Problem> {
    let (covered_to, verified_at): (Option<Timestamp>, Option<Timestamp>) = connection
        .prepare_cached(
            "SELECT max(ceiling), max(began_at) FROM poll
             WHERE profile = ?1 AND lane <> 'sweep' AND result = 'complete' AND ended_at < ?2",
        )?
        .query_row(params![key, until], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let swept = connection
        .prepare_cached(
            "SELECT began_at, begins_at, ceiling FROM poll
             WHERE profile = ?1 AND lane = 'sweep' AND result = 'complete' AND ended_at < ?2
             AND begins_at <= ?3 AND ceiling >= ?4 ORDER BY began_at DESC LIMIT 1",
        )?
        .query_row(params![key, until, wanted.from, wanted.to], |row| {
            Ok(SweptSpan { began_at: row.get(0)?, from: row.get(1)?, to: row.get(2)? })
        })
        .optional()?;
    let polls = connection
        .prepare_cached(
            "SELECT coalesce(sum(result = 'complete'), 0), count(*) FROM poll
             WHERE profile = ?1 AND lane <> 'sweep' AND ended_at IS NOT NULL AND ended_at < ?2 AND began_at >= ?3",
        )?
        .query_row(params![key, until, wanted.from], |row| Ok(PollTally { complete: row.get(0)?, all: row.get(1)? }))?;
    Ok(ProfileRead {
        profile: Profile { id: Identifier::new(""), name: None },
        first_poll_at: until,
        // The beginning moves with pruning alone, and never into a period that can be told.
        covered_from: covered_to.and(covered_from),
        covered_to,
        verified_at,
        swept,
        polls,
    })
}

/// How many ids were only ever seen as rows that could not be read, by a place. Of those from before a pruning tells
/// what that carried, wherever the journal has it, or that one could be read later.
fn unreadable(connection: &Connection, closing: i64) -> Result<u64, Problem> {
    let mut statement = connection.prepare(
        "SELECT body ->> 'id' FROM journal_entry WHERE orchestration IS NULL AND kind <> 1
         AND ((kind = 4 AND seq <= ?1) OR (kind = 9 AND typeof(body) = 'text'))
         UNION
         SELECT r.body ->> 'id' FROM journal_entry AS r WHERE r.kind = 5 AND r.seq > ?1
         AND EXISTS (SELECT 1 FROM checkpoint) AND NOT EXISTS (SELECT 1 FROM journal_entry AS u
             WHERE u.orchestration IS NULL AND u.kind <> 1 AND u.kind = 4 AND u.body ->> 'id' = r.body ->> 'id')",
    )?;
    let ids: HashSet<String> = statement.query_map([closing], |row| row.get(0))?.collect::<Result<_, _>>()?;
    if Lookup::of(connection)? == Lookup::ByCreation {
        return Ok(ids.len() as u64);
    }
    let mut known = connection.prepare("SELECT 1 FROM orchestration WHERE id = ?1 AND key <= ?2")?;
    let mut unknown = 0;
    for id in ids {
        unknown += u64::from(!known.exists(params![Identifier::new(&id), closing])?);
    }
    Ok(unknown)
}

/// The breaks that stood in the period, those apart that nobody was told of because they are history. When one opened
/// and resolved is when the journal said so; what it said behind the place does not count, whatever its time: an answer
/// that was under way for long may be told of late.
fn breaks(
    connection: &Connection,
    wanted: &StatesWanted,
    places: &Places,
) -> Result<Vec<PeriodBreak>, Problem> {
    let end = wanted.to.min(places.until);
    Ok(connection
        .prepare(
            "SELECT k.kind, p.id, k.opened_at, CASE WHEN NOT EXISTS
                 (SELECT 1 FROM journal_entry AS e WHERE e.kind >= 12 AND e.kind = 16 AND e.body ->> 'break' = +k.number
                     AND e.seq > ?3) THEN k.resolved_at END AS resolved
             FROM break AS k LEFT JOIN profile AS p ON p.key = k.profile
             WHERE NOT k.history AND k.opened_at < ?2 AND (resolved IS NULL OR resolved >= ?1)
             AND NOT EXISTS (SELECT 1 FROM journal_entry AS e WHERE e.kind >= 12 AND e.kind = 12
                 AND e.body ->> 'break' = +k.number AND e.seq > ?3)
             ORDER BY k.number",
        )?
        .query_map(params![wanted.from, end, places.closing.seq], |row| {
            let resolved_at: Option<Timestamp> = row.get(3)?;
            Ok(PeriodBreak {
                kind: row.get(0)?,
                profile: row.get(1)?,
                opened_at: row.get(2)?,
                resolved_at: resolved_at.filter(|at| *at < end),
            })
        })?
        .collect::<Result<_, _>>()?)
}
