//! How the profiles fare, and the steps that follow from it.

use rusqlite::{Connection, OptionalExtension, params};

use crate::ledger::rules::Rules;
use crate::ledger::{Problem, journal};
use crate::model::{
    Cause, FailureKind, Identifier, ManyGone, PollFacts, PollResult, Profile, ProfileFacts, ProfileSelection,
    Shortfall, Timestamp, Trouble,
};

use super::{Scene, standing, take};

/// What keeps a poll from being complete, as breaks count causes; `None` for a complete one.
pub(in crate::ledger) fn cause_of(result: &PollResult) -> Option<Cause> {
    if *result == PollResult::Complete {
        return None;
    }
    let of_failure = |kind| match kind {
        FailureKind::Unreachable | FailureKind::Protocol => Cause::Outage,
        FailureKind::Throttled => Cause::Throttled,
        FailureKind::Credentials => Cause::Credentials,
        FailureKind::Profile => Cause::Forbidden,
        FailureKind::Ledger | FailureKind::WrongLedger => Cause::Ledger,
        FailureKind::Stopped => Cause::Incomplete,
    };
    Some(result.failures().next().map_or(Cause::Incomplete, |failure| of_failure(failure.kind)))
}

/// How many rows a poll found gone at once, of how many, where that puts the account in doubt.
pub(in crate::ledger) fn many_gone(result: &PollResult) -> Option<ManyGone> {
    let PollResult::Partial(shortfalls) = result else { return None };
    shortfalls.iter().find_map(|shortfall| match shortfall {
        Shortfall::ManyMissing { missing, of } => Some(ManyGone { missing: *missing, of: *of }),
        _ => None,
    })
}

/// Judges how the polled profiles fare and which acknowledgements are over, in the caller's transaction.
pub(in crate::ledger) fn judge(
    connection: &Connection,
    rules: &Rules,
    polled: &ProfileSelection,
    now: Timestamp,
) -> Result<(), Problem> {
    let mut profiles = Vec::new();
    let mut removed = Vec::new();
    for (key, profile) in all(connection)? {
        if is_polled(polled, &profile.id) {
            profiles.push(facts(connection, key, profile, now)?);
        } else {
            removed.extend(standing::of_removed(connection, key)?);
        }
    }
    let standing_breaks = standing::of_profiles(connection)?;
    let mute_ended = standing::mute_ended(connection, now)?;
    let facts = PollFacts {
        now,
        profiles: &profiles,
        standing: &standing_breaks,
        removed: &removed,
        mute_ended: &mute_ended,
    };
    let steps = (rules.judge_polls)(&facts);
    if steps.is_empty() {
        return Ok(());
    }
    let mut entries = Vec::new();
    let scene = Scene { connection, route: &rules.route, at: now, profile: None };
    take(&scene, steps, |_| None, &mut entries)?;
    journal::append(connection, &entries, now, 0)
}

/// Every profile that was ever asked for.
fn all(connection: &Connection) -> Result<Vec<(i64, Profile)>, Problem> {
    Ok(connection
        .prepare_cached("SELECT key, id, name FROM profile ORDER BY key")?
        .query_map([], |row| Ok((row.get(0)?, Profile { id: row.get(1)?, name: row.get(2)? })))?
        .collect::<Result<_, _>>()?)
}

fn is_polled(polled: &ProfileSelection, id: &Identifier) -> bool {
    match polled {
        ProfileSelection::All => true,
        ProfileSelection::Listed(profiles) => profiles.iter().any(|profile| profile.id == *id),
    }
}

/// How one profile fares.
fn facts(
    connection: &Connection,
    key: i64,
    profile: Profile,
    now: Timestamp,
) -> Result<ProfileFacts, Problem> {
    // A round may be two polls: only its last one makes it complete.
    let complete: Option<Timestamp> = connection
        .prepare_cached(
            "SELECT began_at FROM poll AS p WHERE profile = ?1 AND lane <> 'sweep' AND result = 'complete'
             AND NOT EXISTS (SELECT 1 FROM poll AS later WHERE later.profile = p.profile AND later.number > p.number
                 AND later.round = p.round)
             ORDER BY number DESC LIMIT 1",
        )?
        .query_row([key], |row| row.get(0))
        .optional()?;
    let first: Option<Timestamp> = connection
        .prepare_cached(
            "SELECT began_at FROM poll WHERE profile = ?1 AND lane <> 'sweep' ORDER BY number LIMIT 1",
        )?
        .query_row([key], |row| row.get(0))
        .optional()?;
    let trouble = connection
        .prepare_cached(
            "SELECT cause, reason FROM poll WHERE profile = ?1 AND lane <> 'sweep' AND ended_at IS NOT NULL
             ORDER BY number DESC LIMIT 1",
        )?
        .query_row([key], |row| Ok((row.get::<_, Option<String>>(0)?, row.get::<_, Option<String>>(1)?)))
        .optional()?;
    let trouble = trouble.and_then(|(cause, reason)| {
        let cause = Cause::from_name(&cause?)?;
        Some(Trouble { cause, reason: reason.unwrap_or_default() })
    });
    Ok(ProfileFacts {
        profile,
        // A clock that was set back makes nothing late.
        polled_at: complete.or(first).unwrap_or(now).min(now),
        trouble,
        many_gone: last_gone(connection, key, "<>")?.or(last_gone(connection, key, "=")?),
    })
}

/// What the last poll or sweep that ended found gone at once.
fn last_gone(connection: &Connection, profile: i64, sweep: &str) -> Result<Option<ManyGone>, Problem> {
    let query = format!(
        "SELECT gone, gone_of FROM poll WHERE profile = ?1 AND lane {sweep} 'sweep' AND ended_at IS NOT NULL
         ORDER BY number DESC LIMIT 1"
    );
    let found = connection
        .prepare_cached(&query)?
        .query_row(params![profile], |row| Ok((row.get::<_, Option<u64>>(0)?, row.get::<_, Option<u64>>(1)?)))
        .optional()?;
    Ok(found.and_then(|(missing, of)| Some(ManyGone { missing: missing?, of: of? })))
}
