//! What a ledger says of itself at one moment, read from its file by its public reader and views.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::{Connection, Row};
use serde_json::Value;
use tallyd::ledger::Reader;
use tallyd::model::{Coverage, Identifier, Timestamp};

use super::contract::Checked;
use super::delivered::Slip;
use crate::harness::rows_read_by;

/// A ledger at one moment.
#[derive(Debug, Default)]
pub(super) struct Picture {
    /// Every orchestration by id, by meaning.
    pub(super) rows: BTreeMap<String, Value>,
    /// What is covered, by profile.
    pub(super) coverage: BTreeMap<String, Coverage>,
    /// The journal, in order.
    pub(super) journal: Vec<Entry>,
    /// Which orchestration each kept consequence is about.
    pub(super) judged: Vec<String>,
    /// How each profile's last poll ended.
    pub(super) last_polls: BTreeMap<String, String>,
    /// Every poll and sweep, in order.
    pub(super) polls: Vec<NotedPoll>,
    /// Every break, in order.
    pub(super) breaks: Vec<Broken>,
    /// What the journal says of them, in order.
    pub(super) steps: Vec<BreakStep>,
    /// What people are to be told, in order.
    pub(super) notices: Vec<Told>,
}

/// A poll or a sweep of a profile.
#[derive(Debug)]
pub(super) struct NotedPoll {
    pub(super) number: i64,
    pub(super) profile: String,
    pub(super) lane: String,
    pub(super) began_at: Timestamp,
    /// Whether it came so far that it knew up to when it would list.
    pub(super) has_ceiling: bool,
    pub(super) result: Option<String>,
}

/// A break.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) number: i64,
    pub(super) kind: String,
    /// Whether it is about an orchestration, a profile or a cause.
    pub(super) about: String,
    pub(super) subject: String,
    /// The profile under which it was found.
    pub(super) profile: Option<String>,
    pub(super) episode: i64,
    /// Whether nobody is told.
    pub(super) is_history: bool,
    pub(super) evidence: String,
    pub(super) opened_at: Timestamp,
    pub(super) resolved_at: Option<Timestamp>,
    /// The severity that people were told last; 0 for nothing.
    pub(super) told: i64,
}

/// An entry of the journal about a break.
#[derive(Debug)]
pub(super) struct BreakStep {
    /// The transaction.
    pub(super) batch: i64,
    pub(super) kind: String,
    /// Which break.
    pub(super) number: i64,
}

/// A notice in the outbox.
#[derive(Debug)]
pub(super) struct Told {
    /// About which break.
    pub(super) number: i64,
    pub(super) occasion: String,
    pub(super) severity: i64,
    pub(super) at: Timestamp,
    /// To how many sinks it goes.
    pub(super) deliveries: i64,
}

/// One entry of the journal.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) kind: String,
    /// Which orchestration it is about.
    pub(super) id: String,
    /// What was before, by path, as JSON.
    pub(super) old_values: Option<String>,
    /// In which poll it was seen.
    pub(super) poll: i64,
}

impl Picture {
    /// The journal's entries that came after an earlier picture.
    pub(super) fn journal_since<'a>(&'a self, before: &Self) -> &'a [Entry] {
        self.journal.get(before.journal.len()..).unwrap_or_default()
    }

    /// The breaks that stand.
    pub(super) fn standing(&self) -> impl Iterator<Item = &Broken> {
        self.breaks.iter().filter(|broken| broken.resolved_at.is_none())
    }

    /// Whether a break of that kind stands for a row.
    pub(super) fn stands(&self, kind: &str, id: &str) -> bool {
        self.standing().any(|broken| broken.kind == kind && broken.subject == id)
    }

    /// Whether the journal says that a row is gone.
    pub(super) fn says_missing(&self, id: &str) -> bool {
        let told = self.journal.iter().rev().find(|entry| entry.id == id && entry.is_about_presence());
        told.is_some_and(|entry| entry.kind == "went_missing")
    }
}

impl Entry {
    /// Whether it says what a row is.
    pub(super) fn is_change(&self) -> bool {
        ["appeared", "changed", "went_back_in_time"].contains(&self.kind.as_str())
    }

    /// Whether it says that a row is gone or there again.
    pub(super) fn is_about_presence(&self) -> bool {
        ["went_missing", "reappeared"].contains(&self.kind.as_str())
    }

    /// The documented fields that it says were something else before, as JSON pointers.
    pub(super) fn changed_paths(&self) -> Vec<String> {
        let old: Value =
            self.old_values.as_deref().map_or(Value::Null, |old| serde_json::from_str(old).unwrap());
        let paths = old.as_object().into_iter().flatten().map(|(path, _)| path);
        // All that no document knows is kept under one name, which is no path.
        paths.filter(|path| !path.contains(' ')).map(|path| format!("/{}", path.replace('.', "/"))).collect()
    }
}

impl Broken {
    /// Whether it is what the killer notes, and no break.
    fn is_note(&self) -> bool {
        self.about == "profile" && self.kind == "unknown_status"
    }
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Ok(Timestamp::parse_rfc3339(&row.get::<_, String>(column)?).unwrap())
}

/// Looks at a ledger's file beside its writer, over restarts too. Opening a ledger and preparing its views costs
/// more than a small poll, so it is done once.
pub(super) struct Viewer {
    reader: Reader,
    views: Connection,
}

impl Viewer {
    pub(super) fn of(path: &Path) -> Self {
        Self { reader: Reader::open(path).unwrap(), views: Connection::open(path).unwrap() }
    }

    pub(super) fn picture(&self) -> Picture {
        let coverage = "SELECT profile_id, covered_from, covered_to, verified_at FROM coverage
                        WHERE covered_to IS NOT NULL";
        let covered = self.all(coverage, |row| {
            Ok((row.get(0)?, Coverage { from: time(row, 1)?, to: time(row, 2)?, verified_at: time(row, 3)? }))
        });
        let polls = self.all(
            "SELECT profile_id, lane, began_at, ceiling IS NOT NULL, result, number FROM polls ORDER BY number",
            |row| {
                Ok(NotedPoll {
                    profile: row.get(0)?,
                    lane: row.get(1)?,
                    began_at: time(row, 2)?,
                    has_ceiling: row.get(3)?,
                    result: row.get(4)?,
                    number: row.get(5)?,
                })
            },
        );
        let last_polls = polls.iter().filter_map(|poll| Some((poll.profile.clone(), poll.result.clone()?)));
        let last_polls = last_polls.collect();
        let (notes, breaks): (Vec<_>, Vec<_>) = self.breaks().into_iter().partition(Broken::is_note);
        let not_breaks: BTreeSet<i64> = notes.iter().map(|note| note.number).collect();
        let mut steps = self.steps();
        steps.retain(|step| !not_breaks.contains(&step.number));
        let entries =
            "SELECT kind, orchestration_id, old_values, poll FROM journal WHERE details IS NULL ORDER BY seq";
        Picture {
            rows: rows_read_by(&self.reader),
            coverage: covered.into_iter().collect(),
            journal: self.all(entries, |row| {
                Ok(Entry { kind: row.get(0)?, id: row.get(1)?, old_values: row.get(2)?, poll: row.get(3)? })
            }),
            judged: notes.into_iter().map(|note| note.evidence).collect(),
            last_polls,
            polls,
            breaks,
            steps,
            notices: self.notices(),
        }
    }

    /// Every break, with what people were told of it; of a note the text.
    fn breaks(&self) -> Vec<Broken> {
        let breaks = "SELECT k.number, k.kind, k.about, k.subject, k.profile_id, k.episode, k.history,
                CASE k.about WHEN 'profile' THEN k.evidence ->> 'status' ELSE k.evidence END, k.opened_at,
                k.resolved_at, b.told
            FROM breaks AS k JOIN break AS b ON b.number = k.number ORDER BY k.number";
        self.all(breaks, |row| {
            Ok(Broken {
                number: row.get(0)?,
                kind: row.get(1)?,
                about: row.get(2)?,
                subject: row.get(3)?,
                profile: row.get(4)?,
                episode: row.get(5)?,
                is_history: row.get(6)?,
                evidence: row.get::<_, Option<String>>(7)?.unwrap_or_default(),
                opened_at: time(row, 8)?,
                resolved_at: row.get::<_, Option<String>>(9)?.map(|_| time(row, 9)).transpose()?,
                told: row.get(10)?,
            })
        })
    }

    fn steps(&self) -> Vec<BreakStep> {
        let steps =
            "SELECT batch, kind, details ->> 'break' FROM journal WHERE details IS NOT NULL ORDER BY seq";
        self.all(steps, |row| Ok(BreakStep { batch: row.get(0)?, kind: row.get(1)?, number: row.get(2)? }))
    }

    fn notices(&self) -> Vec<Told> {
        let notices =
            "SELECT break, occasion, severity, at, (SELECT count(*) FROM delivery WHERE notice = n.number)
            FROM notice AS n ORDER BY number";
        self.all(notices, |row| {
            Ok(Told {
                number: row.get(0)?,
                occasion: row.get(1)?,
                severity: row.get(2)?,
                at: Timestamp::from_micros(row.get(3)?),
                deliveries: row.get(4)?,
            })
        })
    }

    /// What each sink is to be told, in order.
    pub(super) fn slips(&self) -> Vec<Slip> {
        let slips =
            "SELECT d.sink, k.number, k.kind, k.subject, k.episode, n.occasion, n.at, d.state, d.batch
            FROM delivery AS d JOIN notice AS n ON n.number = d.notice JOIN breaks AS k ON k.number = n.break
            ORDER BY n.number";
        self.all(slips, |row| {
            let key =
                |kind: String, subject: String, episode: i64| format!("tallyd/{kind}/{subject}/{episode}");
            Ok(Slip {
                sink: row.get(0)?,
                number: row.get(1)?,
                key: key(row.get(2)?, row.get(3)?, row.get(4)?),
                occasion: row.get(5)?,
                at: Timestamp::from_micros(row.get(6)?),
                state: row.get(7)?,
                batch: row.get(8)?,
            })
        })
    }

    /// The profiles that list a row, as the ledger has it.
    pub(super) fn listed_under(&self, id: &str) -> BTreeSet<String> {
        let profiles = self.reader.listed_under(&Identifier::new(id)).unwrap();
        profiles.into_iter().map(|profile| profile.id.to_string()).collect()
    }

    /// Rule 3: the journal's chain and every digest hold.
    pub(super) fn check_sound(&self) -> Checked {
        let findings = self.reader.verify(None).unwrap().findings;
        if findings.is_empty() {
            Ok(())
        } else {
            Err(format!("rule 3: the ledger is not sound: {findings:?}"))
        }
    }

    /// All that the ledger says of orchestrations, as text; the same for two ledgers that went through the same.
    pub(super) fn transcript(&self) -> Vec<String> {
        let queries = [
            "SELECT * FROM orchestrations ORDER BY id",
            "SELECT seq, at, kind, orchestration_id, digest, old_values FROM journal ORDER BY seq",
            "SELECT * FROM coverage ORDER BY profile_id",
            "SELECT * FROM breaks ORDER BY number",
            "SELECT break, occasion, severity, at FROM notice ORDER BY number",
        ];
        let line = |row: &Row<'_>| {
            let columns = 0..row.as_ref().column_count();
            let text = |column| -> rusqlite::Result<String> { Ok(format!("{:?}", row.get_ref(column)?)) };
            Ok(columns.map(text).collect::<rusqlite::Result<Vec<_>>>()?.join(" "))
        };
        queries.iter().flat_map(|query| self.all(query, line)).collect()
    }

    fn all<T>(&self, query: &str, read: impl Fn(&Row<'_>) -> rusqlite::Result<T>) -> Vec<T> {
        let mut statement = self.views.prepare_cached(query).unwrap();
        let rows = statement.query_map([], |row| read(row)).unwrap();
        rows.map(Result::unwrap).collect()
    }
}
