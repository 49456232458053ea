//! The handle by which tests and the demo look at the simulated world and bend it.
//!
//! Everything takes effect for the next request. Times are the simulator's clock's.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bigdecimal::BigDecimal;
use serde_json::{Map, Value};

use super::config::{ApiConfig, Latency, RateLimit};
use super::endpoint::Endpoint;
use super::faults::{FaultRate, Scripted};
use super::log::RequestRecord;
use super::profiles::SimProfile;
use super::row::PinScope;
use super::shared::{Hold, Shared};
use super::throttle::Throttle;
use super::world::{Eyes, View, World};
use crate::model::Timestamp;

/// A cheap, thread-safe handle on a running simulator.
#[derive(Clone, Debug)]
pub struct Control {
    shared: Arc<Shared>,
}

/// There is no orchestration with that id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("find orchestration {id} in the simulated world")]
pub struct NoSuchOrchestration {
    /// The id that was given.
    pub id: String,
}

/// What is there.
impl Control {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The simulator's time.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// The account's profiles.
    pub fn profiles(&self) -> Vec<SimProfile> {
        self.shared.world(self.shared.now()).profiles.clone()
    }

    /// Every orchestration that can be seen now, as an honest API would send it, in the order of
    /// `created_at`, then of `id`. Pins, stale replicas and misspelt rows do not show here; rows that
    /// are late, removed, altered or carry unknown fields do as they are.
    pub fn truth(&self) -> Vec<Value> {
        let now = self.shared.now();
        let world = self.shared.world(now);
        world.showing(now).map(|number| world.value(number, truth_at(now))).collect()
    }

    /// How many orchestrations [`truth`](Self::truth) would list.
    pub fn truth_len(&self) -> usize {
        let now = self.shared.now();
        self.shared.world(now).showing(now).count()
    }

    /// The one with that id, where it can be seen now.
    pub fn truth_of(&self, id: &str) -> Option<Value> {
        let now = self.shared.now();
        let world = self.shared.world(now);
        let number = world.find(id).filter(|number| world.shows(*number, truth_at(now)))?;
        Some(world.value(number, truth_at(now)))
    }
}

/// Bending the world.
impl Control {
    /// Puts a row in, shown as it stands from now on, whatever its `created_at` says. A profile that
    /// it names as its own becomes one of the account's. Where its id exists already, both are listed
    /// and Get shows the new one.
    pub fn insert(&self, row: Value) {
        self.change(|world, now| {
            world.insert(row, now);
        });
    }

    /// Changes a row's fields from now on; `updated_at` too only where `change` does it. The rest of its life
    /// goes on: a status that was not changed by hand still moves.
    pub fn alter(
        &self,
        id: &str,
        change: impl FnOnce(&mut Map<String, Value>),
    ) -> Result<(), NoSuchOrchestration> {
        self.change_row(id, |world, number, now| world.alter(number, now, change))
    }

    /// Sets one field from now on.
    pub fn set_field(
        &self,
        id: &str,
        name: &str,
        value: impl Into<Value>,
    ) -> Result<(), NoSuchOrchestration> {
        self.alter(id, |fields| {
            fields.insert(name.to_owned(), value.into());
        })
    }

    /// Takes a row away: neither listed nor found from now on.
    pub fn remove(&self, id: &str) -> Result<(), NoSuchOrchestration> {
        self.change_row(id, World::remove)
    }

    /// Lets a row be seen only from that time on.
    pub fn hide_until(&self, id: &str, time: Timestamp) -> Result<(), NoSuchOrchestration> {
        self.change_row(id, |world, number, _| world.hide_until(number, time.as_micros()))
    }

    /// Shows a row as it was at that time, until [`unpin`](Self::unpin): a replica that lags.
    pub fn pin_stale(&self, id: &str, time: Timestamp, scope: PinScope) -> Result<(), NoSuchOrchestration> {
        self.change_row(id, |world, number, _| world.pin(number, time.as_micros(), scope))
    }

    /// Ends a pin.
    pub fn unpin(&self, id: &str) -> Result<(), NoSuchOrchestration> {
        self.change_row(id, |world, number, _| world.unpin(number))
    }

    /// Leaves an id out whenever a list is asked for it by `orchestration_id`; Get still answers.
    pub fn never_answer(&self, id: &str) {
        self.change(|world, _| {
            world.unanswered.insert(id.to_owned());
        });
    }

    /// Ends what [`never_answer`](Self::never_answer) began.
    pub fn answer_again(&self, id: &str) {
        self.change(|world, _| {
            world.unanswered.remove(id);
        });
    }

    /// Leaves a profile out of List Profiles, whose orchestrations are listed as before.
    pub fn unlist_profile(&self, id: &str) {
        self.change(|world, _| {
            world.unlisted.insert(id.to_owned());
        });
    }

    /// What a profile could spend of an asset at the start, instead of the opening balance.
    pub fn set_balance(&self, profile_id: &str, asset: &str, amount: BigDecimal) {
        self.shared.dials().balances.insert((profile_id.to_owned(), asset.to_owned()), amount);
    }

    fn change(&self, change: impl FnOnce(&mut World, i64)) {
        let now = self.shared.now();
        change(&mut self.shared.world_mut(now), now);
    }

    fn change_row(
        &self,
        id: &str,
        change: impl FnOnce(&mut World, usize, i64),
    ) -> Result<(), NoSuchOrchestration> {
        let now = self.shared.now();
        let mut world = self.shared.world_mut(now);
        let number = world.find(id).ok_or_else(|| NoSuchOrchestration { id: id.to_owned() })?;
        change(&mut world, number, now);
        Ok(())
    }
}

/// Bending the service.
impl Control {
    /// What becomes of the next requests to an endpoint, one each, before chance has a say again.
    pub fn script<S: Into<Scripted>>(&self, endpoint: Endpoint, steps: impl IntoIterator<Item = S>) {
        let steps = steps.into_iter().map(Into::into);
        self.shared.dials().scripts.entry(endpoint).or_default().extend(steps);
    }

    /// How many scripted steps of an endpoint are left.
    pub fn script_left(&self, endpoint: Endpoint) -> usize {
        self.shared.dials().scripts.get(&endpoint).map_or(0, std::collections::VecDeque::len)
    }

    /// The fault rates in force.
    pub fn faults(&self) -> Vec<FaultRate> {
        self.shared.dials().faults.clone()
    }

    /// Sets all fault rates.
    pub fn set_faults(&self, faults: impl IntoIterator<Item = FaultRate>) {
        self.shared.dials().faults = faults.into_iter().collect();
    }

    /// Ends all fault rates and scripts. What was done to rows stays.
    pub fn clear_faults(&self) {
        let mut dials = self.shared.dials();
        dials.faults.clear();
        dials.scripts.clear();
    }

    /// Answers no list of this profile until [`let_go`](Self::let_go).
    pub fn hold_back(&self, profile_id: &str) {
        self.shared.hold(profile_id, Hold::Back);
    }

    /// Ends what [`hold_back`](Self::hold_back) began; what was asked meanwhile is answered.
    pub fn let_go(&self, profile_id: &str) {
        self.shared.hold(profile_id, Hold::LetGo);
    }

    /// Changes how the API shows the world: list fields, page cap, cursors.
    pub fn configure(&self, change: impl FnOnce(&mut ApiConfig)) {
        change(&mut self.shared.dials().api);
    }

    /// Sets how long answers take.
    pub fn set_latency(&self, latency: Latency) {
        self.shared.dials().latency = latency;
    }

    /// Sets or ends the rate limit; counting begins anew.
    pub fn set_rate_limit(&self, limit: Option<RateLimit>) {
        *self.shared.throttle() = Throttle::new(limit);
    }

    /// Until when everything is answered 429; `None` where there is no penalty.
    pub fn penalty_until(&self) -> Option<Timestamp> {
        self.shared.throttle().penalty_until(self.shared.now()).map(Timestamp::from_micros)
    }

    /// Makes every token that is out worthless.
    pub fn forget_tokens(&self) {
        self.shared.tokens().forget();
    }
}

/// What was asked.
impl Control {
    /// Every request that is remembered, in the order of arrival.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.shared.log.all()
    }

    /// The remembered requests to one endpoint.
    pub fn requests_to(&self, endpoint: Endpoint) -> Vec<RequestRecord> {
        let mut requests = self.requests();
        requests.retain(|request| request.endpoint == endpoint);
        requests
    }

    /// How many requests an endpoint got.
    pub fn count(&self, endpoint: Endpoint) -> u64 {
        self.shared.log.count(endpoint)
    }

    /// Waits until an endpoint has got that many requests, answered or not.
    pub async fn reached(&self, endpoint: Endpoint, count: u64) {
        self.shared.log.reached(endpoint, count).await;
    }

    /// How many requests there were at once, at most.
    pub fn in_flight_max(&self) -> usize {
        self.shared.log.in_flight_max()
    }

    /// How many pages of the list were served.
    pub fn pages_served(&self) -> u64 {
        self.shared.log.pages.load(Ordering::Relaxed)
    }

    /// How many rows were served in lists, each page's once.
    pub fn rows_served(&self) -> u64 {
        self.shared.log.rows.load(Ordering::Relaxed)
    }

    /// Forgets all requests and sets all counters to zero.
    pub fn forget_requests(&self) {
        self.shared.log.forget();
    }
}

fn truth_at(now: i64) -> View {
    View { time: now, eyes: Eyes::Truth }
}
