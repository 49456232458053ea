//! The journal: every change that was observed, append-only, in a hash chain.
//!
//! Entries are written in batches, one for each transaction that changed something. The chain's head
//! after a batch is SHA-256 over the head before it, the batch's own columns, and every entry's seq,
//! kind, orchestration and body as they are stored, blob or text told apart.

use rusqlite::types::{FromSql, FromSqlResult, ToSqlOutput, Value, ValueRef};
use rusqlite::{CachedStatement, Connection, OptionalExtension, ToSql, params};
use serde_json::{Map, Value as Json};
use sha2::{Digest as _, Sha256};

use crate::model::{Change, Field, LegSide, Orchestration, Timestamp};

use super::Problem;
use super::digest::{Digest, OldValues, digest};

/// What an entry tells. The numbers are stored: append, never renumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// An orchestration was seen for the first time; the body is the digest of its row.
    Appeared,
    /// It changed; the body is the digest of the row after it and, behind that, a JSON object of the old
    /// values by field path. The one proves what the row became, the other tells what it was.
    Changed,
    /// It changed back to a confirmed older state; the body is as for `Changed`.
    WentBackInTime,
    /// A row could not be read; the body is a JSON object of `id`, `problem`, `raw_sha256`, and
    /// `raw_before`: the text that it takes the place of, else null.
    Unreadable,
    /// An unreadable row could be read again; the body is a JSON object of `id` and `raw`.
    ReadableAgain,
    /// A second row of the same orchestration was merged into the first; the body is a JSON object
    /// of `id`, `into` (a key) and `row` (its values by field path).
    Merged,
    /// The ledger was restored from a backup; the body is a JSON object of `epoch`, `from` (the head of
    /// the backup) and `at`.
    Restored,
    /// The journal's beginning was pruned; the body is a JSON object, see `checkpoint`.
    Pruned,
    /// What stays of the pruned beginning: the body is the digest of a row as it was there, and behind it
    /// for one that is missing since then a JSON object of `missing_since` and `missing_poll`. For a row
    /// that could not be read it is a JSON object of `id`, `problem` and `raw_sha256`.
    Carried,
    /// Paxos no longer knows it; the body is as for `Changed`, with no old values.
    WentMissing,
    /// It was missing and was met again; the body is as for `WentMissing`.
    Reappeared,
    /// A break opened. The body of this and the following is a JSON object of `break` (its number), `kind`,
    /// `id` (its subject), `episode`, and here of `about`, `profile_id`, `severity`, `history`, `former` and
    /// `evidence`.
    BreakOpened,
    /// A break is another one than it was: `severity`, `severity_before`, `evidence`.
    BreakRevised,
    /// Somebody acknowledged a break: `by`, `why`, `until`.
    BreakAcknowledged,
    /// The acknowledgement of a break is over: `by`, null where nobody ended it.
    BreakUnacknowledged,
    /// A break resolved: `by`, null where it resolved by itself, and `why`.
    BreakResolved,
    /// The opening of a break was pruned; the body is the whole break as it was then, see `breaks::carried`.
    BreakCarried,
}

impl EntryKind {
    const ALL: [Self; 17] = [
        Self::Appeared,
        Self::Changed,
        Self::WentBackInTime,
        Self::Unreadable,
        Self::ReadableAgain,
        Self::Merged,
        Self::Restored,
        Self::Pruned,
        Self::Carried,
        Self::WentMissing,
        Self::Reappeared,
        Self::BreakOpened,
        Self::BreakRevised,
        Self::BreakAcknowledged,
        Self::BreakUnacknowledged,
        Self::BreakResolved,
        Self::BreakCarried,
    ];

    /// The number that is stored.
    pub(super) const fn number(self) -> i64 {
        match self {
            Self::Appeared => 1,
            Self::Changed => 2,
            Self::WentBackInTime => 3,
            Self::Unreadable => 4,
            Self::ReadableAgain => 5,
            Self::Merged => 6,
            Self::Restored => 7,
            Self::Pruned => 8,
            Self::Carried => 9,
            Self::WentMissing => 10,
            Self::Reappeared => 11,
            Self::BreakOpened => 12,
            Self::BreakRevised => 13,
            Self::BreakAcknowledged => 14,
            Self::BreakUnacknowledged => 15,
            Self::BreakResolved => 16,
            Self::BreakCarried => 17,
        }
    }

    /// The kind with this number.
    pub(super) fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// The kind's name in the `journal` view.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Appeared => "appeared",
            Self::Changed => "changed",
            Self::WentBackInTime => "went_back_in_time",
            Self::Unreadable => "unreadable",
            Self::ReadableAgain => "readable_again",
            Self::Merged => "merged",
            Self::Restored => "restored",
            Self::Pruned => "pruned",
            Self::Carried => "carried",
            Self::WentMissing => "went_missing",
            Self::Reappeared => "reappeared",
            Self::BreakOpened => "break_opened",
            Self::BreakRevised => "break_revised",
            Self::BreakAcknowledged => "break_acknowledged",
            Self::BreakUnacknowledged => "break_unacknowledged",
            Self::BreakResolved => "break_resolved",
            Self::BreakCarried => "break_carried",
        }
    }
}

/// The body of an entry.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// A digest.
    Digest(Digest),
    /// JSON text.
    Json(String),
    /// A digest with JSON text behind it.
    DigestAndJson(Vec<u8>),
}

impl Body {
    /// The storage class and the bytes, which is what the chain is computed over.
    fn stored(&self) -> (u8, &[u8]) {
        match self {
            Self::Digest(digest) => (BLOB, digest),
            Self::Json(text) => (TEXT, text.as_bytes()),
            Self::DigestAndJson(bytes) => (BLOB, bytes),
        }
    }
}

impl ToSql for Body {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.stored() {
            (TEXT, text) => ValueRef::Text(text),
            (_, bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// The body of an entry as it is stored, whatever that is.
#[derive(Clone, Debug)]
pub(super) struct StoredBody(Value);

impl StoredBody {
    /// This text.
    pub(super) fn of_text(text: String) -> Self {
        Self(Value::Text(text))
    }

    /// The text, where it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.0 {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The digest, where it is one and nothing else.
    pub(super) fn digest(&self) -> Option<Digest> {
        match &self.0 {
            Value::Blob(bytes) => bytes.as_slice().try_into().ok(),
            _ => None,
        }
    }

    /// The digest and the text behind it, which may be empty.
    pub(super) fn digest_and_json(&self) -> Option<(Digest, &str)> {
        let Value::Blob(bytes) = &self.0 else { return None };
        let (digest, json) = bytes.split_first_chunk()?;
        Some((*digest, std::str::from_utf8(json).ok()?))
    }

    /// The digest of the row after a change, and the old values.
    pub(super) fn change(&self) -> Option<(Digest, OldValues)> {
        let (digest, json) = self.digest_and_json()?;
        Some((digest, old_values(json)?))
    }
}

impl FromSql for StoredBody {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        // Text that is not UTF-8 was never written: like any other stranger it breaks the chain.
        Ok(Self(Value::try_from(value).unwrap_or(Value::Null)))
    }
}

/// An entry that is yet to be written.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// What it tells.
    pub(super) kind: EntryKind,
    /// The orchestration's key, where there is a row.
    pub(super) orchestration: Option<i64>,
    /// The body.
    pub(super) body: Body,
}

/// The place up to which the journal is written, and the chain's head there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalHead {
    /// The number of the last batch; 0 for an empty journal.
    pub batch: i64,
    /// The seq of the last entry; 0 for an empty journal.
    pub seq: i64,
    /// The hash.
    pub hash: Digest,
}

impl JournalHead {
    /// `BATCH:HEX`, the form in which a head is noted elsewhere.
    pub fn note(&self) -> String {
        format!("{}:{}", self.batch, hex(&self.hash))
    }
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        for nibble in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(nibble.into(), 16));
        }
        text
    })
}

/// The head of an empty journal: it ties the chain to the ledger's environment and birth.
fn genesis(api_url: &str, created_at: Timestamp) -> JournalHead {
    let mut hasher = Sha256::new();
    hasher.update(b"tallyd journal 1\n");
    hasher.update(api_url.as_bytes());
    hasher.update(b"\n");
    hasher.update(created_at.as_micros().to_le_bytes());
    JournalHead { batch: 0, seq: 0, hash: hasher.finalize().into() }
}

/// The head of this ledger's journal when it was empty.
pub(super) fn genesis_of(connection: &Connection) -> Result<JournalHead, Problem> {
    let (api_url, created_at) = connection
        .prepare_cached("SELECT api_url, created_at FROM ledger")?
        .query_row([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    Ok(genesis(&api_url, created_at))
}

/// The journal's head now. A pruned journal is never empty: it tells of the pruning.
pub(super) fn head(connection: &Connection) -> Result<JournalHead, Problem> {
    let last = connection
        .prepare_cached("SELECT number, last_seq, head FROM journal_batch ORDER BY number DESC LIMIT 1")?
        .query_row([], |row| Ok(JournalHead { batch: row.get(0)?, seq: row.get(1)?, hash: row.get(2)? }))
        .optional()?;
    if let Some(head) = last {
        return Ok(head);
    }
    genesis_of(connection)
}

/// Writes a batch of entries, observed at `at` (server time) in the given poll.
pub(super) fn append(
    connection: &Connection,
    entries: &[Entry],
    at: Timestamp,
    poll: i64,
) -> Result<(), Problem> {
    append_after(connection, &head(connection)?, entries, at, poll)
}

/// The same, where the head is known.
pub(super) fn append_after(
    connection: &Connection,
    before: &JournalHead,
    entries: &[Entry],
    at: Timestamp,
    poll: i64,
) -> Result<(), Problem> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut batch = Batch::begin(connection, before, at, poll)?;
    let (many, single) = entries.as_chunks();
    for entries in many {
        batch.add_many(entries)?;
    }
    for entry in single {
        batch.add(entry)?;
    }
    batch.finish()?;
    Ok(())
}

/// How many entries one statement writes: beginning and ending a statement costs more than an entry.
const AT_ONCE: usize = 50;

fn insertion_of(entries: usize) -> String {
    let values = vec!["(?, ?, ?, ?, ?)"; entries].join(", ");
    format!("INSERT INTO journal_entry (seq, batch, kind, orchestration, body) VALUES {values}")
}

/// A batch in the making, for more entries than may be held in memory.
pub(super) struct Batch<'c> {
    connection: &'c Connection,
    insert: CachedStatement<'c>,
    link: Link,
    at: Timestamp,
    poll: i64,
    number: i64,
    seq: i64,
}

impl<'c> Batch<'c> {
    /// Begins the batch after the journal's head, observed at `at` (server time) in the given poll.
    pub(super) fn begin(
        connection: &'c Connection,
        before: &JournalHead,
        at: Timestamp,
        poll: i64,
    ) -> Result<Self, Problem> {
        let insert = connection.prepare_cached(&insertion_of(1))?;
        let link = Link::begin(before, at, poll);
        Ok(Self { connection, insert, link, at, poll, number: before.batch + 1, seq: before.seq })
    }

    /// Writes an entry.
    pub(super) fn add(&mut self, entry: &Entry) -> Result<(), Problem> {
        self.link_next(entry);
        bind(&mut self.insert, 0, self.number, self.seq, entry)?;
        self.insert.raw_execute()?;
        Ok(())
    }

    /// Writes as many entries as go into one statement.
    fn add_many(&mut self, entries: &[Entry; AT_ONCE]) -> Result<(), Problem> {
        let mut insert = self.connection.prepare_cached(&insertion_of(AT_ONCE))?;
        for (at, entry) in entries.iter().enumerate() {
            self.link_next(entry);
            bind(&mut insert, at, self.number, self.seq, entry)?;
        }
        insert.raw_execute()?;
        Ok(())
    }

    /// Adds an entry to the chain.
    fn link_next(&mut self, entry: &Entry) {
        self.seq += 1;
        let (class, bytes) = entry.body.stored();
        self.link.add_bytes(self.seq, entry.kind.number(), entry.orchestration, class, bytes);
    }

    /// Ends the batch; the answer is the journal's new head.
    pub(super) fn finish(self) -> Result<JournalHead, Problem> {
        let head = JournalHead { batch: self.number, seq: self.seq, hash: self.link.finish() };
        self.connection
            .prepare_cached(
                "INSERT INTO journal_batch (number, at, poll, last_seq, head) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![head.batch, self.at, self.poll, head.seq, head.hash])?;
        Ok(head)
    }
}

/// Binds the columns of an entry behind those of `before` others.
fn bind(
    statement: &mut CachedStatement<'_>,
    before: usize,
    batch: i64,
    seq: i64,
    entry: &Entry,
) -> rusqlite::Result<()> {
    let first = before * 5 + 1;
    statement.raw_bind_parameter(first, seq)?;
    statement.raw_bind_parameter(first + 1, batch)?;
    statement.raw_bind_parameter(first + 2, entry.kind.number())?;
    statement.raw_bind_parameter(first + 3, entry.orchestration)?;
    statement.raw_bind_parameter(first + 4, &entry.body)
}

/// Stands for a body that is stored as a blob.
const BLOB: u8 = 1;

/// Stands for a body that is stored as text.
const TEXT: u8 = 2;

/// The hash of one batch in the making.
pub(super) struct Link(Sha256);

impl Link {
    /// Begins the batch after `before`.
    pub(super) fn begin(before: &JournalHead, at: Timestamp, poll: i64) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(before.hash);
        hasher.update((before.batch + 1).to_le_bytes());
        hasher.update(at.as_micros().to_le_bytes());
        hasher.update(poll.to_le_bytes());
        Self(hasher)
    }

    /// Adds an entry as it is stored.
    pub(super) fn add(&mut self, seq: i64, kind: i64, orchestration: Option<i64>, body: &StoredBody) {
        let (class, bytes) = match &body.0 {
            Value::Blob(bytes) => (BLOB, bytes.as_slice()),
            Value::Text(text) => (TEXT, text.as_bytes()),
            // No entry was ever written with such a body, so no class is its.
            Value::Null | Value::Integer(_) | Value::Real(_) => (0, &[][..]),
        };
        self.add_bytes(seq, kind, orchestration, class, bytes);
    }

    fn add_bytes(&mut self, seq: i64, kind: i64, orchestration: Option<i64>, class: u8, body: &[u8]) {
        self.0.update(seq.to_le_bytes());
        self.0.update(kind.to_le_bytes());
        self.0.update([u8::from(orchestration.is_some()), class]);
        self.0.update(orchestration.unwrap_or(0).to_le_bytes());
        self.0.update((body.len() as u64).to_le_bytes());
        self.0.update(body);
    }

    /// The head after the batch.
    pub(super) fn finish(self) -> Digest {
        self.0.finalize().into()
    }
}

/// The entry for changes that were observed of a row, which is now as `row`.
pub(super) fn changed(key: i64, changes: &[Change], row: &Orchestration) -> Entry {
    let mut old = Map::new();
    let mut kind = EntryKind::Changed;
    let mut put = |field: Field, value: Option<&str>| {
        old.insert(field.path().to_owned(), value.map_or(Json::Null, Json::from));
    };
    for change in changes {
        match change {
            // These have entries of their own.
            Change::Appeared | Change::WentMissing | Change::Reappeared => {}
            Change::StatusMoved { from, .. } => put(Field::Status, Some(from.as_str())),
            Change::LegMoved { leg: LegSide::Source, from, .. } => {
                put(Field::SourceTransferStatus, Some(from.as_str()));
            }
            Change::LegMoved { leg: LegSide::Destination, from, .. } => {
                put(Field::DestinationTransferStatus, Some(from.as_str()));
            }
            Change::FieldChanged { field, old, .. } => put(*field, Some(old)),
            Change::FilledIn { field, .. } => put(*field, None),
            Change::WentBackInTime { .. } => kind = EntryKind::WentBackInTime,
        }
    }
    with_old_values(kind, key, row, old)
}

/// The entry for a row that went missing or reappeared, and is as `row` in the ledger.
pub(super) fn presence(kind: EntryKind, key: i64, row: &Orchestration) -> Entry {
    with_old_values(kind, key, row, Map::new())
}

fn with_old_values(kind: EntryKind, key: i64, row: &Orchestration, old: Map<String, Json>) -> Entry {
    let mut body = digest(row).to_vec();
    body.extend_from_slice(Json::Object(old).to_string().as_bytes());
    Entry { kind, orchestration: Some(key), body: Body::DigestAndJson(body) }
}

/// Reads values by field path from JSON text.
pub(super) fn old_values(body: &str) -> Option<OldValues> {
    let Json::Object(map) = serde_json::from_str(body).ok()? else { return None };
    map.into_iter()
        .map(|(path, value)| {
            let value = match value {
                Json::Null => None,
                Json::String(text) => Some(text),
                _ => return None,
            };
            Some((Field::from_path(&path)?, value))
        })
        .collect()
}
