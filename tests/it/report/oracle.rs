//! What was known when, kept in the plainest way: every row as last seen, and a copy of all of them at each place that
//! counts. From these it says what a report must come to, without any undoing.

use std::collections::BTreeMap;

use bigdecimal::BigDecimal;
use tallyd::model::{Identifier, Orchestration, Status, Timestamp};
use tallyd::report::{Account, Measure, Report};
use tallyd::schedule::Period;

/// A row as last seen.
#[derive(Clone, Debug)]
pub(super) struct KnownRow {
    pub(super) row: Orchestration,
    pub(super) listed_by: &'static str,
    pub(super) status_since: Timestamp,
    pub(super) is_missing: bool,
    pub(super) is_of_first_listing: bool,
}

/// Everything that is known at a time.
pub(super) type Known = BTreeMap<Identifier, KnownRow>;

/// Takes in a row that is shown.
pub(super) fn see(
    known: &mut Known,
    row: &Orchestration,
    listed_by: &'static str,
    seen_at: Timestamp,
    first: bool,
) {
    let entered = row.updated_at.unwrap_or(seen_at);
    let Some(before) = known.get_mut(&row.id) else {
        let new = KnownRow {
            row: row.clone(),
            listed_by,
            status_since: entered,
            is_missing: false,
            is_of_first_listing: first,
        };
        known.insert(row.id.clone(), new);
        return;
    };
    before.is_missing = false;
    if before.row == *row {
        return;
    }
    before.status_since =
        if before.row.status == row.status { before.status_since.min(entered) } else { entered };
    before.row = row.clone();
}

fn ended_at(known: &KnownRow) -> Option<Timestamp> {
    let row = &known.row;
    let at = match row.status {
        Status::Completed => row.completed_at.unwrap_or(known.status_since),
        Status::Failed | Status::Rejected => known.status_since,
        _ => return None,
    };
    Some(at.max(row.created_at))
}

/// The lines of an account as counts and amounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    count: i64,
    amounts: [BigDecimal; 2],
    without: [i64; 2],
}

impl Line {
    fn add(&mut self, row: &Orchestration) {
        self.count += 1;
        for (index, amount) in [&row.source_amount, &row.destination_amount].into_iter().enumerate() {
            match amount {
                Some(amount) => self.amounts[index] += amount.decimal(),
                None => self.without[index] += 1,
            }
        }
    }

    fn of(measure: &Measure) -> Self {
        let decimal = |sum: &dyn ToString| sum.to_string().parse::<BigDecimal>().unwrap();
        Self {
            count: measure.count,
            amounts: [decimal(&measure.source), decimal(&measure.destination)],
            without: [measure.without_source, measure.without_destination],
        }
    }
}

/// Opening, created, completed, failed, rejected, closing.
pub(super) type Lines = [Line; 6];

/// The accounts of a period, from what was known at its two places; those without anything in them are left out.
pub(super) fn accounts(opening: &Known, closing: &Known, period: &Period) -> BTreeMap<String, Lines> {
    let mut accounts: BTreeMap<String, Lines> = BTreeMap::new();
    let mut add = |known: &KnownRow, line: usize| {
        let row = &known.row;
        let profile = row.profile_id.as_ref().map_or_else(|| known.listed_by.to_owned(), ToString::to_string);
        let key = format!("{profile} {:?} {:?}", row.source_asset, row.destination_asset);
        accounts.entry(key).or_default()[line].add(row);
    };
    for known in opening.values().filter(|known| !known.is_missing && known.row.created_at < period.from) {
        if ended_at(known).is_none_or(|at| at >= period.from) {
            add(known, 0);
        }
    }
    for known in closing.values() {
        if period.has(known.row.created_at) {
            add(known, 1);
        }
        if known.is_missing || known.row.created_at >= period.to {
            continue;
        }
        match (ended_at(known), &known.row.status) {
            (Some(at), _) if at < period.from => {}
            (Some(at), Status::Completed) if at < period.to => add(known, 2),
            (Some(at), Status::Failed) if at < period.to => add(known, 3),
            (Some(at), _) if at < period.to => add(known, 4),
            _ => add(known, 5),
        }
    }
    accounts
}

/// The accounts of a report in the same shape. One that holds nothing but adjustments is left out.
pub(super) fn accounts_of(report: &Report) -> BTreeMap<String, Lines> {
    let lines = |account: &Account| {
        [
            &account.opening,
            &account.created,
            &account.completed,
            &account.failed,
            &account.rejected,
            &account.closing,
        ]
        .map(Line::of)
    };
    report
        .accounts
        .iter()
        .map(|(key, account)| {
            let name = format!("{} {:?} {:?}", key.profile, key.source_asset, key.destination_asset);
            (name, lines(account))
        })
        .filter(|(_, lines)| *lines != Lines::default())
        .collect()
}

/// How many orchestrations say another thing of the time before `until` than they said.
pub(super) fn restated(old: &Known, new: &Known, until: Timestamp, period: &Period) -> usize {
    let effect = |known: Option<&KnownRow>| {
        let known = known.filter(|known| !known.is_missing && known.row.created_at < until)?;
        let name = |at: Timestamp| Period::containing(period.kind.unwrap(), period.zone, at).unwrap().name();
        let row = &known.row;
        Some((
            row.profile_id.clone().unwrap_or_else(|| Identifier::new(known.listed_by)),
            (row.source_asset.clone(), row.destination_asset.clone()),
            (row.source_amount.clone(), row.destination_amount.clone()),
            name(row.created_at),
            ended_at(known).filter(|at| *at < until).map(|at| (row.status.clone(), name(at))),
        ))
    };
    let is_news = |known: &&KnownRow| !known.is_of_first_listing || old.contains_key(&known.row.id);
    new.values().filter(is_news).filter(|known| effect(old.get(&known.row.id)) != effect(Some(known))).count()
}
