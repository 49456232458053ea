//! What the journal says became of each row: since when it is where it is, and which breaks that only a person
//! closes it calls for.
//!
//! Each entry is read as a step from what the row was to what it became, oldest first. Whether what the journal says
//! is true is `contract`'s; what is said here of breaks is written from the design, not from tallyd's rules.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tallyd::model::Timestamp;

use super::contract::Checked;
use super::picture::{Entry, Picture};

/// All that followed from the journal so far.
#[derive(Debug, Default)]
pub(super) struct Followed {
    ages: BTreeMap<String, Ages>,
    /// The breaks that only a person closes, by kind and id: when what called for each came about, where that is
    /// known.
    pub(super) called_for: BTreeMap<(&'static str, String), Option<Timestamp>>,
    /// Every `ref_id` that a row had.
    ref_ids: BTreeMap<String, Vec<(String, String)>>,
}

/// Since when a row is where it is, by the earliest `updated_at` that was seen of it there; `None` where nobody can
/// tell.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ages {
    pub(super) status: Option<Timestamp>,
    /// The source leg and the destination leg.
    pub(super) legs: [Option<Timestamp>; 2],
}

/// What a row was at one time, as far as it matters.
struct State {
    status: Value,
    legs: [Value; 2],
    updated_at: Option<Timestamp>,
}

/// Where the legs' statuses stand.
const LEGS: [&str; 2] = ["source_transfer.status", "destination_transfer.status"];

/// What must not change once a row is final.
const FIXED_BY_THE_END: [&str; 10] = [
    "source_asset",
    "destination_asset",
    "source_amount",
    "destination_amount",
    "destination.profile.profile_id",
    "destination.crypto.address",
    "destination.crypto.network",
    "destination.crypto.address_id",
    "destination.fiat.bank_account_id",
    "destination.fiat.memo",
];

/// What has one value for ever, beside that.
const FIXED_BY_THE_BEGINNING: [&str; 8] = [
    "profile_id",
    "customer_id",
    "ref_id",
    "source.profile.profile_id",
    "source.crypto.address",
    "source.crypto.network",
    "orchestration_rule_id",
    "created_at",
];

/// What may change until the end, of what is fixed by it.
const FREE_UNTIL_THE_END: [&str; 3] =
    ["destination_amount", "destination.crypto.address_id", "destination.fiat.memo"];

impl Followed {
    /// Reads what came to the journal between two pictures. What says itself no time of change was seen at `now`;
    /// `None` where the time that tallyd knows is in doubt.
    pub(super) fn follow(&mut self, before: &Picture, after: &Picture, now: Option<Timestamp>) -> Checked {
        let mut entries: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
        for entry in after.journal_since(before) {
            if entry.kind == "went_missing" {
                self.call_for("missing_upstream", &entry.id, None);
            } else if entry.is_change() {
                entries.entry(&entry.id).or_default().push(entry);
            }
        }
        for (id, entries) in entries {
            let Some(row) = after.rows.get(id) else {
                return Err(format!("rule 3: {id} is in the journal and not in the ledger"));
            };
            self.follow_row(id, row, &entries, now);
        }
        Ok(())
    }

    pub(super) fn ages(&self, id: &str) -> Ages {
        self.ages.get(id).copied().unwrap_or_default()
    }

    /// Whether two rows of one profile had one `ref_id`, if not at one time.
    pub(super) fn has_namesake(&self, id: &str) -> bool {
        let Some(own) = self.ref_ids.get(id) else { return false };
        let others = self.ref_ids.iter().filter(|(other, _)| *other != id);
        others.flat_map(|(_, names)| names).any(|name| own.contains(name))
    }

    /// Goes from what the row was before the entries to what it is.
    fn follow_row(&mut self, id: &str, row: &Value, entries: &[&Entry], now: Option<Timestamp>) {
        // Backwards first: what is known is the row as it is.
        let mut rows = vec![row.clone()];
        let mut steps = Vec::new();
        for entry in entries.iter().rev() {
            let old: Map<String, Value> =
                entry.old_values.as_deref().map_or_else(Map::new, |old| serde_json::from_str(old).unwrap());
            let mut earlier = rows.last().cloned().unwrap_or_default();
            for (path, value) in &old {
                set(&mut earlier, path, value.clone());
            }
            rows.push(earlier);
            steps.push((entry.kind == "appeared", old));
        }
        for (place, (has_appeared, old)) in steps.iter().enumerate().rev() {
            let (before, after) = (&rows[place + 1], &rows[place]);
            if *has_appeared {
                self.enter(id, None, after, now);
                self.call_for_end(id, after);
            } else {
                self.enter(id, Some(before), after, now);
                self.judge_change(id, before, after, old);
            }
        }
    }

    /// Notes since when the row is where it is.
    fn enter(&mut self, id: &str, before: Option<&Value>, after: &Value, now: Option<Timestamp>) {
        let (before, state) = (before.map(State::of), State::of(after));
        let ages = self.ages.entry(id.to_owned()).or_default();
        let seen = state.updated_at.or(now);
        let age = |stayed: bool, since: Option<Timestamp>| match (stayed, since) {
            (true, None) => None,
            (true, Some(since)) => Some(state.updated_at.map_or(since, |seen| seen.min(since))),
            (false, _) => seen,
        };
        let stayed = |same: &dyn Fn(&State) -> bool| before.as_ref().is_some_and(same);
        ages.status = age(stayed(&|before| before.status == state.status), ages.status);
        for leg in [0, 1] {
            ages.legs[leg] = age(stayed(&|before| before.legs[leg] == state.legs[leg]), ages.legs[leg]);
        }
        if let Some(name) = name_of(after) {
            self.ref_ids.entry(id.to_owned()).or_default().push(name);
        }
    }

    fn judge_change(&mut self, id: &str, before: &Value, after: &Value, old: &Map<String, Value>) {
        if old.contains_key("status") {
            self.call_for_end(id, after);
        }
        let was_final = is_final(before);
        // A value that was not there before is no other value.
        let replaced = |path: &str| old.get(path).is_some_and(|old| !old.is_null());
        let is_replaced_by_a_value = |path: &str| replaced(path) && !at(after, path).is_null();
        let since = self.ages(id).status;
        if was_final && (replaced("status") || FIXED_BY_THE_END.into_iter().any(replaced)) {
            self.call_for("changed_after_final", id, since);
        }
        let is_jump = !was_final && replaced("status") && !may_follow(before, after, "status");
        let is_leg_jump =
            LEGS.into_iter().any(|leg| is_replaced_by_a_value(leg) && !may_follow(before, after, leg));
        let is_recast = FIXED_BY_THE_BEGINNING.into_iter().any(is_replaced_by_a_value)
            || !was_final
                && FIXED_BY_THE_END
                    .into_iter()
                    .filter(|path| !FREE_UNTIL_THE_END.contains(path))
                    .any(is_replaced_by_a_value);
        if is_jump || is_leg_jump || is_recast {
            self.call_for("illegal_transition", id, since);
        }
    }

    fn call_for_end(&mut self, id: &str, row: &Value) {
        let since = self.ages(id).status;
        match row["status"].as_str() {
            Some("FAILED") => self.call_for("failed", id, since),
            Some("REJECTED") => self.call_for("rejected", id, since),
            _ => {}
        }
    }

    /// What a person did not close stands, however often it is called for.
    fn call_for(&mut self, kind: &'static str, id: &str, since: Option<Timestamp>) {
        self.called_for.entry((kind, id.to_owned())).or_insert(since);
    }
}

impl State {
    fn of(row: &Value) -> Self {
        let updated_at = match &row["updated_at"] {
            Value::Number(micros) => micros.as_i64().map(Timestamp::from_micros),
            Value::String(text) => Timestamp::parse_rfc3339(text).ok(),
            _ => None,
        };
        Self { status: row["status"].clone(), legs: LEGS.map(|leg| at(row, leg)), updated_at }
    }
}

/// Under which `ref_id` of which profile a row is known.
pub(super) fn name_of(row: &Value) -> Option<(String, String)> {
    Some((row["profile_id"].as_str()?.to_owned(), row["ref_id"].as_str()?.to_owned()))
}

/// Whether the end of a row has come.
pub(super) fn is_final(row: &Value) -> bool {
    ["COMPLETED", "FAILED", "REJECTED"].iter().any(|end| row["status"] == *end)
}

/// Whether a status or a leg may be seen after another one: polls skip steps, and what nobody knows may lead
/// anywhere.
fn may_follow(before: &Value, after: &Value, path: &str) -> bool {
    let (from, to) = (at(before, path), at(after, path));
    let (from, to) = (from.as_str().unwrap_or_default(), to.as_str().unwrap_or_default());
    let is_known =
        |status: &str| ["PENDING", "PROCESSING", "COMPLETED", "FAILED", "REJECTED"].contains(&status);
    if from == "PENDING" || !is_known(from) || !is_known(to) {
        return true;
    }
    from == "PROCESSING" && ["COMPLETED", "FAILED"].contains(&to)
}

fn at(row: &Value, path: &str) -> Value {
    row.pointer(&format!("/{}", path.replace('.', "/"))).cloned().unwrap_or_default()
}

/// Puts a value in its place, and makes room for it where there is none.
fn set(row: &mut Value, path: &str, value: Value) {
    let mut place = row;
    for name in path.split('.') {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = &mut place[name];
    }
    *place = value;
}
