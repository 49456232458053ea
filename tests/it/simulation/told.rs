//! What people must be told of breaks, each time in the transaction of what is told.

use std::collections::BTreeMap;

use super::contract::{Checked, ensure};
use super::killer::SINKS;
use super::picture::{Broken, Picture, Told};

impl Picture {
    /// Rules 3, 8 and 9: what is told waits for every sink, history is told to nobody, and of what holds a row up
    /// only the worst is told.
    pub(super) fn check_told(&self) -> Checked {
        let mut notices: BTreeMap<i64, Vec<&Told>> = BTreeMap::new();
        for notice in &self.notices {
            let sinks = i64::try_from(SINKS.len()).unwrap_or(i64::MAX);
            ensure!(notice.deliveries == sinks, "rule 10: not every sink tells {notice:?}");
            notices.entry(notice.number).or_default().push(notice);
        }
        for broken in &self.breaks {
            let told = notices.remove(&broken.number).unwrap_or_default();
            check_one(broken, &told)?;
            for notice in told.iter().filter(|notice| notice.occasion == "opened") {
                self.check_worst(broken, notice)?;
            }
        }
        ensure!(notices.is_empty(), "rule 9: told of no break: {notices:?}");
        self.check_worst_is_told()
    }

    /// Rule 9: what is told of a row that is held up is the worst that stands.
    fn check_worst(&self, broken: &Broken, notice: &Told) -> Checked {
        let Some(rank) = rank_of(broken) else { return Ok(()) };
        let page = self.page_of(broken);
        let stood = |other: &&Broken| {
            let came = other.opened_at < notice.at || self.page_of(other) <= page;
            other.opened_at <= notice.at && came && other.resolved_at.is_none_or(|end| end > notice.at)
        };
        let worse = self.breaks.iter().filter(|other| {
            other.subject == broken.subject && rank_of(other).is_some_and(|other| other > rank)
        });
        let worse = worse.into_iter().find(stood);
        ensure!(worse.is_none(), "rule 9: {broken:?} was told at {} beside {worse:?}", notice.at);
        Ok(())
    }

    /// Rule 9: of a row that is held up the worst that stands was told.
    fn check_worst_is_told(&self) -> Checked {
        let mut worst: BTreeMap<&str, &Broken> = BTreeMap::new();
        for broken in self.standing().filter(|broken| rank_of(broken).is_some()) {
            let known = worst.entry(&broken.subject).or_insert(broken);
            if rank_of(broken) > rank_of(known) {
                *known = broken;
            }
        }
        let silent = worst.values().find(|broken| broken.told == 0);
        ensure!(silent.is_none(), "rule 9: the worst of its row, and nobody was told: {silent:?}");
        Ok(())
    }

    /// The transaction in which a break opened.
    fn page_of(&self, broken: &Broken) -> Option<i64> {
        self.steps.iter().find(|step| step.number == broken.number).map(|step| step.batch)
    }
}

/// One break and its notices: what it says was told is told, from the beginning to the end.
fn check_one(broken: &Broken, told: &[&Told]) -> Checked {
    ensure!(!broken.is_history || told.is_empty(), "rule 8: history is told: {broken:?}");
    let (first, last) = (told.first(), told.last());
    let said = last.map_or(0, |notice| notice.severity);
    ensure!(said == broken.told, "rule 3: told as {} and noted as {said}: {broken:?}, {told:?}", broken.told);
    let must = !broken.is_history && rank_of(broken).is_none();
    ensure!(!must || first.is_some(), "rule 10: nobody was told of {broken:?}");
    let openings = told.iter().filter(|notice| notice.occasion == "opened").count();
    let begins = first.is_none_or(|first| first.occasion == "opened");
    ensure!(begins && openings <= 1, "rule 9: told anew: {broken:?}, {told:?}");
    let ends = told.iter().filter(|notice| notice.occasion == "resolved").count();
    let is_ended = broken.resolved_at.is_some() && first.is_some();
    let is_last = last.is_some_and(|last| last.occasion == "resolved");
    ensure!(
        ends == usize::from(is_ended) && is_last == is_ended,
        "rule 9: the end is told {ends} times of {broken:?}: {told:?}"
    );
    Ok(())
}

/// How much worse than others it is among the kinds that say that a row is held up.
fn rank_of(broken: &Broken) -> Option<u8> {
    match broken.kind.as_str() {
        "stuck_pending" => Some(1),
        "stuck_processing" => Some(2),
        "stuck_between_legs" => Some(3),
        _ => None,
    }
}
