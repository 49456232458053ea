//! The world: every orchestration there is, in order, as it is at any time.
//!
//! Owns the population and what was changed in it by hand. Which of its rows a list shows is
//! `listing`; what a row looks like is `render`.

mod edit;

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::config::{ListedUnder, WorldConfig};
use super::details;
use super::dice::mix;
use super::life::{Course, HOUR, Leg, Status};
use super::plan::{FIRST_CREATED, Plan};
use super::profiles::{SimProfile, draw_profiles};
use super::render::{Scene, Spelling, time_text, write_seeded};
use super::row::{Content, Patch, PinScope, Position, Row, RowId};
use crate::model::Timestamp;

/// Every orchestration there is.
#[derive(Debug)]
pub(super) struct World {
    pub(super) config: WorldConfig,
    pub(super) profiles: Vec<SimProfile>,
    pub(super) rows: Vec<Row>,
    /// Row numbers in the order of the list: of all, and of each profile.
    pub(super) all: Vec<usize>,
    pub(super) by_profile: Vec<Vec<usize>>,
    /// Ids that a list never answers when it is asked for them.
    pub(super) unanswered: HashSet<String>,
    /// Profiles that List Profiles leaves out.
    pub(super) unlisted: HashSet<String>,
    scene: Scene,
    /// When history ends, in microseconds.
    start: i64,
    /// How many of the seed's own orchestrations are in.
    seeded: u64,
    /// Rows that came through Create.
    pub(super) created: Vec<usize>,
    by_id: HashMap<RowId, usize>,
    by_seeded_number: Vec<usize>,
    by_ref: HashMap<String, Vec<usize>>,
    patches: HashMap<usize, Vec<Patch>>,
    pins: HashMap<usize, (i64, PinScope)>,
}

/// From where and when the world is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    /// In microseconds.
    pub(super) time: i64,
    pub(super) eyes: Eyes,
}

/// Who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Eyes {
    /// The control: no pins, no misspelt rows.
    Truth,
    List,
    Get,
}

impl World {
    /// Builds the history up to `now`.
    pub(super) fn new(config: WorldConfig, now: i64) -> Self {
        let profiles = draw_profiles(&config);
        let start = config.start.map_or(now, Timestamp::as_micros);
        let scene = Scene {
            seed: config.seed,
            customer: details::customer(config.seed),
            profile_ids: profiles.iter().map(SimProfile::escaped_id).collect(),
        };
        // Room ahead saves the copying; a size that memory cannot hold must not end here already.
        let size = usize::try_from(config.size).unwrap_or(0).min(1 << 22);
        let mut world = Self {
            by_profile: vec![Vec::new(); profiles.len()],
            profiles,
            scene,
            start,
            rows: Vec::with_capacity(size),
            all: Vec::with_capacity(size),
            by_id: HashMap::with_capacity(size),
            by_seeded_number: Vec::with_capacity(size),
            by_ref: HashMap::new(),
            unanswered: HashSet::new(),
            unlisted: HashSet::new(),
            patches: HashMap::new(),
            pins: HashMap::new(),
            seeded: 0,
            created: Vec::new(),
            config,
        };
        while world.seeded < world.config.size {
            world.add_seeded();
        }
        world.grow_to(now);
        world
    }

    /// Whether something arrived until `now` that is not in yet.
    pub(super) fn is_behind(&self, now: i64) -> bool {
        self.config.arrivals_per_hour > 0 && self.created_at(self.seeded) <= now
    }

    /// Lets arrive what was created until `now`.
    pub(super) fn grow_to(&mut self, now: i64) {
        while self.is_behind(now) {
            self.add_seeded();
        }
    }

    pub(super) fn find(&self, id: &str) -> Option<usize> {
        self.by_id.get(&RowId::of(id)).copied()
    }

    /// Rows that may have that reference; to be checked.
    pub(super) fn maybe_with_ref(&self, ref_id: &str) -> Vec<usize> {
        let number = details::number_of_ref(self.config.seed, ref_id);
        let seeded =
            number.and_then(|number| self.by_seeded_number.get(usize::try_from(number).ok()?)).copied();
        let mut rows = self.by_ref.get(ref_id).cloned().unwrap_or_default();
        rows.extend(seeded);
        rows
    }

    /// Whether a row may have a leg with that transfer, as far as can be told without writing it.
    pub(super) fn may_have_transfer(&self, number: usize, id: &str) -> bool {
        match &self.rows[number].content {
            Content::Seeded(plan) if !self.patches.contains_key(&number) => {
                let details = details::Details::of(self.config.seed, plan);
                let legs = [details.source_transfer, details.destination_transfer];
                uuid::Uuid::parse_str(id).is_ok_and(|id| legs.contains(&id.as_u128()))
            }
            _ => true,
        }
    }

    pub(super) fn profile_number(&self, id: &str) -> Option<u16> {
        let at = self.profiles.iter().position(|profile| profile.id == id)?;
        u16::try_from(at).ok()
    }

    /// The row's own time in that view: earlier than the view's where the row is pinned.
    fn time_of(&self, number: usize, view: View) -> i64 {
        if self.pins.is_empty() {
            return view.time;
        }
        match (self.pins.get(&number), view.eyes) {
            (Some((time, _)), Eyes::List) | (Some((time, PinScope::Everywhere)), Eyes::Get) => {
                view.time.min(*time)
            }
            _ => view.time,
        }
    }

    /// Whether it can be seen. Everything put in by hand is there from then on, whatever its
    /// `created_at` says.
    pub(super) fn shows(&self, number: usize, view: View) -> bool {
        self.rows[number].shows_at(self.time_of(number, view))
    }

    /// A seeded row's plan and time, where nothing was changed by hand: the quick way to its facts.
    pub(super) fn plain(&self, number: usize, view: View) -> Option<(&Plan, i64)> {
        match &self.rows[number].content {
            Content::Seeded(plan) if self.patches.is_empty() || !self.patches.contains_key(&number) => {
                Some((plan, self.time_of(number, view)))
            }
            _ => None,
        }
    }

    /// Writes a row as JSON text.
    pub(super) fn write(&self, number: usize, view: View, out: &mut Vec<u8>) {
        if let Some((plan, time)) = self.plain(number, view) {
            let spelling = if view.eyes == Eyes::Truth { Spelling::Honest } else { Spelling::Wire };
            write_seeded(out, &self.scene, plan, &self.rows[number].place, time, spelling);
        } else {
            out.extend_from_slice(self.value(number, view).to_string().as_bytes());
        }
    }

    /// A row as a tree.
    pub(super) fn value(&self, number: usize, view: View) -> Value {
        let time = self.time_of(number, view);
        let row = &self.rows[number];
        let mut value = match &row.content {
            Content::Seeded(plan) => {
                let mut text = Vec::new();
                let spelling = if view.eyes == Eyes::Truth { Spelling::Honest } else { Spelling::Wire };
                write_seeded(&mut text, &self.scene, plan, &row.place, time, spelling);
                serde_json::from_slice(&text).unwrap_or_default()
            }
            Content::Created(fields, plan) => Value::Object(self.created_fields(fields, plan, time)),
            Content::Verbatim(value) => (**value).clone(),
        };
        if let (Value::Object(fields), Some(patches)) = (&mut value, self.patches.get(&number)) {
            patches.iter().filter(|patch| patch.since <= time).for_each(|patch| patch.apply(fields));
        }
        value
    }

    /// Takes an orchestration that came through Create and returns its number.
    pub(super) fn create(&mut self, mut fields: Map<String, Value>, course: Course, now: i64) -> usize {
        let count = u64::try_from(self.created.len()).unwrap_or(0);
        let plan = Plan::created(&self.config, course, FIRST_CREATED + count, now);
        let id = plan.id(self.config.seed);
        fields.insert("id".to_owned(), id.to_text().into());
        fields
            .insert("customer_id".to_owned(), uuid::Uuid::from_u128(self.scene.customer).to_string().into());
        fields.insert("created_at".to_owned(), time_text(now).into());
        let row = Row {
            place: Position { created: now, id },
            listed_under: self.listed_under(&Value::Object(fields.clone())),
            visible_at: now,
            gone_at: i64::MAX,
            content: Content::Created(Box::new(fields.clone()), plan),
        };
        let number = self.add(row, fields.get("ref_id").and_then(Value::as_str));
        self.created.push(number);
        number
    }

    fn add_seeded(&mut self) {
        let created = self.created_at(self.seeded);
        let profiles = u16::try_from(self.scene.profile_ids.len()).unwrap_or(u16::MAX);
        let (plan, seen) = Plan::seeded(&self.config, profiles, self.seeded, created);
        self.seeded += 1;
        let other = plan.other.filter(|_| self.config.listed_under == ListedUnder::Both);
        let row = Row {
            place: Position { created, id: plan.id(self.config.seed) },
            listed_under: [Some(plan.owner), other],
            visible_at: seen.from,
            gone_at: seen.until,
            content: Content::Seeded(plan),
        };
        let number = self.add(row, None);
        self.by_seeded_number.push(number);
    }

    /// The `created_at` of one of the seed's own orchestrations: they are spread evenly, each
    /// somewhere in its own slot, and one in 64 shares the instant of the one before.
    fn created_at(&self, number: u64) -> i64 {
        let draw = mix(self.config.seed ^ 0xC4EA_7ED0, number);
        let shares = draw.is_multiple_of(64) && number != 0 && number != self.config.size;
        let slot = if shares { number - 1 } else { number };
        let draw = if shares { mix(self.config.seed ^ 0xC4EA_7ED0, slot) } else { draw };
        let history = i128::from(micros(self.config.history));
        let (first, length, place) = match slot.checked_sub(self.config.size) {
            None => (i128::from(self.start) - history, history, (slot, self.config.size)),
            Some(arrival) => {
                let each_hour = u64::from(self.config.arrivals_per_hour.max(1));
                (i128::from(self.start), i128::from(HOUR), (arrival, each_hour))
            }
        };
        // In thousandths of a slot, so that no slot is lost to rounding.
        let thousandths = i128::from(place.0) * 1000 + i128::from(draw / 64 % 1000);
        let offset = length * thousandths / (i128::from(place.1) * 1000);
        i64::try_from(first + offset).unwrap_or(i64::MAX)
    }

    fn add(&mut self, row: Row, ref_id: Option<&str>) -> usize {
        let number = self.rows.len();
        self.by_id.insert(row.place.id.clone(), number);
        if let Some(ref_id) = ref_id {
            self.by_ref.entry(ref_id.to_owned()).or_default().push(number);
        }
        self.rows.push(row);
        self.place_in_lists(number);
        number
    }

    fn place_in_lists(&mut self, number: usize) {
        let Self { rows, all, by_profile, .. } = self;
        place_in(all, rows, number);
        for profile in rows[number].listed_under.into_iter().flatten() {
            place_in(&mut by_profile[usize::from(profile)], rows, number);
        }
    }

    fn listed_under(&self, value: &Value) -> [Option<u16>; 2] {
        let profile = |pointer: &str| {
            value.pointer(pointer).and_then(Value::as_str).and_then(|id| self.profile_number(id))
        };
        let own = profile("/profile_id");
        let ends = [profile("/destination/profile/profile_id"), profile("/source/profile/profile_id")];
        let other = match self.config.listed_under {
            ListedUnder::Own => None,
            ListedUnder::Both => ends.into_iter().find(|end| *end != own).flatten(),
        };
        [own, other]
    }

    /// A created row's own fields and the state of its life.
    fn created_fields(&self, fields: &Map<String, Value>, plan: &Plan, time: i64) -> Map<String, Value> {
        let step = plan.life.at(time);
        let details = details::Details::of(self.config.seed, plan);
        let leg = |transfer: u128, leg: Leg| {
            let mut fields = Map::new();
            if leg != Leg::Pending {
                fields.insert("transfer_id".to_owned(), uuid::Uuid::from_u128(transfer).to_string().into());
            }
            fields.insert("status".to_owned(), leg.word().into());
            Value::Object(fields)
        };
        let mut fields = fields.clone();
        fields.insert("source_transfer".to_owned(), leg(details.source_transfer, step.source));
        fields.insert("destination_transfer".to_owned(), leg(details.destination_transfer, step.destination));
        fields.insert("status".to_owned(), step.status.word().into());
        fields.insert("updated_at".to_owned(), time_text(step.at).into());
        if step.status == Status::Failed {
            let detail = "The destination refused the transfer.";
            fields.insert("fail_reason".to_owned(), serde_json::json!({ "detail": detail }));
        }
        fields
    }
}

/// Nearly always at the end; else where the order wants it.
fn place_in(list: &mut Vec<usize>, rows: &[Row], number: usize) {
    let place = &rows[number].place;
    let behind_the_end = list.last().is_none_or(|end| rows[*end].place <= *place);
    let at =
        if behind_the_end { list.len() } else { list.partition_point(|other| rows[*other].place <= *place) };
    list.insert(at, number);
}

fn micros(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
