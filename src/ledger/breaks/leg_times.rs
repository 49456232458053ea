//! Since when the legs of an orchestration are where they are, as far as was seen.

use rusqlite::{Connection, OptionalExtension};

use crate::ledger::Problem;
use crate::ledger::journal::StoredBody;
use crate::model::{Field, LegStatus, LegTimes, Orchestration, Status, Timestamp};

/// When each leg was seen first as it is now: by the earliest `updated_at`, or where the row does not tell one, by
/// when it was observed. `before` is the row as it was before what was just observed at `seen_at`, which the journal
/// does not tell yet.
///
/// Only where a leg says something else than the status does the time matter; elsewhere it is that of the
/// status, which costs nothing to tell.
pub(in crate::ledger) fn of(
    connection: &Connection,
    key: i64,
    before: Option<&Orchestration>,
    now: &Orchestration,
    status_since: Timestamp,
    seen_at: Timestamp,
) -> Result<LegTimes, Problem> {
    if !matters(now) {
        return Ok(LegTimes { source: status_since, destination: status_since });
    }
    let seen = now.updated_at.unwrap_or(seen_at);
    let mut legs = [Field::SourceTransferStatus, Field::DestinationTransferStatus].map(|field| Leg {
        field,
        since: seen,
        is_told: false,
    });
    if let Some(before) = before {
        for leg in &mut legs {
            leg.go_back(before, now);
        }
        follow_back(connection, key, &mut legs, status_since)?;
    }
    let [source, destination] = legs;
    Ok(LegTimes { source: source.since, destination: destination.since })
}

/// Follows the legs through what the journal tells of the row, newest first.
fn follow_back(
    connection: &Connection,
    key: i64,
    legs: &mut [Leg; 2],
    status_since: Timestamp,
) -> Result<(), Problem> {
    let mut older = connection.prepare_cached(
        "SELECT e.body, b.at FROM journal_entry AS e JOIN journal_batch AS b ON b.number = e.batch
         WHERE e.orchestration = ?1 AND e.kind <> 1 AND e.kind IN (2, 3) ORDER BY e.seq DESC",
    )?;
    let mut entries = older.query([key])?;
    while let Some(entry) = entries.next()? {
        if legs.iter().all(|leg| leg.is_told) {
            return Ok(());
        }
        let observed_at: Timestamp = entry.get(1)?;
        let Some((_, old)) = entry.get::<_, StoredBody>(0)?.change() else { continue };
        let updated_at = old.get(&Field::UpdatedAt).cloned().flatten();
        let updated_at = updated_at.and_then(|text| Timestamp::parse_rfc3339(&text).ok());
        for leg in &mut *legs {
            leg.reach(Some(observed_at));
            leg.is_told |= old.contains_key(&leg.field);
            leg.reach(updated_at);
        }
    }
    if legs.iter().any(|leg| !leg.is_told) {
        // A row is named by the entry of its appearance. Where that was pruned, the status tells how old it is at
        // least.
        let appeared_at: Option<Timestamp> = connection
            .prepare_cached(
                "SELECT b.at FROM journal_entry AS e JOIN journal_batch AS b ON b.number = e.batch
                 WHERE e.seq = ?1 AND e.kind = 1",
            )?
            .query_row([key], |row| row.get(0))
            .optional()?;
        for leg in legs {
            leg.reach(Some(appeared_at.unwrap_or(status_since)));
        }
    }
    Ok(())
}

/// Whether a leg says something else than the status.
pub(in crate::ledger) fn matters(row: &Orchestration) -> bool {
    let legs = [&row.source_transfer.status, &row.destination_transfer.status];
    let any = |wanted: &LegStatus| legs.iter().any(|leg| leg.as_ref() == Some(wanted));
    if row.status == Status::Completed {
        legs.iter().any(|leg| leg.as_ref().is_some_and(|leg| *leg != LegStatus::Completed))
    } else {
        !row.status.is_final() && (any(&LegStatus::Completed) || any(&LegStatus::Failed))
    }
}

/// One leg, followed back in time.
struct Leg {
    field: Field,
    since: Timestamp,
    /// Whether a state was met in which it stood elsewhere.
    is_told: bool,
}

impl Leg {
    fn go_back(&mut self, before: &Orchestration, now: &Orchestration) {
        let text = |row: &Orchestration| row.value(self.field).map(|value| value.to_string());
        self.is_told = text(before) != text(now);
        self.reach(before.updated_at);
    }

    fn reach(&mut self, seen: Option<Timestamp>) {
        if let (false, Some(seen)) = (self.is_told, seen) {
            self.since = self.since.min(seen);
        }
    }
}
