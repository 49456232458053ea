//! The whole story of one break: its former episodes, what became of it, and what was told.

use rusqlite::Connection;

use crate::ledger::history::{self, BreakEvent};
use crate::ledger::journal::{EntryKind, StoredBody};
use crate::ledger::{LedgerError, Problem, Reader};
use crate::model::{BreakNumber, BreakRecord, Occasion, Severity, SinkName, Timestamp};

use super::{columns, reading, require};

/// Everything that is known of a break.
#[derive(Clone, Debug)]
pub struct BreakStory {
    /// The break.
    pub record: BreakRecord,
    /// The other episodes of the same, the first one in front.
    pub episodes: Vec<BreakRecord>,
    /// When its beginning was pruned; `None` where the steps begin with its opening.
    pub pruned_at: Option<Timestamp>,
    /// What became of it, as the journal tells it, oldest first.
    pub steps: Vec<StoryStep>,
    /// What people were to be told, oldest first.
    pub notices: Vec<StoryNotice>,
}

/// One step, and when it was taken.
#[derive(Clone, Debug)]
pub struct StoryStep {
    /// When, by Paxos's clock.
    pub at: Timestamp,
    /// The poll that it was taken in; 0 outside of any.
    pub poll: i64,
    /// Its place in the journal.
    pub seq: i64,
    /// What became of it.
    pub event: BreakEvent,
}

/// Something that people were to be told.
#[derive(Clone, Debug)]
pub struct StoryNotice {
    /// Why.
    pub occasion: Occasion,
    /// As how bad.
    pub severity: Severity,
    /// When that came about, by Paxos's clock.
    pub at: Timestamp,
    /// What came of it, sink by sink.
    pub deliveries: Vec<StoryDelivery>,
}

/// What came of telling it to one sink.
#[derive(Clone, Debug)]
pub struct StoryDelivery {
    /// Which.
    pub sink: SinkName,
    /// `waiting`, `sent` or `dead`.
    pub state: String,
    /// How often it was tried.
    pub attempts: u64,
    /// Why the last try failed.
    pub error: Option<String>,
    /// When it was sent or given up.
    pub ended_at: Option<Timestamp>,
}

impl Reader {
    /// The whole story of the break of this number.
    pub fn break_story(&self, number: BreakNumber) -> Result<Option<BreakStory>, LedgerError> {
        self.snapshot(|connection| {
            require(connection)?;
            let Some(record) = reading::record(connection, number)? else { return Ok(None) };
            let (pruned_at, steps) = steps(connection, number)?;
            Ok(Some(BreakStory {
                episodes: episodes(connection, &record)?,
                record,
                pruned_at,
                steps,
                notices: notices(connection, number)?,
            }))
        })
    }
}

fn episodes(connection: &Connection, record: &BreakRecord) -> Result<Vec<BreakRecord>, Problem> {
    let (_, subject) = columns(&record.standing.subject);
    let numbers: Vec<BreakNumber> = connection
        .prepare(
            "SELECT number FROM break WHERE subject = ?1 AND kind = ?2 AND number <> ?3 ORDER BY episode",
        )?
        .query_map((subject, record.standing.kind, record.standing.number), |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let records = numbers.into_iter().map(|number| reading::record(connection, number));
    Ok(records.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

fn steps(
    connection: &Connection,
    number: BreakNumber,
) -> Result<(Option<Timestamp>, Vec<StoryStep>), Problem> {
    let mut statement = connection.prepare(
        "SELECT b.at, b.poll, e.seq, e.kind, e.body FROM journal_entry AS e
         JOIN journal_batch AS b ON b.number = e.batch
         WHERE e.kind >= 12 AND e.body ->> 'break' = ?1 ORDER BY e.seq",
    )?;
    let mut entries = statement.query([number])?;
    let (mut pruned_at, mut steps) = (None, Vec::new());
    while let Some(entry) = entries.next()? {
        let (at, seq) = (entry.get(0)?, entry.get(2)?);
        let body: StoredBody = entry.get(4)?;
        match EntryKind::from_number(entry.get(3)?) {
            Some(EntryKind::BreakCarried) => pruned_at = Some(at),
            Some(kind) => {
                let event = history::of_break(kind, &body)
                    .ok_or_else(|| Problem::Inconsistent(format!("journal entry {seq} cannot be read")))?;
                steps.push(StoryStep { at, poll: entry.get(1)?, seq, event });
            }
            None => return Err(Problem::Inconsistent(format!("journal entry {seq} cannot be read"))),
        }
    }
    Ok((pruned_at, steps))
}

fn notices(connection: &Connection, number: BreakNumber) -> Result<Vec<StoryNotice>, Problem> {
    let mut deliveries = connection.prepare(
        "SELECT sink, state, attempts, error, ended_at FROM delivery WHERE notice = ?1 ORDER BY sink",
    )?;
    let mut statement = connection
        .prepare("SELECT number, occasion, severity, at FROM notice WHERE break = ?1 ORDER BY number")?;
    let mut found = statement.query([number])?;
    let mut notices = Vec::new();
    while let Some(notice) = found.next()? {
        let of_notice = deliveries.query_map([notice.get::<_, i64>(0)?], |row| {
            Ok(StoryDelivery {
                sink: SinkName(row.get(0)?),
                state: row.get(1)?,
                attempts: row.get(2)?,
                error: row.get(3)?,
                ended_at: row.get(4)?,
            })
        })?;
        notices.push(StoryNotice {
            occasion: notice.get(1)?,
            severity: notice.get(2)?,
            at: notice.get(3)?,
            deliveries: of_notice.collect::<Result<_, _>>()?,
        });
    }
    Ok(notices)
}
