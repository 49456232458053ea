//! Whatever happened: every report ties out, consecutive ones chain, and an old one comes out the same again.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tallyd::ledger::{AsOf, Intent, Problem, Standing, prune};
use tallyd::model::{
    Amount, Identifier, Orchestration, PollResult, Shortfall, Status, SweepWindow, Timestamp,
};
use tallyd::report::{Account, Measure, Report};
use tallyd::schedule::{Period, Zone};

use super::beside::{self, Breaks, Swept};
use super::oracle::{self, Known};
use super::{API, PROFILES, SETTLE, World, bytes, day_of, hours, row, time};

/// One thing that happens, some minutes after what happened before.
#[derive(Clone, Debug)]
struct Step {
    minutes: u64,
    /// By how many minutes the answer that shows it is older: clocks of Paxos's servers differ, and answers overtake
    /// each other.
    back: u64,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    /// One is shown for the first time, this many minutes after its creation, as what it is by then.
    New {
        number: u32,
        age: u64,
        status: usize,
        given: Given,
    },
    Status {
        number: u32,
        status: usize,
        at: UpdatedAt,
    },
    Amount {
        number: u32,
        amount: Option<u32>,
        delivered: Option<u32>,
    },
    Elsewhere {
        number: u32,
        given: Given,
    },
    Created {
        number: u32,
        minutes: i64,
    },
    CompletedAt {
        number: u32,
        minutes: Option<u64>,
    },
    Lose {
        number: u32,
    },
    MeetAgain {
        number: u32,
    },
    Unreadable {
        number: u32,
    },
    Poll,
    /// A whole window is compared once more, or not to its end.
    Sweep {
        profile: usize,
        hours: u64,
        end: SweepEnd,
    },
    Report,
}

#[derive(Clone, Copy, Debug)]
enum SweepEnd {
    Complete,
    CutShort,
}

#[derive(Clone, Copy, Debug)]
enum UpdatedAt {
    /// When it is shown.
    Now,
    /// So many minutes before.
    Ago(u64),
    Missing,
}

/// Where it counts.
#[derive(Clone, Copy, Debug)]
struct Given {
    profile: Option<usize>,
    asset: usize,
    listed_by: usize,
}

const STATUSES: [&str; 6] = ["PENDING", "PROCESSING", "COMPLETED", "FAILED", "REJECTED", "SETTLING"];
const ASSETS: [Option<&str>; 3] = [Some("USD"), Some("USDG"), None];

fn given() -> impl Strategy<Value = Given> {
    (prop_oneof![4 => Just(Some(0)), 2 => Just(Some(1)), 1 => Just(None)], 0..3_usize, 0..2_usize)
        .prop_map(|(profile, asset, listed_by)| Given { profile, asset, listed_by })
}

fn number() -> std::ops::Range<u32> {
    0..8
}

fn what() -> impl Strategy<Value = What> {
    let updated = prop_oneof![
        4 => Just(UpdatedAt::Now),
        2 => (0..3000_u64).prop_map(UpdatedAt::Ago),
        1 => Just(UpdatedAt::Missing),
    ];
    prop_oneof![
        8 => (number(), prop_oneof![0..90_u64, 0..5000_u64], 0..6_usize, given())
            .prop_map(|(number, age, status, given)| What::New { number, age, status, given }),
        8 => (number(), 0..6_usize, updated).prop_map(|(number, status, at)| What::Status { number, status, at }),
        3 => (number(), prop::option::weighted(0.8, 1..9_999_u32), prop::option::of(1..9_999_u32))
            .prop_map(|(number, amount, delivered)| What::Amount { number, amount, delivered }),
        1 => (number(), given()).prop_map(|(number, given)| What::Elsewhere { number, given }),
        1 => (number(), -4000..4000_i64).prop_map(|(number, minutes)| What::Created { number, minutes }),
        1 => (number(), prop::option::of(0..4000_u64))
            .prop_map(|(number, minutes)| What::CompletedAt { number, minutes }),
        2 => number().prop_map(|number| What::Lose { number }),
        1 => number().prop_map(|number| What::MeetAgain { number }),
        1 => (0..12_u32).prop_map(|number| What::Unreadable { number }),
        3 => Just(What::Poll),
        2 => (0..2_usize, 1..120_u64, prop_oneof![3 => Just(SweepEnd::Complete), 1 => Just(SweepEnd::CutShort)])
            .prop_map(|(profile, hours, end)| What::Sweep { profile, hours, end }),
        2 => Just(What::Report),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    (prop_oneof![1..120_u64, 1..1500_u64], prop_oneof![6 => Just(0), 1 => 1..5_u64, 1 => 1..200_u64], what())
        .prop_map(|(minutes, back, what)| Step { minutes, back, what })
}

/// What is told of a day when it has settled, and by what all of it is checked later.
struct History {
    world: World,
    zone: Zone,
    shown: BTreeMap<u32, (Orchestration, usize)>,
    known: Known,
    breaks: Breaks,
    sweeps: Vec<Swept>,
    /// What was known at each place that counts.
    at_places: BTreeMap<Timestamp, (Known, Breaks)>,
    /// The reports that were made meanwhile: the period, the place as it was noted, and every byte.
    made: Vec<(Period, String, AsOf, String)>,
    /// The same reports without what they restate.
    made_plain: Vec<serde_json::Value>,
}

fn begin() -> Timestamp {
    time("2026-10-23T18:00:00Z")
}

impl History {
    async fn begin(zone: Zone, first: &[(u32, u64, usize)]) -> Self {
        let (mut known, mut breaks) = (Known::new(), Breaks::default());
        let mut shown = BTreeMap::new();
        let mut found = Vec::new();
        for &(number, age, status) in first {
            let row = Orchestration {
                status: Status::new(STATUSES[status]),
                updated_at: Some(begin().minus(std::time::Duration::from_secs(age * 20))),
                ..row(number, begin().minus(std::time::Duration::from_secs(age * 60)))
            };
            if shown.insert(number, (row.clone(), 0)).is_none() {
                oracle::see(&mut known, &row, PROFILES[0], begin(), true);
                breaks.see(&row, begin());
                found.push(row);
            }
        }
        let world = World::begin(begin(), beside::rules(), found).await;
        // Before the first listing nothing was known.
        let day = day_of(begin(), zone);
        let at_places = BTreeMap::from([(day.from.plus(SETTLE), (Known::new(), Breaks::default()))]);
        let (sweeps, made, made_plain) = (Vec::new(), Vec::new(), Vec::new());
        Self { world, zone, shown, known, breaks, sweeps, at_places, made, made_plain }
    }

    /// The days from the first one on that have settled, and the one after.
    fn days(&self) -> Vec<Period> {
        let mut days = vec![day_of(begin(), self.zone)];
        while days.last().unwrap().to.plus(SETTLE) <= self.world.now {
            days.push(days.last().unwrap().next().unwrap());
        }
        days
    }

    async fn take(&mut self, step: &Step) {
        let now = self.world.now.plus(std::time::Duration::from_secs(step.minutes * 60));
        let seen_at = match step.what {
            // What tallyd does goes by a clock that does not go back.
            What::Poll | What::Sweep { .. } | What::Report => now,
            _ => now.minus(std::time::Duration::from_secs(step.back * 60)).max(begin()),
        };
        let (before, batch) = ((self.known.clone(), self.breaks.clone()), self.head().await);
        self.world.now = seen_at;
        self.happen(&step.what).await;
        self.world.now = now;
        if self.head().await > batch {
            for day in self.days().iter().filter(|day| day.to.plus(SETTLE) <= seen_at) {
                self.at_places.entry(day.to.plus(SETTLE)).or_insert_with(|| before.clone());
            }
        }
    }

    async fn head(&self) -> i64 {
        self.world.ledger.journal_head().await.unwrap().batch
    }

    async fn happen(&mut self, what: &What) {
        let now = self.world.now;
        let minutes = |count: u64| std::time::Duration::from_secs(count * 60);
        let number = match *what {
            What::New { number, .. }
            | What::Status { number, .. }
            | What::Amount { number, .. }
            | What::Elsewhere { number, .. }
            | What::Created { number, .. }
            | What::CompletedAt { number, .. }
            | What::MeetAgain { number } => number,
            What::Lose { number } => return self.lose(number).await,
            What::Unreadable { number } => {
                let id = row(number, now).id.to_string();
                self.world.see_unreadable(&id).await;
                // Whoever shows it, readable or not, says that it is there.
                if let Some(known) = self.known.get_mut(&Identifier::new(&id)) {
                    known.is_missing = false;
                }
                return;
            }
            What::Poll => return self.world.poll().await,
            What::Sweep { profile, hours, end } => return self.sweep(profile, hours, end).await,
            What::Report => return self.make(),
        };
        if let What::New { age, status, given, .. } = *what {
            if self.shown.contains_key(&number) {
                return;
            }
            let mut new = row(number, now.minus(minutes(age)));
            new.status = Status::new(STATUSES[status]);
            new.updated_at = Some(now.minus(minutes(age / 3)));
            place(&mut new, given);
            self.shown.insert(number, (new, given.listed_by));
        } else {
            let Some((shown, listed_by)) = self.shown.get_mut(&number) else { return };
            // Never an older one than before: that would be no news but a stale answer.
            let known_at = self.known.get(&shown.id).and_then(|known| known.row.updated_at);
            shown.updated_at = Some(now).max(known_at);
            match *what {
                What::Status { status, at, .. } => {
                    shown.status = Status::new(STATUSES[status]);
                    shown.updated_at = match at {
                        UpdatedAt::Now => Some(now).max(known_at),
                        UpdatedAt::Ago(ago) => Some(now.minus(minutes(ago))).max(known_at),
                        UpdatedAt::Missing => None,
                    };
                }
                What::Amount { amount: cents, delivered, .. } => {
                    let amount = |cents: Option<u32>| {
                        cents.map(|cents| {
                            Amount::parse(&format!("{}.{:02}", cents / 100, cents % 100)).unwrap()
                        })
                    };
                    shown.source_amount = amount(cents);
                    shown.destination_amount = amount(delivered);
                }
                What::Elsewhere { given, .. } => {
                    place(shown, given);
                    *listed_by = given.listed_by;
                }
                What::Created { minutes, .. } => {
                    let micros = shown.created_at.as_micros() + minutes * 60_000_000;
                    shown.created_at = Timestamp::from_micros(micros).min(now);
                }
                What::CompletedAt { minutes: ago, .. } => {
                    shown.completed_at = ago.map(|ago| now.minus(minutes(ago)));
                }
                _ => {}
            }
        }
        let (row, listed_by) = self.shown[&number].clone();
        self.world.see(listed_by, vec![row.clone()]).await;
        oracle::see(&mut self.known, &row, PROFILES[listed_by], now, false);
        self.breaks.see(&row, now);
    }

    async fn sweep(&mut self, profile: usize, hours_back: u64, end: SweepEnd) {
        let (now, from) = (self.world.now, self.world.now.minus(hours(hours_back)));
        let (key, ledger) = (self.world.profiles[profile].0, &self.world.ledger);
        let window = SweepWindow::Last(hours(hours_back));
        let sweep = ledger.begin_sweep(key, window, now, from, now).await.unwrap();
        let poll = ledger.begin_sweep_poll(key, now, &sweep).await.unwrap();
        let result = match end {
            SweepEnd::Complete => {
                ledger.end_sweep(key, sweep.key, Vec::new()).await.unwrap();
                self.sweeps.push(Swept { profile: PROFILES[profile], from, at: now });
                PollResult::Complete
            }
            SweepEnd::CutShort => PollResult::Partial(vec![Shortfall::ManyMissing { missing: 30, of: 40 }]),
        };
        ledger.end_poll(poll, now, result).await.unwrap();
    }

    async fn lose(&mut self, number: u32) {
        let Some((row, listed_by)) = self.shown.get(&number) else { return };
        self.world.lose(*listed_by, &row.id).await;
        if let Some(known) = self.known.get_mut(&row.id) {
            known.is_missing = true;
        }
    }

    /// Makes the report of the last day that is over, and one of the day that is not, and keeps every byte.
    fn make(&mut self) {
        for day in self.days().iter().rev().take(2) {
            for as_of in [AsOf::Settled, AsOf::Now] {
                let Ok(report) = self.world.report(day, as_of) else { continue };
                let again = noted(&report);
                self.made.push((day.clone(), report.as_of(), again, bytes(&report)));
                self.made_plain.push(without_restatements(&report));
            }
        }
    }
}

/// What pruning does not touch. Since when a row that is another one by now had its former status is not kept, so the
/// period in which it had ended may be named by when it was last updated.
fn without_restatements(report: &Report) -> serde_json::Value {
    let mut document: serde_json::Value =
        serde_json::from_str(&tallyd::report::json::of(report).unwrap()).unwrap();
    document["restatements"] = serde_json::Value::Null;
    document
}

fn place(row: &mut Orchestration, given: Given) {
    row.profile_id = given.profile.map(|profile| Identifier::new(PROFILES[profile]));
    row.source_asset = ASSETS[given.asset].map(Into::into);
}

/// The place that a report notes of itself.
fn noted(report: &Report) -> AsOf {
    let note = report.as_of();
    let (head, until) = note.split_once('@').unwrap();
    let (number, hash) = head.split_once(':').unwrap();
    AsOf::Batch { number: number.parse().unwrap(), hash: Some(hash.to_owned()), until: Some(time(until)) }
}

fn check_ties_out(report: &Report) -> Result<(), TestCaseError> {
    for (key, account) in &report.accounts {
        let residual = account.residual();
        prop_assert!(residual.is_zero(), "{key:?}: {residual:?} of {account:#?}");
    }
    prop_assert!(report.ties_out());
    let open: i64 = report.open.iter().map(|band| band.measure.count).sum();
    let closing: i64 = report.accounts.iter().map(|(_, account)| account.closing.count).sum();
    prop_assert_eq!(open, closing);
    let completed: i64 = report.accounts.iter().map(|(_, account)| account.completed.count).sum();
    prop_assert_eq!(
        report.times.iter().map(|times| times.count).sum::<u64>(),
        u64::try_from(completed).unwrap()
    );
    Ok(())
}

type Part = fn(&Account) -> &Measure;

fn parts(report: &Report, part: Part) -> BTreeMap<String, Measure> {
    let parts = report.accounts.iter().map(|(key, account)| (format!("{key:?}"), part(account).clone()));
    parts.filter(|(_, measure)| !measure.is_zero()).collect()
}

async fn live(zone: Zone, first: Vec<(u32, u64, usize)>, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut history = History::begin(zone, &first).await;
    for step in &steps {
        history.take(step).await;
    }
    history.world.now = history.world.now.plus(hours(30));
    history.world.poll().await;
    for day in history.days() {
        let all = || (history.known.clone(), history.breaks.clone());
        history.at_places.entry(day.to.plus(SETTLE)).or_insert_with(all);
    }
    let days = history.days();
    let mut former: Option<Report> = None;
    for day in days.iter().filter(|day| day.to.plus(SETTLE) <= history.world.now) {
        let report = history.world.report(day, AsOf::Settled).unwrap();
        prop_assert_eq!(report.basis.standing, Standing::Settled);
        check_ties_out(&report)?;
        let [(opening, _), (closing, breaks)] =
            [day.from, day.to].map(|at| &history.at_places[&at.plus(SETTLE)]);
        prop_assert_eq!(beside::lines_of(&report), breaks.lines(day), "breaks of {}", day);
        for read in report.profiles() {
            let (id, until) = (read.profile.id.to_string(), day.to.plus(SETTLE));
            let swept = beside::swept(&history.sweeps, &id, day, until);
            prop_assert_eq!(read.swept.map(|swept| swept.began_at), swept, "sweeps of {} on {}", id, day);
        }
        prop_assert_eq!(oracle::accounts_of(&report), oracle::accounts(opening, closing, day), "{}", day);
        let restated: u64 = report.restatements.counts.values().sum();
        prop_assert_eq!(restated, oracle::restated(opening, closing, day.from, day) as u64, "{}", day);
        if let Some(former) = &former {
            let closing = parts(former, |account| &account.closing);
            prop_assert_eq!(closing, parts(&report, |account| &account.opening), "{}", day);
        }
        let later = history.world.report(day, AsOf::Now).unwrap();
        check_ties_out(&later)?;
        prop_assert_eq!(beside::lines_of(&later), history.breaks.lines(day), "breaks of {} by now", day);
        prop_assert_eq!(
            oracle::accounts_of(&later),
            oracle::accounts(opening, &history.known, day),
            "{}",
            day
        );
        former = Some(report);
    }
    check_made_again(&history)?;
    check_every_place(&history, &days)?;
    check_pruned(history, &days).await
}

/// Whatever place is asked for, it ties out.
fn check_every_place(history: &History, days: &[Period]) -> Result<(), TestCaseError> {
    let head = history.world.reader().overview(history.world.now).unwrap().journal.batch;
    for number in 1..=head {
        let day = &days[usize::try_from(number).unwrap() % days.len()];
        let as_of = AsOf::Batch { number, hash: None, until: None };
        match history.world.report(day, as_of) {
            Ok(report) => check_ties_out(&report)?,
            Err(error) => {
                let is_known = matches!(
                    error.problem,
                    Problem::AsOfBeforePeriod { .. } | Problem::PeriodBeforeLedger { .. }
                );
                prop_assert!(is_known, "{error}");
            }
        }
    }
    Ok(())
}

/// Every report that was made meanwhile comes out the same again.
fn check_made_again(history: &History) -> Result<(), TestCaseError> {
    for (day, note, as_of, before) in &history.made {
        let again = history.world.report(day, as_of.clone()).unwrap();
        prop_assert_eq!(&again.as_of(), note);
        let again = bytes(&again);
        let differing = again.lines().zip(before.lines()).find(|(again, before)| again != before);
        prop_assert!(again == *before, "{} as of {}: {:?}", day, note, differing);
    }
    Ok(())
}

/// What is pruned cannot be told any more, and what is left is told as before.
async fn check_pruned(mut history: History, days: &[Period]) -> Result<(), TestCaseError> {
    let Some(floor) = days.get(days.len() / 2).map(|day| day.from) else { return Ok(()) };
    history.world.now = history.world.now.plus(hours(24 * 9));
    history.world.poll().await;
    let World { folder, ledger, profiles, now } = history.world;
    ledger.close().await;
    let path = folder.path().join("ledger.db");
    prune(&path, API, floor, now, Intent::Prune).unwrap();
    let is_pruned = tallyd::ledger::Reader::open(&path).unwrap().checkpoint().unwrap().is_some();
    let ledger = tallyd::ledger::Ledger::open(&path, API, beside::rules(), now).unwrap();
    history.world = World { folder, ledger, profiles, now };
    if !is_pruned {
        return Ok(());
    }
    for ((day, note, as_of, _), before) in history.made.iter().zip(&history.made_plain) {
        let again = history.world.report(day, as_of.clone());
        if day.from < floor {
            let refused = matches!(again.unwrap_err().problem, Problem::PeriodPruned { .. });
            prop_assert!(refused);
        } else {
            prop_assert_eq!(&without_restatements(&again.unwrap()), before, "{} as of {}", day, note);
        }
    }
    Ok(())
}

fn zone() -> impl Strategy<Value = Zone> {
    // Clocks are set back in Berlin on 25 October.
    prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York"])
        .prop_map(|name| Zone::parse(name).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_history_ties_out_chains_and_comes_out_the_same_again(
        zone in zone(),
        first in proptest::collection::vec((0..8_u32, 1..9000_u64, 0..6_usize), 0..4),
        steps in proptest::collection::vec(step(), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(live(zone, first, steps))?;
    }
}
