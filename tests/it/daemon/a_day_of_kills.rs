//! A day of simulated life with everything going wrong that can, and a daemon that is killed again and again.
//!
//! The simulator runs in this process by a clock that the test moves; the daemon is the real binary and ends by
//! SIGKILL, at moments that a seed decides. What must hold in the end is `evening`.

mod evening;

use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use tallyd::clock::{Clock as _, ManualClock, SystemClock};
use tallyd::daemon::{Since, Wanted, Whom};
use tallyd::ledger::Beside;
use tallyd::model::SweepWindow;
use tallyd::sim::{
    ApiConfig, Endpoint, Fault, FaultRate, Latency, ListedUnder, Rate, RowFault, RowFaultRate, SimConfig,
    WorldConfig,
};

use super::rows;
use crate::harness::{DEADLINE, Running, Shell, held_clock, id_of};

const HOUR: Duration = Duration::from_secs(3600);

/// `tallyd run` looks again every second; what was not polled for an hour is a backfill.
const DAEMON: &str = "[poll]\nevery = \"1s\"\nbackfill_after = \"1h\"\n\
                      [[sweeps]]\nschedule = \"* * * * *\"\nwindow = \"all\"\n";

/// How late rows come. Twice that is less than the overlap, so that no poll may pass them over.
const LATE_BY: Duration = Duration::from_secs(280);

/// So many kills come before the first backfill has a chance to end.
const FIRST_KILLS: usize = 6;

/// In every so many lives one begins after a gap that makes it a backfill.
const GAP: usize = 10;

/// In every so many deaths one is followed by a look at what it left, the first among them.
const LOOK: usize = 5;

/// After so many list requests nobody waits for entries any more.
const PATIENCE: u64 = 30;

/// When a daemon dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// When it has listed that often.
    Requests(u64),
    /// When the journal has that many more entries, or so few happen that they do not come.
    Entries(i64),
    /// While open orchestrations are asked for by id.
    Refresh,
    /// When it has listed that often during a sweep.
    Sweep(u64),
    /// When it has said this.
    Line(&'static str),
}

/// The day so far.
struct Day {
    shell: Shell,
    clock: Arc<ManualClock>,
    chance: Rng,
    kills: usize,
    /// Kills that left a request of a refresh without its answer.
    kills_in_refresh: usize,
    /// The row that is sent without its id at present.
    nameless: Option<String>,
}

/// Catches: whatever only shows when the machine's power goes, at whichever moment that is.
#[test]
fn killed_a_hundred_times_in_a_day_it_is_equal_to_the_truth_at_the_end() {
    live_through(1, 100);
}

#[test]
#[ignore = "takes minutes: see docs/reliability.md"]
fn killed_a_hundred_times_a_day_for_a_week() {
    for seed in 2..9 {
        live_through(seed, 100);
    }
}

#[expect(clippy::print_stdout, reason = "what a day was like is shown with --nocapture")]
fn live_through(seed: u64, kills: usize) {
    let began = Instant::now();
    let mut day = Day::new(seed);
    let evening = day.clock.now().plus(HOUR * 24);
    while day.kills < kills || day.clock.now() < evening {
        day.live_and_die();
    }
    let told = day.end();
    println!("seed {seed}: {told}, in {:.0?}", began.elapsed());
}

impl Day {
    fn new(seed: u64) -> Self {
        let clock = held_clock();
        let shell = Shell::by_clock(world(seed), clock.clone());
        shell.configure(&[("request_timeout", "1s"), ("+", DAEMON)]);
        shell.control.set_faults(faults());
        let chance = Rng::with_seed(seed);
        Self { shell, clock, chance, kills: 0, kills_in_refresh: 0, nameless: None }
    }

    /// One daemon, from its start to its death.
    fn live_and_die(&mut self) {
        self.go_by();
        self.shell.control.forget_requests();
        let moment = self.draw_moment();
        let daemon = self.shell.begin_daemon();
        if let Moment::Sweep(_) = moment {
            let windows = [SweepWindow::Everything, SweepWindow::Last(HOUR * 12)];
            let window = windows[self.chance.usize(..2)];
            self.ask(&daemon, &Wanted::Sweep(Whom::All, window, Since::CutShort));
        } else if self.kills > FIRST_KILLS && self.chance.u8(..12) == 0 {
            self.ask(&daemon, &Wanted::Backfill(Whom::All));
        }
        self.wait_for(&daemon, moment);
        daemon.signal("-KILL");
        let (code, log) = daemon.ended();
        assert_eq!(code, None, "it ended by itself before it was killed, waiting for {moment:?}:\n{log}");
        assert!(!log.contains("panicked"), "{log}");
        self.kills += 1;
        let unanswered = self
            .shell
            .control
            .requests_to(Endpoint::List)
            .into_iter()
            .filter(|asked| asked.status.is_none() && asked.path_and_query.contains("orchestration_id"));
        self.kills_in_refresh += usize::from(unanswered.count() > 0);
        if self.kills % LOOK == 1 {
            self.assert_sound();
            self.assert_claims_hold();
        }
    }

    /// What happens while no daemon is there: minutes go by, or more than an hour; a row loses its id, or has
    /// it again.
    fn go_by(&mut self) {
        if self.kills == 0 {
            return;
        }
        let seconds = if self.kills.is_multiple_of(GAP) {
            self.chance.u64(3700..6000)
        } else {
            self.chance.u64(30..600)
        };
        self.clock.advance(Duration::from_secs(seconds));
        if self.chance.u8(..8) == 0 {
            self.name_again();
        } else if self.nameless.is_none() && self.chance.u8(..12) == 0 {
            let rows = self.shell.control.truth();
            let id = id_of(&rows[self.chance.usize(..rows.len())]);
            self.shell.control.alter(&id, |row| drop(row.remove("id"))).unwrap();
            self.nameless = Some(id);
        }
    }

    fn name_again(&mut self) {
        if let Some(id) = self.nameless.take() {
            self.shell.control.set_field(&id, "id", id.clone()).unwrap();
        }
    }

    fn draw_moment(&mut self) -> Moment {
        if self.kills < FIRST_KILLS {
            return Moment::Requests(self.chance.u64(1..6));
        }
        match self.chance.u8(..100) {
            0..35 => Moment::Requests(self.chance.u64(1..25)),
            35..55 => Moment::Entries(self.chance.i64(1..8)),
            55..70 => Moment::Refresh,
            70..92 => Moment::Sweep(self.chance.u64(1..30)),
            92..96 => Moment::Line("watching"),
            _ => Moment::Line("a former tallyd ended in the middle"),
        }
    }

    /// Leaves a request for a daemon, as `tallyd sweep` does beside one, unless one like it is left from the
    /// daemons before.
    fn ask(&self, daemon: &Running, wanted: &Wanted) {
        daemon.wait_for("watching", 1);
        let kind = wanted.kind();
        let left = format!("SELECT count(*) FROM request WHERE kind = '{kind}' AND ended_at IS NULL");
        if self.number(&left) == Some(0) {
            let beside = Beside::at(&self.shell.ledger());
            beside.ask(&self.shell.api_url, kind, &wanted.arguments(), SystemClock.now()).unwrap();
        }
    }

    fn wait_for(&mut self, daemon: &Running, moment: Moment) {
        match moment {
            Moment::Requests(count) => self.until_listed(count),
            Moment::Entries(more) => {
                let entries = "SELECT coalesce(max(seq), 0) FROM journal_entry";
                let known = self.number(entries).unwrap_or(0);
                self.ticks_until("more entries", |day| {
                    let is_over = day.shell.control.count(Endpoint::List) >= PATIENCE;
                    is_over || day.number(entries).is_some_and(|count| count >= known + more)
                });
            }
            Moment::Refresh => self.ticks_until("a refresh", |day| {
                let lists = day.shell.control.requests_to(Endpoint::List);
                lists.last().is_some_and(|asked| asked.path_and_query.contains("orchestration_id"))
            }),
            Moment::Sweep(count) => {
                let running = "SELECT count(*) FROM poll WHERE lane = 'sweep' AND result = 'running'";
                self.ticks_until("a sweep", |day| day.number(running).is_some_and(|sweeps| sweeps > 0));
                self.until_listed(self.shell.control.count(Endpoint::List) + count);
            }
            // After a clean death there is nothing to be told: then the first request ends it.
            Moment::Line(text) if text == "watching" => drop(daemon.wait_for(text, 1)),
            Moment::Line(text) => self.ticks_until(text, |day| {
                daemon.lines().iter().any(|line| line.contains(text))
                    || day.shell.control.count(Endpoint::List) > 0
            }),
        }
    }

    /// Lets requests come and time go by until something is so.
    fn ticks_until(&mut self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let began = Instant::now();
        while !is_so(self) {
            assert!(began.elapsed() < DEADLINE, "never came: {what}");
            self.until_listed(self.shell.control.count(Endpoint::List) + 1);
        }
    }

    /// Lets time go by with each of so many list requests.
    fn until_listed(&mut self, count: u64) {
        while self.shell.control.count(Endpoint::List) < count {
            let next = self.shell.control.count(Endpoint::List) + 1;
            self.shell.wait("a list request", self.shell.control.reached(Endpoint::List, next));
            self.clock.advance(Duration::from_millis(self.chance.u64(500..20_000)));
        }
    }

    /// A number that the ledger tells; nothing while it cannot be read.
    fn number(&self, query: &str) -> Option<i64> {
        rows(&self.shell, query).ok()?.first()?.parse().ok()
    }
}

fn world(seed: u64) -> SimConfig {
    SimConfig {
        world: WorldConfig {
            seed,
            size: 600,
            history: HOUR * 48,
            arrivals_per_hour: 40,
            // Enough that none of the days is without one.
            stuck: Rate::percent(1),
            listed_under: ListedUnder::Both,
            row_faults: row_faults(),
            late_by: LATE_BY,
            ..WorldConfig::default()
        },
        api: ApiConfig { max_page_rows: 20, ..ApiConfig::default() },
        latency: Latency { fixed: Duration::from_millis(2), jitter: Duration::from_millis(15) },
        ..SimConfig::default()
    }
}

/// Every trouble of rows. Those without an id come and go (`Day::go_by`): what is never told cannot be held.
fn row_faults() -> Vec<RowFaultRate> {
    let rate = |fault| match fault {
        RowFault::WithoutId => Rate::NEVER,
        RowFault::Vanishes | RowFault::StatusNumber | RowFault::CreatedAtGarbage => Rate::percent(1),
        _ => Rate::percent(3),
    };
    RowFault::ALL.map(|(_, fault)| RowFaultRate { fault, rate: rate(fault) }).to_vec()
}

/// Every fault of requests, so that one request in fifteen goes wrong. A 429 that does not say for how long is
/// left out: five minutes would go by each time.
fn faults() -> Vec<FaultRate> {
    let mut faults = Vec::new();
    for name in Fault::names() {
        let (fault, rate) = match name.parse().unwrap() {
            Fault::TooManyRequests { retry_after: None } => continue,
            // What comes twice running is believed: so seldom that it does not.
            Fault::EmptyObject => (Fault::EmptyObject, 500),
            Fault::TooManyRequests { .. } => {
                (Fault::TooManyRequests { retry_after: Some(Duration::from_secs(1)) }, 1000)
            }
            // What a kill may lose is what came in disorder.
            Fault::SwapPages => (Fault::SwapPages, 20_000),
            Fault::Oversized { .. } => (Fault::Oversized { bytes: 65 << 20 }, 300),
            fault => (fault, 2000),
        };
        faults.push(FaultRate::everywhere(fault, Rate::per_million(rate)));
    }
    for name in ["401", "500", "hang", "not-json", "cut-body", "redirect"] {
        faults.push(FaultRate::on(Endpoint::Token, name.parse().unwrap(), Rate::percent(1)));
    }
    faults
}
