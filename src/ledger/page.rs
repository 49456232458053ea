//! One page of rows, written in one transaction with everything that follows from it.

mod judging;
mod news;
mod presence;

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::model::{
    Change, Counts, Identifier, Orchestration, Received, Timestamp, Tracked, Trust, UnreadableRow, Verdict,
};

use super::digest::digest;
use super::indexes::Lookup;
use super::journal::{self, Body, Entry, EntryKind, JournalHead, hex};
use super::listing::{self, Progress};
use super::observer::PageNews;
use super::rows::{self, NewRow, Rows, Stored};
use super::rules::Rules;
use super::{Moment, OrchestrationKey, PollNumber, Problem, ProfileKey, breaks, identity, missing};

/// A page to commit.
#[derive(Debug)]
pub struct PageCommit {
    /// The poll that listed it.
    pub poll: PollNumber,
    /// The profile under which it was listed.
    pub profile: ProfileKey,
    /// When it was seen, by the server's clock.
    pub seen_at: Timestamp,
    /// What the ledger had taken in when it was asked for.
    pub asked_at: Moment,
    /// The rows that could be read.
    pub rows: Vec<Received>,
    /// The rows that could not.
    pub unreadable: Vec<UnreadableRow>,
    /// How many rows came without an id.
    pub without_id: u64,
    /// Everything of the listing that was created before this instant lies on other pages.
    pub begins_at: Timestamp,
    /// How far the listing is with this page.
    pub progress: Progress,
}

/// What committing a page came to.
#[derive(Debug, Default)]
pub struct PageCommitted {
    /// What the page held.
    pub counts: Counts,
    /// Rows older than the ledger's; they were not taken.
    pub stale: Vec<Identifier>,
    /// What was created after this instant may be missing from the page; `None` where nothing is in
    /// doubt. A replica that showed a row as of some time knows everything that was created before.
    pub doubt_from: Option<Timestamp>,
    /// What it came to beside the counts; `None` where its poll is not in the ledger.
    pub news: Option<PageNews>,
}

/// Writes a page, the journal, what follows, and the listing's position, in the caller's transaction.
pub(super) fn commit(
    connection: &Connection,
    rules: &Rules,
    page: &PageCommit,
) -> Result<PageCommitted, Problem> {
    let mut desk = Desk::new(connection, rules, page)?;
    desk.committed.counts.pages = 1;
    desk.committed.counts.rows = (page.rows.len() + page.unreadable.len()) as u64 + page.without_id;
    if page.progress == Progress::Refresh {
        desk.committed.counts.refreshed = desk.committed.counts.rows;
    }
    desk.take_listed(&page.rows)?;
    for row in &page.unreadable {
        desk.take_unreadable(row)?;
    }
    let committed = desk.finish()?;
    listing::advance(connection, page.profile, page.progress, &committed)?;
    Ok(committed)
}

/// What one row came to.
struct Weighed<'a> {
    key: i64,
    before: Option<Tracked>,
    /// What was met; `None` where nothing was that could be taken.
    received: Option<&'a Orchestration>,
    kept: Option<Box<Tracked>>,
    status_since: Timestamp,
    changes: Vec<Change>,
}

/// A page in the making.
pub(super) struct Desk<'a> {
    pub(super) connection: &'a Connection,
    pub(super) rules: &'a Rules,
    pub(super) page: &'a PageCommit,
    lookup: Lookup,
    pub(super) rows: Rows<'a>,
    customer: Option<Identifier>,
    head: JournalHead,
    has_unreadable: bool,
    has_missing: bool,
    has_breaks: bool,
    entries: Vec<Entry>,
    weighed: Vec<Weighed<'a>>,
    pub(super) committed: PageCommitted,
}

impl<'a> Desk<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        rules: &'a Rules,
        page: &'a PageCommit,
    ) -> Result<Self, Problem> {
        let counts = Counts {
            without_id: page.without_id,
            unreadable: page.unreadable.len() as u64,
            ..Counts::default()
        };
        let lookup = Lookup::of(connection)?;
        Ok(Self {
            connection,
            rules,
            page,
            lookup,
            rows: Rows::new(connection, lookup)?,
            customer: identity::customer(connection)?,
            head: journal::head(connection)?,
            has_unreadable: connection.prepare_cached("SELECT 1 FROM unreadable")?.exists([])?,
            has_missing: missing::any(connection)?,
            has_breaks: breaks::any(connection)?,
            entries: Vec::with_capacity(page.rows.len()),
            weighed: Vec::with_capacity(page.rows.len()),
            committed: PageCommitted {
                counts,
                stale: Vec::new(),
                doubt_from: (page.without_id > 0).then_some(page.begins_at),
                news: None,
            },
        })
    }

    /// Takes the rows of a list. In a first backfill nearly every page is all new: adding it outright saves
    /// looking for each row, and a statement for each.
    fn take_listed(&mut self, rows: &'a [Received]) -> Result<(), Problem> {
        let may_be_new = self.lookup == Lookup::ByCreation && !self.has_unreadable;
        if may_be_new && self.take_as_new(rows)? {
            return Ok(());
        }
        rows.iter().try_for_each(|row| self.take(row, Trust::Listed))
    }

    /// Takes a row that was met.
    pub(super) fn take(&mut self, received: &'a Received, trust: Trust) -> Result<(), Problem> {
        let row = &received.orchestration;
        self.check_customer(row)?;
        let stored = self.rows.find(row)?;
        let mut presence = None;
        if let Some(stored) = &stored {
            self.note_listed(stored)?;
            presence = self.find_again(stored)?;
        }
        let before = stored.as_ref().map(|stored| &stored.tracked);
        let verdict = (self.rules.compare)(before, row, self.page.seen_at, trust);
        // What an older answer shows says nothing about the one that cannot be read.
        if self.has_unreadable && verdict != Verdict::Stale {
            self.forget_unreadable(row)?;
        }
        let verdict = match (&stored, verdict) {
            (Some(stored), Verdict::Stale | Verdict::Changed { .. }) if self.is_overtaken(stored, row)? => {
                Verdict::Unchanged
            }
            (_, verdict) => verdict,
        };
        match verdict {
            Verdict::Appeared { status_since } => {
                let new = self.new_row(0, received, status_since);
                if self.rows.add(self.page.profile.0, std::slice::from_ref(&new))? {
                    self.note_new(&new);
                }
            }
            Verdict::Stale => {
                self.committed.counts.stale += 1;
                self.committed.stale.push(row.id.clone());
                let shown = row.updated_at.unwrap_or(self.page.begins_at);
                let doubt = self.committed.doubt_from.map_or(shown, |doubt| doubt.min(shown));
                self.committed.doubt_from = Some(doubt);
                if let (Some(stored), Some(change)) = (stored, presence) {
                    self.weigh_presence(stored, change);
                }
            }
            Verdict::Unchanged => {
                if let Some(stored) = stored {
                    self.weighed.push(Weighed {
                        key: stored.key,
                        status_since: stored.tracked.status_since,
                        before: Some(stored.tracked),
                        received: Some(row),
                        kept: None,
                        changes: presence.into_iter().collect(),
                    });
                }
            }
            Verdict::Changed { kept, mut changes } => {
                if let Some(stored) = stored {
                    rows::update(self.connection, stored.key, &kept, received.fingerprint)?;
                    self.entries.push(journal::changed(stored.key, &changes, &kept.orchestration));
                    self.committed.counts.changed += 1;
                    changes.extend(presence);
                    self.weighed.push(Weighed {
                        key: stored.key,
                        before: Some(stored.tracked),
                        received: Some(row),
                        status_since: kept.status_since,
                        kept: Some(kept),
                        changes,
                    });
                }
            }
        }
        Ok(())
    }

    /// Whether the ledger took in something as new about a row after the page was asked for. What the page
    /// shows is then what was so before, and no sign of a stale replica.
    fn is_overtaken(&self, stored: &Stored, row: &Orchestration) -> Result<bool, Problem> {
        let Moment(asked_at) = self.page.asked_at;
        let is_newer = row.updated_at > stored.tracked.orchestration.updated_at;
        if is_newer || self.head.seq <= asked_at {
            return Ok(false);
        }
        let mut later = self.connection.prepare_cached(
            "SELECT 1 FROM journal_entry WHERE orchestration = ?1 AND kind <> 1 AND kind < 12 AND seq > ?2 LIMIT 1",
        )?;
        Ok(self.page.asked_at.is_before(OrchestrationKey(stored.key))
            || later.exists([stored.key, asked_at])?)
    }

    /// Adds rows as new if all of them are; says whether they were. If not, nothing is added.
    fn take_as_new(&mut self, received: &'a [Received]) -> Result<bool, Problem> {
        let mut new = Vec::with_capacity(received.len());
        for row in received {
            self.check_customer(&row.orchestration)?;
            let verdict = (self.rules.compare)(None, &row.orchestration, self.page.seen_at, Trust::Listed);
            let Verdict::Appeared { status_since } = verdict else { return Ok(false) };
            new.push(self.new_row(new.len(), row, status_since));
        }
        self.connection.execute_batch("SAVEPOINT as_new")?;
        let all_new = self.rows.add(self.page.profile.0, &new)?;
        if all_new {
            for new in &new {
                self.note_new(new);
            }
        } else {
            self.connection.execute_batch("ROLLBACK TO as_new")?;
        }
        self.connection.execute_batch("RELEASE as_new")?;
        Ok(all_new)
    }

    /// A row to add behind `before` others. It is named by the journal's entry of its appearance: one number
    /// for both.
    fn new_row(&self, before: usize, received: &'a Received, status_since: Timestamp) -> NewRow<'a> {
        let ahead = i64::try_from(self.entries.len() + before).unwrap_or(i64::MAX);
        NewRow { key: self.head.seq + 1 + ahead, received, status_since }
    }

    /// Notes for the journal and for judging that a row was added.
    fn note_new(&mut self, new: &NewRow<'a>) {
        let row = &new.received.orchestration;
        self.entries.push(Entry {
            kind: EntryKind::Appeared,
            orchestration: Some(new.key),
            body: Body::Digest(digest(row)),
        });
        self.committed.counts.appeared += 1;
        self.weighed.push(Weighed {
            key: new.key,
            before: None,
            received: Some(row),
            kept: None,
            status_since: new.status_since,
            changes: vec![Change::Appeared],
        });
    }

    /// A ledger is bound to the first customer that it sees.
    fn check_customer(&mut self, row: &Orchestration) -> Result<(), Problem> {
        match (&self.customer, &row.customer_id) {
            (Some(bound), Some(received)) if bound != received => {
                Err(Problem::OtherCustomer { ledger: bound.to_string(), received: received.to_string() })
            }
            (None, Some(received)) => {
                identity::bind_customer(self.connection, received)?;
                self.customer = Some(received.clone());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn note_listed(&self, stored: &Stored) -> Result<(), Problem> {
        if stored.listed_by != self.page.profile.0 {
            self.connection
                .prepare_cached("INSERT OR IGNORE INTO also_listed (profile, orchestration) VALUES (?1, ?2)")?
                .execute([self.page.profile.0, stored.key])?;
        }
        Ok(())
    }

    fn forget_unreadable(&mut self, row: &Orchestration) -> Result<(), Problem> {
        let raw: Option<String> = self
            .connection
            .prepare_cached("DELETE FROM unreadable WHERE id = ?1 RETURNING raw")?
            .query_row([&row.id], |row| row.get(0))
            .optional()?;
        if let Some(raw) = raw {
            let body = json!({ "id": row.id.to_string(), "raw": raw });
            self.entries.push(Entry {
                kind: EntryKind::ReadableAgain,
                orchestration: None,
                body: Body::Json(body.to_string()),
            });
        }
        Ok(())
    }

    /// Takes a row that was met and cannot be read.
    pub(super) fn take_unreadable(&mut self, row: &UnreadableRow) -> Result<(), Problem> {
        let stored = match self.lookup {
            Lookup::ById => rows::find_by_id(self.connection, &row.id)?,
            // Without an index on ids, looking for each would read the whole table each time.
            Lookup::ByCreation => None,
        };
        let orchestration = stored.as_ref().map(|stored| stored.key);
        if let Some(stored) = stored
            && let Some(change) = self.find_again(&stored)?
        {
            self.weigh_presence(stored, change);
        }
        let known: Option<String> = self
            .connection
            .prepare_cached("SELECT raw FROM unreadable WHERE id = ?1")?
            .query_row([&row.id], |row| row.get(0))
            .optional()?;
        if known.as_deref() == Some(&*row.raw) {
            return Ok(());
        }
        self.connection
            .prepare_cached(
                "INSERT INTO unreadable (id, listed_by, raw, problem, first_seen_at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (id) DO UPDATE SET raw = excluded.raw, problem = excluded.problem",
            )?
            .execute(params![row.id, self.page.profile.0, row.raw, row.problem, self.page.seen_at])?;
        let body = json!({
            "id": row.id.to_string(),
            "problem": row.problem,
            "raw_sha256": hex(&Sha256::digest(row.raw.as_bytes())),
            "raw_before": known,
        });
        self.entries.push(Entry {
            kind: EntryKind::Unreadable,
            orchestration,
            body: Body::Json(body.to_string()),
        });
        Ok(())
    }

    /// Writes the journal, what follows and the counts.
    pub(super) fn finish(mut self) -> Result<PageCommitted, Problem> {
        self.follow()?;
        journal::append_after(
            self.connection,
            &self.head,
            &self.entries,
            self.page.seen_at,
            self.page.poll.0,
        )?;
        listing::count(self.connection, self.page.poll, &self.committed.counts)?;
        self.committed.news = self.news()?;
        Ok(self.committed)
    }
}
