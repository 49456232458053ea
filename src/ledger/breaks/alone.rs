//! Judging an orchestration as the ledger has it, outside of any page: what stood FAILED or REJECTED in a ledger that
//! kept no breaks yet.

use rusqlite::{Connection, params};

use crate::ledger::journal::Entry;
use crate::ledger::rows::Stored;
use crate::ledger::rules::Rules;
use crate::ledger::{PollNumber, Problem, ProfileKey, journal, listing, rows};
use crate::model::{Change, Identifier, LegTimes, Lookalike, Observation, PageFacts, Timestamp};

use super::{Scene, standing, take};

/// How many rows are judged at the end of one poll. It keeps the transaction short; the next poll takes the next ones.
const MOST_AT_ONCE: u64 = 5_000;

/// What is known of a row that is judged alone, beside itself.
pub(super) struct Alone<'a> {
    /// What is taken as having happened.
    pub(super) changes: &'a [Change],
    /// Others under its `ref_id`.
    pub(super) namesakes: &'a [Lookalike],
}

/// Judges one row at a time `at`, by Paxos's clock. What the journal is to hold of it goes to `entries`.
pub(super) fn judge(
    connection: &Connection,
    rules: &Rules,
    at: Timestamp,
    stored: &Stored,
    alone: &Alone<'_>,
    entries: &mut Vec<Entry>,
) -> Result<(), Problem> {
    let row = &stored.tracked.orchestration;
    let status_since = stored.tracked.status_since;
    let standing = standing::of_id(connection, &row.id)?;
    let observation = Observation::Row {
        before: Some(row),
        now: row,
        status_since,
        leg_times: LegTimes { source: status_since, destination: status_since },
        changes: alone.changes,
        standing: &standing,
        namesakes: alone.namesakes,
        lookalikes: &[],
    };
    let (profile, first_poll_began_at) = connection
        .prepare_cached("SELECT id, coalesce(first_poll_at, ?2) FROM profile WHERE key = ?1")?
        .query_row(params![stored.listed_by, at], |row| Ok((row.get::<_, Identifier>(0)?, row.get(1)?)))?;
    let page = PageFacts {
        profile: &profile,
        seen_at: at,
        first_poll_began_at,
        listing: listing::turn_of_row(connection, stored.key)?,
        observations: &[observation],
    };
    let steps = (rules.judge)(&page);
    let scene = Scene { connection, route: &rules.route, at, profile: Some(ProfileKey(stored.listed_by)) };
    take(&scene, steps, |_| Some(stored.key), entries)
}

/// Judges what was never judged of the profile that a poll polled, once, when the poll has ended.
pub(in crate::ledger) fn judge_unjudged(
    connection: &Connection,
    rules: &Rules,
    poll: PollNumber,
    at: Timestamp,
) -> Result<(), Problem> {
    // What cannot be read now is judged when it can be: what stands about it is not to resolve by this.
    let keys: Vec<i64> = connection
        .prepare_cached(
            "SELECT u.orchestration FROM unjudged AS u JOIN orchestration AS o ON o.key = u.orchestration
             WHERE o.listed_by = (SELECT profile FROM poll WHERE number = ?1)
             AND o.id NOT IN (SELECT id FROM unreadable) ORDER BY u.orchestration LIMIT ?2",
        )?
        .query_map(params![poll.0, MOST_AT_ONCE], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut entries = Vec::new();
    for key in keys {
        let Some(stored) = rows::find_by_key(connection, key)? else { continue };
        let alone = Alone { changes: &[Change::Appeared], namesakes: &[] };
        judge(connection, rules, at, &stored, &alone, &mut entries)?;
        connection.prepare_cached("DELETE FROM unjudged WHERE orchestration = ?1")?.execute([key])?;
    }
    journal::append(connection, &entries, at, poll.0)
}
