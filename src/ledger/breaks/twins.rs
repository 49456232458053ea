//! Orchestrations that may be one payment made twice.

use std::time::Duration;

use rusqlite::{Connection, params};

use crate::ledger::rules::Rules;
use crate::ledger::{Problem, journal, rows};
use crate::model::{Field, FieldValue, Lookalike, Orchestration, Timestamp};

use super::alone::{self, Alone};

/// How many others are told of one orchestration.
const MAX_OTHERS: usize = 10;

/// The fields by which two payments to one destination are the same.
const SAME: [Field; 3] = [Field::SourceAsset, Field::DestinationAsset, Field::SourceAmount];

/// Other orchestrations of the same profile with the same `ref_id`, oldest first. Needs the late indexes.
pub(in crate::ledger) fn namesakes(
    connection: &Connection,
    row: &Orchestration,
) -> Result<Vec<Lookalike>, Problem> {
    let Some(ref_id) = &row.ref_id else { return Ok(Vec::new()) };
    Ok(connection
        .prepare_cached(
            "SELECT id, created_at FROM orchestration WHERE ref_id = ?1 AND id <> ?2 AND profile_id IS ?3
             ORDER BY created_at, id LIMIT ?4",
        )?
        .query_map(params![ref_id, row.id, row.profile_id, MAX_OTHERS as u64], |row| {
            Ok(Lookalike { id: row.get(0)?, created_at: row.get(1)? })
        })?
        .collect::<Result<_, _>>()?)
}

/// Judges what is under one `ref_id` in a ledger whose late indexes have just been built: while rows were added,
/// nothing could be found by its `ref_id`. `at` is by Paxos's clock.
pub(in crate::ledger) fn judge_all(
    connection: &Connection,
    rules: &Rules,
    at: Timestamp,
) -> Result<(), Problem> {
    let doubled: Vec<i64> = connection
        .prepare(
            "SELECT o.key FROM (SELECT ref_id FROM orchestration WHERE ref_id IS NOT NULL GROUP BY ref_id
             HAVING count(*) > 1) AS d JOIN orchestration AS o ON o.ref_id = d.ref_id ORDER BY o.created_at, o.id",
        )?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut entries = Vec::new();
    for key in doubled {
        let Some(stored) = rows::find_by_key(connection, key)? else { continue };
        let row = &stored.tracked.orchestration;
        let mut namesakes = namesakes(connection, row)?;
        // The later one tells of both.
        namesakes.retain(|other| (other.created_at, &other.id) < (row.created_at, &row.id));
        if namesakes.is_empty() {
            continue;
        }
        let alone = Alone { changes: &[], namesakes: &namesakes };
        alone::judge(connection, rules, at, &stored, &alone, &mut entries)?;
    }
    journal::append(connection, &entries, at, 0)
}

/// Other orchestrations of the same profile with the same destination, assets and amount, and another
/// `ref_id`, that were created at most `within` before or after, oldest first.
pub(in crate::ledger) fn lookalikes(
    connection: &Connection,
    row: &Orchestration,
    within: Duration,
) -> Result<Vec<Lookalike>, Problem> {
    let keys: Vec<i64> = connection
        .prepare_cached(
            "SELECT key FROM orchestration WHERE created_at BETWEEN ?1 AND ?2 AND id <> ?3 AND profile_id IS ?4
             AND source_asset IS ?5 AND destination_asset IS ?6 ORDER BY created_at, id",
        )?
        .query_map(
            params![
                row.created_at.minus(within),
                row.created_at.plus(within),
                row.id,
                row.profile_id,
                row.source_asset,
                row.destination_asset
            ],
            |row| row.get(0),
        )?
        .collect::<Result<_, _>>()?;
    let mut alike = Vec::new();
    for key in keys {
        let Some(other) = rows::find_by_key(connection, key)? else { continue };
        let other = other.tracked.orchestration;
        if alike.len() < MAX_OTHERS && other.ref_id != row.ref_id && are_the_same(row, &other) {
            alike.push(Lookalike { id: other.id, created_at: other.created_at });
        }
    }
    Ok(alike)
}

fn are_the_same(one: &Orchestration, other: &Orchestration) -> bool {
    let means_the_same = |field: Field| match (one.value(field), other.value(field)) {
        (None, None) => true,
        (Some(one), Some(other)) => FieldValue::means_the_same(&one, &other),
        _ => false,
    };
    one.destination.is_some() && SAME.into_iter().chain(Field::DESTINATION).all(means_the_same)
}
