//! A whole break as one JSON object: what the journal's entries about it come to, and what stays of them where
//! its opening was pruned.
//!
//! What people were told is not in it: the journal does not tell that.

use rusqlite::types::{FromSqlError, Type, ValueRef};
use rusqlite::{Connection, Row};
use serde_json::{Value, json};

use crate::ledger::Problem;
use crate::ledger::journal::{Batch, Body, Entry, EntryKind};
use crate::model::{Identifier, Severity, Timestamp};

use super::{about, evidence, subject};

/// The columns that [`state`] reads.
macro_rules! columns {
    () => {
        "k.number, k.kind, k.scope, k.subject, k.orchestration, \
         (SELECT p.id FROM profile AS p WHERE p.key = k.profile), k.episode, k.former, k.severity, k.evidence, \
         k.opened_at, k.since, k.history, k.muted_at, k.muted_by, k.muted_why, k.muted_until, k.muted_as, \
         k.resolved_at, k.resolved_by, k.resolved_why"
    };
}

/// Every break, by number, in the columns that [`state`] reads.
pub(in crate::ledger) const ALL: &str = concat!("SELECT ", columns!(), " FROM break AS k ORDER BY k.number");

/// The break in a row. A value that nobody would have written is an error.
pub(in crate::ledger) fn state(row: &Row<'_>) -> rusqlite::Result<Value> {
    let time = |column: usize| -> rusqlite::Result<Option<String>> {
        Ok(row.get::<_, Option<Timestamp>>(column)?.map(Timestamp::to_rfc3339))
    };
    let id: Identifier = row.get(3)?;
    let subject = subject(row.get(2)?, id.clone()).map_err(|_| strange(row, 2))?;
    let text: String = row.get(9)?;
    let evidence = evidence::from_text(&text).map_err(|_| strange(row, 9))?;
    let opened_at: Timestamp = row.get(10)?;
    let since = evidence.since().map_or(opened_at, |since| since.at);
    let is_as_written = Identifier::new(&id.to_string()) == id
        && evidence::to_text(&evidence) == text
        && row.get::<_, Timestamp>(11)? == since;
    let history = match row.get::<_, i64>(12)? {
        number @ (0 | 1) if is_as_written => number == 1,
        _ => return Err(strange(row, 12)),
    };
    let acknowledged = match time(13)? {
        Some(at) => json!({
            "at": at,
            "by": row.get::<_, String>(14)?,
            "why": row.get::<_, String>(15)?,
            "until": time(16)?,
            "severity": row.get::<_, Severity>(17)?.as_str(),
        }),
        None => nothing(row, 14..18)?,
    };
    let resolved = match time(18)? {
        Some(at) => json!({
            "at": at,
            "by": row.get::<_, Option<String>>(19)?,
            "why": row.get::<_, String>(20)?,
        }),
        None => nothing(row, 19..21)?,
    };
    Ok(json!({
        "break": row.get::<_, i64>(0)?,
        "kind": row.get::<_, String>(1)?,
        "about": about(&subject),
        "id": id.to_string(),
        "row": row.get::<_, Option<i64>>(4)?,
        "profile_id": row.get::<_, Option<Identifier>>(5)?.map(|id| id.to_string()),
        "episode": row.get::<_, i64>(6)?,
        "former": row.get::<_, Option<i64>>(7)?,
        "severity": row.get::<_, Severity>(8)?.as_str(),
        "history": history,
        "evidence": serde_json::from_str::<Value>(&text).unwrap_or_default(),
        "opened_at": opened_at.to_rfc3339(),
        "acknowledged": acknowledged,
        "resolved": resolved,
    }))
}

fn strange(row: &Row<'_>, column: usize) -> rusqlite::Error {
    let kind = row.get_ref(column).map_or(Type::Null, |value| value.data_type());
    rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(FromSqlError::InvalidType))
}

/// Null, where none of these columns holds anything.
fn nothing(row: &Row<'_>, mut columns: std::ops::Range<usize>) -> rusqlite::Result<Value> {
    let stray = columns.find(|&column| row.get_ref(column).is_ok_and(|value| value != ValueRef::Null));
    match stray {
        None => Ok(Value::Null),
        Some(column) => Err(strange(row, column)),
    }
}

/// The break after an entry about it, of which `before` is what the entries before came to. `row` is the key in the
/// entry, `at` its time. `None` for an entry that tells of no break.
pub(in crate::ledger) fn after(
    before: Option<Value>,
    kind: EntryKind,
    row: Option<i64>,
    at: &str,
    body: Value,
) -> Option<Value> {
    let field = |key: &str| body.get(key).cloned().unwrap_or_default();
    match kind {
        EntryKind::BreakCarried => return Some(body),
        EntryKind::BreakOpened => {
            let mut state = body;
            let rest = [
                ("row", json!(row)),
                ("opened_at", json!(at)),
                ("acknowledged", Value::Null),
                ("resolved", Value::Null),
            ];
            state.as_object_mut()?.extend(rest.map(|(key, value)| (key.to_owned(), value)));
            return Some(state);
        }
        _ => {}
    }
    let mut state = before?;
    let severity = state.get("severity").cloned().unwrap_or_default();
    let changed = match kind {
        EntryKind::BreakRevised => {
            vec![("severity", field("severity")), ("evidence", field("evidence"))]
        }
        EntryKind::BreakAcknowledged => {
            let (by, why, until) = (field("by"), field("why"), field("until"));
            let acknowledged =
                json!({ "at": at, "by": by, "why": why, "until": until, "severity": severity });
            vec![("acknowledged", acknowledged)]
        }
        EntryKind::BreakUnacknowledged => vec![("acknowledged", Value::Null)],
        EntryKind::BreakResolved => {
            vec![("resolved", json!({ "at": at, "by": field("by"), "why": field("why") }))]
        }
        _ => return None,
    };
    state.as_object_mut()?.extend(changed.into_iter().map(|(key, value)| (key.to_owned(), value)));
    Some(state)
}

/// Why what is pruned with its row is resolved.
pub(in crate::ledger) const PRUNED: &str = "pruned";

/// Writes that the breaks which nobody closed of the rows in `temp.doomed` are resolved: they are history, and go with
/// their rows.
pub(in crate::ledger) fn resolve_history(
    connection: &Connection,
    batch: &mut Batch<'_>,
) -> Result<(), Problem> {
    let mut statement = connection.prepare(
        "SELECT number, kind, subject, episode FROM break
         WHERE resolved_at IS NULL AND orchestration IN (SELECT key FROM temp.doomed) ORDER BY number",
    )?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let body = json!({
            "break": row.get::<_, i64>(0)?,
            "kind": row.get::<_, String>(1)?,
            "id": row.get::<_, Identifier>(2)?.to_string(),
            "episode": row.get::<_, i64>(3)?,
            "by": Value::Null,
            "why": PRUNED,
        });
        let body = Body::Json(body.to_string());
        batch.add(&Entry { kind: EntryKind::BreakResolved, orchestration: None, body })?;
    }
    Ok(())
}

/// Writes every break whose opening is gone from the journal as it is now.
pub(in crate::ledger) fn carry(connection: &Connection, batch: &mut Batch<'_>) -> Result<(), Problem> {
    let mut statement = connection.prepare(concat!(
        "SELECT ",
        columns!(),
        " FROM break AS k WHERE NOT EXISTS (SELECT 1 FROM journal_entry AS e WHERE e.kind >= 12
          AND e.kind IN (12, 17) AND e.body ->> 'break' = +k.number) ORDER BY k.number"
    ))?;
    let mut found = statement.query([])?;
    // What is written meanwhile is of breaks that were passed.
    while let Some(row) = found.next()? {
        let body = Body::Json(state(row)?.to_string());
        batch.add(&Entry { kind: EntryKind::BreakCarried, orchestration: None, body })?;
    }
    Ok(())
}
