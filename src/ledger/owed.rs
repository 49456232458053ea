//! Sweeps that are owed: profiles of which everything must be listed again before their rows can be
//! relied on.
//!
//! Doing them is for `sync`; here they are remembered until it says that one was complete.

use rusqlite::{Connection, params};

use crate::model::{Profile, Timestamp};

use super::{Problem, ProfileKey};

/// A sweep that is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwedSweep {
    /// The profile's key.
    pub key: ProfileKey,
    /// The profile.
    pub profile: Profile,
    /// Why, for people.
    pub reason: String,
    /// Since when, by the local clock.
    pub since: Timestamp,
}

/// Owes a sweep of every profile that was ever listed under. One that was never is listed from its
/// beginning anyway.
pub(super) fn owe(connection: &Connection, reason: &str, since: Timestamp) -> Result<(), Problem> {
    connection.execute(
        "INSERT OR REPLACE INTO owed_sweep (profile, reason, since)
         SELECT key, ?1, ?2 FROM profile WHERE first_poll_at IS NOT NULL",
        params![reason, since],
    )?;
    Ok(())
}

/// Every sweep that is owed.
pub(super) fn all(connection: &Connection) -> Result<Vec<OwedSweep>, Problem> {
    Ok(connection
        .prepare(
            "SELECT p.key, p.id, p.name, o.reason, o.since FROM owed_sweep AS o
             JOIN profile AS p ON p.key = o.profile ORDER BY p.name IS NULL, p.name, p.id",
        )?
        .query_map([], |row| {
            Ok(OwedSweep {
                key: ProfileKey(row.get(0)?),
                profile: Profile { id: row.get(1)?, name: row.get(2)? },
                reason: row.get(3)?,
                since: row.get(4)?,
            })
        })?
        .collect::<Result<_, _>>()?)
}

/// Takes the profile from those that owe one.
pub(super) fn settle(connection: &Connection, profile: ProfileKey) -> Result<(), Problem> {
    connection.execute("DELETE FROM owed_sweep WHERE profile = ?1", [profile.0])?;
    Ok(())
}
