//! Taking steps: what becomes of breaks, their entries in the journal, and what is to be told.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};

use crate::ledger::journal::{Body, Entry, EntryKind};
use crate::ledger::rules::Route;
use crate::ledger::{Problem, ProfileKey};
use crate::model::{
    Audience, BreakKind, BreakNumber, Evidence, Finding, Identifier, Notice, Occasion, Resolution, Severity,
    Standing, Step, Subject, Tell, Timestamp, Told,
};

use super::standing::{self, standing_columns};
use super::{about, columns, evidence};

/// Where steps are taken.
pub(in crate::ledger) struct Scene<'a> {
    /// The transaction.
    pub(in crate::ledger) connection: &'a Connection,
    /// Which sinks tell what.
    pub(in crate::ledger) route: &'a Route,
    /// When, by Paxos's clock.
    pub(in crate::ledger) at: Timestamp,
    /// The profile under which it was observed; `None` for what is about several.
    pub(in crate::ledger) profile: Option<ProfileKey>,
}

/// A break that steps are taken with, and the key of its orchestration.
pub(super) struct Case {
    pub(super) standing: Standing,
    orchestration: Option<i64>,
    profile: Option<i64>,
}

/// Takes steps in the caller's transaction. What the journal is to hold of them goes to `entries`; `key_of`
/// finds the key of an orchestration that was just observed.
pub(in crate::ledger) fn take(
    scene: &Scene<'_>,
    steps: Vec<Step>,
    key_of: impl Fn(&Identifier) -> Option<i64>,
    entries: &mut Vec<Entry>,
) -> Result<(), Problem> {
    for step in steps {
        match step {
            Step::Open { finding, tell } => scene.open(&finding, tell, &key_of, entries)?,
            Step::Revise { number, severity, evidence, tell } => {
                let case = scene.case(number)?;
                scene.revise(&case, severity, &evidence, tell, entries)?;
            }
            Step::Unmute { number, tell } => scene.unmute(&scene.case(number)?, None, tell, entries)?,
            Step::Resolve { number, why, tell } => {
                scene.resolve(&scene.case(number)?, &why, tell, entries)?;
            }
        }
    }
    Ok(())
}

impl Scene<'_> {
    fn open(
        &self,
        finding: &Finding,
        tell: Tell,
        key_of: &impl Fn(&Identifier) -> Option<i64>,
        entries: &mut Vec<Entry>,
    ) -> Result<(), Problem> {
        let (scope, subject) = columns(&finding.subject);
        if let Some(number) = self.unresolved(finding.kind, &subject)? {
            // Before ids are indexed one orchestration may have two rows: both say the same.
            return self.revise(
                &self.case(number)?,
                finding.severity,
                &finding.evidence,
                Tell::Nobody,
                entries,
            );
        }
        let orchestration = match &finding.subject {
            Subject::Orchestration(id) => key_of(id),
            Subject::Profile(_) | Subject::Cause(_) | Subject::Report(_) => None,
        };
        let former: Option<(BreakNumber, u32)> = self
            .connection
            .prepare_cached(
                "SELECT number, episode FROM break WHERE subject = ?1 AND kind = ?2 ORDER BY episode DESC LIMIT 1",
            )?
            .query_row(params![subject, finding.kind], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let episode = former.map_or(1, |(_, episode)| episode.saturating_add(1));
        let profile = match &finding.subject {
            Subject::Profile(id) => self
                .connection
                .prepare_cached("SELECT key FROM profile WHERE id = ?1")?
                .query_row([id], |row| row.get(0))
                .optional()?,
            Subject::Orchestration(_) | Subject::Cause(_) | Subject::Report(_) => {
                self.profile.map(|profile| profile.0)
            }
        };
        let evidence = evidence::to_text(&finding.evidence);
        let since = finding.evidence.since().map_or(self.at, |since| since.at);
        let number = self
            .connection
            .prepare_cached(
                "INSERT INTO break (kind, scope, subject, orchestration, profile, episode, former, severity, evidence,
                     opened_at, history, since) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?
            .insert(params![
                finding.kind,
                scope,
                subject,
                orchestration,
                profile,
                episode,
                former.map(|(number, _)| number),
                finding.severity,
                evidence,
                self.at,
                finding.audience == Audience::Nobody,
                since,
            ])?;
        let case = self.case(BreakNumber(number))?;
        let details = json!({
            "about": about(&finding.subject),
            "profile_id": self.profile_of(&case)?.map(|id| id.to_string()),
            "severity": finding.severity.as_str(),
            "history": finding.audience == Audience::Nobody,
            "former": former.map(|(number, _)| number.0),
            "evidence": as_json(&evidence),
        });
        entries.push(entry(EntryKind::BreakOpened, &case, details));
        self.tell(&case, Occasion::Opened, finding.severity, tell)
    }

    fn revise(
        &self,
        case: &Case,
        severity: Severity,
        evidence: &Evidence,
        tell: Tell,
        entries: &mut Vec<Entry>,
    ) -> Result<(), Problem> {
        let before = &case.standing;
        let text = evidence::to_text(evidence);
        if severity == before.severity && text == evidence::to_text(&before.evidence) && tell == Tell::Nobody
        {
            return Ok(());
        }
        self.connection
            .prepare_cached("UPDATE break SET severity = ?2, evidence = ?3, since = ?4 WHERE number = ?1")?
            .execute(params![
                before.number,
                severity,
                text,
                evidence.since().map_or(before.opened_at, |since| since.at)
            ])?;
        let details = json!({
            "severity": severity.as_str(),
            "severity_before": before.severity.as_str(),
            "evidence": as_json(&text),
        });
        entries.push(entry(EntryKind::BreakRevised, case, details));
        let occasion = match before.told {
            Told::Nothing => Occasion::Opened,
            Told::As(_) => Occasion::Worsened,
        };
        self.tell(case, occasion, severity, tell)
    }

    /// Ends an acknowledgement; `by` whom, `None` where its time has come.
    pub(super) fn unmute(
        &self,
        case: &Case,
        by: Option<&str>,
        tell: Tell,
        entries: &mut Vec<Entry>,
    ) -> Result<(), Problem> {
        self.connection
            .prepare_cached(
                "UPDATE break SET muted_at = NULL, muted_by = NULL, muted_why = NULL, muted_until = NULL,
                     muted_as = NULL WHERE number = ?1",
            )?
            .execute([case.standing.number])?;
        entries.push(entry(EntryKind::BreakUnacknowledged, case, json!({ "by": by })));
        self.tell(case, Occasion::Reminded, case.standing.severity, tell)
    }

    pub(super) fn resolve(
        &self,
        case: &Case,
        why: &Resolution,
        tell: Tell,
        entries: &mut Vec<Entry>,
    ) -> Result<(), Problem> {
        let (by, words) = match why {
            Resolution::Person { by, why } => (Some(by.as_str()), why.clone()),
            other => (None, other.to_string()),
        };
        self.connection
            .prepare_cached(
                "UPDATE break SET resolved_at = ?2, resolved_by = ?3, resolved_why = ?4 WHERE number = ?1",
            )?
            .execute(params![case.standing.number, self.at, by, words])?;
        entries.push(entry(EntryKind::BreakResolved, case, json!({ "by": by, "why": words })));
        // That it still stands is not told any more.
        self.connection
            .prepare_cached(
                "DELETE FROM delivery WHERE state = 'waiting' AND notice IN
                     (SELECT number FROM notice WHERE break = ?1 AND occasion = ?2)",
            )?
            .execute(params![case.standing.number, Occasion::Reminded])?;
        self.tell(case, Occasion::Resolved, told_as(&case.standing), tell)
    }

    /// Puts a notice into the outbox, for each sink that tells it. What became of a break that stood is for those
    /// sinks alone that were to tell that it stands.
    pub(super) fn tell(
        &self,
        case: &Case,
        occasion: Occasion,
        severity: Severity,
        tell: Tell,
    ) -> Result<(), Problem> {
        if tell == Tell::Nobody {
            return Ok(());
        }
        let standing = &case.standing;
        self.connection
            .prepare_cached("UPDATE break SET told = ?2 WHERE number = ?1")?
            .execute(params![standing.number, severity])?;
        let profile = self.profile_of(case)?;
        let notice = Notice {
            number: standing.number,
            kind: standing.kind,
            subject: standing.subject.clone(),
            episode: standing.episode,
            severity,
            profile,
            occasion,
            at: self.at,
        };
        let mut sinks = (self.route)(&notice);
        if matches!(occasion, Occasion::Acknowledged | Occasion::Resolved) {
            let told = self.told_by(standing.number)?;
            sinks.retain(|sink| told.contains(&sink.0));
        }
        if sinks.is_empty() {
            return Ok(());
        }
        let number = self
            .connection
            .prepare_cached("INSERT INTO notice (break, occasion, severity, at) VALUES (?1, ?2, ?3, ?4)")?
            .insert(params![standing.number, occasion, severity, self.at])?;
        let mut insert = self
            .connection
            .prepare_cached("INSERT OR IGNORE INTO delivery (sink, notice, next_at) VALUES (?1, ?2, 0)")?;
        for sink in sinks {
            insert.execute(params![sink.0, number])?;
        }
        Ok(())
    }

    /// The sinks that tell of a break.
    fn told_by(&self, number: BreakNumber) -> Result<Vec<String>, Problem> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT DISTINCT d.sink FROM notice AS n JOIN delivery AS d ON d.notice = n.number WHERE n.break = ?1",
            )?
            .query_map([number], |row| row.get(0))?
            .collect::<Result<_, _>>()?)
    }

    fn profile_of(&self, case: &Case) -> Result<Option<Identifier>, Problem> {
        Ok(self
            .connection
            .prepare_cached("SELECT id FROM profile WHERE key = ?1")?
            .query_row([case.profile], |row| row.get(0))
            .optional()?)
    }

    fn unresolved(&self, kind: BreakKind, subject: &Identifier) -> Result<Option<BreakNumber>, Problem> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT number FROM break WHERE subject = ?1 AND kind = ?2 AND resolved_at IS NULL",
            )?
            .query_row(params![subject, kind], |row| row.get(0))
            .optional()?)
    }

    pub(super) fn case(&self, number: BreakNumber) -> Result<Case, Problem> {
        let query =
            concat!("SELECT ", standing_columns!(), ", orchestration, profile FROM break WHERE number = ?1");
        let found = self
            .connection
            .prepare_cached(query)?
            .query_row([number], |row| {
                Ok(Case {
                    standing: standing::read(row, 0)?,
                    orchestration: row.get(standing::COLUMNS)?,
                    profile: row.get(standing::COLUMNS + 1)?,
                })
            })
            .optional()?;
        found.ok_or_else(|| Problem::Inconsistent(format!("break {number} is not in the ledger")))
    }
}

/// The severity with which people know of a break.
pub(super) fn told_as(standing: &Standing) -> Severity {
    match standing.told {
        Told::Nothing => standing.severity,
        Told::As(severity) => severity,
    }
}

/// What the journal holds of a step: which break, and what became of it.
pub(super) fn entry(kind: EntryKind, case: &Case, details: Value) -> Entry {
    let standing = &case.standing;
    let (_, subject) = columns(&standing.subject);
    let mut body = json!({
        "break": standing.number.0,
        "kind": standing.kind.as_str(),
        "id": subject.to_string(),
        "episode": standing.episode,
    });
    if let (Value::Object(body), Value::Object(details)) = (&mut body, details) {
        body.extend(details);
    }
    Entry { kind, orchestration: case.orchestration, body: Body::Json(body.to_string()) }
}

fn as_json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}
