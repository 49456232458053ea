//! Who may send next, and when.
//!
//! Owns the rates and the order of those who wait: by lane, and within a lane first come, first
//! served. Does not wait itself, so that years of it can be tested in a moment.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use crate::model::Lane;

/// The span over which Paxos averages.
const AVERAGED_OVER: Duration = Duration::from_secs(300);
/// The least that can make up for a timer that comes late.
const LEAST_BURST: u32 = 2;
/// A burst is what a fifth of a second brings: with it a wake-up that is late by as much costs no
/// rate, and after an idle time no more than that is sent at once.
const BURSTS_PER_SECOND: u32 = 5;

type Bucket<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<Duration>>;

/// Who may send next, and when. Does not wait itself.
pub(super) struct Pace<C: Clock<Instant = Duration>, W> {
    queues: [VecDeque<W>; Lane::ALL.len()],
    /// What all lanes together may send.
    overall: Held<C>,
    /// What all lanes but backfill may send.
    ordinary: Held<C>,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<W> {
    /// This one may send now.
    Grant(Lane, W),
    /// Nobody may send before this time.
    NotBefore(Duration),
    /// Nobody waits.
    Idle,
}

impl<C: Clock<Instant = Duration> + Clone, W> Pace<C, W> {
    pub(super) fn new(ordinary: NonZeroU32, backfill: NonZeroU32, clock: &C) -> Self {
        Self {
            queues: Default::default(),
            overall: Held::new(ordinary.max(backfill), clock.clone()),
            ordinary: Held::new(ordinary, clock.clone()),
        }
    }

    /// Sets other rates. Permissions at hand are kept; rates that stay as they are keep their buckets, so that
    /// saying them again gives no new burst.
    pub(super) fn set_rates(&mut self, ordinary: NonZeroU32, backfill: NonZeroU32, clock: &C) {
        self.overall.set_rate(ordinary.max(backfill), clock);
        self.ordinary.set_rate(ordinary, clock);
    }

    pub(super) fn push(&mut self, lane: Lane, waiter: W) {
        self.queues[lane as usize].push_back(waiter);
    }

    pub(super) fn next(&mut self) -> Next<W> {
        let waits = |lane: &Lane| !self.queues[*lane as usize].is_empty();
        let waiting: Vec<Lane> = Lane::ALL.into_iter().filter(waits).collect();
        if waiting.is_empty() {
            return Next::Idle;
        }
        if let Err(at) = self.overall.fill() {
            return Next::NotBefore(at);
        }
        let mut earliest: Option<Duration> = None;
        for lane in waiting {
            let allowed = match lane {
                Lane::Backfill => Ok(()),
                Lane::Refresh | Lane::Discover | Lane::Sweep => self.ordinary.fill(),
            };
            match allowed {
                Ok(()) => {
                    if let Some(waiter) = self.queues[lane as usize].pop_front() {
                        self.set_held(lane, false);
                        return Next::Grant(lane, waiter);
                    }
                }
                Err(at) => earliest = Some(earliest.map_or(at, |other| other.min(at))),
            }
        }
        earliest.map_or(Next::Idle, Next::NotBefore)
    }

    /// Takes back a permission that nobody used.
    pub(super) fn give_back(&mut self, lane: Lane) {
        self.set_held(lane, true);
    }

    fn set_held(&mut self, lane: Lane, held: bool) {
        self.overall.is_at_hand = held;
        if lane != Lane::Backfill {
            self.ordinary.is_at_hand = held;
        }
    }
}

/// A bucket, and whether a permission drawn from it is at hand. A request may need permissions from
/// two buckets; one that came early is held until the other is there.
struct Held<C: Clock<Instant = Duration>> {
    per_second: NonZeroU32,
    bucket: Bucket<C>,
    is_at_hand: bool,
}

impl<C: Clock<Instant = Duration> + Clone> Held<C> {
    fn set_rate(&mut self, per_second: NonZeroU32, clock: &C) {
        if per_second != self.per_second {
            *self = Self { is_at_hand: self.is_at_hand, ..Self::new(per_second, clock.clone()) };
        }
    }

    /// A bucket that never lets more than `per_second` through on the average of five minutes, its
    /// burst and the permission at hand included.
    fn new(per_second: NonZeroU32, clock: C) -> Self {
        let burst = (per_second.get() / BURSTS_PER_SECOND).max(LEAST_BURST);
        let most = u64::from(per_second.get()) * AVERAGED_OVER.as_secs();
        let refilled = most - u64::from(burst) - 1;
        let nanos = u64::try_from(AVERAGED_OVER.as_nanos()).unwrap_or(u64::MAX).div_ceil(refilled);
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(Duration::from_nanos(nanos)).unwrap_or(Quota::per_second(per_second));
        let bucket = RateLimiter::direct_with_clock(quota.allow_burst(burst), clock);
        Self { per_second, bucket, is_at_hand: false }
    }

    /// Sees to it that a permission is at hand, or says when one can be.
    fn fill(&mut self) -> Result<(), Duration> {
        if !self.is_at_hand {
            self.bucket.check().map_err(|not_until| not_until.earliest_possible())?;
            self.is_at_hand = true;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;

    use super::*;

    /// Time that is set by hand.
    #[derive(Clone, Default)]
    struct Hand(Arc<Mutex<Duration>>);

    impl Hand {
        fn set(&self, to: Duration) {
            *self.0.lock().unwrap() = to;
        }
    }

    impl Clock for Hand {
        type Instant = Duration;

        fn now(&self) -> Duration {
            *self.0.lock().unwrap()
        }
    }

    fn rate(per_second: u32) -> NonZeroU32 {
        NonZeroU32::new(per_second).unwrap()
    }

    /// When each of a crowd may send within `span`, where every wake-up is late by `late`.
    fn grants(per_second: u32, span: Duration, late: Duration) -> Vec<Duration> {
        let hand = Hand::default();
        let mut pace = Pace::new(rate(per_second), rate(per_second), &hand);
        let mut granted = Vec::new();
        let mut now = Duration::ZERO;
        while now < span {
            pace.push(Lane::Backfill, ());
            match pace.next() {
                Next::Grant(_, ()) => granted.push(now),
                Next::NotBefore(at) => {
                    now = at + late;
                    hand.set(now);
                }
                Next::Idle => panic!("somebody waits"),
            }
        }
        granted
    }

    #[test]
    fn rule_12_late_timers_cost_no_rate() {
        let late = Duration::from_millis(20);
        let granted = grants(50, Duration::from_secs(60), late);
        assert!(granted.len() >= 49 * 60, "{}", granted.len());
    }

    proptest! {
        #[test]
        fn rule_12_no_five_minutes_hold_more_than_the_limit(
            per_second in 1_u32..60,
            late in 0_u64..300,
            idle in 0_u64..100,
        ) {
            let hand = Hand::default();
            let mut pace = Pace::new(rate(per_second), rate(per_second), &hand);
            let mut granted: Vec<Duration> = Vec::new();
            let mut now = Duration::ZERO;
            let (mut skip, span) = (0, Duration::from_secs(650));
            while now < span {
                // A pause now and then fills the bucket again, and a permission given back is not lost.
                skip += 1;
                if skip % 500 == 0 {
                    now += Duration::from_secs(idle);
                    hand.set(now);
                }
                pace.push(Lane::Discover, skip);
                match pace.next() {
                    Next::Grant(lane, _) if skip % 7 == 0 => pace.give_back(lane),
                    Next::Grant(..) => granted.push(now),
                    Next::NotBefore(at) => {
                        now = at + Duration::from_millis(late);
                        hand.set(now);
                    }
                    Next::Idle => panic!("somebody waits"),
                }
            }
            let most = per_second as usize * 300;
            for (at, window) in granted.windows(most + 1).enumerate() {
                let took = window[most].saturating_sub(window[0]);
                prop_assert!(took >= AVERAGED_OVER, "{} from number {at} on within {took:?}", most + 1);
            }
        }
    }

    #[test]
    fn rule_12_a_backfill_leaves_the_others_their_rate_and_has_its_own() {
        let hand = Hand::default();
        let mut pace = Pace::new(rate(10), rate(40), &hand);
        let (mut discovers, mut backfills) = (0, 0);
        let span = Duration::from_secs(100);
        let mut now = Duration::ZERO;
        while now < span {
            pace.push(Lane::Sweep, ());
            pace.push(Lane::Backfill, ());
            pace.push(Lane::Discover, ());
            match pace.next() {
                Next::Grant(Lane::Backfill, ()) => backfills += 1,
                Next::Grant(Lane::Discover, ()) => discovers += 1,
                Next::Grant(lane, ()) => panic!("{lane} before discover"),
                Next::NotBefore(at) => {
                    now = at;
                    hand.set(now);
                }
                Next::Idle => panic!("somebody waits"),
            }
        }
        assert!((980..=1002).contains(&discovers), "{discovers}");
        assert!((3_960..=4_008).contains(&(discovers + backfills)), "{}", discovers + backfills);
    }

    #[test]
    fn rule_12_other_rates_hold_at_once_and_the_same_ones_give_no_new_burst() {
        let hand = Hand::default();
        let mut pace = Pace::new(rate(50), rate(50), &hand);
        let drain = |pace: &mut Pace<Hand, ()>| {
            let mut granted = 0;
            loop {
                pace.push(Lane::Discover, ());
                match pace.next() {
                    Next::Grant(..) => granted += 1,
                    Next::NotBefore(at) => return (granted, at),
                    Next::Idle => panic!("somebody waits"),
                }
            }
        };
        assert_eq!(drain(&mut pace).0, 10);
        pace.set_rates(rate(50), rate(50), &hand);
        assert_eq!(drain(&mut pace).0, 0);
        pace.set_rates(rate(1), rate(1), &hand);
        let (burst, next) = drain(&mut pace);
        assert_eq!(burst, 2);
        assert!(next >= Duration::from_secs(1), "{next:?}");
    }

    #[test]
    fn rule_12_lanes_go_by_priority_and_each_in_turn() {
        let hand = Hand::default();
        let mut pace = Pace::new(rate(1_000), rate(1_000), &hand);
        for (number, lane) in [Lane::Sweep, Lane::Backfill, Lane::Refresh, Lane::Discover, Lane::Refresh]
            .into_iter()
            .enumerate()
        {
            pace.push(lane, number);
        }
        let order: Vec<_> = std::iter::from_fn(|| match pace.next() {
            Next::Grant(_, number) => Some(number),
            Next::NotBefore(_) | Next::Idle => None,
        })
        .collect();
        assert_eq!(order, [2, 4, 3, 1, 0]);
        assert_eq!(pace.next(), Next::Idle);
    }
}
