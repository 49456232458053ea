//! One orchestration's life: a short list of states, each with the instant at which it begins.
//!
//! A pure function of its course and a seeded generator. What shows at any time is the last state that has
//! begun, and its beginning is `updated_at`: so time never runs backwards and no step can be illegal.

use fastrand::Rng;

use super::dice::Rate;

/// An orchestration's status, as the simulator knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Pending,
    Processing,
    Completed,
    Failed,
    Rejected,
    /// A word that no document knows, sent instead of PROCESSING.
    Unheard,
}

/// One leg's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leg {
    Pending,
    Processing,
    Completed,
    Failed,
}

/// A state and when it began, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) at: i64,
    pub(super) status: Status,
    pub(super) source: Leg,
    pub(super) destination: Leg,
}

/// Between which rails money moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    ProfileToProfile,
    ProfileToCrypto,
    ProfileToFiat,
    CryptoToProfile,
    FiatToProfile,
}

/// How often a life takes a turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turns {
    pub(super) approvals: Rate,
    pub(super) refusals: Rate,
    pub(super) failures: Rate,
    pub(super) stuck: Rate,
}

/// Approval, two legs, the end, and one fault after it.
const MOST_STEPS: usize = 5;

/// All states that an orchestration goes through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    steps: [Step; MOST_STEPS],
    count: u8,
}

pub(super) const SECOND: i64 = 1_000_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;

impl Life {
    /// Decides a life that begins at `created`.
    pub(super) fn plan(created: i64, course: Course, turns: Turns, dice: &mut Rng) -> Self {
        // Drawn at once and in one order, so that another rate changes no other decision.
        let (approval, refused, fails, stuck) = (
            turns.approvals.rolls(dice),
            turns.refusals.rolls(dice),
            turns.failures.rolls(dice),
            turns.stuck.rolls(dice),
        );
        let (early, waits) = (dice.bool(), dice.i64(2 * MINUTE..8 * HOUR));
        let (first, second) = (source_takes(course, dice), destination_takes(course, dice));

        let begin = |at, status| Step { at, status, source: Leg::Pending, destination: Leg::Pending };
        let mut time = created;
        let mut life;
        if approval {
            life = Self::beginning(begin(created, Status::Pending));
            if stuck {
                return life;
            }
            time += waits;
            if refused {
                life.push(begin(time, Status::Rejected));
                return life;
            }
            life.push(Step { source: Leg::Processing, ..begin(time, Status::Processing) });
        } else {
            life = Self::beginning(Step { source: Leg::Processing, ..begin(time, Status::Processing) });
        }
        if stuck && early {
            return life;
        }
        time += first;
        if fails && early {
            life.push(Step { source: Leg::Failed, ..begin(time, Status::Failed) });
            return life;
        }
        let half = Step {
            at: time,
            status: Status::Processing,
            source: Leg::Completed,
            destination: Leg::Processing,
        };
        life.push(half);
        if stuck {
            return life;
        }
        let (status, destination) =
            if fails { (Status::Failed, Leg::Failed) } else { (Status::Completed, Leg::Completed) };
        life.push(Step { at: time + second, status, destination, ..half });
        life
    }

    /// The state that shows at that time; before the beginning, the first.
    pub(super) fn at(&self, time: i64) -> Step {
        let begun = self.steps().iter().rposition(|step| step.at <= time).unwrap_or(0);
        self.steps[begun]
    }

    /// The last state it will ever take.
    pub(super) fn last(&self) -> Step {
        self.steps[usize::from(self.count) - 1]
    }

    /// Whether it ends at all.
    pub(super) fn ends(&self) -> bool {
        matches!(self.last().status, Status::Completed | Status::Failed | Status::Rejected)
    }

    /// Turns COMPLETED into FAILED or the other way round, so long after the end; nothing where it
    /// never ends or was refused.
    pub(super) fn change_after_end(&mut self, later: i64) {
        let last = self.last();
        let (status, destination) = match last.status {
            Status::Completed => (Status::Failed, Leg::Failed),
            Status::Failed => (Status::Completed, Leg::Completed),
            Status::Pending | Status::Processing | Status::Rejected | Status::Unheard => return,
        };
        let source = Leg::Completed;
        self.push(Step { at: last.at + later, status, source, destination });
    }

    /// Calls every PROCESSING by a word that no document knows.
    pub(super) fn make_unheard(&mut self) {
        for step in &mut self.steps[..usize::from(self.count)] {
            if step.status == Status::Processing {
                step.status = Status::Unheard;
            }
        }
    }

    fn steps(&self) -> &[Step] {
        &self.steps[..usize::from(self.count)]
    }

    fn beginning(first: Step) -> Self {
        Self { steps: [first; MOST_STEPS], count: 1 }
    }

    fn push(&mut self, step: Step) {
        if let Some(place) = self.steps.get_mut(usize::from(self.count)) {
            *place = step;
            self.count += 1;
        }
    }
}

/// How long the source leg takes: own balances at once, deposits until they are confirmed or cleared.
fn source_takes(course: Course, dice: &mut Rng) -> i64 {
    match course {
        Course::ProfileToProfile | Course::ProfileToCrypto | Course::ProfileToFiat => {
            dice.i64(200_000..4 * SECOND)
        }
        Course::CryptoToProfile => dice.i64(20 * SECOND..40 * MINUTE),
        Course::FiatToProfile => dice.i64(5 * MINUTE..6 * HOUR),
    }
}

/// How long the destination leg takes: seconds inside, minutes to hours on a chain, days at a bank.
fn destination_takes(course: Course, dice: &mut Rng) -> i64 {
    match course {
        Course::ProfileToProfile => dice.i64(300_000..15 * SECOND),
        Course::CryptoToProfile | Course::FiatToProfile => dice.i64(SECOND..30 * SECOND),
        // One payout in thirty meets a busy chain.
        Course::ProfileToCrypto if dice.u8(..30) == 0 => dice.i64(30 * MINUTE..6 * HOUR),
        Course::ProfileToCrypto => dice.i64(10 * SECOND..25 * MINUTE),
        Course::ProfileToFiat => dice.i64(3 * HOUR..72 * HOUR),
    }
}

impl Status {
    /// Its word in the API.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Processing => "PROCESSING",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Rejected => "REJECTED",
            Self::Unheard => "SETTLING",
        }
    }
}

impl Leg {
    /// Its word in the API.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Processing => "PROCESSING",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::dice::dice_for;
    use proptest::prelude::*;

    const COURSES: [Course; 5] = [
        Course::ProfileToProfile,
        Course::ProfileToCrypto,
        Course::ProfileToFiat,
        Course::CryptoToProfile,
        Course::FiatToProfile,
    ];

    fn may_follow(before: Status, after: Status) -> bool {
        matches!(
            (before, after),
            (Status::Pending, Status::Processing | Status::Rejected)
                | (Status::Processing, Status::Processing | Status::Completed | Status::Failed)
        )
    }

    proptest! {
        #[test]
        fn every_step_is_legal(
            seed: u64,
            course in 0_usize..5,
            rates in prop::array::uniform4(0_u32..=100),
        ) {
            let [approvals, refusals, failures, stuck] = rates.map(Rate::percent);
            let turns = Turns { approvals, refusals, failures, stuck };
            let life = Life::plan(1_000, COURSES[course], turns, &mut dice_for(seed, 0));
            prop_assert_eq!(life.at(1_000).at, 1_000);
            for pair in life.steps().windows(2) {
                prop_assert!(may_follow(pair[0].status, pair[1].status), "{:?}", pair);
                prop_assert!(pair[0].at < pair[1].at);
                prop_assert_eq!(life.at(pair[1].at - 1), pair[0]);
                prop_assert_eq!(life.at(pair[1].at), pair[1]);
            }
            let end = life.last();
            prop_assert_eq!(end.status == Status::Completed, end.destination == Leg::Completed);
            prop_assert_eq!(end.status == Status::Failed, end.source == Leg::Failed || end.destination == Leg::Failed);
        }

        #[test]
        fn what_changes_after_the_end_had_ended(seed: u64, course in 0_usize..5) {
            let turns = Turns {
                approvals: Rate::percent(30),
                refusals: Rate::percent(30),
                failures: Rate::percent(30),
                stuck: Rate::percent(30),
            };
            let mut life = Life::plan(0, COURSES[course], turns, &mut dice_for(seed, 0));
            let end = life.last();
            life.change_after_end(HOUR);
            match end.status {
                Status::Completed => prop_assert_eq!(life.last().status, Status::Failed),
                Status::Failed => prop_assert_eq!(life.last().status, Status::Completed),
                _ => prop_assert_eq!(life.last(), end),
            }
            prop_assert_eq!(life.at(end.at + HOUR - 1), end);
        }
    }
}
