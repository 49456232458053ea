//! What a report says of itself, in plain words: how complete it is stands at its top.

use crate::ledger::Standing;
use crate::model::{ProfileRead, Sentence, Timestamp, Weight, in_words, span};

use super::{AccountKey, Report};

impl Report {
    /// What it is called.
    pub fn title(&self) -> String {
        let name = self.plan.name.as_deref().unwrap_or("Reconciliation report");
        let period = &self.plan.period;
        match period.kind {
            Some(_) => format!("{name}, {}", period.name()),
            None => format!("{name}, {} to {}", period.zone.show(period.from), period.zone.show(period.to)),
        }
    }

    /// The place and the time by which it was made: `--as-of` takes it, and makes the same report again.
    pub fn as_of(&self) -> String {
        format!("{}@{}", self.basis.closing.note(), self.basis.until.to_rfc3339())
    }

    /// What a profile is called.
    pub fn profile_name(&self, key: &AccountKey) -> String {
        self.name_of(&key.profile)
    }

    pub(super) fn name_of(&self, id: &crate::model::Identifier) -> String {
        let read = self.basis.profiles.iter().find(|read| read.profile.id == *id);
        read.map_or_else(|| id.to_string(), |read| read.profile.label())
    }

    /// The profiles that it is about, as they were polled.
    pub fn profiles(&self) -> impl Iterator<Item = &ProfileRead> {
        let wanted = &self.plan.profiles;
        self.basis.profiles.iter().filter(move |read| wanted.is_empty() || wanted.contains(&read.profile.id))
    }

    /// Whether every profile was completely listed over the whole period.
    pub fn is_covered(&self) -> bool {
        self.profiles().next().is_some() && self.profiles().all(|read| self.gap(read).is_none())
    }

    /// Whether every account ties out.
    pub fn ties_out(&self) -> bool {
        self.accounts.iter().all(|(_, account)| account.residual().is_zero())
    }

    /// How complete it is, the worst first.
    pub fn sentences(&self) -> Vec<Sentence> {
        let mut sentences = Vec::new();
        let mut say = |weight, text| sentences.push(Sentence { weight, text });
        if !self.ties_out() {
            say(Weight::Loud, "DOES NOT TIE OUT: something is left over in an account below. This is a fault of tallyd or of its ledger; run `tallyd ledger verify` and report it.".to_owned());
        }
        self.say_standing(&mut say);
        self.say_coverage(&mut say);
        if self.basis.lost > 0 {
            say(
                Weight::Loud,
                format!(
                    "NOT COMPLETE: the journal does not tell the past of {} as it should; run `tallyd ledger verify`.",
                    many(self.basis.lost, "orchestration")
                ),
            );
        }
        if self.basis.unreadable > 0 {
            say(
                Weight::Loud,
                format!(
                    "NOT COMPLETE: {} could never be read and {} in no count; `tallyd breaks list --kind unreadable` lists them.",
                    many(self.basis.unreadable, "row"),
                    if self.basis.unreadable == 1 { "is" } else { "are" }
                ),
            );
        }
        if self.basis.ledger_began > self.plan.period.from {
            say(
                Weight::Plain,
                format!(
                    "This ledger was made at {}, after the period began: what was before is as the first listing found it.",
                    self.time(self.basis.ledger_began)
                ),
            );
        }
        if self.ties_out() {
            say(Weight::Good, "Every account ties out: nothing is left over.".to_owned());
        }
        sentences.sort_by_key(|sentence: &Sentence| sentence.weight);
        sentences
    }

    /// A time as the report shows it.
    pub(super) fn time(&self, at: Timestamp) -> String {
        self.plan
            .period
            .zone
            .show(Timestamp::from_micros(at.as_micros() - at.as_micros().rem_euclid(1_000_000)))
    }

    fn say_standing(&self, say: &mut impl FnMut(Weight, String)) {
        let until = self.time(self.basis.until);
        let settle = in_words(self.plan.settle);
        match self.basis.standing {
            Standing::Settled => {}
            Standing::Provisional => say(
                Weight::Loud,
                format!(
                    "PROVISIONAL: it tells what was known by {until}; what counts for this period is what is known {settle} after its end."
                ),
            ),
            Standing::Later => say(
                Weight::Plain,
                format!(
                    "It tells what was known by {until}, later than the {settle} after its end that count for this period; what changed since then is listed as restated."
                ),
            ),
        }
    }

    fn say_coverage(&self, say: &mut impl FnMut(Weight, String)) {
        if self.profiles().next().is_none() {
            say(Weight::Loud, "NOT COMPLETE: none of these profiles had been polled by then.".to_owned());
            return;
        }
        for read in self.profiles() {
            if let Some(gap) = self.gap(read) {
                say(Weight::Loud, format!("NOT COMPLETE: {}: {gap}.", read.profile.label()));
            }
        }
        if self.is_covered() {
            let verified = self.profiles().filter_map(|read| read.verified_at).min();
            let verified =
                verified.map(|at| format!(", last verified at {}", self.time(at))).unwrap_or_default();
            say(
                Weight::Good,
                format!(
                    "Complete: every profile was listed from the period's beginning to its end{verified}."
                ),
            );
        }
        let unswept: Vec<_> =
            self.profiles().filter(|read| read.swept.is_none()).map(|read| read.profile.label()).collect();
        if unswept.is_empty() {
            let oldest = self.profiles().filter_map(|read| Some(read.swept?.began_at)).min();
            let oldest = oldest.map(|at| self.time(at)).unwrap_or_default();
            say(
                Weight::Good,
                format!("All of it was compared once more by sweeps that began at {oldest} or later."),
            );
        } else {
            say(
                Weight::Plain,
                format!(
                    "By then no sweep had compared the whole period once more for: {}.",
                    unswept.join(", ")
                ),
            );
        }
        let (complete, all) = self
            .profiles()
            .fold((0, 0), |(complete, all), read| (complete + read.polls.complete, all + read.polls.all));
        if complete < all {
            say(
                Weight::Plain,
                format!(
                    "{} of {} from the period's beginning on {} not complete.",
                    all - complete,
                    many(all, "poll"),
                    if all - complete == 1 { "was" } else { "were" }
                ),
            );
        }
    }

    /// What of the period a profile was not completely listed over; `None` for nothing.
    fn gap(&self, read: &ProfileRead) -> Option<String> {
        let period = &self.plan.period;
        let (Some(from), Some(to)) = (read.covered_from, read.covered_to) else {
            return Some("no poll had listed it completely by then".to_owned());
        };
        if from > period.from {
            return Some(format!("it was completely listed from {} on only", self.time(from)));
        }
        if to < period.to {
            let missing = span(period.to.since(to.max(period.from)));
            return Some(format!(
                "it was completely listed up to {} only, {missing} before the end",
                self.time(to)
            ));
        }
        None
    }
}

/// `1 row`, `2 rows`.
pub(super) fn many(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
