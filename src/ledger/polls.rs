//! Profiles and the polls of them.

use rusqlite::{Connection, OptionalExtension, params};

use crate::model::{Cause, Lane, PollResult, Profile, Timestamp};

use super::listing::{self, ProfileState};
use super::{PollNumber, Problem, ProfileKey, breaks, checkpoint};

/// Finds or adds a profile, and says what is known of it. Rows that were created after `now` (server time)
/// are left out of what is its newest.
pub(super) fn open_profile(
    connection: &Connection,
    profile: &Profile,
    now: Timestamp,
) -> Result<ProfileState, Problem> {
    let key = ProfileKey(connection.query_row(
        "INSERT INTO profile (id, name) VALUES (?1, ?2)
         ON CONFLICT (id) DO UPDATE SET name = coalesce(excluded.name, name) RETURNING key",
        params![profile.id, profile.name],
        |row| row.get(0),
    )?);
    Ok(ProfileState {
        key,
        coverage: listing::coverage(connection, key)?,
        listing: listing::find(connection, key)?,
        newest: connection
            .query_row(
                "SELECT created_at FROM orchestration WHERE listed_by = ?1 AND created_at <= ?2
                 ORDER BY created_at DESC LIMIT 1",
                params![key.0, now],
                |row| row.get(0),
            )
            .optional()?,
        floor: checkpoint::find(connection)?.map(|checkpoint| checkpoint.floor),
    })
}

/// Every profile that was ever listed under; one that was refused before, such as a mistyped one, is not.
pub(super) fn profiles(connection: &Connection) -> Result<Vec<Profile>, Problem> {
    Ok(connection
        .prepare("SELECT id, name FROM profile WHERE first_poll_at IS NOT NULL ORDER BY key")?
        .query_map([], |row| Ok(Profile { id: row.get(0)?, name: row.get(1)? }))?
        .collect::<Result<_, _>>()?)
}

/// Notes that a poll began, in the round of `former` or as the first one of a round. The first one that
/// has a ceiling is the profile's first poll: what was final before it is history.
pub(super) fn begin(
    connection: &Connection,
    profile: ProfileKey,
    former: Option<PollNumber>,
    lane: Lane,
    began_at: Timestamp,
    ceiling: Option<Timestamp>,
) -> Result<PollNumber, Problem> {
    if ceiling.is_some() {
        connection
            .prepare_cached("UPDATE profile SET first_poll_at = coalesce(first_poll_at, ?2) WHERE key = ?1")?
            .execute(params![profile.0, began_at])?;
    }
    // One whose end could not be written, for want of disk, runs no more: there is one of each kind at a time.
    connection
        .prepare_cached(
            "UPDATE poll SET result = 'interrupted'
             WHERE result = 'running' AND +profile = ?1 AND (lane = ?3) = (?2 = ?3)",
        )?
        .execute(params![profile.0, lane.as_str(), Lane::Sweep.as_str()])?;
    let number = connection
        .prepare_cached(
            "INSERT INTO poll (number, round, profile, lane, began_at, ceiling)
             SELECT next, coalesce((SELECT round FROM poll WHERE number = ?5), next), ?1, ?2, ?3, ?4
             FROM (SELECT coalesce(max(number), 0) + 1 AS next FROM poll)",
        )?
        .insert(params![profile.0, lane.as_str(), began_at, ceiling, former.map(|former| former.0)])?;
    Ok(PollNumber(number))
}

/// Notes that a poll began that sweeps a window.
pub(super) fn begin_sweep(
    connection: &Connection,
    profile: ProfileKey,
    began_at: Timestamp,
    begins_at: Timestamp,
    ceiling: Timestamp,
) -> Result<PollNumber, Problem> {
    let poll = begin(connection, profile, None, Lane::Sweep, began_at, Some(ceiling))?;
    connection
        .prepare_cached("UPDATE poll SET begins_at = ?2 WHERE number = ?1")?
        .execute(params![poll.0, begins_at])?;
    Ok(poll)
}

/// Notes how a poll ended.
pub(super) fn end(
    connection: &Connection,
    poll: PollNumber,
    ended_at: Timestamp,
    result: &PollResult,
) -> Result<(), Problem> {
    let gone = breaks::polls::many_gone(result);
    connection
        .prepare_cached(
            "UPDATE poll SET ended_at = ?2, result = ?3, reason = ?4, cause = ?5, gone = ?6, gone_of = ?7
             WHERE number = ?1",
        )?
        .execute(params![
            poll.0,
            ended_at,
            result.as_str(),
            result.reason(),
            breaks::polls::cause_of(result).map(Cause::as_str),
            gone.map(|gone| gone.missing),
            gone.map(|gone| gone.of),
        ])?;
    Ok(())
}

/// Marks the polls that a killed process left running.
pub(super) fn mark_interrupted(connection: &Connection) -> Result<usize, Problem> {
    Ok(connection.execute("UPDATE poll SET result = 'interrupted' WHERE result = 'running'", [])?)
}
