//! What the contract asks of every ledger and of every poll, checked against the oracle's memory.
//!
//! The numbers are those of the correctness contract. What a complete poll claims to have looked at
//! (`looked_at`), it must know as it is. What sweeps claim is `swept`, which breaks must stand `stood`, and what
//! is told of them `told`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use tallyd::model::{Coverage, PollOutcome, PollResult, Timestamp};
use tallyd::sim::RequestRecord;

use super::followed::Followed;
use super::model::{Model, Step, Story};
use super::op::{Trouble, Window};
use super::picture::{Entry, Picture};

/// What holds, or in words what does not.
pub(super) type Checked = Result<(), String>;

/// How far before the watermark a discovery begins.
pub(super) const OVERLAP: Duration = Duration::from_secs(600);

/// A `Date` has whole seconds: a watermark may be a second behind, and so may its overlap.
const GRAIN: Duration = Duration::from_secs(2);

/// Fails with a text unless something is so.
macro_rules! ensure {
    ($holds:expr, $($text:tt)+) => {
        if !$holds {
            return Err(format!($($text)+));
        }
    };
}

pub(super) use ensure;

/// Whether a list request had an answer that could be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Something,
    Nothing,
}

/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    Poll,
    Sweep(Window),
}

/// One try to poll or to sweep: what it met, and what the ledger said before and after.
pub(super) struct Attempt<'a> {
    pub(super) work: Work,
    pub(super) model: &'a Model,
    pub(super) before: &'a Picture,
    pub(super) after: &'a Picture,
    /// What the journal says became of rows, this try included.
    pub(super) followed: &'a Followed,
    pub(super) step: Step,
    /// The server's time. It stands still while a poll runs.
    pub(super) now: Timestamp,
    /// How it ended; `None` where the process was killed.
    pub(super) outcome: Option<&'a PollOutcome>,
    /// What befell its requests.
    pub(super) met: &'a [Trouble],
    /// How far behind the answers were, at most.
    pub(super) lag: Duration,
    pub(super) requests: &'a [RequestRecord],
    pub(super) heard: Heard,
    /// How often Get answered each row in this try and those before it, as far back as each one asked for it.
    pub(super) found: &'a BTreeMap<String, usize>,
    /// The first of the tries since the last complete one of its kind: a listing may be left from it.
    pub(super) left_over: Option<(Step, Timestamp)>,
    /// Whether nothing at all is wrong that could keep it from being complete.
    pub(super) quiet: bool,
    /// The profiles that list a row, as the ledger has it now.
    pub(super) listed_under: &'a dyn Fn(&str) -> BTreeSet<String>,
}

impl Attempt<'_> {
    /// Everything that must hold after it.
    pub(super) fn check(&self) -> Checked {
        self.check_rows()?;
        self.check_journal()?;
        self.check_judged()?;
        self.check_missing()?;
        self.check_answered()?;
        self.check_breaks()?;
        self.after.check_told()?;
        self.check_claims_nothing()?;
        for (profile, coverage) in &self.after.coverage {
            self.check_coverage(profile, *coverage)?;
        }
        match self.outcome {
            Some(outcome) => self.check_outcome(outcome),
            None => Ok(()),
        }
    }

    /// Rules 1 and 4: nothing is lost, nothing is made up, nothing goes back in silence.
    fn check_rows(&self) -> Checked {
        for (id, row) in &self.after.rows {
            let known = self.model.stories.get(id).is_some_and(|story| story.was_ever(row));
            ensure!(known, "rule 1: {id} is held as it never was: {row}");
        }
        let new = self.after.journal_since(self.before).iter();
        let back: BTreeSet<&str> =
            new.filter(|entry| entry.kind == "went_back_in_time").map(|entry| entry.id.as_str()).collect();
        for id in &back {
            let times = self.found.get(*id).copied().unwrap_or(0);
            ensure!(
                times >= 3,
                "rule 4: {id} was taken back after Get had answered it {times} times running"
            );
        }
        for (id, before) in &self.before.rows {
            let Some(after) = self.after.rows.get(id) else { return Err(format!("rule 1: {id} was lost")) };
            let newer = updated_at(after) >= updated_at(before) || updated_at(after).is_none();
            ensure!(
                newer || back.contains(id.as_str()),
                "rule 4: {id} went back in silence from {before} to {after}"
            );
        }
        Ok(())
    }

    /// Rules 3 and 5: every row appeared once, and every change of meaning is journalled, no other.
    fn check_journal(&self) -> Checked {
        let appeared = self.after.journal.iter().filter(|entry| entry.kind == "appeared");
        let mut appeared = counted(appeared.map(|entry| &entry.id));
        for id in self.after.rows.keys() {
            let times = appeared.remove(id.as_str()).unwrap_or(0);
            ensure!(times == 1, "rule 3: {id} is journalled {times} times as appeared");
        }
        ensure!(appeared.is_empty(), "rule 3: what is not there is journalled as appeared: {appeared:?}");
        for (id, row) in &self.after.rows {
            let new = self.after.journal_since(self.before).iter();
            let new: Vec<&Entry> = new.filter(|entry| entry.is_change() && entry.id == *id).collect();
            let before = self.before.rows.get(id);
            let differs = before != Some(row);
            ensure!(!differs || !new.is_empty(), "rule 3: {id} became {row}, and the journal is silent");
            // An answer that is behind may show what was, and the next one what is.
            if self.lag > Duration::ZERO || self.is_torn(id) {
                continue;
            }
            ensure!(differs || new.is_empty(), "rule 5: {id} is journalled and means what it meant: {row}");
            for path in new.iter().flat_map(|entry| entry.changed_paths()) {
                let there = before.is_some_and(|before| before.pointer(&path) == row.pointer(&path));
                ensure!(
                    !there,
                    "rule 5: {id} is journalled with {path} changed, which means what it meant: {row}"
                );
            }
        }
        Ok(())
    }

    /// Whether lists and Get disagree about a row, so that one poll may take both.
    pub(super) fn is_torn(&self, id: &str) -> bool {
        self.model.stories.get(id).is_some_and(Story::is_pinned)
    }

    /// Rule 3: what was seen was judged, each time once.
    fn check_judged(&self) -> Checked {
        let seen = self.after.journal.iter().filter(|entry| entry.is_change() || entry.is_about_presence());
        let seen = counted(seen.map(|entry| &entry.id));
        let judged = counted(&self.after.judged);
        for id in seen.keys().chain(judged.keys()) {
            let (seen, judged) = (seen.get(id).unwrap_or(&0), judged.get(id).unwrap_or(&0));
            ensure!(
                seen == judged,
                "rule 3: {id} has {seen} entries in the journal and was judged {judged} times"
            );
        }
        Ok(())
    }

    /// Rule 6: only what Get answered 404 for is called missing, and never what is shown.
    fn check_missing(&self) -> Checked {
        let new = self.after.journal_since(self.before);
        for Entry { id, .. } in new.iter().filter(|entry| entry.kind == "went_missing") {
            let shown = self.model.stories.get(id).is_some_and(|story| story.is_found(self.now));
            ensure!(!shown || self.lag > Duration::ZERO, "rule 6: {id} is there and was called missing");
            let path = path_of(id);
            let denied =
                self.requests.iter().any(|asked| asked.path_and_query == path && asked.status == Some(404));
            ensure!(denied, "rule 6: {id} was called missing though Get never answered 404 for it");
        }
        Ok(())
    }

    /// Rule 2: where no list was answered, nothing was looked at.
    fn check_answered(&self) -> Checked {
        if self.heard == Heard::Something {
            return Ok(());
        }
        ensure!(self.after.rows == self.before.rows, "rule 2: rows changed though no list was answered");
        // What a former try listed to its end may still have to be called so.
        let may_move = self.work == Work::Poll && self.left_over.is_some();
        let unmoved = self.after.coverage == self.before.coverage;
        ensure!(may_move || unmoved, "rule 2: coverage moved though no list was answered");
        ensure!(!self.is_complete(), "rule 2: a poll to which no list was answered is called complete");
        Ok(())
    }

    /// Rules 1 and 2: coverage only grows, never past the server's time, and what it claims is held.
    fn check_coverage(&self, profile: &str, coverage: Coverage) -> Checked {
        let before = self.before.coverage.get(profile);
        ensure!(
            coverage.to <= self.now,
            "rule 1: the watermark {} is past the server's {}",
            coverage.to,
            self.now
        );
        ensure!(
            coverage.verified_at <= self.now,
            "rule 7: verified at {}, at {}",
            coverage.verified_at,
            self.now
        );
        if let Some(before) = before {
            ensure!(before.to <= coverage.to, "rule 1: the watermark went back to {}", coverage.to);
            ensure!(
                before.from >= coverage.from,
                "rule 2: less is covered than before: from {}",
                coverage.from
            );
        }
        if before == Some(&coverage) {
            return Ok(());
        }
        for (id, story) in self.model.stories.iter().filter(|(_, story)| story.profile == profile) {
            if self.is_due(story, before, coverage) {
                ensure!(
                    self.after.rows.contains_key(id),
                    "rule 1: {id}, created at {} and visible from {}, is not held though [{}, {}] is covered",
                    story.created_at,
                    story.visible_from,
                    coverage.from,
                    coverage.to
                );
            }
        }
        Ok(())
    }

    /// Whether a claim of coverage says that a row is held.
    fn is_due(&self, story: &Story, before: Option<&Coverage>, coverage: Coverage) -> bool {
        let shown = story.listed_at(self.now).is_some()
            && story.listed_at(self.now.minus(self.lag)).is_some()
            && story.visible_from <= self.now.minus(self.lag);
        let claimed = coverage.from <= story.created_at && story.created_at <= coverage.to;
        if !shown || !claimed {
            return false;
        }
        // A listing that is left over knows only what could be seen when it began.
        let in_window = before.is_none_or(|before| before.to.minus(OVERLAP) <= story.created_at);
        let seen_from_the_start = match self.left_over {
            None => story.visible_since <= self.step,
            Some((step, time)) => {
                story.visible_since <= step && story.visible_from <= time.minus(self.model.longest_lag)
            }
        };
        let late_at_most = OVERLAP.saturating_sub(self.model.longest_lag).saturating_sub(GRAIN);
        let in_overlap = story.is_a_little_late(late_at_most)
            && (self.left_over.is_none_or(|(step, _)| story.visible_since <= step) || self.is_complete());
        (in_window && seen_from_the_start) || in_overlap
    }

    pub(super) fn is_complete(&self) -> bool {
        self.outcome.is_some_and(PollOutcome::is_complete)
    }

    /// Rules 1 and 2: the outcome says no more and no less than what happened.
    fn check_outcome(&self, outcome: &PollOutcome) -> Checked {
        for poll in &outcome.profiles {
            let id = poll.profile.id.to_string();
            let noted = self.after.last_polls.get(&id).map(String::as_str);
            ensure!(
                noted == Some(poll.result.as_str()),
                "rule 2: the poll of {id} ended as {:?} and is noted as {noted:?}",
                poll.result
            );
            if poll.result == PollResult::Complete {
                match self.work {
                    Work::Poll => self.check_complete(&id, outcome)?,
                    Work::Sweep(window) => self.check_swept(&id, window)?,
                }
            }
        }
        if let Work::Sweep(window) = self.work {
            self.check_swept_account(window, outcome)?;
        }
        self.check_counts(outcome)?;
        ensure!(!self.quiet || outcome.is_complete(), "rule 2: nothing went wrong, and yet: {outcome:?}");
        Ok(())
    }

    /// Rules 2 and 3: what is counted as changed is what is journalled as such.
    fn check_counts(&self, outcome: &PollOutcome) -> Checked {
        let new = self.after.journal_since(self.before).iter();
        let journalled =
            new.filter(|entry| ["changed", "went_back_in_time"].contains(&entry.kind.as_str())).count();
        let counted: u64 = outcome.profiles.iter().map(|poll| poll.counts.changed).sum();
        ensure!(
            counted == journalled as u64,
            "rule 2: {counted} changes are counted and {journalled} journalled"
        );
        Ok(())
    }

    /// Rule 1: a complete poll reaches up to its beginning, and what it looked at is known as it is.
    fn check_complete(&self, profile: &str, outcome: &PollOutcome) -> Checked {
        let Some(coverage) = self.after.coverage.get(profile) else {
            let nothing_there = self.model.stories.values().all(|story| story.profile != profile);
            ensure!(
                nothing_there || self.met.contains(&Trouble::MissingDate),
                "rule 1: {outcome:?} covers nothing"
            );
            return Ok(());
        };
        let dated = !self.met.contains(&Trouble::MissingDate);
        let reaches = coverage.to >= self.now.minus(Duration::from_secs(1));
        ensure!(!dated || reaches, "rule 1: complete at {}, and covered to {} only", self.now, coverage.to);
        if self.left_over.is_some() {
            return Ok(());
        }
        self.check_gone(profile)?;
        let lags = self.lags();
        for (id, story) in self.model.stories.iter().filter(|(_, story)| story.profile == profile) {
            if !self.looked_at(id, story, profile, *coverage) {
                continue;
            }
            let Some(held) = self.after.rows.get(id) else { continue };
            let fresh = lags.iter().any(|lag| {
                let shown = story.listed_at(self.now.minus(*lag));
                shown.is_none_or(|shown| shown == held)
            });
            // What lists leave out is known from Get.
            let fresh = fresh || story.found_at(self.now) == Some(held);
            ensure!(
                fresh,
                "rule 1: after a complete poll {id} is held as {held}, and it is {:?}",
                story.listed_at(self.now)
            );
        }
        Ok(())
    }

    /// Whether a complete poll has looked at a row, so that the ledger knows it as the poll found it: what was
    /// created since the watermark, and what is open, whatever its age.
    pub(super) fn looked_at(&self, id: &str, story: &Story, profile: &str, coverage: Coverage) -> bool {
        let before = self.before.coverage.get(profile);
        let discovered = before.is_none_or(|before| before.to.minus(OVERLAP) <= story.created_at)
            && story.created_at <= coverage.to;
        discovered || self.before.rows.get(id).is_some_and(is_open)
    }

    /// Rule 6: a complete poll has decided about every open row that is gone.
    fn check_gone(&self, profile: &str) -> Checked {
        for (id, story) in self.model.stories.iter().filter(|(_, story)| story.profile == profile) {
            let open = self.before.rows.get(id).is_some_and(is_open);
            let gone = !story.is_pinned() && !story.is_found(self.now);
            if open && gone && self.lag == Duration::ZERO {
                ensure!(
                    self.after.says_missing(id),
                    "rule 6: {id} is gone, and a complete poll did not tell"
                );
            }
        }
        Ok(())
    }
}

/// Where Get is asked for a row.
pub(super) fn path_of(id: &str) -> String {
    format!("/v2/orchestration/orchestrations/{id}")
}

/// Whether the ledger holds a row as one whose end is still to come.
pub(super) fn is_open(row: &Value) -> bool {
    !["COMPLETED", "FAILED", "REJECTED"].iter().any(|end| row["status"] == *end)
}

/// Whether the ledger holds a row as COMPLETED while a leg that is given is not: it is looked at again for a while.
pub(super) fn is_half_done(row: &Value) -> bool {
    let legs = ["/source_transfer/status", "/destination_transfer/status"];
    let mut legs = legs.iter().filter_map(|leg| row.pointer(leg));
    row["status"] == "COMPLETED" && legs.any(|leg| *leg != "COMPLETED")
}

/// When a row was last updated, in microseconds, where it says so.
fn updated_at(row: &Value) -> Option<i64> {
    row["updated_at"].as_i64()
}

fn counted<'a>(ids: impl IntoIterator<Item = &'a String>) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for id in ids {
        *counts.entry(id.as_str()).or_default() += 1;
    }
    counts
}
