//! Since when the legs of an orchestration are where they are, as far as was seen.

use rusqlite::Connection;

use crate::ledger::Problem;
use crate::ledger::journal::StoredBody;
use crate::model::{Field, LegStatus, LegTimes, Orchestration, Status, Timestamp};

/// The earliest `updated_at` with which each leg was seen as it is now. `before` is the row as it was before
/// what was just observed, which the journal does not tell yet.
///
/// Only where a leg says something else than the status does the time matter; elsewhere it is that of the
/// status, which costs nothing to tell.
pub(in crate::ledger) fn of(
    connection: &Connection,
    key: i64,
    before: Option<&Orchestration>,
    now: &Orchestration,
    status_since: Timestamp,
) -> Result<LegTimes, Problem> {
    if !matters(now) {
        return Ok(LegTimes { source: status_since, destination: status_since });
    }
    let seen = now.updated_at.unwrap_or(status_since);
    let mut source = Leg::new(Field::SourceTransferStatus, now, seen);
    let mut destination = Leg::new(Field::DestinationTransferStatus, now, seen);
    let Some(before) = before else {
        return Ok(LegTimes { source: source.since, destination: destination.since });
    };
    source.go_back(before);
    destination.go_back(before);
    let mut older = connection.prepare_cached(
        "SELECT body FROM journal_entry WHERE orchestration = ?1 AND kind <> 1 AND kind IN (2, 3)
         ORDER BY seq DESC",
    )?;
    let mut entries = older.query([key])?;
    while let Some(entry) = entries.next()? {
        if source.is_told && destination.is_told {
            break;
        }
        let Some((_, old)) = entry.get::<_, StoredBody>(0)?.change() else { continue };
        let updated_at = old.get(&Field::UpdatedAt).cloned().flatten();
        let updated_at = updated_at.and_then(|text| Timestamp::parse_rfc3339(&text).ok());
        for leg in [&mut source, &mut destination] {
            if old.contains_key(&leg.field) {
                leg.is_told = true;
            }
            leg.reach(updated_at);
        }
    }
    Ok(LegTimes { source: source.since, destination: destination.since })
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
struct Leg<'a> {
    field: Field,
    now: &'a Orchestration,
    since: Timestamp,
    /// Whether a state was met in which it stood elsewhere.
    is_told: bool,
}

impl<'a> Leg<'a> {
    fn new(field: Field, now: &'a Orchestration, since: Timestamp) -> Self {
        Self { field, now, since, is_told: false }
    }

    fn go_back(&mut self, before: &Orchestration) {
        let text = |row: &Orchestration| row.value(self.field).map(|value| value.to_string());
        self.is_told = text(before) != text(self.now);
        self.reach(before.updated_at);
    }

    fn reach(&mut self, updated_at: Option<Timestamp>) {
        if let (false, Some(updated_at)) = (self.is_told, updated_at) {
            self.since = self.since.min(updated_at);
        }
    }
}
