//! Client, poller, ledger and simulator under what a case does to them.
//!
//! Owns the carrying out of operations and the keeping of the oracle's memory beside it. What must hold then is
//! `contract`.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tallyd::clock::Clock as _;
use tallyd::model::{PollOutcome, ProfileSelection, Timestamp};
use tallyd::sim::{Endpoint, FaultRate, Rate, RequestRecord, Scripted, SimConfig, WorldConfig};
use tallyd::sync::Pace;

use super::contract::{Attempt, Checked, Heard, OVERLAP, is_open, path_of};
use super::killer::{Killed, Killer};
use super::model::{Model, Step, Story};
use super::op::{Case, Moment, Op, Place, Trouble};
use super::picture::{Picture, Viewer};
use super::rows;
use crate::harness::{Rig, Setup, in_time, start_time};

/// A world that is being played.
pub(super) struct Stage {
    rig: Rig,
    viewer: Viewer,
    model: Model,
    killer: Arc<Killer>,
    customer: String,
    profiles: Vec<String>,
    picture: Picture,
    step: Step,
    /// What was scripted for the next requests to an endpoint; `None` is an honest answer.
    scripted: BTreeMap<Place, VecDeque<Option<Trouble>>>,
    outage: Option<Trouble>,
    left_over: Option<(Step, Timestamp)>,
    /// How often Get answered each row, in tries running.
    found: BTreeMap<String, usize>,
}

impl Stage {
    pub(super) async fn of(case: &Case) -> Self {
        let killer = Arc::new(Killer::default());
        let world = WorldConfig {
            seed: case.seed,
            size: case.size.into(),
            arrivals_per_hour: 0,
            profiles: case.profiles,
            // Long ago, so that every life is over: what moves is moved by the case.
            start: Some(start_time().minus(Duration::from_secs(40 * 86_400))),
            ..WorldConfig::default()
        };
        let mut setup = Setup::new(SimConfig { world, ..SimConfig::default() }).pages_of(case.page_rows);
        setup.rules = killer.rules();
        setup.watch = killer.watch();
        setup.request_timeout = Duration::from_millis(500);
        // Time stands still while a poll runs: a pause would be waited for without end.
        setup.stop_patience = Duration::ZERO;
        setup.scratch = scratch();
        let rig = Rig::start(setup).await;
        let truth = rig.control.truth();
        let customer = truth.iter().find_map(|row| row["customer_id"].as_str()).unwrap_or("customer");
        Self {
            customer: customer.to_owned(),
            profiles: rig.control.profiles().into_iter().map(|profile| profile.id).collect(),
            model: Model::of(&truth),
            viewer: Viewer::of(&rig.path()),
            picture: Picture::default(),
            killer,
            rig,
            step: 0,
            scripted: BTreeMap::new(),
            outage: None,
            left_over: None,
            found: BTreeMap::new(),
        }
    }

    /// Carries an operation out and says whether everything holds after it.
    pub(super) async fn apply(&mut self, op: &Op) -> Checked {
        self.step += 1;
        let now = self.rig.clock.now();
        match *op {
            Op::Advance { seconds } => self.rig.advance(Duration::from_secs(seconds)),
            Op::StepLocal { seconds } => {
                let by = Duration::from_secs(seconds.unsigned_abs());
                let local = self.rig.local.now();
                self.rig.local.set(if seconds < 0 { local.minus(by) } else { local.plus(by) });
            }
            Op::Create { row, profile, age, state, updated_at } => {
                let profile = &self.profiles[usize::from(profile) % self.profiles.len()];
                let created_at = now.minus(Duration::from_secs(age));
                let value = rows::row(row, profile, &self.customer, created_at, state, updated_at);
                self.create(row, value, now);
            }
            Op::Move { row, to } => self.alter(row, |fields| rows::move_on(fields, to, now)),
            Op::Edit { row, amount } => self.alter(row, |fields| rows::edit(fields, amount)),
            Op::Respell { row, how } => self.alter(row, |fields| rows::respell(fields, how)),
            Op::Remove { row } => self.remove(row),
            Op::Lag { row, seconds, scope } => {
                let time = now.minus(Duration::from_secs(seconds));
                if let Some(id) = self.visible(row) {
                    self.rig.control.pin_stale(&id, time, scope.pins()).unwrap();
                    self.model.pin(&id, Some((time, scope)), now, self.step);
                }
            }
            Op::CatchUp { row } => self.catch_up(row),
            Op::LeaveOut { row } => self.each_named(row, |rig, id| rig.control.never_answer(id)),
            Op::Answer { row } => self.each_named(row, |rig, id| rig.control.answer_again(id)),
            Op::Trouble { at, after, what } => self.script(at, after, what),
            Op::Outage { what } => {
                self.heal();
                self.outage = Some(what);
                let rate = FaultRate::on(Endpoint::List, what.fault(), Rate::ALWAYS);
                self.rig.control.set_faults([rate]);
            }
            Op::Heal => self.heal(),
            Op::Poll => return self.poll().await,
            Op::Kill { moment } => return self.kill(moment).await,
        }
        Ok(())
    }

    /// Lets everything get well, and expects that the ledger then knows all that it has looked at.
    pub(super) async fn settle(&mut self) -> Checked {
        self.heal();
        for number in self.model.names.keys().copied().collect::<Vec<_>>() {
            self.catch_up(number);
            self.each_named(number, |rig, id| rig.control.answer_again(id));
        }
        self.rig.local.set(self.rig.clock.now());
        if let Some(stop) = self.rig.client.stop() {
            self.rig.advance(stop.until.since(self.rig.local.now()));
        }
        self.rig.advance(Duration::from_secs(1));
        // The first one ends what was left over, and may have to be partial because of it.
        self.step += 1;
        self.poll().await?;
        self.left_over = None;
        self.rig.advance(OVERLAP + Duration::from_secs(1));
        self.step += 1;
        self.poll().await
    }

    /// What the ledger says in the end.
    pub(super) fn transcript(&self) -> Vec<String> {
        self.viewer.transcript()
    }

    pub(super) async fn end(self) {
        self.rig.end().await;
    }
}

/// What is done to the world.
impl Stage {
    fn create(&mut self, number: u8, value: Value, now: Timestamp) {
        if self.model.names.contains_key(&number) {
            return;
        }
        self.model.names.insert(number, crate::harness::id_of(&value));
        self.model.appear(&value, now, self.step);
        self.rig.control.insert(value);
    }

    /// The id of a row that can be seen now.
    fn visible(&self, number: u8) -> Option<String> {
        let id = self.model.names.get(&number)?;
        self.rig.control.truth_of(id).map(|_| id.clone())
    }

    fn alter(&mut self, number: u8, change: impl FnOnce(&mut Map<String, Value>)) {
        let Some(id) = self.visible(number) else { return };
        self.rig.control.alter(&id, change).unwrap();
        self.model.change(&id, self.rig.control.truth_of(&id).as_ref(), self.rig.clock.now());
    }

    fn remove(&mut self, number: u8) {
        let Some(id) = self.visible(number) else { return };
        self.rig.control.remove(&id).unwrap();
        self.model.change(&id, None, self.rig.clock.now());
    }

    fn catch_up(&mut self, number: u8) {
        let Some(id) = self.model.names.get(&number).cloned() else { return };
        self.rig.control.unpin(&id).unwrap();
        self.model.pin(&id, None, self.rig.clock.now(), self.step);
    }

    fn each_named(&self, number: u8, then: impl FnOnce(&Rig, &str)) {
        if let Some(id) = self.model.names.get(&number) {
            then(&self.rig, id);
        }
    }

    fn script(&mut self, at: Place, after: u8, what: Trouble) {
        // In an outage nothing is answered honestly in between.
        if self.outage.is_some() {
            return;
        }
        let steps: Vec<_> = std::iter::repeat_n(None, after.into()).chain([Some(what)]).collect();
        let scripted = |step: &Option<Trouble>| match step {
            Some(trouble) => Scripted::Fault(trouble.fault()),
            None => Scripted::Honest,
        };
        self.rig.control.script(at.endpoint(), steps.iter().map(scripted));
        self.scripted.entry(at).or_default().extend(steps);
    }

    fn heal(&mut self) {
        self.rig.control.clear_faults();
        self.scripted.clear();
        self.outage = None;
    }
}

/// Polls, and what they meet.
impl Stage {
    async fn poll(&mut self) -> Checked {
        let quiet = self.is_quiet();
        let outcome = self.rig.poll().await;
        self.conclude(Some(&outcome), quiet)
    }

    async fn kill(&mut self, moment: Moment) -> Checked {
        self.rig.control.forget_requests();
        let poller = self.rig.poller.clone();
        let poll = tokio::spawn(async move { poller.poll(&ProfileSelection::All, Pace::ByGap).await });
        let killing = match moment {
            Moment::Request(place, nth) => {
                let (control, stop) = (self.rig.control.clone(), poll.abort_handle());
                Some(tokio::spawn(async move {
                    control.reached(place.endpoint(), nth.into()).await;
                    stop.abort();
                }))
            }
            Moment::Committed(nth) => {
                self.killer.kill_when_committed(nth);
                None
            }
            Moment::Judging(nth) => {
                self.killer.kill_while_judging(nth);
                None
            }
        };
        let ended = in_time("the end of a killed poll", poll).await;
        if let Some(killing) = killing {
            killing.abort();
        }
        self.killer.disarm();
        if let Err(error) = ended
            && let Ok(panic) = error.try_into_panic()
            && !panic.is::<Killed>()
        {
            std::panic::resume_unwind(panic);
        }
        self.rig.restart().await;
        self.conclude(None, false)
    }

    /// Whether nothing at all could keep a poll from being complete.
    fn is_quiet(&self) -> bool {
        self.outage.is_none()
            && self.left_over.is_none()
            && self.rig.client.stop().is_none()
            && self.model.stories.values().all(|story| !story.is_pinned())
            && !self.picture.rows.iter().any(|(id, row)| is_open(row) && self.is_young_and_gone(id))
    }

    /// Whether a row is gone so soon after its creation that it may as well be too young for a replica: nobody
    /// can tell yet.
    fn is_young_and_gone(&self, id: &str) -> bool {
        let now = self.rig.clock.now();
        let young = |story: &Story| story.created_at >= now.minus(OVERLAP);
        self.model.stories.get(id).is_some_and(|story| young(story) && !story.is_found(now))
    }

    fn conclude(&mut self, outcome: Option<&PollOutcome>, quiet: bool) -> Checked {
        let requests = self.rig.control.requests();
        self.rig.control.forget_requests();
        let befell = self.befell();
        let spoiled =
            befell.iter().filter(|(place, what)| *place == Place::List && what.is_empty_word()).count();
        let met: Vec<Trouble> = befell.into_iter().map(|(_, what)| what).collect();
        let lag = self.model.note_lags(&met);
        let listed =
            requests.iter().filter(|asked| asked.endpoint == Endpoint::List && asked.status == Some(200));
        let heard = if self.outage.is_some() || listed.count() <= spoiled {
            Heard::Nothing
        } else {
            Heard::Something
        };
        self.count_found(&requests);
        let after = self.viewer.picture();
        let now = self.rig.clock.now();
        let attempt = Attempt {
            model: &self.model,
            before: &self.picture,
            after: &after,
            step: self.step,
            now,
            outcome,
            quiet: quiet && met.is_empty(),
            met: &met,
            lag,
            requests: &requests,
            heard,
            found: &self.found,
            left_over: self.left_over,
        };
        attempt.check()?;
        self.viewer.check_sound()?;
        self.left_over = match outcome {
            Some(outcome) if outcome.is_complete() => None,
            _ => self.left_over.or(Some((self.step, now))),
        };
        self.picture = after;
        Ok(())
    }

    fn count_found(&mut self, requests: &[RequestRecord]) {
        let mut found = BTreeMap::new();
        for id in self.model.stories.keys() {
            let path = path_of(id);
            let is_answer =
                |asked: &&RequestRecord| asked.path_and_query == path && asked.status == Some(200);
            let times = requests.iter().filter(is_answer).count();
            if times > 0 {
                found.insert(id.clone(), times + self.found.get(id).copied().unwrap_or(0));
            }
        }
        self.found = found;
    }

    /// What befell requests since the last try, and where.
    fn befell(&mut self) -> Vec<(Place, Trouble)> {
        let mut befell = Vec::new();
        for (place, steps) in &mut self.scripted {
            let left = self.rig.control.script_left(place.endpoint());
            befell.extend(steps.drain(..steps.len() - left).flatten().map(|what| (*place, what)));
        }
        befell
    }
}

/// In memory where there is such a place: a thousand ledgers wait for a disk a long time.
fn scratch() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}
