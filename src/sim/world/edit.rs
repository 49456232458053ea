//! What is done to the world by hand: rows put in, changed, hidden, pinned and taken away.
//!
//! Nothing here touches what the seed decides: it lies on top, from an instant on.

use serde_json::{Map, Value};

use super::{Eyes, View, World};
use crate::sim::profiles::SimProfile;
use crate::sim::row::{Content, Patch, PinScope, Position, Row, RowId};

impl World {
    /// Puts a row in as it is. A profile that it names as its own becomes one of the account's.
    pub(in crate::sim) fn insert(&mut self, value: Value, now: i64) -> usize {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        if let Some(profile) = text("profile_id").filter(|id| self.profile_number(id).is_none()) {
            self.profiles.push(SimProfile::inserted(&profile));
            self.by_profile.push(Vec::new());
        }
        let (id, ref_id) = (text("id"), text("ref_id"));
        let id = id.map_or_else(|| RowId::of(&format!("(none {})", self.rows.len())), |id| RowId::of(&id));
        let row = Row {
            place: Position { created: created_of(&value).unwrap_or(now), id },
            listed_under: self.listed_under(&value),
            visible_at: now,
            gone_at: i64::MAX,
            content: Content::Verbatim(Box::new(value)),
        };
        self.add(row, ref_id.as_deref())
    }

    /// Changes a row's fields from `now` on; whatever else it does goes on.
    pub(in crate::sim) fn alter(
        &mut self,
        number: usize,
        now: i64,
        change: impl FnOnce(&mut Map<String, Value>),
    ) {
        let view = View { time: now, eyes: Eyes::Truth };
        let Value::Object(before) = self.value(number, view) else { return };
        let mut after = before.clone();
        change(&mut after);
        if let Some(ref_id) = after.get("ref_id").and_then(Value::as_str) {
            self.by_ref.entry(ref_id.to_owned()).or_default().push(number);
        }
        let patch = Patch::between(&before, after, now);
        self.patches.entry(number).or_default().push(patch);
        self.place_again(number, view);
    }

    /// Lets a row be seen from then on only.
    pub(in crate::sim) fn hide_until(&mut self, number: usize, time: i64) {
        self.rows[number].visible_at = time;
    }

    /// Takes a row away.
    pub(in crate::sim) fn remove(&mut self, number: usize, now: i64) {
        self.rows[number].gone_at = now;
    }

    /// Shows a row as it was at that time.
    pub(in crate::sim) fn pin(&mut self, number: usize, time: i64, scope: PinScope) {
        self.pins.insert(number, (time, scope));
    }

    pub(in crate::sim) fn unpin(&mut self, number: usize) {
        self.pins.remove(&number);
    }

    /// Finds a changed row's new place in the order.
    fn place_again(&mut self, number: usize, view: View) {
        let value = self.value(number, view);
        let created = created_of(&value).unwrap_or(self.rows[number].place.created);
        let listed_under = self.listed_under(&value);
        let row = &self.rows[number];
        if row.place.created == created && row.listed_under == listed_under {
            return;
        }
        for list in self.by_profile.iter_mut().chain([&mut self.all]) {
            list.retain(|other| *other != number);
        }
        self.rows[number].place.created = created;
        self.rows[number].listed_under = listed_under;
        self.place_in_lists(number);
    }
}

fn created_of(value: &Value) -> Option<i64> {
    let text = value.get("created_at")?.as_str()?;
    Some(chrono::DateTime::parse_from_rfc3339(text).ok()?.timestamp_micros())
}
