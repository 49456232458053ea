//! Discoveries under way: their windows, slices and positions, and the coverage they end in.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::model::{Counts, Coverage, Identifier, Lane, ListingTurn, Timestamp};

use super::page::PageCommitted;
use super::{PollNumber, Problem, ProfileKey};

/// A discovery under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Whether it runs as a discovery or as a backfill.
    pub lane: Lane,
    /// When it began, by the server's clock.
    pub began_at: Timestamp,
    /// The beginning of its window.
    pub begins_at: Timestamp,
    /// The end of its window, frozen when it began.
    pub ceiling: Timestamp,
    /// Stale rows that its pages held so far.
    pub stale: u64,
    /// Rows without an id that its pages held so far.
    pub without_id: u64,
    /// The slices of its window that are not finished.
    pub slices: Vec<Slice>,
}

/// A part of a listing's window, listed with pages of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Its key.
    pub key: SliceKey,
    /// Where it begins.
    pub begins_at: Timestamp,
    /// Where it ends. That instant belongs to the next slice, except at the listing's ceiling.
    pub ends_at: Timestamp,
    /// Everything before this instant is committed.
    pub position: Timestamp,
}

/// Names a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SliceKey(pub(crate) i64);

/// How far a listing is with a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The slice is listed up to this instant, which may have more rows.
    Reached(SliceKey, Timestamp),
    /// The slice is finished.
    Finished(SliceKey),
    /// The page belongs to a refresh: open orchestrations that are looked at again.
    Refresh,
    /// The page belongs to no listing.
    None,
}

/// What the ledger knows of a profile that is about to be polled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileState {
    /// Its key.
    pub key: ProfileKey,
    /// What was completely listed so far.
    pub coverage: Option<Coverage>,
    /// A discovery that was begun and not finished.
    pub listing: Option<Listing>,
    /// The newest `created_at` that was listed under it first.
    pub newest: Option<Timestamp>,
    /// What was created before this instant is not listed again; `None` where nothing was ever pruned.
    pub floor: Option<Timestamp>,
}

impl ProfileState {
    /// Before which instant no sweep may begin: what was pruned would come in as new. Of a profile that had
    /// fallen behind the floor, what was not covered then was not pruned.
    pub fn sweeps_from(&self) -> Timestamp {
        let Some(floor) = self.floor else { return Timestamp::EPOCH };
        self.coverage.map_or(floor, |coverage| coverage.from.min(floor))
    }
}

/// Begins a discovery of a whole window as one slice.
pub(super) fn begin(
    connection: &Connection,
    profile: ProfileKey,
    lane: Lane,
    began_at: Timestamp,
    begins_at: Timestamp,
    ceiling: Timestamp,
) -> Result<Listing, Problem> {
    connection.execute(
        "INSERT INTO listing (profile, lane, began_at, begins_at, ceiling) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![profile.0, lane.as_str(), began_at, begins_at, ceiling],
    )?;
    let key = connection
        .prepare("INSERT INTO slice (profile, begins_at, ends_at, position) VALUES (?1, ?2, ?3, ?2)")?
        .insert(params![profile.0, begins_at, ceiling])?;
    let slice = Slice { key: SliceKey(key), begins_at, ends_at: ceiling, position: begins_at };
    Ok(Listing { lane, began_at, begins_at, ceiling, stale: 0, without_id: 0, slices: vec![slice] })
}

/// Whether a backfill of one of these profiles is under way, or was cut short.
pub(super) fn is_backfilled(connection: &Connection, profiles: &[Identifier]) -> Result<bool, Problem> {
    let mut backfill = connection.prepare(
        "SELECT 1 FROM listing AS l JOIN profile AS p ON p.key = l.profile
         WHERE l.lane = 'backfill' AND p.id = ?1",
    )?;
    for profile in profiles {
        if backfill.exists([profile])? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Which listing of its profile a poll belongs to. The first one takes as many polls as it takes; sweeps beside it are
/// none of it.
pub(super) fn turn_of(connection: &Connection, poll: PollNumber) -> Result<ListingTurn, Problem> {
    let is_first = connection
        .prepare_cached(
            "SELECT 1 FROM poll AS p JOIN profile AS f ON f.key = p.profile
             WHERE p.number = ?1 AND p.lane <> 'sweep' AND p.number <= coalesce(f.first_listing, p.number)",
        )?
        .exists([poll.0])?;
    Ok(if is_first { ListingTurn::First } else { ListingTurn::Later })
}

/// Which listing a row is known from as it is: a later one where it was seen to change since it was added.
pub(super) fn turn_of_row(connection: &Connection, key: i64) -> Result<ListingTurn, Problem> {
    let poll: Option<PollNumber> = connection
        .prepare_cached(
            "SELECT b.poll FROM journal_entry AS e JOIN journal_batch AS b ON b.number = e.batch
             WHERE e.seq = ?1 AND e.kind = 1 AND NOT EXISTS (SELECT 1 FROM journal_entry AS later
                 WHERE later.orchestration = ?1 AND later.kind IN (2, 3) AND later.kind <> 1)",
        )?
        .query_row([key], |row| row.get::<_, i64>(0).map(PollNumber))
        .optional()?;
    poll.map_or(Ok(ListingTurn::Later), |poll| turn_of(connection, poll))
}

/// The profile's discovery under way, if there is one.
pub(super) fn find(connection: &Connection, profile: ProfileKey) -> Result<Option<Listing>, Problem> {
    let listing = connection
        .query_row(
            "SELECT lane, began_at, begins_at, ceiling, stale, without_id FROM listing WHERE profile = ?1",
            [profile.0],
            |row| {
                Ok(Listing {
                    lane: if row.get::<_, String>(0)? == Lane::Backfill.as_str() {
                        Lane::Backfill
                    } else {
                        Lane::Discover
                    },
                    began_at: row.get(1)?,
                    begins_at: row.get(2)?,
                    ceiling: row.get(3)?,
                    stale: row.get(4)?,
                    without_id: row.get(5)?,
                    slices: Vec::new(),
                })
            },
        )
        .optional()?;
    let Some(mut listing) = listing else { return Ok(None) };
    listing.slices = connection
        .prepare(
            "SELECT key, begins_at, ends_at, position FROM slice WHERE profile = ?1 AND NOT done
             ORDER BY begins_at",
        )?
        .query_map([profile.0], read_slice)?
        .collect::<Result<_, _>>()?;
    Ok(Some(listing))
}

fn read_slice(row: &Row<'_>) -> rusqlite::Result<Slice> {
    Ok(Slice {
        key: SliceKey(row.get(0)?),
        begins_at: row.get(1)?,
        ends_at: row.get(2)?,
        position: row.get(3)?,
    })
}

/// Cuts a slice in two at `at`, which begins the new one. What was listed beyond the cut stays listed.
pub(super) fn split(connection: &Connection, slice: SliceKey, at: Timestamp) -> Result<Slice, Problem> {
    let (profile, done, old) = connection.query_row(
        "SELECT key, begins_at, ends_at, position, profile, done FROM slice WHERE key = ?1",
        [slice.0],
        |row| Ok((row.get::<_, i64>(4)?, row.get::<_, bool>(5)?, read_slice(row)?)),
    )?;
    if at <= old.begins_at || at >= old.ends_at {
        return Err(Problem::Inconsistent(format!(
            "the slice from {} to {} was to be cut at {at}",
            old.begins_at, old.ends_at
        )));
    }
    // Whoever asks for a cut did not know yet that the slice was finished, and lists the rest again.
    let position = if done { at } else { old.position.max(at) };
    connection
        .prepare_cached("UPDATE slice SET ends_at = ?2, done = done OR position >= ?2 WHERE key = ?1")?
        .execute(params![slice.0, at])?;
    let key = connection
        .prepare_cached("INSERT INTO slice (profile, begins_at, ends_at, position) VALUES (?1, ?2, ?3, ?4)")?
        .insert(params![profile, at, old.ends_at, position])?;
    Ok(Slice { key: SliceKey(key), begins_at: at, ends_at: old.ends_at, position })
}

/// Takes a slice back to an earlier position.
pub(super) fn rewind(connection: &Connection, slice: SliceKey, to: Timestamp) -> Result<(), Problem> {
    connection
        .prepare_cached("UPDATE slice SET position = min(position, ?2), done = 0 WHERE key = ?1")?
        .execute(params![slice.0, to])?;
    Ok(())
}

/// Notes how far the listing is with a page, and what the page lacked. A slice that was cut while it was
/// listed is finished by a page that reaches its new end; at the ceiling, that instant may have more rows.
pub(super) fn advance(
    connection: &Connection,
    profile: ProfileKey,
    progress: Progress,
    page: &PageCommitted,
) -> Result<(), Problem> {
    match progress {
        Progress::Reached(slice, position) => connection
            .prepare_cached(
                "UPDATE slice SET position = max(position, ?2), done = done OR (max(position, ?2) >= ends_at
                 AND ends_at < (SELECT ceiling FROM listing WHERE listing.profile = slice.profile))
                 WHERE key = ?1",
            )?
            .execute(params![slice.0, position])?,
        Progress::Finished(slice) => connection
            .prepare_cached("UPDATE slice SET position = ends_at, done = 1 WHERE key = ?1")?
            .execute([slice.0])?,
        Progress::Refresh | Progress::None => return Ok(()),
    };
    if let Some(doubt_from) = page.doubt_from {
        connection
            .prepare_cached(
                "UPDATE listing SET stale = stale + ?2, without_id = without_id + ?3,
                 doubt_from = min(coalesce(doubt_from, ?4), ?4) WHERE profile = ?1",
            )?
            .execute(params![profile.0, page.counts.stale, page.counts.without_id, doubt_from])?;
    }
    Ok(())
}

/// Adds to the counts of a poll.
pub(super) fn count(connection: &Connection, poll: PollNumber, counts: &Counts) -> Result<(), Problem> {
    connection
        .prepare_cached(
            "UPDATE poll SET pages = pages + ?2, rows = rows + ?3, appeared = appeared + ?4,
             changed = changed + ?5, unreadable = unreadable + ?6, stale = stale + ?7,
             without_id = without_id + ?8, refreshed = refreshed + ?9, looked_up = looked_up + ?10
             WHERE number = ?1",
        )?
        .execute(params![
            poll.0,
            counts.pages,
            counts.rows,
            counts.appeared,
            counts.changed,
            counts.unreadable,
            counts.stale,
            counts.without_id,
            counts.refreshed,
            counts.looked_up
        ])?;
    Ok(())
}

/// Ends a discovery whose slices are all finished: moves the watermark to `watermark`, or to where doubt
/// begins if that is earlier, and never back.
pub(super) fn complete(
    connection: &Connection,
    profile: ProfileKey,
    watermark: Timestamp,
) -> Result<(), Problem> {
    let open: i64 = connection.query_row(
        "SELECT count(*) FROM slice WHERE profile = ?1 AND NOT done",
        [profile.0],
        |row| row.get(0),
    )?;
    if open > 0 {
        return Err(Problem::Inconsistent(format!(
            "a discovery was called complete with {open} slices open"
        )));
    }
    let moved = connection.execute(
        "UPDATE profile SET
             covered_from = min(coalesce(covered_from, listing.begins_at), listing.begins_at),
             watermark = max(coalesce(watermark, listing.begins_at), min(?2, coalesce(listing.doubt_from, ?2))),
             verified_at = listing.began_at,
             first_listing = coalesce(first_listing,
                 (SELECT max(number) FROM poll WHERE poll.profile = profile.key AND lane <> 'sweep'), 0)
         FROM listing WHERE listing.profile = profile.key AND profile.key = ?1",
        params![profile.0, watermark],
    )?;
    if moved == 0 {
        return Err(Problem::Inconsistent("a discovery was called complete that was never begun".to_owned()));
    }
    connection.execute("DELETE FROM listing WHERE profile = ?1", [profile.0])?;
    Ok(())
}

/// What is covered of a profile.
pub(super) fn coverage(connection: &Connection, profile: ProfileKey) -> Result<Option<Coverage>, Problem> {
    Ok(connection
        .query_row(
            "SELECT covered_from, watermark, verified_at FROM profile
             WHERE key = ?1 AND covered_from IS NOT NULL AND watermark IS NOT NULL AND verified_at IS NOT NULL",
            [profile.0],
            |row| Ok(Coverage { from: row.get(0)?, to: row.get(1)?, verified_at: row.get(2)? }),
        )
        .optional()?)
}
