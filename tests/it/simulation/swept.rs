//! What the contract asks of sweeps: a complete one knows its whole window as it is.

use std::collections::BTreeSet;
use std::time::Duration;

use tallyd::model::{PollOutcome, Timestamp};

use super::contract::{Attempt, Checked, Work, ensure};
use super::model::{Step, Story};
use super::op::{Trouble, Window};

/// What a complete sweep has compared.
struct Swept {
    from: Timestamp,
    to: Timestamp,
    /// What happened after it is not to be known.
    step: Step,
    /// What was so at no time since is not to be held; `None` where nothing is left from another try.
    since: Option<Timestamp>,
}

impl Attempt<'_> {
    /// Sweeps look for what was passed over: they claim no coverage.
    pub(super) fn check_claims_nothing(&self) -> Checked {
        let unmoved = self.after.coverage == self.before.coverage;
        ensure!(self.work == Work::Poll || unmoved, "rule 1: a sweep moved the coverage");
        Ok(())
    }

    /// Rules 1 and 6: after the complete sweep of a profile, what it lists in the window is held as it is, and
    /// what is gone is called missing.
    pub(super) fn check_swept(&self, profile: &str, window: Window) -> Checked {
        let Some(swept) = self.swept(window) else { return Ok(()) };
        for (id, story) in self.model.stories.iter().filter(|(_, story)| story.listed_by.contains(profile)) {
            if story.listed_since <= swept.step {
                self.check_met(id, story, &swept)?;
                self.check_gone_of(id, story, &swept)?;
            }
        }
        Ok(())
    }

    /// Rule 1: a complete sweep of all finds rows of profiles that the account does not list. Where nothing
    /// went wrong, the ledger knows which profiles list what.
    pub(super) fn check_swept_account(&self, window: Window, outcome: &PollOutcome) -> Checked {
        let Some(swept) = self.swept(window).filter(|_| outcome.is_complete()) else { return Ok(()) };
        let asked: BTreeSet<String> =
            outcome.profiles.iter().map(|poll| poll.profile.id.to_string()).collect();
        for (id, story) in &self.model.stories {
            self.check_met(id, story, &swept)?;
            if self.left_over.is_none() && self.met.is_empty() && self.is_met(story, &swept) {
                let held = (self.listed_under)(id);
                let listing: BTreeSet<_> = story.listed_by.intersection(&asked).cloned().collect();
                // A row of a profile that is not known yet is that one's, and it alone lists it.
                let listing = if listing.is_empty() { story.listed_by.clone() } else { listing };
                ensure!(
                    held == listing,
                    "rule 1: {id} is held as listed by {held:?}, and {listing:?} list it"
                );
            }
        }
        Ok(())
    }

    /// What a complete sweep has compared; `None` where that cannot be told.
    fn swept(&self, window: Window) -> Option<Swept> {
        if self.met.contains(&Trouble::MissingDate) {
            return None;
        }
        // A `Date` has whole seconds.
        let date = |time: Timestamp| Timestamp::from_micros(time.as_micros() / 1_000_000 * 1_000_000);
        let from = window.of_sweep().begins_at(date(self.now));
        Some(match self.left_over {
            None => Swept { from, to: date(self.now), step: self.step, since: None },
            Some((step, time)) => {
                Swept { from, to: date(time), step, since: Some(time.minus(self.model.longest_lag)) }
            }
        })
    }

    fn check_met(&self, id: &str, story: &Story, swept: &Swept) -> Checked {
        if !self.is_met(story, swept) {
            return Ok(());
        }
        let Some(held) = self.after.rows.get(id) else {
            return Err(format!("rule 1: {id} is listed, and after a complete sweep it is not held"));
        };
        let fresh = match swept.since {
            None => {
                self.lags().iter().any(|lag| story.listed_at(self.now.minus(*lag)) == Some(held))
                    || story.found_at(self.now) == Some(held)
            }
            Some(since) => story.was_ever_pinned() || story.was_since(since, held),
        };
        ensure!(
            fresh,
            "rule 1: after a complete sweep {id} is held as {held}, and it is {:?}",
            story.listed_at(self.now)
        );
        let doubtful = self.lag > Duration::ZERO || story.was_ever_pinned() && swept.since.is_some();
        ensure!(
            doubtful || !self.after.says_missing(id),
            "rule 6: {id} is listed, and after a complete sweep it is still called missing"
        );
        Ok(())
    }

    /// Rule 6: a complete sweep has decided about every row that is gone.
    fn check_gone_of(&self, id: &str, story: &Story, swept: &Swept) -> Checked {
        let known = self.before.rows.contains_key(id);
        let gone = story.is_gone_since(swept.step) && !story.is_pinned();
        let in_window = swept.from <= story.created_at && story.created_at <= swept.to;
        let lagging =
            self.lag > Duration::ZERO || swept.since.is_some_and(|_| self.model.longest_lag > Duration::ZERO);
        if known && gone && in_window && !lagging {
            ensure!(self.after.says_missing(id), "rule 6: {id} is gone, and a complete sweep did not tell");
        }
        Ok(())
    }

    /// Whether a complete sweep has met a row: every answer it had was new enough to show it.
    fn is_met(&self, story: &Story, swept: &Swept) -> bool {
        let always = self.lags().iter().all(|lag| story.listed_at(self.now.minus(*lag)).is_some());
        let since = swept.since.unwrap_or(self.now.minus(self.lag));
        always
            && swept.from <= story.created_at
            && story.created_at <= swept.to
            && story.visible_since <= swept.step
            && story.visible_from <= since
    }

    /// How far behind its answers were.
    pub(super) fn lags(&self) -> BTreeSet<Duration> {
        self.met.iter().map(|trouble| trouble.lag()).chain([Duration::ZERO]).collect()
    }
}
