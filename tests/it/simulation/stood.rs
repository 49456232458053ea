//! Which breaks must stand: those that a person closes follow from the journal, the others from what a row is and
//! for how long, judged where a poll has verified it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use tallyd::model::{PollResult, ProfilePoll, Timestamp};

use super::contract::{Attempt, Checked, Heard, Work, ensure};
use super::followed::{is_final, name_of};
use super::killer::{BETWEEN_LEGS, INCONSISTENT_LEGS, PENDING, PROCESSING, PROFILE_UNPOLLED};
use super::model::Story;
use super::op::Trouble;
use super::picture::{Broken, NotedPoll, Picture};

/// The kinds that go by time, and close when what opened them is over.
const OF_TIME: [&str; 4] = ["stuck_processing", "stuck_pending", "stuck_between_legs", "inconsistent_legs"];

/// The kinds that only a person closes, but for duplicates.
const OF_PERSONS: [&str; 5] =
    ["failed", "rejected", "changed_after_final", "illegal_transition", "missing_upstream"];

/// A `Date` has whole seconds.
const GRAIN: Duration = Duration::from_secs(1);

/// Whether something is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    Unsure,
}

/// Whether a try has verified a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verified {
    /// It was shown, and as the ledger has it.
    Surely,
    /// Nothing can have shown it.
    SurelyNot,
    Perhaps,
}

impl Attempt<'_> {
    /// Rules 3, 7 and 9: what must stand does, and nothing else.
    pub(super) fn check_breaks(&self) -> Checked {
        self.after.check_stories()?;
        self.check_called_for()?;
        self.check_duplicates()?;
        self.check_history()?;
        for (id, row) in &self.after.rows {
            let is_unknown = !is_final(row) && row["status"] != "PENDING" && row["status"] != "PROCESSING";
            let stands = self.after.stands("unknown_status", id);
            ensure!(stands == is_unknown, "rule 5: {id} is {}, and unknown_status: {stands}", row["status"]);
            for kind in OF_TIME {
                self.check_of_time(kind, id, row)?;
            }
        }
        for broken in self.after.breaks.get(self.before.breaks.len()..).unwrap_or_default() {
            let is_now = broken.opened_at <= self.now && self.now.since(broken.opened_at) <= GRAIN;
            let is_dated = !self.met.contains(&Trouble::MissingDate) && broken.about == "orchestration";
            ensure!(is_now || !is_dated, "rule 7: at {} there came {broken:?}", self.now);
        }
        Ok(())
    }

    /// Rule 9: what only a person closes stands once for each row that the journal says it of, and for no other.
    fn check_called_for(&self) -> Checked {
        let of_persons = |broken: &&Broken| OF_PERSONS.contains(&broken.kind.as_str());
        let stand: BTreeSet<(&str, &str)> = self
            .after
            .standing()
            .filter(of_persons)
            .map(|broken| (broken.kind.as_str(), broken.subject.as_str()))
            .collect();
        let called: BTreeSet<(&str, &str)> =
            self.followed.called_for.keys().map(|(kind, id)| (*kind, id.as_str())).collect();
        let (lost, false_ones): (Vec<_>, Vec<_>) =
            (called.difference(&stand).collect(), stand.difference(&called).collect());
        ensure!(lost.is_empty(), "rule 3: the journal calls for breaks that do not stand: {lost:?}");
        ensure!(false_ones.is_empty(), "rule 3: nothing in the journal calls for {false_ones:?}");
        Ok(())
    }

    /// Rows with one `ref_id` have a break among them, and no others have.
    fn check_duplicates(&self) -> Checked {
        let kind = "duplicate_ref_id";
        for broken in self.after.breaks.iter().filter(|broken| broken.kind == kind) {
            ensure!(
                broken.resolved_at.is_none() && self.followed.has_namesake(&broken.subject),
                "rule 3: no other row had the ref_id of {broken:?}"
            );
        }
        // While the first backfill is under way nothing can be found by its ref_id.
        if self.work != Work::Poll || self.left_over.is_some() || !self.is_complete() {
            return Ok(());
        }
        let mut groups: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
        for (id, row) in &self.after.rows {
            if let Some(name) = name_of(row) {
                groups.entry(name).or_default().push(id);
            }
        }
        for (name, ids) in groups.iter().filter(|(_, ids)| ids.len() > 1) {
            let is_told = ids.iter().any(|id| self.after.stands(kind, id));
            ensure!(is_told, "rule 3: {ids:?} are all {name:?}, and no break says so");
        }
        Ok(())
    }

    /// Rule 8: what was over before the first poll of its profile is history, and nothing else.
    fn check_history(&self) -> Checked {
        for broken in &self.after.breaks {
            let (is_end, may_be) = match broken.kind.as_str() {
                "failed" | "rejected" => (true, true),
                "inconsistent_legs" | "duplicate_ref_id" => (false, true),
                _ => (false, false),
            };
            ensure!(may_be || !broken.is_history, "rule 8: this is no history: {broken:?}");
            // A sweep that comes first is the first look too.
            let polled = self.after.polls.iter().filter(|poll| poll.has_ceiling);
            let first = polled.filter(|poll| Some(&poll.profile) == broken.profile.as_ref());
            let first = first.map(|poll| poll.began_at).min();
            let called = self
                .followed
                .called_for
                .iter()
                .find(|((kind, id), _)| *kind == broken.kind && *id == broken.subject);
            if let (true, Some(first)) = (is_end && !self.is_given(&broken.subject), first) {
                self.check_undated(broken, first)?;
            }
            if let (true, Some(first), Some((_, Some(since)))) = (is_end, first, called) {
                // What was found before the profile was polled was judged without knowing when that will be.
                let is_settled = first <= broken.opened_at && self.is_given(&broken.subject);
                let was_over = *since < first;
                ensure!(
                    !is_settled || broken.is_history == was_over,
                    "rule 8: it ended at {since}, the first poll began at {first}, and: {broken:?}"
                );
            }
        }
        Ok(())
    }

    /// Rule 8: a row that ended nobody knows when is history where the profile's first listing found it so, and news
    /// where that came to light later. A listing goes on until a poll was complete.
    fn check_undated(&self, broken: &Broken, first: Timestamp) -> Checked {
        let Some(row) = self.after.rows.get(&broken.subject) else { return Ok(()) };
        let mut changes = self.after.journal.iter().filter(|one| one.id == broken.subject && one.is_change());
        let (Some(appeared), None) = (changes.next(), changes.next()) else { return Ok(()) };
        let Some(seen_in) = self.after.polls.iter().find(|poll| poll.number == appeared.poll) else {
            return Ok(());
        };
        let own = self.after.polls.iter().filter(|poll| poll.profile == seen_in.profile);
        let earlier = own.filter(|poll| poll.number < seen_in.number && poll.lane != "sweep");
        let earlier: Vec<_> = earlier.filter(|poll| poll.has_ceiling).collect();
        let is_swept = seen_in.lane == "sweep";
        let is_new = row["created_at"].as_i64().is_none_or(|at| Timestamp::from_micros(at) >= first);
        let is_listed = earlier.iter().any(|poll| poll.result.as_deref() == Some("complete"));
        let is_news = is_swept || is_new || is_listed;
        let is_old = !is_swept && !is_new && earlier.is_empty();
        ensure!(!is_news || !broken.is_history, "rule 8: it came to light in {seen_in:?}, and: {broken:?}");
        ensure!(!is_old || broken.is_history, "rule 8: it was there in {seen_in:?} already: {broken:?}");
        Ok(())
    }

    /// Whether a row says itself when it was updated.
    fn is_given(&self, id: &str) -> bool {
        self.after.rows.get(id).is_some_and(|row| row["updated_at"].is_i64())
    }

    /// Rules 7 and 9: a break of time opens and resolves where a row is seen, for what it is and for how long.
    fn check_of_time(&self, kind: &str, id: &str, row: &Value) -> Checked {
        let (stood, stands) = (self.before.stands(kind, id), self.after.stands(kind, id));
        let wanted = self.calls_for(kind, id, row);
        let possible = is_possible(kind, row);
        ensure!(possible || !stands, "rule 9: {kind} stands for {id}, and it is {row}");
        let Some(story) = self.model.stories.get(id) else { return Ok(()) };
        match self.verified(id, story, row) {
            Verified::Surely => {
                let is_right = wanted == Answer::Unsure || stands == (wanted == Answer::Yes);
                ensure!(
                    is_right,
                    "rule 7: {kind} stands for {id}: {stands}, wanted: {wanted:?}, of age {:?} at {}: {row}",
                    self.followed.ages(id),
                    self.now
                );
            }
            Verified::SurelyNot => {
                ensure!(stood == stands, "rule 7: nothing showed {id}, and {kind} stands for it: {stands}");
            }
            Verified::Perhaps if self.lag > Duration::ZERO || self.is_torn(id) => {}
            Verified::Perhaps => {
                ensure!(
                    stood || !stands || wanted != Answer::No,
                    "rule 7: {kind} opened for {id}, of age {:?} at {}: {row}",
                    self.followed.ages(id),
                    self.now
                );
                ensure!(
                    !stood || stands || wanted != Answer::Yes,
                    "rule 7: {kind} resolved for {id}, of age {:?} at {}: {row}",
                    self.followed.ages(id),
                    self.now
                );
            }
        }
        Ok(())
    }

    /// Whether a row that is seen now is to have a break.
    fn calls_for(&self, kind: &str, id: &str, row: &Value) -> Answer {
        if !is_possible(kind, row) {
            return Answer::No;
        }
        if self.met.contains(&Trouble::MissingDate) {
            return Answer::Unsure;
        }
        let ages = self.followed.ages(id);
        let late = |since: Option<Timestamp>, limit: Duration| match since {
            Some(since) if self.now.minus(GRAIN) > since.plus(limit) => Answer::Yes,
            Some(since) if self.now.plus(GRAIN) <= since.plus(limit) => Answer::No,
            None | Some(_) => Answer::Unsure,
        };
        match kind {
            "stuck_processing" => late(ages.status, PROCESSING),
            "stuck_pending" => late(ages.status, PENDING),
            "stuck_between_legs" => late(ages.legs[0], BETWEEN_LEGS),
            _ if row["status"] == "COMPLETED" => late(ages.status, INCONSISTENT_LEGS),
            _ => {
                let failed = legs(row).into_iter().zip(ages.legs).filter(|(leg, _)| *leg == "FAILED");
                let since: Vec<_> = failed.map(|(_, since)| since.max(ages.status)).collect();
                late(since.into_iter().min().flatten(), INCONSISTENT_LEGS)
            }
        }
    }

    fn verified(&self, id: &str, story: &Story, row: &Value) -> Verified {
        let is_answered = self.heard == Heard::Something
            || self
                .requests
                .iter()
                .any(|asked| asked.status == Some(200) && asked.path_and_query.contains(id));
        let is_shown = story.listed_at(self.now).is_some() || story.is_found(self.now);
        if !is_answered || (!is_shown && self.lag == Duration::ZERO) {
            return Verified::SurelyNot;
        }
        let polled = |poll: &ProfilePoll| {
            poll.profile.id.to_string() == story.profile && poll.result == PollResult::Complete
        };
        let is_polled = self.work == Work::Poll
            && self.left_over.is_none()
            && self.outcome.is_some_and(|outcome| outcome.profiles.iter().any(polled));
        let coverage = self.after.coverage.get(&story.profile).copied();
        let is_looked_at =
            is_polled && coverage.is_some_and(|coverage| self.looked_at(id, story, &story.profile, coverage));
        let is_as_it_is = story.listed_at(self.now) == Some(row) && !story.is_pinned();
        if is_looked_at && is_as_it_is && self.lag == Duration::ZERO {
            return Verified::Surely;
        }
        Verified::Perhaps
    }
}

impl Picture {
    /// Rule 9: no break opens twice without an end between, and what the journal leaves open is what stands.
    fn check_stories(&self) -> Checked {
        let by_number: BTreeMap<i64, &Broken> =
            self.breaks.iter().map(|broken| (broken.number, broken)).collect();
        let mut open: BTreeMap<(&str, &str), i64> = BTreeMap::new();
        let mut episodes: BTreeMap<(&str, &str), i64> = BTreeMap::new();
        for step in &self.steps {
            let Some(broken) = by_number.get(&step.number) else {
                return Err(format!("rule 9: the journal tells of a break that is not there: {step:?}"));
            };
            let which = (broken.kind.as_str(), broken.subject.as_str());
            match step.kind.as_str() {
                "break_opened" => {
                    let standing = open.insert(which, step.number);
                    ensure!(
                        standing.is_none(),
                        "rule 9: {which:?} opened twice: {standing:?} and {broken:?}"
                    );
                    let episode = episodes.entry(which).or_default();
                    *episode += 1;
                    ensure!(*episode == broken.episode, "rule 9: not episode {episode}: {broken:?}");
                }
                "break_resolved" => {
                    let ended = open.remove(&which);
                    ensure!(ended == Some(step.number), "rule 9: {broken:?} ended, and {ended:?} stood");
                }
                _ => ensure!(
                    open.get(&which) == Some(&step.number),
                    "rule 9: {step:?} is about what does not stand: {broken:?}"
                ),
            }
        }
        let opened: i64 = episodes.values().sum();
        let count = i64::try_from(self.breaks.len()).unwrap_or(i64::MAX);
        ensure!(opened == count, "rule 9: {opened} breaks opened, and there are {count}");
        let left: BTreeSet<i64> = open.into_values().collect();
        let stand: BTreeSet<i64> = self.standing().map(|broken| broken.number).collect();
        ensure!(left == stand, "rule 9: the journal leaves {left:?} open, and {stand:?} stand");
        let unheard =
            self.standing().find(|one| one.about == "orchestration" && !self.rows.contains_key(&one.subject));
        ensure!(unheard.is_none(), "rule 9: no row is there for {unheard:?}");
        Ok(())
    }

    /// Rule 7: when it was judged how the profiles fare, those that were not completely polled for too long have
    /// a break of their cause, and no others.
    pub(super) fn check_unpolled(&self, judged_at: Timestamp) -> Checked {
        let named: BTreeSet<String> = self
            .standing()
            .filter(|broken| broken.kind == "profile_unpolled")
            .flat_map(|broken| {
                let evidence: Value = serde_json::from_str(&broken.evidence).unwrap();
                let profiles = evidence["profiles"].as_array().cloned().unwrap_or_default();
                profiles.into_iter().filter_map(|one| one["id"].as_str().map(str::to_owned))
            })
            .collect();
        let polls: Vec<_> = self.polls.iter().filter(|poll| poll.lane != "sweep").collect();
        let profiles: BTreeSet<&String> = polls.iter().map(|poll| &poll.profile).collect();
        for profile in profiles {
            let own: Vec<_> = polls.iter().filter(|poll| poll.profile == *profile).collect();
            let first = own.first().map(|poll| poll.began_at);
            let is_complete = |poll: &&&&NotedPoll| poll.result.as_deref() == Some("complete");
            let last = own.iter().rev().find(is_complete).map(|poll| poll.began_at);
            // Of several polls in one round, which is at one time, only the last makes it complete.
            let is_last =
                |place: usize| own.get(place + 1).is_none_or(|next| next.began_at != own[place].began_at);
            let sure = (0..own.len()).rev().find(|place| is_complete(&&own[*place]) && is_last(*place));
            let sure = sure.map(|place| own[place].began_at);
            let is_late = |polled: Option<Timestamp>| {
                polled.or(first).is_some_and(|polled| judged_at > polled.plus(PROFILE_UNPOLLED))
            };
            let is_named = named.contains(profile);
            ensure!(
                is_named || !is_late(last),
                "rule 7: {profile} was polled at {last:?}, and no break says so"
            );
            ensure!(
                !is_named || is_late(sure),
                "rule 7: {profile} was polled at {sure:?}, and a break names it"
            );
        }
        Ok(())
    }
}

/// Whether a row can have a break of time at all, whatever its age.
fn is_possible(kind: &str, row: &Value) -> bool {
    let [source, destination] = legs(row);
    match kind {
        "stuck_processing" => row["status"] == "PROCESSING",
        "stuck_pending" => row["status"] == "PENDING",
        "stuck_between_legs" => !is_final(row) && source == "COMPLETED" && destination != "COMPLETED",
        _ if row["status"] == "COMPLETED" => {
            [source, destination].iter().any(|leg| !["", "COMPLETED"].contains(leg))
        }
        _ => row["status"] == "PROCESSING" && [source, destination].contains(&"FAILED"),
    }
}

/// Where the legs are; empty where that is not said.
fn legs(row: &Value) -> [&str; 2] {
    ["/source_transfer/status", "/destination_transfer/status"]
        .map(|leg| row.pointer(leg).and_then(Value::as_str).unwrap_or_default())
}
