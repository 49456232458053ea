//! Profiles and the polls of them.

use rusqlite::{Connection, params};

use crate::model::{Lane, PollResult, Profile, Timestamp};

use super::listing::{self, ProfileState};
use super::{PollNumber, Problem, ProfileKey};

/// Finds or adds a profile, and says what is known of it. `now` (server time) becomes the beginning of
/// the first poll of a new one.
pub(super) fn open_profile(
    connection: &Connection,
    profile: &Profile,
    now: Timestamp,
) -> Result<ProfileState, Problem> {
    let key = ProfileKey(connection.query_row(
        "INSERT INTO profile (id, name, first_poll_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (id) DO UPDATE SET name = coalesce(excluded.name, name) RETURNING key",
        params![profile.id, profile.name, now],
        |row| row.get(0),
    )?);
    Ok(ProfileState {
        key,
        coverage: listing::coverage(connection, key)?,
        listing: listing::find(connection, key)?,
    })
}

/// Notes that a poll began.
pub(super) fn begin(
    connection: &Connection,
    profile: ProfileKey,
    lane: Lane,
    began_at: Timestamp,
    ceiling: Option<Timestamp>,
) -> Result<PollNumber, Problem> {
    let number = connection
        .prepare_cached("INSERT INTO poll (profile, lane, began_at, ceiling) VALUES (?1, ?2, ?3, ?4)")?
        .insert(params![profile.0, lane.as_str(), began_at, ceiling])?;
    Ok(PollNumber(number))
}

/// Notes how a poll ended.
pub(super) fn end(
    connection: &Connection,
    poll: PollNumber,
    ended_at: Timestamp,
    result: &PollResult,
) -> Result<(), Problem> {
    connection
        .prepare_cached("UPDATE poll SET ended_at = ?2, result = ?3, reason = ?4 WHERE number = ?1")?
        .execute(params![poll.0, ended_at, result.as_str(), result.reason()])?;
    Ok(())
}

/// Marks the polls that a killed process left running.
pub(super) fn mark_interrupted(connection: &Connection) -> Result<usize, Problem> {
    Ok(connection.execute("UPDATE poll SET result = 'interrupted' WHERE result = 'running'", [])?)
}
