//! Client, poller, ledger and simulator under what a case does to them.
//!
//! Owns the carrying out of operations and the keeping of the oracle's memory beside it. What must hold then is
//! `contract`.

mod post;
mod world;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tallyd::clock::Clock as _;
use tallyd::model::{PollOutcome, ProfileSelection, Timestamp};
use tallyd::sim::{Endpoint, FaultRate, ListedUnder, Rate, RequestRecord, SimConfig, WorldConfig};
use tallyd::sync::Pace;

use post::Doors;
use world::UNLISTED;

use super::contract::{Attempt, Checked, Heard, OVERLAP, Work, is_half_done, is_open, path_of};
use super::followed::Followed;
use super::killer::{Killed, Killer};
use super::model::{Model, Step, Story};
use super::op::{Case, Moment, Op, Place, Trouble, Window};
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
    followed: Followed,
    step: Step,
    /// What was scripted for the next requests to an endpoint; `None` is an honest answer.
    scripted: BTreeMap<Place, VecDeque<Option<Trouble>>>,
    outage: Option<Trouble>,
    left_over: Option<(Step, Timestamp)>,
    /// What may be left of a sweep of each window.
    left_sweeps: BTreeMap<Window, LeftSweep>,
    /// How often Get answered each row, in polls running and in sweeps running.
    found: BTreeMap<String, usize>,
    found_by_sweeps: BTreeMap<String, usize>,
    /// Rows that were removed, by number.
    removed: BTreeMap<u8, Value>,
    /// Where things are told, in worlds in which they are.
    doors: Option<Doors>,
}

/// Sweeps since the last complete one.
#[derive(Clone, Copy)]
struct LeftSweep {
    step: Step,
    began_at: Timestamp,
    last_at: Timestamp,
}

/// After so long a sweep that was cut short begins anew.
const RESUMED_WITHIN: Duration = Duration::from_secs(24 * 3600);

impl Stage {
    pub(super) async fn of(case: &Case) -> Self {
        let killer = Arc::new(Killer::default());
        let world = WorldConfig {
            seed: case.seed,
            size: case.size.into(),
            arrivals_per_hour: 0,
            profiles: case.profiles,
            listed_under: ListedUnder::Both,
            // Long ago, so that every life is over: what moves is moved by the case.
            start: Some(start_time().minus(Duration::from_secs(40 * 86_400))),
            ..WorldConfig::default()
        };
        let mut setup = Setup::new(SimConfig { world, ..SimConfig::default() }).pages_of(case.page_rows);
        setup.rules = killer.rules();
        setup.watch = killer.watch();
        // Time stands still while a poll runs: a pause would be waited for without end.
        setup.stop_patience = Duration::ZERO;
        setup.scratch = scratch();
        let rig = Rig::start(setup).await;
        rig.control.unlist_profile(UNLISTED);
        if case.seed.is_multiple_of(2) {
            // A `Date` has whole seconds: in half of the worlds it is the time itself.
            rig.advance(Duration::from_millis(750));
        }
        let is_told = case.ops.iter().any(Op::is_about_sinks);
        let doors = if is_told { Some(Doors::open(&killer).await) } else { None };
        let truth = rig.control.truth();
        let customer = truth.iter().find_map(|row| row["customer_id"].as_str()).unwrap_or("customer");
        let profiles: Vec<_> = rig.control.profiles().into_iter().map(|profile| profile.id).collect();
        Self {
            customer: customer.to_owned(),
            model: Model::of(&truth, profiles.iter().cloned().chain([UNLISTED.to_owned()]).collect()),
            profiles,
            viewer: Viewer::of(&rig.path()),
            picture: Picture::default(),
            followed: Followed::default(),
            killer,
            rig,
            step: 0,
            scripted: BTreeMap::new(),
            outage: None,
            left_over: None,
            left_sweeps: BTreeMap::new(),
            found: BTreeMap::new(),
            found_by_sweeps: BTreeMap::new(),
            removed: BTreeMap::new(),
            doors,
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
            Op::Create { row, under, age, state, updated_at } => {
                let created_at = now.minus(Duration::from_secs(age));
                let owner = self.owner(under);
                let value = rows::row(row, owner, &self.customer, created_at, state, updated_at);
                self.create(row, value, now);
            }
            Op::Move { row, to } => self.alter(row, |fields| rows::move_on(fields, to, now)),
            Op::Edit { row, amount } => self.alter(row, |fields| rows::edit(fields, amount)),
            Op::Respell { row, how } => self.alter(row, |fields| rows::respell(fields, how)),
            Op::Rename { row, like } => {
                let like = self.visible(like).and_then(|id| self.rig.control.truth_of(&id));
                if let Some(ref_id) = like.map(|like| like["ref_id"].clone()).filter(Value::is_string) {
                    self.alter(row, |fields| rows::rename(fields, ref_id));
                }
            }
            Op::Share { row, with } => {
                let with = self.owner(with).to_owned();
                self.alter(row, |fields| rows::share(fields, &with));
            }
            Op::Remove { row } => self.remove(row),
            Op::Return { row } => self.bring_back(row),
            Op::Lag { row, seconds, scope } => {
                let time = now.minus(Duration::from_secs(seconds));
                if let Some(id) = self.visible(row).filter(|id| !self.model.stories[id].has_returned()) {
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
            Op::Kill { moment } => return self.kill(Work::Poll, moment).await,
            Op::Sweep { window } => return self.sweep(window).await,
            Op::KillInSweep { window, moment } => return self.kill(Work::Sweep(window), moment).await,
            Op::Refuse { at, after, times, how } => self.refuse(at, after, times, how),
            Op::Deliver => return self.deliver().await,
            Op::KillInDelivery { moment } => return self.kill_in_delivery(moment).await,
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
        self.sweep(Window::Everything).await?;
        (self.left_over, self.left_sweeps) = (None, BTreeMap::new());
        self.rig.advance(OVERLAP + Duration::from_secs(1));
        self.step += 1;
        self.poll().await?;
        self.sweep(Window::Everything).await?;
        self.viewer.check_sound()?;
        self.model.check_equal(&self.picture.rows, self.rig.clock.now())?;
        self.deliver_all().await
    }

    /// What the ledger says in the end.
    pub(super) fn transcript(&self) -> Vec<String> {
        self.viewer.transcript()
    }

    pub(super) async fn end(self) {
        self.rig.end().await;
    }
}

/// Polls, and what they meet.
impl Stage {
    async fn poll(&mut self) -> Checked {
        let quiet = self.is_quiet(Work::Poll);
        let outcome = self.rig.poll().await;
        // The daemon does so after each poll.
        let judged_at = self.rig.poller.server_now();
        self.rig.ledger.judge_polls(ProfileSelection::All, judged_at).await.unwrap();
        self.conclude(Work::Poll, Some(&outcome), quiet)?;
        self.picture.check_unpolled(judged_at)
    }

    async fn sweep(&mut self, window: Window) -> Checked {
        let work = Work::Sweep(window);
        let quiet = self.is_quiet(work);
        let sweep = self.rig.poller.sweep(&ProfileSelection::All, window.of_sweep());
        let outcome = in_time("the end of a sweep", sweep).await;
        self.conclude(work, Some(&outcome), quiet)
    }

    async fn kill(&mut self, work: Work, moment: Moment) -> Checked {
        self.rig.control.forget_requests();
        let poller = self.rig.poller.clone();
        let poll = tokio::spawn(async move {
            let all = ProfileSelection::All;
            match work {
                Work::Poll => poller.poll(&all, Pace::ByGap).await,
                Work::Sweep(window) => poller.sweep(&all, window.of_sweep()).await,
            }
        });
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
            Moment::Telling(nth) => {
                self.killer.kill_while_telling(nth);
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
        self.conclude(work, None, false)
    }

    /// Whether nothing at all could keep a poll from being complete.
    fn is_quiet(&self, work: Work) -> bool {
        let is_asked_for = |row: &Value| work != Work::Poll || is_open(row) || is_half_done(row);
        self.outage.is_none()
            && self.left_from(work).is_none()
            && self.rig.client.stop().is_none()
            && self.model.stories.values().all(|story| !story.is_pinned())
            && !self.picture.rows.iter().any(|(id, row)| is_asked_for(row) && self.is_young_and_gone(id))
    }

    /// The first of the tries of which something may be left to go on with.
    fn left_from(&self, work: Work) -> Option<(Step, Timestamp)> {
        let Work::Sweep(window) = work else { return self.left_over };
        let oldest = self.rig.clock.now().minus(RESUMED_WITHIN);
        let left = self.left_sweeps.get(&window).filter(|left| left.last_at >= oldest)?;
        Some((left.step, left.began_at))
    }

    fn note_left(&mut self, work: Work, is_complete: bool, now: Timestamp, began_at: Timestamp) {
        let left = self.left_from(work);
        match work {
            Work::Poll if is_complete => self.left_over = None,
            Work::Poll => self.left_over = left.or(Some((self.step, now))),
            Work::Sweep(window) if is_complete => {
                self.left_sweeps.remove(&window);
            }
            Work::Sweep(window) => {
                let (step, began_at) = left.unwrap_or((self.step, began_at));
                self.left_sweeps.insert(window, LeftSweep { step, began_at, last_at: now });
            }
        }
    }

    /// Whether a row is gone so soon after its creation that it may as well be too young for a replica: nobody
    /// can tell yet.
    fn is_young_and_gone(&self, id: &str) -> bool {
        let now = self.rig.clock.now();
        let young = |story: &Story| story.created_at >= now.minus(OVERLAP);
        self.model.stories.get(id).is_some_and(|story| young(story) && !story.is_found(now))
    }

    fn conclude(&mut self, work: Work, outcome: Option<&PollOutcome>, quiet: bool) -> Checked {
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
        let is_complete = outcome.is_some_and(PollOutcome::is_complete);
        self.count_found(work, &requests, is_complete);
        let after = self.viewer.picture();
        let now = self.rig.clock.now();
        let is_dated = !met.contains(&Trouble::MissingDate);
        self.followed.follow(&self.picture, &after, is_dated.then_some(now))?;
        let found = if work == Work::Poll { &self.found } else { &self.found_by_sweeps };
        let attempt = Attempt {
            work,
            model: &self.model,
            before: &self.picture,
            followed: &self.followed,
            after: &after,
            step: self.step,
            now,
            outcome,
            quiet: quiet && met.is_empty(),
            met: &met,
            lag,
            requests: &requests,
            heard,
            found,
            left_over: self.left_from(work),
            listed_under: &|id| self.viewer.listed_under(id),
        };
        attempt.check()?;
        // What a kill left is looked at at once, the rest in the end.
        if outcome.is_none() {
            self.viewer.check_sound()?;
        }
        // Without a `Date` its window may be any.
        let began_at = if met.contains(&Trouble::MissingDate) { Timestamp::EPOCH } else { now };
        self.note_left(work, is_complete, now, began_at);
        self.picture = after;
        Ok(())
    }

    fn count_found(&mut self, work: Work, requests: &[RequestRecord], is_complete: bool) {
        let counted = if work == Work::Poll { &mut self.found } else { &mut self.found_by_sweeps };
        // A sweep that was cut short may not have come as far.
        let mut found = if work == Work::Poll || is_complete { BTreeMap::new() } else { counted.clone() };
        for id in self.model.stories.keys() {
            let path = path_of(id);
            let is_answer =
                |asked: &&RequestRecord| asked.path_and_query == path && asked.status == Some(200);
            let times = requests.iter().filter(is_answer).count();
            if times > 0 {
                found.insert(id.clone(), times + counted.get(id).copied().unwrap_or(0));
            }
        }
        *counted = found;
    }
}

/// In memory where there is such a place: a thousand ledgers wait for a disk a long time.
fn scratch() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}
