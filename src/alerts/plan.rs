//! What goes where, together with what, and when again. Pure: values in, values out.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use super::failure::SendError;
use crate::config::{ProfileFilter, ResolvedNotices, SinkConfig, SinkTarget};
use crate::model::{
    BreakKind, BreakNumber, Identifier, Notice, NoticeNumber, Occasion, Outcome, Queued, Severity, SinkName,
    Timestamp,
};

/// How long the first retry waits; each further one waits twice as long.
const FIRST_RETRY: Duration = Duration::from_secs(5);
/// How long a retry waits at most.
const LAST_RETRY: Duration = Duration::from_secs(15 * 60);
/// How long a sink that refuses everything is left alone: first, then. A wrong URL or key is mended by a person.
const REFUSED_RETRIES: [Duration; 2] = [Duration::from_secs(10 * 60), Duration::from_secs(60 * 60)];
/// The longest pause that an answer may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 60 * 60);

/// How long nothing new must come before what came is told: what belongs together should arrive as one.
const QUIET_FOR: Duration = Duration::from_secs(2);
/// How long what came waits for more at most, also for the end of a poll: a poll may take hours.
const WAITS_AT_MOST: Duration = Duration::from_secs(60);

/// Whether more is to come of what has come to a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// A poll that found some of it goes on: its pages come one after the other.
    Expected,
    /// Nobody knows of any.
    Unknown,
}

/// Whether what has come to a sink is told now. `since_first` is how long the first of it waits, `since_last` the last.
pub fn has_settled(since_first: Duration, since_last: Duration, more: More) -> bool {
    let is_quiet = more == More::Unknown && since_last >= QUIET_FOR;
    is_quiet || since_first >= WAITS_AT_MOST
}

/// The sinks that tell a notice.
pub fn route(sinks: &[SinkConfig], notice: &Notice) -> Vec<SinkName> {
    sinks.iter().filter(|sink| tells(sink, notice)).map(|sink| sink.name.clone()).collect()
}

/// Whether a sink tells a notice.
///
/// That a break is over, or that somebody looks after it, goes to whoever was told of it: the severity may have
/// fallen meanwhile. The ledger leaves out those who were not.
pub fn tells(sink: &SinkConfig, notice: &Notice) -> bool {
    let routing = &sink.routing;
    let of_occasion = match notice.occasion {
        Occasion::Opened | Occasion::Worsened | Occasion::Reminded => notice.severity >= routing.min_severity,
        Occasion::Resolved => routing.resolved == ResolvedNotices::Told,
        // People who read a channel need not be told what one of them did; what keeps a state must be.
        Occasion::Acknowledged => {
            matches!(sink.target, SinkTarget::Log | SinkTarget::Webhook { .. } | SinkTarget::PagerDuty { .. })
        }
    };
    let of_profile = match (&routing.profiles, &notice.profile) {
        (ProfileFilter::All, _) | (_, None) => true,
        (ProfileFilter::Only(wanted), Some(profile)) => wanted.contains(profile),
    };
    of_occasion && of_profile && routing.kinds.contains(&notice.kind)
}

/// What is told as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parcel {
    /// One notice.
    One(Queued),
    /// Several notices of one kind, profile and tone, oldest first; never empty.
    Many(Vec<Queued>),
}

impl Parcel {
    /// What was fixed to be told as one.
    fn fixed(several: Vec<Queued>) -> Self {
        match <[Queued; 1]>::try_from(several) {
            Ok([one]) => Self::One(one),
            Err(several) => Self::Many(several),
        }
    }

    /// The notices in it.
    pub fn members(&self) -> &[Queued] {
        match self {
            Self::One(queued) => std::slice::from_ref(queued),
            Self::Many(several) => several,
        }
    }

    fn worst(&self) -> Severity {
        self.members().iter().map(|queued| queued.notice.severity).max().unwrap_or(Severity::Warning)
    }

    fn tone(&self) -> Tone {
        self.members().first().map_or(Tone::Over, |queued| Tone::of(queued.notice.occasion))
    }
}

/// What a notice does to its break in the eyes of the receiver: one of each is never summed up with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tone {
    /// It stands.
    Stands,
    /// Somebody looks after it.
    LookedAfter,
    /// It is over.
    Over,
}

impl Tone {
    /// What an occasion does.
    pub const fn of(occasion: Occasion) -> Self {
        match occasion {
            Occasion::Opened | Occasion::Worsened | Occasion::Reminded => Self::Stands,
            Occasion::Acknowledged => Self::LookedAfter,
            Occasion::Resolved => Self::Over,
        }
    }
}

/// What a sink sums up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Summing {
    /// Everything that comes in bursts.
    Everything,
    /// Only what stands: what is over must be told one by one, where each has an incident of its own to close.
    WhatStands,
}

/// What is told as one, in the order in which it is told: what stands before what is over, the worst first, the
/// oldest first; but nothing of a break before what came about of it earlier. What was fixed before stays what it is,
/// alone or together, whatever the limit is now.
pub fn parcels(waiting: Vec<Queued>, burst: NonZeroU32, summing: Summing) -> Vec<Parcel> {
    let mut fixed: BTreeMap<_, Vec<Queued>> = BTreeMap::new();
    let mut loose: BTreeMap<(Tone, BreakKind, Option<Identifier>), Vec<Queued>> = BTreeMap::new();
    for queued in waiting {
        match queued.batch {
            Some(batch) => fixed.entry(batch).or_default().push(queued),
            None => {
                let Notice { occasion, kind, profile, .. } = &queued.notice;
                loose.entry((Tone::of(*occasion), *kind, profile.clone())).or_default().push(queued);
            }
        }
    }
    let burst = usize::try_from(burst.get()).unwrap_or(usize::MAX);
    let mut parcels: Vec<Parcel> = fixed.into_values().map(Parcel::fixed).collect();
    for group in loose.into_values() {
        let may_be_summed = match summing {
            Summing::Everything => true,
            Summing::WhatStands => {
                group.first().is_some_and(|queued| Tone::of(queued.notice.occasion) == Tone::Stands)
            }
        };
        if may_be_summed && group.len() > burst {
            parcels.push(Parcel::Many(group));
        } else {
            parcels.extend(group.into_iter().map(Parcel::One));
        }
    }
    for parcel in &mut parcels {
        if let Parcel::Many(several) = parcel {
            several.sort_by_key(|queued| queued.number);
        }
    }
    parcels.sort_by_key(|parcel| {
        let first = parcel.members().first().map(|queued| queued.number);
        (parcel.tone(), std::cmp::Reverse(parcel.worst()), first)
    });
    as_it_came_about(parcels)
}

/// The same parcels, each behind those that tell of one of its breaks and whose newest notice of that is older: what is told
/// of a break last is how it stands.
fn as_it_came_about(parcels: Vec<Parcel>) -> Vec<Parcel> {
    let mut newest: BTreeMap<(BreakNumber, usize), NoticeNumber> = BTreeMap::new();
    for (place, parcel) in parcels.iter().enumerate() {
        for queued in parcel.members() {
            let known = newest.entry((queued.notice.number, place)).or_insert(queued.number);
            *known = queued.number.max(*known);
        }
    }
    let mut told_of: Vec<(BreakNumber, NoticeNumber, usize)> =
        newest.into_iter().map(|((number, place), newest)| (number, newest, place)).collect();
    told_of.sort_unstable();
    let mut waits_for = vec![Vec::new(); parcels.len()];
    for pair in told_of.windows(2) {
        if let [(number, _, before), (same, _, after)] = pair
            && number == same
        {
            waits_for[*after].push(*before);
        }
    }
    let mut left: Vec<Option<Parcel>> = parcels.into_iter().map(Some).collect();
    let mut ordered = Vec::with_capacity(left.len());
    for place in 0..left.len() {
        put_behind(place, &waits_for, &mut left, &mut ordered);
    }
    ordered
}

/// Puts a parcel behind those that it waits for. Where two wait for each other, the first one asked for is put last.
fn put_behind(
    place: usize,
    waits_for: &[Vec<usize>],
    left: &mut [Option<Parcel>],
    ordered: &mut Vec<Parcel>,
) {
    let Some(parcel) = left[place].take() else { return };
    for before in &waits_for[place] {
        put_behind(*before, waits_for, left, ordered);
    }
    ordered.push(parcel);
}

/// When what failed is tried again, and how long the whole sink is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// What becomes of the parcel.
    pub outcome: Outcome,
    /// Until when the sink is left alone; `None` where it may go on with what else waits.
    pub pause_until: Option<Timestamp>,
}

/// What becomes of a parcel that a sink did not take.
///
/// `attempts` counts this one; `since` is when the oldest notice of the parcel came about; `jitter` is a number below 1000.
///
/// - What may pass by itself is tried after 5 s, then after twice as long each time up to 15 minutes, a quarter
///   less or more; later where the answer asks for that.
/// - A sink that refuses everything is left alone for 10 minutes, then for an hour each time.
/// - A message that is refused would be refused again: it is given up at once.
/// - After `give_up_after` anything is given up, but not before it was tried once more then.
pub fn after_failure(
    error: &SendError,
    attempts: u32,
    since: Timestamp,
    now: Timestamp,
    give_up_after: Duration,
    jitter: u32,
) -> Retry {
    let text = error.to_string();
    let pause = match error {
        SendError::MessageRefused { .. } => {
            return Retry { outcome: Outcome::Dead { error: text }, pause_until: None };
        }
        SendError::SinkRefuses { .. } => REFUSED_RETRIES[usize::from(attempts > 1)],
        SendError::Passing { retry_after, .. } => {
            let doubled = FIRST_RETRY.saturating_mul(1 << attempts.saturating_sub(1).min(16));
            let backoff = doubled.min(LAST_RETRY) * (750 + jitter.min(999) / 2) / 1000;
            backoff.max(retry_after.unwrap_or_default()).min(LONGEST_PAUSE)
        }
    };
    let at = now.plus(pause);
    let deadline = since.plus(give_up_after);
    if now >= deadline {
        return Retry { outcome: Outcome::Dead { error: text }, pause_until: Some(at) };
    }
    let at = at.min(deadline);
    Retry { outcome: Outcome::TryAgain { at, error: text }, pause_until: Some(at) }
}
