//! The transfers of legs that hold orchestrations up or failed: which are to be looked up, and what Paxos said of them.
//!
//! Asking is for `sync`; telling it for `alerts` and `cli`.

use rusqlite::{Connection, params};

use crate::model::{BreakNumber, Identifier, LegSide, Severity, TransferFacts};

use super::{Ledger, LedgerError, Problem, ProfileKey, schema};

/// How many are looked up at the end of one poll. The next poll takes the next ones, the newest breaks first.
const MOST_AT_ONCE: u64 = 50;

/// The format since which a ledger keeps what was said of transfers.
const SINCE_FORMAT: i64 = 3;

/// A transfer that is to be looked up, once in each episode of a break and once more when that gets worse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedTransfer {
    /// For which break.
    pub number: BreakNumber,
    /// How bad it is.
    pub severity: Severity,
    /// Of which leg.
    pub side: LegSide,
    /// The transfer.
    pub id: Identifier,
}

/// What a look-up came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferAnswer {
    /// Paxos answered.
    Came,
    /// It did not, or refused to: it is asked again at the next poll.
    Failed,
}

impl Ledger {
    /// The transfers to look up for the breaks of a profile that people are told of.
    pub async fn wanted_transfers(&self, profile: ProfileKey) -> Result<Vec<WantedTransfer>, LedgerError> {
        self.transact("wanted_transfers", move |connection| wanted(connection, profile)).await
    }

    /// Notes what was said of a transfer.
    pub async fn note_transfer(
        &self,
        wanted: WantedTransfer,
        answer: TransferAnswer,
        facts: TransferFacts,
    ) -> Result<(), LedgerError> {
        self.transact("note_transfer", move |connection| note(connection, &wanted, answer, &facts)).await
    }
}

fn wanted(connection: &Connection, profile: ProfileKey) -> Result<Vec<WantedTransfer>, Problem> {
    // Of a leg that is COMPLETED there is nothing to ask.
    let mut statement = connection.prepare_cached(
        "WITH standing AS (
             SELECT k.number, k.severity, o.source_transfer_id AS source, o.source_transfer_status AS source_status,
                 o.destination_transfer_id AS destination, o.destination_transfer_status AS destination_status
             FROM break AS k JOIN orchestration AS o ON o.key = k.orchestration
             WHERE k.profile = ?1 AND k.resolved_at IS NULL AND NOT k.history
                 AND k.kind IN ('stuck_processing', 'stuck_between_legs', 'failed', 'inconsistent_legs'))
         SELECT number, severity, side, transfer FROM (
             SELECT number, severity, 1 AS side, source AS transfer FROM standing
             WHERE source IS NOT NULL AND source_status IS NOT 3
             UNION ALL
             SELECT number, severity, 2, destination FROM standing
             WHERE destination IS NOT NULL AND destination_status IS NOT 3) AS leg
         WHERE NOT EXISTS (SELECT 1 FROM transfer_seen AS t
             WHERE t.break = leg.number AND t.side = leg.side AND t.severity >= leg.severity)
         ORDER BY number DESC, side LIMIT ?2",
    )?;
    let found = statement.query_map(params![profile.0, MOST_AT_ONCE], |row| {
        Ok(WantedTransfer {
            number: row.get(0)?,
            severity: row.get(1)?,
            side: side(row.get(2)?),
            id: row.get(3)?,
        })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

fn note(
    connection: &Connection,
    wanted: &WantedTransfer,
    answer: TransferAnswer,
    facts: &TransferFacts,
) -> Result<(), Problem> {
    let severity = match answer {
        TransferAnswer::Came => Some(wanted.severity),
        TransferAnswer::Failed => None,
    };
    // What was known before an answer failed is still the best there is.
    connection
        .prepare_cached(
            "INSERT INTO transfer_seen (break, side, transfer, severity, secondary_status, network, transaction_hash,
                 request_id) VALUES (?1, ?2, ?3, coalesce(?4, 0), ?5, ?6, ?7, ?8)
             ON CONFLICT (break, side) DO UPDATE SET transfer = excluded.transfer, severity = excluded.severity,
                 secondary_status = CASE WHEN ?4 IS NULL THEN secondary_status ELSE excluded.secondary_status END,
                 network = CASE WHEN ?4 IS NULL THEN network ELSE excluded.network END,
                 transaction_hash = CASE WHEN ?4 IS NULL THEN transaction_hash ELSE excluded.transaction_hash END,
                 request_id = excluded.request_id",
        )?
        .execute(params![
            wanted.number,
            side_number(wanted.side),
            wanted.id,
            severity,
            facts.secondary_status,
            facts.network,
            facts.transaction_hash,
            facts.request_id,
        ])?;
    Ok(())
}

/// What was said of the transfers of a break, the source leg first.
pub(super) fn of_break(connection: &Connection, number: BreakNumber) -> Result<Vec<TransferFacts>, Problem> {
    if schema::user_version(connection)? < SINCE_FORMAT {
        return Ok(Vec::new());
    }
    Ok(connection
        .prepare_cached(
            "SELECT side, transfer, secondary_status, network, transaction_hash, request_id FROM transfer_seen
             WHERE break = ?1 ORDER BY side",
        )?
        .query_map([number], |row| {
            Ok(TransferFacts {
                side: side(row.get(0)?),
                id: row.get(1)?,
                secondary_status: row.get(2)?,
                network: row.get(3)?,
                transaction_hash: row.get(4)?,
                request_id: row.get(5)?,
            })
        })?
        .collect::<Result<_, _>>()?)
}

const fn side_number(side: LegSide) -> i64 {
    match side {
        LegSide::Source => 1,
        LegSide::Destination => 2,
    }
}

const fn side(number: i64) -> LegSide {
    if number == 1 { LegSide::Source } else { LegSide::Destination }
}
