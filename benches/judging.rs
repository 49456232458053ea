//! What judging costs: a poll with nothing new and 10,000 open orchestrations, with the rules of the daemon and without.
//!
//! `cargo bench --bench judging`, on a machine that does nothing else. It measures the processor time of what a poll does in
//! the ledger: ten pages, its end, and how the profiles fare. Asking Paxos and making rows of answers is not in it. The
//! difference is judging, and fails above its limit.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark tells what it measured, or fails")]

use std::time::Duration;

use tallyd::config::Config;
use tallyd::ledger::{Ledger, PageCommit, PollNumber, ProfileKey, Progress, Rules};
use tallyd::model::{
    Amount, Endpoint, Fingerprint, Identifier, Lane, Leg, LegStatus, Orchestration, PollResult, Profile,
    ProfileSelection, Received, Status, Timestamp,
};
use tallyd::{daemon, sync};

const OPEN: u32 = 10_000;
const A_PAGE: u32 = 1000;
/// Polls that are measured. Processor time is counted in steps of 10 ms, so one alone says little.
const ROUNDS: u32 = 10;
/// What judging may cost in one poll.
const LIMIT: Duration = Duration::from_millis(100);

/// What one poll costs.
struct Cost {
    /// In which all orchestrations appear, and those that are held up open their breaks.
    first: Duration,
    /// In which nothing is new, on average.
    again: Duration,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let judged = daemon::rules(&configuration(folder.path()));
    let [without, with] =
        [("without rules", sync::rules()), ("with the daemon's rules", judged)].map(|(name, rules)| {
            let cost = runtime.block_on(measure(rules));
            println!(
                "{name:24} {:?} to see {OPEN} open orchestrations as they were, {:?} the first time",
                cost.again, cost.first
            );
            cost
        });
    let judging = with.again.saturating_sub(without.again);
    println!("judging                  {judging:?} a poll, of {LIMIT:?}");
    // A build that is not optimised says nothing.
    assert!(cfg!(debug_assertions) || judging <= LIMIT, "judging takes too long");
}

/// The least that works: every limit is the default.
fn configuration(folder: &std::path::Path) -> Config {
    let (path, secret, ledger) =
        (folder.join("config.toml"), folder.join("secret"), folder.join("ledger.db"));
    std::fs::write(&secret, "secret").unwrap();
    let text = format!(
        "[paxos]\nenvironment = \"sandbox\"\nclient_id = \"bench\"\nclient_secret_file = \"{}\"\n[ledger]\npath = \"{}\"\n",
        secret.display(),
        ledger.display()
    );
    std::fs::write(&path, text).unwrap();
    Config::load(&path, &|_| None).unwrap().config
}

async fn measure(rules: Rules) -> Cost {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = Ledger::open(&path, "https://api.sandbox.paxos.com/v2", rules, minute(0)).unwrap();
    let profile = Profile { id: Identifier::new("treasury"), name: None };
    let profile = ledger.open_profile(profile, minute(0)).await.unwrap().key;
    ledger.build_indexes(Vec::new(), minute(0)).await.unwrap();
    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        let now = minute(600 + i64::from(round));
        let poll = ledger.begin_poll(profile, Lane::Discover, now, Some(now)).await.unwrap();
        let pages = (0..OPEN / A_PAGE).map(|page| (page * A_PAGE..(page + 1) * A_PAGE).map(open).collect());
        let pages: Vec<Vec<Received>> = pages.collect();
        let before = processor_time();
        for rows in pages {
            ledger.commit_page(page_of(rows, profile, poll, now)).await.unwrap();
        }
        ledger.end_poll(poll, now, PollResult::Complete).await.unwrap();
        ledger.judge_polls(ProfileSelection::All, now).await.unwrap();
        rounds.push(processor_time().saturating_sub(before));
    }
    ledger.close().await;
    let (first, again) = rounds.split_first().unwrap();
    Cost { first: *first, again: again.iter().sum::<Duration>() / ROUNDS }
}

fn page_of(rows: Vec<Received>, profile: ProfileKey, poll: PollNumber, now: Timestamp) -> PageCommit {
    PageCommit {
        poll,
        profile,
        seen_at: now,
        asked_at: tallyd::ledger::Moment::END,
        rows,
        unreadable: Vec::new(),
        without_id: 0,
        begins_at: minute(0),
        progress: Progress::Refresh,
    }
}

/// One that is open: one in a hundred for longer than any limit, half of them with a source leg that is done.
fn open(number: u32) -> Received {
    let created_at = minute(if number.is_multiple_of(100) { 0 } else { 500 });
    let leg = |status: LegStatus| Leg { transfer_id: None, status: Some(status) };
    let source = if number.is_multiple_of(2) { LegStatus::Completed } else { LegStatus::Processing };
    let orchestration = Orchestration {
        id: Identifier::new(&format!("00000000-0000-4000-8000-{number:012x}")),
        profile_id: Some(Identifier::new("treasury")),
        identity_id: None,
        account_id: None,
        customer_id: None,
        ref_id: Some(Identifier::new(&format!("payout-{number}"))),
        source_asset: Some("USD".into()),
        destination_asset: Some("USDG".into()),
        source_amount: Amount::parse("250.00").ok(),
        destination_amount: None,
        source_transfer: leg(source),
        destination_transfer: leg(LegStatus::Pending),
        status: Status::Processing,
        fail_reason: None,
        source: Some(Endpoint::Profile { profile_id: Identifier::new("treasury") }),
        destination: Some(Endpoint::Crypto {
            address: Some("9vE1".into()),
            network: Some("SOLANA".into()),
            address_id: None,
        }),
        orchestration_rule_id: None,
        created_at,
        updated_at: Some(created_at),
        completed_at: None,
        metadata: None,
        remainder: None,
    };
    Received { fingerprint: Fingerprint::of(&format!("{orchestration:?}")), orchestration }
}

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_micros(1_780_000_000_000_000 + minute * 60_000_000)
}

/// The processor time of this process so far, of all threads, in steps of 10 ms.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    // proc_pid_stat(5): utime and stime are fields 14 and 15; the name in brackets is the second.
    let ticks: u64 = [11, 12].into_iter().map(|field: usize| fields[field].parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}
