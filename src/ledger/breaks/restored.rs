//! The outbox of a restored backup, judged again.
//!
//! What waited when the backup was taken may have been told since. The ledger that is replaced knows, if it can be
//! read. Where it does not, a break that stands is told once more as one that still stands, and not as new; and not
//! before polls have had the time to find that it does not.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use crate::ledger::Problem;
use crate::model::{BreakKind, BreakNumber, Identifier, Occasion, Timestamp};

use super::are_kept;

/// How long polls have to find out that what is to be told again is over.
const HELD_BACK: Duration = Duration::from_secs(15 * 60);

/// What became of the notifications that waited in a backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestoredOutbox {
    /// So many were told since, or given up, as the ledger that was replaced knows.
    pub ended: u64,
    /// So many may have been told: breaks that stand are told again to as many sinks, as still standing.
    pub again: u64,
}

/// A delivery that waits in a backup, by what names it in any ledger of the same line.
pub(in crate::ledger) struct Waiting {
    notice: i64,
    sink: String,
    kind: BreakKind,
    subject: Identifier,
    episode: u32,
    occasion: Occasion,
    at: Timestamp,
}

/// What the ledger that is replaced knows of it.
pub(in crate::ledger) enum Since {
    /// It has ended: its state, the tries, the last error, when.
    Ended(String, u64, Option<String>, Option<Timestamp>),
    /// It waits there too.
    Waits,
    /// It does not know it.
    NotKnown,
}

/// The last numbers that breaks and notices were given.
pub(in crate::ledger) type LastNumbers = Vec<(String, i64)>;

/// What waits in a backup.
pub(in crate::ledger) fn waiting(copy: &Connection) -> Result<Vec<Waiting>, Problem> {
    Ok(copy
        .prepare(
            "SELECT d.notice, d.sink, k.kind, k.subject, k.episode, n.occasion, n.at
             FROM delivery AS d JOIN notice AS n ON n.number = d.notice JOIN break AS k ON k.number = n.break
             WHERE d.state = 'waiting' ORDER BY d.notice, d.sink",
        )?
        .query_map([], |row| {
            Ok(Waiting {
                notice: row.get(0)?,
                sink: row.get(1)?,
                kind: row.get(2)?,
                subject: row.get(3)?,
                episode: row.get(4)?,
                occasion: row.get(5)?,
                at: row.get(6)?,
            })
        })?
        .collect::<Result<_, _>>()?)
}

/// What another ledger knows of each.
pub(in crate::ledger) fn since(former: &Connection, waiting: &[Waiting]) -> Result<Vec<Since>, Problem> {
    if !are_kept(former)? {
        return Ok(Vec::new());
    }
    let mut find = former.prepare(
        "SELECT d.state, d.attempts, d.error, d.ended_at
         FROM break AS k JOIN notice AS n ON n.break = k.number JOIN delivery AS d ON d.notice = n.number
         WHERE k.kind = ?1 AND k.subject = ?2 AND k.episode = ?3 AND n.occasion = ?4 AND n.at = ?5 AND d.sink = ?6",
    )?;
    let known = waiting.iter().map(|one| {
        let found = find
            .query_row(params![one.kind, one.subject, one.episode, one.occasion, one.at, one.sink], |row| {
                Ok(Since::Ended(row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .optional()?;
        Ok(match found {
            Some(Since::Ended(state, ..)) if state == "waiting" => Since::Waits,
            Some(ended) => ended,
            None => Since::NotKnown,
        })
    });
    known.collect()
}

/// The last numbers that a ledger gave.
pub(in crate::ledger) fn last_numbers(former: &Connection) -> Result<LastNumbers, Problem> {
    Ok(former
        .prepare("SELECT name, seq FROM sqlite_sequence WHERE name IN ('break', 'notice')")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?)
}

/// Goes on counting behind another ledger's numbers: people may have them in front of them.
pub(in crate::ledger) fn count_on(copy: &Connection, last: &LastNumbers) -> Result<(), Problem> {
    for (name, seq) in last {
        let there = copy
            .execute("UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1", params![name, seq])?;
        if there == 0 {
            copy.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", params![name, seq])?;
        }
    }
    Ok(())
}

/// Judges what waits. `since` is what the ledger that is replaced knows of each; nothing where it cannot be asked.
pub(in crate::ledger) fn judge(
    copy: &Connection,
    waiting: &[Waiting],
    since: &[Since],
    now: Timestamp,
) -> Result<RestoredOutbox, Problem> {
    let mut outbox = RestoredOutbox::default();
    let mut again: Vec<(BreakNumber, &str)> = Vec::new();
    for (place, one) in waiting.iter().enumerate() {
        match since.get(place).unwrap_or(&Since::NotKnown) {
            Since::Waits => {}
            Since::Ended(state, attempts, error, ended_at) => {
                copy.prepare_cached(
                    "UPDATE delivery SET state = ?3, attempts = ?4, error = ?5, ended_at = ?6
                     WHERE notice = ?1 AND sink = ?2",
                )?
                .execute(params![one.notice, one.sink, state, attempts, error, ended_at])?;
                outbox.ended += 1;
            }
            Since::NotKnown => again.extend(withdraw(copy, one)?.map(|number| (number, one.sink.as_str()))),
        }
    }
    copy.execute(
        "DELETE FROM notice WHERE NOT EXISTS (SELECT 1 FROM delivery WHERE notice = notice.number)",
        [],
    )?;
    again.sort_unstable();
    again.dedup();
    let mut notice: Option<(BreakNumber, i64)> = None;
    for (number, sink) in again {
        let number_of_notice = match notice {
            Some((of, told)) if of == number => told,
            _ => remind(copy, number, now)?,
        };
        notice = Some((number, number_of_notice));
        copy.prepare_cached("INSERT INTO delivery (sink, notice, next_at) VALUES (?1, ?2, ?3)")?
            .execute(params![sink, number_of_notice, now.plus(HELD_BACK)])?;
        outbox.again += 1;
    }
    Ok(outbox)
}

/// Takes back what may have been told. The break, where it stands and nobody has muted it: that is told again. That
/// one is resolved may be told twice, since it begins nothing.
fn withdraw(copy: &Connection, one: &Waiting) -> Result<Option<BreakNumber>, Problem> {
    let (number, is_resolved, is_muted): (BreakNumber, bool, bool) = copy
        .prepare_cached(
            "SELECT k.number, k.resolved_at IS NOT NULL, k.muted_at IS NOT NULL
             FROM notice AS n JOIN break AS k ON k.number = n.break WHERE n.number = ?1",
        )?
        .query_row([one.notice], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    if is_resolved && one.occasion == Occasion::Resolved {
        return Ok(None);
    }
    copy.prepare_cached("DELETE FROM delivery WHERE notice = ?1 AND sink = ?2")?
        .execute(params![one.notice, one.sink])?;
    Ok((!is_resolved && !is_muted).then_some(number))
}

fn remind(copy: &Connection, number: BreakNumber, now: Timestamp) -> Result<i64, Problem> {
    Ok(copy
        .prepare_cached(
            "INSERT INTO notice (break, occasion, severity, at)
             SELECT number, ?2, CASE told WHEN 0 THEN severity ELSE told END, ?3 FROM break WHERE number = ?1",
        )?
        .insert(params![number, Occasion::Reminded, now])?)
}
