//! Answers about single orchestrations, written as they come.
//!
//! Owns when an older answer is believed after all, and what becomes of a row that Paxos no longer knows.
//! Whom to ask about is for `sync`.

use rusqlite::{Connection, OptionalExtension, params};

use crate::model::{Received, Timestamp, Trust, Verdict};

use super::digest::digest;
use super::listing::Progress;
use super::page::{Desk, PageCommit, PageCommitted};
use super::rows;
use super::rules::Rules;
use super::{Moment, OrchestrationKey, PollNumber, Problem, ProfileKey};

/// Whether a list has shown the row before Get Orchestration was asked about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// It has, in an older state than the ledger's, and the row was counted for that.
    ListedStale,
    /// No list has answered about it.
    NotListed,
}

/// Orchestrations that Paxos no longer knows.
#[derive(Debug)]
pub struct Lost {
    /// The poll that asked.
    pub poll: PollNumber,
    /// The profile under which they were asked for.
    pub profile: ProfileKey,
    /// When the answer came, by the server's clock.
    pub seen_at: Timestamp,
    /// Which.
    pub orchestrations: Vec<OrchestrationKey>,
}

/// Writes what Get Orchestration answered about a row. An older answer than the ledger's that is the same
/// in [`CONFIRMING_POLLS`] rounds running is taken. A look-up is no page.
pub(super) fn commit(
    connection: &Connection,
    rules: &Rules,
    page: &PageCommit,
    before: Before,
) -> Result<PageCommitted, Problem> {
    let mut desk = Desk::new(connection, rules, page)?;
    for row in &page.rows {
        let trust = weigh_sighting(&mut desk, row)?;
        desk.take(row, trust)?;
    }
    for row in &page.unreadable {
        desk.take_unreadable(row)?;
    }
    desk.committed.counts.looked_up = (page.rows.len() + page.unreadable.len()) as u64;
    if before == Before::ListedStale {
        desk.committed.counts.stale = 0;
    }
    desk.finish()
}

/// Writes that Paxos no longer knows these orchestrations.
pub(super) fn commit_lost(
    connection: &Connection,
    rules: &Rules,
    lost: &Lost,
) -> Result<PageCommitted, Problem> {
    let page = PageCommit {
        poll: lost.poll,
        profile: lost.profile,
        seen_at: lost.seen_at,
        asked_at: Moment(i64::MAX),
        rows: Vec::new(),
        unreadable: Vec::new(),
        without_id: 0,
        begins_at: lost.seen_at,
        progress: Progress::None,
    };
    let mut desk = Desk::new(connection, rules, &page)?;
    for key in &lost.orchestrations {
        // One that was merged into another row meanwhile is not lost.
        if let Some(stored) = rows::find_by_key(connection, key.0)? {
            desk.lose(stored)?;
        }
    }
    desk.committed.counts.looked_up = lost.orchestrations.len() as u64;
    desk.finish()
}

/// In how many rounds over the profile running an older answer must be the same before it is believed.
const CONFIRMING_POLLS: i64 = 3;

fn weigh_sighting(desk: &mut Desk<'_>, row: &Received) -> Result<Trust, Problem> {
    let row = &row.orchestration;
    let Some(stored) = desk.rows.find(row)? else { return Ok(Trust::Listed) };
    let Desk { connection, rules, page, .. } = desk;
    let verdict = (rules.compare)(Some(&stored.tracked), row, page.seen_at, Trust::Listed);
    let mut forget = connection.prepare_cached("DELETE FROM stale_sighting WHERE orchestration = ?1")?;
    if verdict != Verdict::Stale {
        forget.execute([stored.key])?;
        return Ok(Trust::Listed);
    }
    let now = digest(row);
    // Polls of one profile are numbered with gaps, those of other profiles: "running" is told by the
    // former round over this profile. Being asked twice in one round confirms nothing.
    let before: Option<i64> = connection
        .prepare_cached(
            "SELECT s.sightings - (seen.round = now.round) FROM stale_sighting AS s
             JOIN poll AS seen ON seen.number = s.last_poll JOIN poll AS now ON now.number = ?3
             WHERE s.orchestration = ?1 AND s.profile = ?4 AND s.digest = ?2 AND s.sweeping = (now.lane = 'sweep')
             AND (seen.round = now.round OR seen.round = (SELECT round FROM poll WHERE profile = ?4
             AND number < now.round AND (lane = 'sweep') = (now.lane = 'sweep')
             ORDER BY number DESC LIMIT 1))",
        )?
        .query_row(params![stored.key, now, page.poll.0, page.profile.0], |row| row.get(0))
        .optional()?;
    let sightings = before.unwrap_or(0) + 1;
    if sightings >= CONFIRMING_POLLS {
        forget.execute([stored.key])?;
        return Ok(Trust::Confirmed);
    }
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO stale_sighting (orchestration, profile, digest, sightings, last_poll, sweeping)
             SELECT ?1, ?2, ?3, ?4, number, lane = 'sweep' FROM poll WHERE number = ?5",
        )?
        .execute(params![stored.key, page.profile.0, now, sightings, page.poll.0])?;
    Ok(Trust::Listed)
}
