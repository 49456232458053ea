//! What follows from a page, in its transaction.

use rusqlite::params;

use crate::ledger::Problem;
use crate::ledger::breaks::{self, Scene, leg_times, standing, twins};
use crate::ledger::indexes::Lookup;
use crate::ledger::listing;
use crate::model::{
    Change, Field, Identifier, LegTimes, Lookalike, Observation, Orchestration, PageFacts, Standing, Step,
};

use super::{Desk, Weighed};

/// What is known of a row beside what was observed of it.
struct Surroundings {
    leg_times: LegTimes,
    standing: Vec<Standing>,
    namesakes: Vec<Lookalike>,
    lookalikes: Vec<Lookalike>,
}

impl Desk<'_> {
    /// Takes the steps that follow from the page. What the journal is to hold of them comes behind what was
    /// observed.
    pub(super) fn follow(&mut self) -> Result<(), Problem> {
        let steps = self.judge()?;
        if steps.is_empty() {
            return Ok(());
        }
        let scene = Scene {
            connection: self.connection,
            route: &self.rules.route,
            at: self.page.seen_at,
            profile: Some(self.page.profile),
        };
        let Self { weighed, entries, .. } = self;
        let key_of = |id: &Identifier| weighed.iter().find(|row| row.is(id)).map(|row| row.key);
        breaks::take(&scene, steps, key_of, entries)
    }

    fn judge(&self) -> Result<Vec<Step>, Problem> {
        let mut surroundings = Vec::with_capacity(self.weighed.len());
        for weighed in &self.weighed {
            surroundings.push(self.surroundings(weighed)?);
        }
        let rows = self.weighed.iter().zip(&surroundings).filter_map(|(weighed, around)| {
            Some(Observation::Row {
                before: weighed.before(),
                now: weighed.now()?,
                status_since: weighed.status_since,
                leg_times: around.leg_times,
                changes: &weighed.changes,
                standing: &around.standing,
                namesakes: &around.namesakes,
                lookalikes: &around.lookalikes,
            })
        });
        let mut of_unreadable = Vec::with_capacity(self.page.unreadable.len());
        for row in &self.page.unreadable {
            of_unreadable.push(self.standing(&row.id)?);
        }
        let unreadable = self.page.unreadable.iter().zip(&of_unreadable);
        let unreadable = unreadable.map(|(row, standing)| Observation::Unreadable { row, standing });
        let observations: Vec<_> = rows.chain(unreadable).collect();
        if observations.is_empty() {
            return Ok(Vec::new());
        }
        let (profile, first_poll_began_at) = self
            .connection
            .prepare_cached("SELECT id, coalesce(first_poll_at, ?2) FROM profile WHERE key = ?1")?
            .query_row(params![self.page.profile.0, self.page.seen_at], |row| {
                Ok((row.get::<_, Identifier>(0)?, row.get(1)?))
            })?;
        Ok((self.rules.judge)(&PageFacts {
            profile: &profile,
            seen_at: self.page.seen_at,
            first_poll_began_at,
            listing: listing::turn_of(self.connection, self.page.poll)?,
            observations: &observations,
        }))
    }

    fn surroundings(&self, weighed: &Weighed<'_>) -> Result<Surroundings, Problem> {
        let status_since = weighed.status_since;
        let mut around = Surroundings {
            leg_times: LegTimes { source: status_since, destination: status_since },
            standing: Vec::new(),
            namesakes: Vec::new(),
            lookalikes: Vec::new(),
        };
        let Some(now) = weighed.now() else { return Ok(around) };
        around.leg_times = leg_times::of(
            self.connection,
            weighed.key,
            weighed.before(),
            now,
            weighed.status_since,
            self.page.seen_at,
        )?;
        // A row that is new to the ledger may have a break from when it could not be read.
        if weighed.before.is_some() || self.has_unreadable {
            around.standing = self.standing(&now.id)?;
        }
        // Until the first backfill ends nothing is found by its ref_id; those that are the same are looked for
        // when it has.
        if self.lookup == Lookup::ById && is_new(&weighed.changes, Field::RefId) {
            around.namesakes = twins::namesakes(self.connection, now)?;
        }
        if weighed.changes.contains(&Change::Appeared)
            && let Some(within) = (self.rules.lookalikes_within)(now)
        {
            around.lookalikes = twins::lookalikes(self.connection, now, within)?;
        }
        Ok(around)
    }

    fn standing(&self, id: &Identifier) -> Result<Vec<Standing>, Problem> {
        if self.has_breaks { standing::of_id(self.connection, id) } else { Ok(Vec::new()) }
    }
}

impl Weighed<'_> {
    fn before(&self) -> Option<&Orchestration> {
        self.before.as_ref().map(|before| &before.orchestration)
    }

    pub(super) fn now(&self) -> Option<&Orchestration> {
        let kept = self.kept.as_ref().map(|kept| &kept.orchestration);
        kept.or(self.received).or(self.before())
    }

    fn is(&self, id: &Identifier) -> bool {
        self.now().is_some_and(|now| now.id == *id)
    }
}

/// Whether the row is new, or the field has another value.
fn is_new(changes: &[Change], wanted: Field) -> bool {
    changes.iter().any(|change| match change {
        Change::Appeared => true,
        Change::FieldChanged { field, .. } | Change::FilledIn { field, .. } => *field == wanted,
        Change::StatusMoved { .. }
        | Change::LegMoved { .. }
        | Change::WentBackInTime { .. }
        | Change::WentMissing
        | Change::Reappeared => false,
    })
}
