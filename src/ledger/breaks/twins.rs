//! Orchestrations that may be one payment made twice.

use std::time::Duration;

use rusqlite::{Connection, params};

use crate::ledger::{Problem, rows};
use crate::model::{Field, FieldValue, Identifier, Lookalike, Orchestration};

/// How many others are told of one orchestration.
const MAX_OTHERS: usize = 10;

/// The fields by which two payments are the same.
const SAME: [Field; 9] = [
    Field::SourceAsset,
    Field::DestinationAsset,
    Field::SourceAmount,
    Field::DestinationProfileId,
    Field::DestinationAddress,
    Field::DestinationNetwork,
    Field::DestinationAddressId,
    Field::DestinationBankAccountId,
    Field::DestinationMemo,
];

/// Other orchestrations of the same profile with the same `ref_id`, oldest first. Needs the late indexes.
pub(in crate::ledger) fn namesakes(
    connection: &Connection,
    row: &Orchestration,
) -> Result<Vec<Identifier>, Problem> {
    let Some(ref_id) = &row.ref_id else { return Ok(Vec::new()) };
    Ok(connection
        .prepare_cached(
            "SELECT id FROM orchestration WHERE ref_id = ?1 AND id <> ?2 AND profile_id IS ?3
             ORDER BY created_at, id LIMIT ?4",
        )?
        .query_map(params![ref_id, row.id, row.profile_id, MAX_OTHERS as u64], |row| row.get(0))?
        .collect::<Result<_, _>>()?)
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
    one.destination.is_some() && SAME.into_iter().all(means_the_same)
}
