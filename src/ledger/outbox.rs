//! The outbox: what waits for each sink, and what became of it.
//!
//! Notices come into it in the transaction of what they tell: of breaks (`breaks`), and of reports that were made
//! (`reports`). When and how they are told is decided
//! by whoever delivers them; here that is only kept, so that a kill at any moment repeats a delivery under the
//! same key and loses none.

mod left;
pub(super) mod reports;
pub(super) mod restored;
mod stored_report;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::model::{
    BreakKind, BreakNumber, BreakRecord, Notice, NoticeNumber, Occasion, Outcome, Queued, SinkName,
    Timestamp, Waiting,
};

use super::{Ledger, LedgerError, Problem, Reader, breaks};

pub(super) use self::left::backlogs;

/// How many waiting notices are looked at in one go. What is beyond waits its turn.
const MAX_LOOKED_AT: i64 = 10_000;

/// The most reminders that are made at once.
const MAX_REMINDERS: i64 = 1000;

/// Says whether a sink tells a notice.
pub type Tells = Arc<dyn Fn(&Notice) -> bool + Send + Sync>;

/// What a sink reminds of.
pub struct Reminding {
    /// The sink.
    pub sink: SinkName,
    /// How long after it told something last.
    pub after: Duration,
    /// Whether it tells a notice at all.
    pub tells: Tells,
}

impl fmt::Debug for Reminding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reminding").field("sink", &self.sink).finish_non_exhaustive()
    }
}

impl Ledger {
    /// Gives up what waits for sinks that are not among these, for the reason `why`; returns how many that were.
    pub async fn give_up_other_sinks(
        &self,
        sinks: Vec<SinkName>,
        now: Timestamp,
        why: &'static str,
    ) -> Result<usize, LedgerError> {
        self.transact("give_up_other_sinks", move |connection| give_up_others(connection, &sinks, now, why))
            .await
    }

    /// Fixes that these notices are told to a sink as one.
    pub async fn fix_batch(&self, sink: SinkName, members: Vec<NoticeNumber>) -> Result<(), LedgerError> {
        self.transact("fix_batch", move |connection| fix_batch(connection, &sink, &members)).await
    }

    /// Notes what became of the delivery of these notices to a sink.
    pub async fn note_delivery(
        &self,
        sink: SinkName,
        members: Vec<NoticeNumber>,
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.transact("note_delivery", move |connection| note(connection, &sink, &members, &outcome, now))
            .await
    }

    /// Notes up to when a sink has told what other sinks could not be told.
    pub async fn note_dead_letters_told(&self, sink: SinkName, at: Timestamp) -> Result<(), LedgerError> {
        self.transact("note_dead_letters_told", move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO dead_letters_told (sink, at) VALUES (?1, ?2)
                     ON CONFLICT (sink) DO UPDATE SET at = excluded.at",
                )?
                .execute(params![sink.0, at])?;
            Ok(())
        })
        .await
    }

    /// Puts reminders into a sink's queue of what still stands, is not muted, and was told long ago. Returns how
    /// many.
    pub async fn remind(&self, reminding: Reminding, now: Timestamp) -> Result<usize, LedgerError> {
        self.transact("remind", move |connection| remind(connection, &reminding, now)).await
    }
}

impl Reader {
    /// What a sink is to be told now, oldest first. What is told after something of the same break that waits for
    /// a later time waits too.
    pub fn due(&self, sink: &SinkName, now: Timestamp) -> Result<Vec<Queued>, LedgerError> {
        self.snapshot(|connection| due(connection, sink, now))
    }

    /// The newest notice about a break that waits for a sink; it changes when something new comes.
    pub fn newest_waiting(&self, sink: &SinkName) -> Result<Option<NoticeNumber>, LedgerError> {
        self.snapshot(|connection| {
            Ok(connection
                .prepare_cached(
                    "SELECT max(d.notice) FROM delivery AS d JOIN notice AS n ON n.number = d.notice
                     WHERE d.sink = ?1 AND d.state = 'waiting' AND n.break IS NOT NULL",
                )?
                .query_row([&sink.0], |row| row.get::<_, Option<i64>>(0))?
                .map(NoticeNumber))
        })
    }

    /// Whether a poll is under way of a profile of which a sink was not told yet what waits for it. Of sweeps nobody
    /// waits for the end.
    pub fn is_being_polled(&self, sink: &SinkName) -> Result<bool, LedgerError> {
        self.snapshot(|connection| {
            Ok(connection
                .prepare_cached(
                    "SELECT 1 FROM poll AS p WHERE p.result = 'running' AND p.lane <> 'sweep' AND EXISTS
                     (SELECT 1 FROM delivery AS d JOIN notice AS n ON n.number = d.notice
                      JOIN break AS k ON k.number = n.break WHERE d.sink = ?1 AND d.state = 'waiting'
                      AND d.attempts = 0 AND k.profile = p.profile)",
                )?
                .exists([&sink.0])?)
        })
    }

    /// The same notices with everything that is known of their breaks.
    pub fn with_records(&self, queued: Vec<Queued>) -> Result<Vec<Waiting>, LedgerError> {
        self.snapshot(|connection| {
            queued
                .into_iter()
                .map(|queued| {
                    let record = record(connection, queued.notice.number)?;
                    Ok(Waiting { queued, record })
                })
                .collect()
        })
    }

    /// The breaks that people were told of and that are unresolved, or were resolved after `resolved_after`: the
    /// worst first, then the newest; at most `most`.
    pub fn told_breaks(
        &self,
        resolved_after: Timestamp,
        most: usize,
    ) -> Result<Vec<BreakRecord>, LedgerError> {
        self.snapshot(|connection| told(connection, resolved_after, most))
    }

    /// Up to when a sink has told what other sinks could not be told; `None` where it never did.
    pub fn dead_letters_told_at(&self, sink: &SinkName) -> Result<Option<Timestamp>, LedgerError> {
        self.snapshot(|connection| {
            Ok(connection
                .prepare_cached("SELECT at FROM dead_letters_told WHERE sink = ?1")?
                .query_row([&sink.0], |row| row.get(0))
                .optional()?)
        })
    }
}

/// The columns of a [`Queued`], from the tables `delivery AS d`, `notice AS n`, `break AS k` and `profile AS p`.
const QUEUED: &str =
    "n.number, k.number, k.kind, k.scope, k.subject, k.episode, n.severity, p.id, n.occasion,
    n.at, d.attempts, d.batch";
const QUEUED_FROM: &str = "delivery AS d JOIN notice AS n ON n.number = d.notice
    JOIN break AS k ON k.number = n.break LEFT JOIN profile AS p ON p.key = k.profile";
/// How many columns that are.
const QUEUED_COLUMNS: usize = 12;

fn queued(row: &Row<'_>) -> rusqlite::Result<Queued> {
    Ok(Queued {
        number: NoticeNumber(row.get(0)?),
        notice: Notice {
            number: row.get(1)?,
            kind: row.get(2)?,
            subject: breaks::subject_at(row, 3)?,
            episode: row.get(5)?,
            severity: row.get(6)?,
            profile: row.get(7)?,
            occasion: row.get(8)?,
            at: row.get(9)?,
        },
        attempts: row.get(10)?,
        batch: row.get::<_, Option<i64>>(11)?.map(NoticeNumber),
    })
}

/// A break with everything that is known of it.
fn record(connection: &Connection, number: BreakNumber) -> Result<BreakRecord, Problem> {
    let found = breaks::reading::record(connection, number)?;
    found.ok_or_else(|| Problem::Inconsistent(format!("break {number} is not in the ledger")))
}

fn told(
    connection: &Connection,
    resolved_after: Timestamp,
    most: usize,
) -> Result<Vec<BreakRecord>, Problem> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let numbers: Vec<BreakNumber> = connection
        .prepare_cached(
            "SELECT number FROM break
             WHERE told > 0 AND history = 0 AND (resolved_at IS NULL OR resolved_at > ?1)
             ORDER BY resolved_at IS NOT NULL, severity DESC, number DESC LIMIT ?2",
        )?
        .query_map(params![resolved_after, most], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    numbers.into_iter().map(|number| record(connection, number)).collect()
}

fn due(connection: &Connection, sink: &SinkName, now: Timestamp) -> Result<Vec<Queued>, Problem> {
    let query = format!(
        "SELECT {QUEUED} FROM {QUEUED_FROM}
         WHERE d.sink = ?1 AND d.state = 'waiting' AND d.next_at <= ?2 AND NOT EXISTS (
             SELECT 1 FROM notice AS former JOIN delivery AS fd ON fd.notice = former.number
             WHERE former.break = n.break AND former.number < n.number
                 AND fd.sink = ?1 AND fd.state = 'waiting' AND fd.next_at > ?2)
         ORDER BY d.batch IS NULL, d.next_at, n.number LIMIT ?3"
    );
    Ok(connection
        .prepare_cached(&query)?
        .query_map(params![sink.0, now, MAX_LOOKED_AT], queued)?
        .collect::<Result<_, _>>()?)
}

fn give_up_others(
    connection: &Connection,
    sinks: &[SinkName],
    now: Timestamp,
    why: &str,
) -> Result<usize, Problem> {
    let waiting: Vec<String> = connection
        .prepare("SELECT DISTINCT sink FROM delivery WHERE state = 'waiting'")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut given_up = 0;
    for gone in waiting.into_iter().filter(|name| !sinks.iter().any(|sink| sink.0 == *name)) {
        given_up += connection.execute(
            "UPDATE delivery SET state = 'dead', error = ?3, ended_at = ?2 WHERE sink = ?1 AND state = 'waiting'",
            params![gone, now, why],
        )?;
    }
    Ok(given_up)
}

fn fix_batch(connection: &Connection, sink: &SinkName, members: &[NoticeNumber]) -> Result<(), Problem> {
    let Some(batch) = members.iter().min() else { return Ok(()) };
    let mut update =
        connection.prepare_cached("UPDATE delivery SET batch = ?3 WHERE sink = ?1 AND notice = ?2")?;
    for member in members {
        update.execute(params![sink.0, member.0, batch.0])?;
    }
    Ok(())
}

fn note(
    connection: &Connection,
    sink: &SinkName,
    members: &[NoticeNumber],
    outcome: &Outcome,
    now: Timestamp,
) -> Result<(), Problem> {
    let (state, next_at, error, ended_at) = match outcome {
        Outcome::Delivered => ("sent", now, None, Some(now)),
        Outcome::TryAgain { at, error } => ("waiting", *at, Some(error), None),
        Outcome::Dead { error } => ("dead", now, Some(error), Some(now)),
    };
    let mut update = connection.prepare_cached(
        "UPDATE delivery SET state = ?3, next_at = ?4, error = ?5, ended_at = ?6, attempts = attempts + 1
         WHERE sink = ?1 AND notice = ?2 AND state = 'waiting'",
    )?;
    for member in members {
        update.execute(params![sink.0, member.0, state, next_at, error, ended_at])?;
    }
    Ok(())
}

fn remind(connection: &Connection, reminding: &Reminding, now: Timestamp) -> Result<usize, Problem> {
    let told_before = now.minus(reminding.after);
    let candidates: Vec<BreakNumber> = connection
        .prepare_cached(
            "SELECT k.number FROM break AS k JOIN notice AS n ON n.break = k.number
             JOIN delivery AS d ON d.notice = n.number AND d.sink = ?1
             WHERE k.resolved_at IS NULL AND k.muted_at IS NULL AND k.history = 0 AND k.told > 0
             GROUP BY k.number HAVING max(n.at) <= ?2 AND sum(d.state = 'waiting') = 0
             ORDER BY k.severity DESC, k.number LIMIT ?3",
        )?
        .query_map(params![reminding.sink.0, told_before, MAX_REMINDERS], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut reminded = 0;
    for number in candidates {
        let Some(notice) = reminder(connection, number, now)? else { continue };
        if !(reminding.tells)(&notice) {
            continue;
        }
        let notice = connection
            .prepare_cached("INSERT INTO notice (break, occasion, severity, at) VALUES (?1, ?2, ?3, ?4)")?
            .insert(params![number, Occasion::Reminded, notice.severity, now])?;
        connection
            .prepare_cached("INSERT INTO delivery (sink, notice, next_at) VALUES (?1, ?2, 0)")?
            .execute(params![reminding.sink.0, notice])?;
        reminded += 1;
    }
    Ok(reminded)
}

/// The reminder of a break; `None` where a worse one says already that the same is held up.
fn reminder(connection: &Connection, number: BreakNumber, now: Timestamp) -> Result<Option<Notice>, Problem> {
    let record = record(connection, number)?;
    let standing = record.standing;
    if let Some(rank) = standing.kind.held_up_rank() {
        let (_, subject) = breaks::columns(&standing.subject);
        let others = breaks::standing::of_id(connection, &subject)?;
        if others.iter().filter_map(|other| BreakKind::held_up_rank(other.kind)).any(|other| other > rank) {
            return Ok(None);
        }
    }
    Ok(Some(Notice {
        number,
        kind: standing.kind,
        subject: standing.subject,
        episode: standing.episode,
        severity: standing.severity,
        profile: record.profile.map(|profile| profile.id),
        occasion: Occasion::Reminded,
        at: now,
    }))
}
