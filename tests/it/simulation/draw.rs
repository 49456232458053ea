//! How a seed decides a case: the world, and what happens in it in which order.
//!
//! Each seed has a mood: some troubles are frequent in it and others never come, so that the seeds together
//! reach corners that an even mixture would hide.

use fastrand::Rng;

use super::op::{
    Case, Moment, Op, Parting, Place, Refusal, Scope, Sink, Spelling, State, Trouble, Under, UpdatedAt,
    Window,
};

/// Steps of time in seconds: within the overlap of ten minutes, around it, far beyond it, and beyond a day,
/// after which a backfill closes the gap.
const STEPS: [u64; 11] = [1, 5, 20, 60, 240, 400, 590, 610, 1800, 7200, 90_000];

/// How long ago a row was created that becomes visible now, in seconds: most at once, some a little late, some
/// later than the overlap covers.
const AGES: [u64; 12] = [0, 0, 0, 1, 1, 5, 60, 300, 500, 590, 700, 5000];

/// In one of so many worlds the first poll, which lists everything, comes to a bad end.
const KILLED_AT_FIRST: u64 = 16;

/// Rows at the start that make several pages in such a world.
const ENOUGH_ROWS: u8 = 8;

/// Rows of a world, those of the start included: small, so that a thousand worlds are quick.
const MOST_ROWS: u8 = 40;

/// In one of so many worlds legs contradict the status, rows share a `ref_id`, and the process is killed while a
/// break is told.
const DISPUTED: u64 = 8;

/// In one of so many worlds, all of them disputed, what waits is told now and then, and in the end.
const DELIVERED: u64 = 16;

/// How many of the states rows have in every world; the others come where legs contradict the status.
const USUAL_STATES: usize = 7;

/// How often each kind of operation comes, beside polls and time.
struct Mood {
    creating: u32,
    moving: u32,
    altering: u32,
    removing: u32,
    lagging: u32,
    leaving_out: u32,
    troubling: u32,
    outages: u32,
    killing: u32,
    stepping: u32,
    sweeping: u32,
    straying: u32,
}

impl Mood {
    fn of(dice: &mut Rng) -> Self {
        let mut weight = |most: u32| if dice.u8(..3) == 0 { 0 } else { dice.u32(1..=most) };
        Self {
            altering: weight(4),
            removing: weight(2),
            lagging: weight(4),
            leaving_out: weight(2),
            troubling: weight(8),
            outages: weight(2),
            killing: weight(5),
            stepping: weight(3),
            creating: weight(4) + 4,
            moving: weight(4) + 1,
            sweeping: weight(5) + 1,
            straying: weight(2),
        }
    }
}

impl Case {
    /// The case of a seed.
    pub(super) fn of(seed: u64) -> Self {
        let mut dice = Rng::with_seed(seed);
        let is_killed_at_first = seed % KILLED_AT_FIRST == KILLED_AT_FIRST - 1;
        let size = if dice.u8(..4) == 0 { 0 } else { dice.u8(1..=15) };
        let size = if is_killed_at_first { size.max(ENOUGH_ROWS) } else { size };
        let mut drawing = Drawing {
            mood: Mood::of(&mut dice),
            profiles: if dice.u8(..4) == 0 { 2 } else { 1 },
            rows: size,
            polled: false,
            dice,
        };
        let count = drawing.dice.usize(12..=25);
        let mut ops = if is_killed_at_first { killed_at_first(seed) } else { Vec::new() };
        while ops.len() < count {
            let op = drawing.op();
            // What came in disorder is what a kill may lose.
            if matches!(op, Op::Kill { .. } | Op::KillInSweep { .. }) && drawing.dice.u8(..3) == 0 {
                ops.push(drawing.disorder());
            }
            let swept = match op {
                Op::KillInSweep { window, .. } => Some(window),
                _ => None,
            };
            // Only what is left of a sweep tells what the kill lost, and only of a row that it should find.
            if swept.is_some() {
                ops.push(Op::Edit { row: drawing.row(), amount: drawing.dice.u16(..) });
            }
            ops.push(op);
            ops.extend(swept.map(|window| Op::Sweep { window }));
        }
        let ops = if seed % DISPUTED == DISPUTED / 2 { disputed(seed, ops) } else { ops };
        let ops = if seed % DELIVERED == DISPUTED / 2 { delivered(seed, ops) } else { ops };
        let page_rows = drawing.dice.usize(if is_killed_at_first { 1..=2 } else { 1..=7 });
        Self { seed, profiles: drawing.profiles.into(), size, page_rows, ops }
    }
}

/// A page out of order in the first poll, and the end of the process right after it, or near it.
fn killed_at_first(seed: u64) -> Vec<Op> {
    let mut dice = Rng::with_seed(!seed);
    let after = dice.u8(..3);
    let what = if dice.u8(..4) == 0 { Trouble::RepeatPage } else { Trouble::SwapPages };
    let moment = match dice.u8(..4) {
        0 => Moment::Request(Place::List, after + dice.u8(2..5)),
        1 => Moment::Judging(after + dice.u8(1..4)),
        _ => Moment::Committed(after + 1),
    };
    vec![Op::Trouble { at: Place::List, after, what }, Op::Kill { moment }, Op::Poll]
}

/// The same with what seldom comes about.
fn disputed(seed: u64, ops: Vec<Op>) -> Vec<Op> {
    let mut dice = Rng::with_seed(!seed);
    let mut told = Vec::with_capacity(ops.len());
    for mut op in ops {
        match &mut op {
            Op::Create { state, .. } | Op::Move { to: state, .. } if dice.u8(..3) == 0 => {
                *state = if dice.bool() { State::HalfDone } else { State::LegFailed };
            }
            Op::Poll if dice.u8(..6) == 0 => {
                let moment = Moment::Telling(dice.u8(1..5));
                told.push(Op::Kill { moment });
            }
            Op::Kill { moment } | Op::KillInSweep { moment, .. } if dice.bool() => {
                *moment = Moment::Telling(dice.u8(1..5));
            }
            _ => {}
        }
        let created = match op {
            Op::Create { row, .. } if row > 0 && dice.u8(..4) == 0 => Some(row),
            _ => None,
        };
        told.push(op);
        told.extend(created.map(|row| Op::Rename { row, like: dice.u8(..row) }));
    }
    told
}

/// The same with deliveries in between, of which not all go well.
fn delivered(seed: u64, ops: Vec<Op>) -> Vec<Op> {
    let mut dice = Rng::with_seed(seed ^ 0xDE11_0E12);
    let mut told = Vec::with_capacity(ops.len());
    for op in ops {
        let brings = matches!(op, Op::Poll | Op::Kill { .. } | Op::Sweep { .. } | Op::KillInSweep { .. });
        told.push(op);
        if !brings {
            continue;
        }
        if dice.u8(..3) == 0 {
            let at = Sink::ALL[dice.usize(..Sink::ALL.len())];
            let how = Refusal::ALL[dice.usize(..Refusal::ALL.len())];
            told.push(Op::Refuse { at, after: dice.u8(..3), times: dice.u8(1..4), how });
        }
        match dice.u8(..6) {
            0 | 1 => told.push(Op::Deliver),
            2 => {
                let nth = dice.u8(1..5);
                let moments = [Parting::Unread(nth), Parting::Unanswered(nth), Parting::Unnoted(nth)];
                told.push(Op::KillInDelivery { moment: moments[dice.usize(..moments.len())] });
            }
            _ => {}
        }
    }
    told.push(Op::Deliver);
    told
}

/// A case in the making.
struct Drawing {
    dice: Rng,
    mood: Mood,
    profiles: u8,
    /// How many rows there are so far.
    rows: u8,
    /// Whether the last operation was a poll: two at once are seldom of interest.
    polled: bool,
}

impl Drawing {
    fn op(&mut self) -> Op {
        let op = self.any_op();
        self.polled = matches!(op, Op::Poll | Op::Kill { .. });
        op
    }

    fn any_op(&mut self) -> Op {
        let mood = &self.mood;
        let polls = if self.polled { 1 } else { 10 };
        let weights = [
            polls,
            8,
            mood.creating,
            mood.moving,
            mood.altering,
            mood.removing,
            mood.lagging,
            mood.leaving_out,
            mood.troubling,
            mood.outages,
            mood.killing,
            mood.stepping,
            mood.sweeping,
            mood.straying,
        ];
        match self.weighted(&weights) {
            0 => Op::Poll,
            1 => Op::Advance { seconds: self.one_of(&STEPS) },
            2 => self.create(),
            3 => Op::Move { row: self.row(), to: self.one_of(&State::ALL[..USUAL_STATES]) },
            4 if self.dice.bool() => Op::Edit { row: self.row(), amount: self.dice.u16(..) },
            4 => Op::Respell { row: self.row(), how: self.one_of(Spelling::ALL) },
            5 if self.dice.u8(..3) == 0 => Op::Return { row: self.row() },
            5 => Op::Remove { row: self.row() },
            6 => self.lag(),
            7 if self.dice.bool() => Op::LeaveOut { row: self.row() },
            7 => Op::Answer { row: self.row() },
            8 => self.trouble(),
            9 if self.dice.bool() => Op::Outage { what: self.one_of(Trouble::SILENCING) },
            9 => Op::Heal,
            10 if self.dice.bool() => {
                // What is old is swept with everything only, and most rows are.
                let window = if self.dice.bool() { Window::Everything } else { self.one_of(Window::ALL) };
                Op::KillInSweep { window, moment: self.moment() }
            }
            10 => Op::Kill { moment: self.moment() },
            11 => self.step_local(),
            12 => Op::Sweep { window: self.one_of(Window::ALL) },
            _ if self.profiles > 1 && self.dice.bool() => {
                Op::Share { row: self.row(), with: self.one_of(&Under::ALL[..2]) }
            }
            _ => self.create_under(Under::Unlisted),
        }
    }

    fn create(&mut self) -> Op {
        let under = if self.dice.u8(..self.profiles) == 0 { Under::First } else { Under::Second };
        self.create_under(under)
    }

    fn create_under(&mut self, under: Under) -> Op {
        if self.rows == MOST_ROWS {
            return Op::Advance { seconds: self.one_of(&STEPS) };
        }
        self.rows += 1;
        let updated_at = if self.dice.u8(..4) == 0 { self.one_of(UpdatedAt::ALL) } else { UpdatedAt::Given };
        Op::Create {
            row: self.rows - 1,
            under,
            age: self.one_of(&AGES),
            state: self.one_of(&State::ALL[..USUAL_STATES]),
            updated_at,
        }
    }

    fn lag(&mut self) -> Op {
        if self.dice.u8(..3) == 0 {
            return Op::CatchUp { row: self.row() };
        }
        Op::Lag { row: self.row(), seconds: self.one_of(&STEPS), scope: self.one_of(Scope::ALL) }
    }

    fn trouble(&mut self) -> Op {
        let at = match self.dice.u8(..20) {
            0 => Place::Token,
            1 => Place::Profiles,
            2..5 => Place::Get,
            _ => Place::List,
        };
        let mut what = self.one_of(Trouble::ALL);
        // Of what is believed when it comes twice there is little.
        if what == Trouble::EmptyObject && self.dice.u8(..4) > 0 {
            what = Trouble::CutBody;
        }
        // A client that the token endpoint is told to be wrong about has no way out but a person.
        if at == Place::Token {
            what = self.one_of(&[Trouble::Unavailable, Trouble::CutBody, Trouble::NotJson]);
        }
        Op::Trouble { at, after: self.dice.u8(..6), what }
    }

    /// A page out of order among the next few.
    fn disorder(&mut self) -> Op {
        let what = self.one_of(&[Trouble::SwapPages, Trouble::SwapPages, Trouble::RepeatPage]);
        Op::Trouble { at: Place::List, after: self.dice.u8(..3), what }
    }

    fn moment(&mut self) -> Moment {
        match self.dice.u8(..6) {
            0 => Moment::Request(self.one_of(Place::ALL), 1),
            1 | 2 => Moment::Request(Place::List, self.dice.u8(1..8)),
            3 => Moment::Committed(self.dice.u8(1..6)),
            _ => Moment::Judging(self.dice.u8(1..8)),
        }
    }

    fn step_local(&mut self) -> Op {
        let seconds = i64::try_from(self.one_of(&STEPS)).unwrap_or(1);
        Op::StepLocal { seconds: if self.dice.bool() { seconds } else { -seconds } }
    }

    /// A row that is there, the younger ones more often: it is they that polls look at.
    fn row(&mut self) -> u8 {
        let rows = self.rows.max(1);
        if self.dice.bool() { self.dice.u8(..rows) } else { rows - 1 - self.dice.u8(..rows.min(4)) }
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.dice.usize(..choices.len())]
    }

    fn weighted(&mut self, weights: &[u32]) -> usize {
        let mut left = self.dice.u32(..weights.iter().sum::<u32>());
        for (place, weight) in weights.iter().enumerate() {
            if left < *weight {
                return place;
            }
            left -= weight;
        }
        0
    }
}
