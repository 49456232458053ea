//! One round of one sink: what is due is told, and what became of it is noted.

use std::sync::Arc;
use std::time::Duration;

use super::super::failure::SendError;
use super::super::message::{DeadLetters, Message, NAMED, OneBreak};
use super::super::observer::{Attempt, Observer};
use super::super::plan::{Parcel, Retry, Summing, after_failure, parcels, tells};
use super::super::sinks::{Alert, MAX_ALERTS, Sink, alert, over_the_cap};
use super::super::text::{Links, Story, Telling};
use super::Delivery;
use crate::clock::SharedClock;
use crate::config::{Repeat, SinkConfig};
use crate::ledger::{Ledger, LedgerError, Reader, Reminding};
use crate::model::{BreakRecord, Notice, NoticeNumber, Occasion, Outcome, Queued, SinkBacklog, Timestamp};

/// How often what stands is sent to Alertmanagers again.
const RESEND: Duration = Duration::from_secs(60);
/// How long what is over is sent to them.
const RESOLVED_FOR: Duration = Duration::from_secs(15 * 60);
/// How often it is seen whether somebody is to be reminded.
const REMIND_EVERY: Duration = Duration::from_secs(60);
/// How long ago something may have been given up of which a sink is told that never was before. Alertmanagers are
/// told for as long.
const DEAD_LETTERS_FOR: Duration = Duration::from_secs(24 * 3600);
/// How often the same trouble with a sink is told again.
const TOLD_EVERY: u32 = 20;

/// How much of what waits is told in a round.
#[derive(Clone, Copy, Debug)]
pub(super) enum Extent {
    /// All that is due.
    Everything,
    /// What is due and no newer than this notice; nothing where there was none.
    UpTo(Option<NoticeNumber>),
}

/// One sink with what it has to remember.
#[derive(Debug)]
pub(super) struct Sending {
    sink: Sink,
    pub(super) config: SinkConfig,
    links: Links,
    observer: Arc<dyn Observer>,
    ledger: Ledger,
    pub(super) reader: Reader,
    clock: SharedClock,
    chance: fastrand::Rng,
    /// Until when the sink is left alone.
    paused_until: Timestamp,
    /// How often it failed since it went well.
    failures: u32,
    /// When reminders were looked for last.
    reminded_at: Option<Timestamp>,
    /// When the Alertmanagers were sent everything last.
    resent_at: Option<Timestamp>,
}

impl Sending {
    pub(super) fn new(
        sink: Sink,
        config: SinkConfig,
        reader: Reader,
        chance: fastrand::Rng,
        delivery: &Delivery,
    ) -> Self {
        let clock = SharedClock::clone(&delivery.clock);
        let now = clock.now();
        Self {
            sink,
            config,
            links: Links { runbook: delivery.alerts.runbook_url.clone() },
            observer: Arc::clone(&delivery.observer),
            ledger: delivery.ledger.clone(),
            reader,
            clock,
            chance,
            paused_until: now,
            failures: 0,
            reminded_at: None,
            resent_at: None,
        }
    }

    /// Tells what is due, as far as `extent` says. Returns whether it told anything, so that there may be more.
    pub(super) async fn round(&mut self, extent: Extent) -> Result<bool, LedgerError> {
        let now = self.clock.now();
        // A clock that was set back holds nothing up for longer than the longest pause.
        if self.paused_until > now {
            return Ok(false);
        }
        self.remind(now).await?;
        let mut due = self.reader.due(&self.config.name, now)?;
        if let Extent::UpTo(newest) = extent {
            due.retain(|queued| Some(queued.number) <= newest);
        }
        if matches!(self.sink, Sink::Alertmanager(_)) {
            return self.resend(due, now).await;
        }
        let summing = match self.sink {
            Sink::PagerDuty(_) => Summing::WhatStands,
            _ => Summing::Everything,
        };
        let mut told = false;
        for parcel in parcels(due, self.config.burst, summing) {
            if !self.deliver(&parcel).await? {
                return Ok(told);
            }
            told = true;
        }
        self.tell_dead_letters().await?;
        Ok(told)
    }

    /// Tells one parcel and notes what became of it. Returns whether the sink may go on.
    async fn deliver(&mut self, parcel: &Parcel) -> Result<bool, LedgerError> {
        let members = parcel.members();
        // One that is told alone as well: were it summed up with what comes later, it would be told under two keys.
        if members.iter().any(|queued| queued.batch.is_none()) {
            self.ledger.fix_batch(self.config.name.clone(), numbers(members)).await?;
        }
        let shown: Vec<Queued> = members.iter().take(NAMED).cloned().collect();
        let mut records = self.reader.with_records(shown)?;
        let now = self.clock.now();
        let message = match parcel {
            Parcel::One(_) => records.pop().map(|waiting| Message::of_break(waiting, &self.links, now)),
            Parcel::Many(several) => Message::of_many(several, records, &self.links, now),
        };
        let Some(message) = message else { return Ok(true) };
        let sent = self.sink.send(&message, now).await;
        self.note(members, sent).await
    }

    /// Notes what became of notices. Returns whether the sink may go on.
    async fn note(&mut self, members: &[Queued], sent: Result<(), SendError>) -> Result<bool, LedgerError> {
        let now = self.clock.now();
        let outcome = match sent {
            Ok(()) => {
                self.tried(Attempt::Sent);
                self.went_well();
                Outcome::Delivered
            }
            Err(error) => {
                let attempts = members.iter().map(|queued| queued.attempts).max().unwrap_or(0) + 1;
                let since = members.iter().map(|queued| queued.notice.at).min().unwrap_or(now);
                let jitter = self.chance.u32(0..1000);
                let Retry { outcome, pause_until } =
                    after_failure(&error, attempts, since, now, self.config.give_up_after, jitter);
                self.went_wrong(&error, pause_until);
                let is_dead = matches!(outcome, Outcome::Dead { .. });
                self.tried(if is_dead { Attempt::Dead } else { Attempt::Failed });
                if let Outcome::Dead { error } = &outcome {
                    let (sink, notices) = (self.config.name.0.as_str(), members.len());
                    tracing::error!(sink, notices, error, "alerts could not be delivered and are given up");
                }
                outcome
            }
        };
        self.ledger.note_delivery(self.config.name.clone(), numbers(members), outcome, now).await?;
        Ok(self.paused_until <= now)
    }

    fn tried(&self, attempt: Attempt) {
        self.observer.delivered(&self.config.name, attempt);
    }

    fn went_well(&mut self) {
        if self.failures > 0 {
            let (sink, times) = (self.config.name.0.as_str(), self.failures);
            tracing::info!(sink, times, "the sink takes alerts again");
        }
        self.failures = 0;
    }

    /// Tells the same trouble once, and again now and then.
    fn went_wrong(&mut self, error: &SendError, pause_until: Option<Timestamp>) {
        let (sink, times) = (self.config.name.0.as_str(), self.failures + 1);
        let error = error.to_string();
        if self.failures.is_multiple_of(TOLD_EVERY) {
            tracing::warn!(sink, error, times, "the sink does not take an alert");
        } else {
            tracing::debug!(sink, error, times, "the sink does not take an alert");
        }
        if let Some(until) = pause_until {
            self.failures += 1;
            self.paused_until = until;
        }
    }

    async fn remind(&mut self, now: Timestamp) -> Result<(), LedgerError> {
        let Repeat::After(after) = self.config.routing.repeat else { return Ok(()) };
        // Alertmanager repeats by itself.
        let looked = self.reminded_at.is_some_and(|at| now.since(at) < REMIND_EVERY && at <= now);
        if looked || matches!(self.sink, Sink::Alertmanager(_)) {
            return Ok(());
        }
        self.reminded_at = Some(now);
        let config = self.config.clone();
        let reminding = Reminding {
            sink: config.name.clone(),
            after,
            tells: Arc::new(move |notice| tells(&config, notice)),
        };
        self.ledger.remind(reminding, now).await.map(|_| ())
    }

    /// Sends the Alertmanagers everything that stands or was over lately. Returns false: there is never more.
    async fn resend(&mut self, due: Vec<Queued>, now: Timestamp) -> Result<bool, LedgerError> {
        let is_time = self.resent_at.is_none_or(|at| now.since(at) >= RESEND || at > now);
        if due.is_empty() && !is_time {
            return Ok(false);
        }
        let alerts = self.everything(now)?;
        let is_none = alerts.is_empty();
        let sent = match &self.sink {
            Sink::Alertmanager(alertmanagers) if !is_none => alertmanagers.send(&alerts, now).await,
            _ => Ok(()),
        };
        match &sent {
            Ok(()) => self.resent_at = Some(now),
            Err(error) if due.is_empty() => {
                self.tried(Attempt::Failed);
                let retry = after_failure(error, 1, now, now, self.config.give_up_after, 500);
                self.went_wrong(error, retry.pause_until);
                return Ok(false);
            }
            Err(_) => {}
        }
        if due.is_empty() {
            if !is_none {
                self.tried(Attempt::Sent);
            }
            self.went_well();
        } else {
            self.note(&due, sent).await?;
        }
        Ok(false)
    }

    /// Everything that stands or was over lately, the worst first, and what other sinks could not be told.
    fn everything(&self, now: Timestamp) -> Result<Vec<Alert>, LedgerError> {
        let records = self.reader.told_breaks(now.minus(RESOLVED_FOR), MAX_ALERTS * 2)?;
        let told = records.into_iter().filter_map(|record| state_of(record, self, now));
        let mut messages: Vec<Message> = told.collect();
        let beyond = messages.len().saturating_sub(MAX_ALERTS);
        messages.truncate(MAX_ALERTS);
        messages.extend(self.dead_letters(now)?.into_iter().map(Message::DeadLetters));
        let mut alerts: Vec<_> = messages.iter().map(|message| alert(message, now)).collect();
        if beyond > 0 {
            alerts.push(over_the_cap(beyond, now));
        }
        Ok(alerts)
    }

    /// Tells what other sinks could not be told.
    async fn tell_dead_letters(&mut self) -> Result<(), LedgerError> {
        for dead in self.dead_letters(self.clock.now())? {
            let (at, now) = (dead.at, self.clock.now());
            if let Err(error) = self.sink.send(&Message::DeadLetters(dead), now).await {
                self.tried(Attempt::Failed);
                let retry =
                    after_failure(&error, self.failures + 1, now, now, self.config.give_up_after, 500);
                self.went_wrong(&error, retry.pause_until);
                if retry.pause_until.is_some() {
                    return Ok(());
                }
            }
            self.tried(Attempt::Sent);
            self.went_well();
            self.ledger.note_dead_letters_told(self.config.name.clone(), at).await?;
        }
        Ok(())
    }

    /// What other sinks could not be told since this one last said so, the oldest first.
    fn dead_letters(&self, now: Timestamp) -> Result<Vec<DeadLetters>, LedgerError> {
        let told_at = self.reader.dead_letters_told_at(&self.config.name)?;
        // A sink that is new is not told what is long over.
        let told_at = told_at.unwrap_or(now.minus(DEAD_LETTERS_FOR));
        let of = |backlog: SinkBacklog| {
            let at = backlog.last_dead_at.filter(|at| *at > told_at)?;
            let error = backlog.error.unwrap_or_default();
            Some(DeadLetters { sink: backlog.sink, count: backlog.dead, at, error })
        };
        let backlogs = self.reader.backlogs()?.into_iter().filter(|backlog| backlog.sink != self.config.name);
        let mut dead: Vec<DeadLetters> = backlogs.filter_map(of).collect();
        dead.sort_by_key(|dead| dead.at);
        Ok(dead)
    }
}

/// A break as it stands, where the sink tells it.
fn state_of(record: BreakRecord, sending: &Sending, now: Timestamp) -> Option<Message> {
    let standing = &record.standing;
    let occasion = match &record.resolved {
        Some(_) => Occasion::Resolved,
        None => Occasion::Reminded,
    };
    let notice = Notice {
        number: standing.number,
        kind: standing.kind,
        subject: standing.subject.clone(),
        episode: standing.episode,
        severity: standing.severity,
        profile: record.profile.as_ref().map(|profile| profile.id.clone()),
        occasion,
        at: standing.opened_at,
    };
    if !tells(&sending.config, &notice) {
        return None;
    }
    // Alertmanager says itself what is new and what is old: the words are those of the opening.
    let shown = if occasion == Occasion::Reminded { Occasion::Opened } else { occasion };
    let telling = Telling {
        occasion: shown,
        severity: standing.severity,
        record: &record,
        transfers: &record.transfers,
        now,
    };
    let story = Story::of(&telling, &sending.links);
    Some(Message::Break(Box::new(OneBreak { notice, record, story })))
}

fn numbers(members: &[Queued]) -> Vec<NoticeNumber> {
    members.iter().map(|queued| queued.number).collect()
}
