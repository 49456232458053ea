//! What judging costs: a poll with nothing new and 10,000 open orchestrations, with and without rules.
//!
//! `cargo bench --bench judging`. Each line is the processor time of ten pages, committed to a real ledger.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark tells what it measured, or fails")]

use std::sync::Arc;
use std::time::Duration;

use tallyd::breaks::{self, History, Limits};
use tallyd::ledger::{Ledger, PageCommit, PollNumber, ProfileKey, Progress, Rules};
use tallyd::model::{
    Amount, Endpoint, Fingerprint, Identifier, Lane, Leg, LegStatus, Orchestration, Profile, Received,
    Status, Timestamp,
};
use tallyd::sync;

const OPEN: u32 = 10_000;
const A_PAGE: u32 = 1000;
const ROUNDS: u32 = 5;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let limits = Limits::default();
    let judged = Rules {
        judge: Arc::new(move |page| breaks::judge(&limits, History::Recorded, page)),
        ..sync::rules()
    };
    for (name, rules) in [("without rules", sync::rules()), ("with every rule", judged)] {
        runtime.block_on(measure(name, rules));
    }
}

async fn measure(name: &str, rules: Rules) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = Ledger::open(&path, "https://api.sandbox.paxos.com/v2", rules, minute(0)).unwrap();
    let profile = Profile { id: Identifier::new("treasury"), name: None };
    let profile = ledger.open_profile(profile, minute(0)).await.unwrap().key;
    ledger.build_indexes(Vec::new(), minute(0)).await.unwrap();
    // The first time they appear, and those that are held up open their breaks.
    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        let poll = ledger.begin_poll(profile, Lane::Discover, minute(600), Some(minute(600))).await.unwrap();
        let before = processor_time();
        for page in 0..OPEN / A_PAGE {
            let rows = (page * A_PAGE..(page + 1) * A_PAGE).map(open).collect();
            ledger.commit_page(page_of(rows, profile, poll, round)).await.unwrap();
        }
        rounds.push(processor_time().saturating_sub(before));
    }
    ledger.close().await;
    let (first, again) = rounds.split_first().unwrap();
    let again = again.iter().min().unwrap();
    println!(
        "{name:16} {OPEN} open orchestrations: {again:?} to see them as they were, {first:?} the first time"
    );
}

fn page_of(rows: Vec<Received>, profile: ProfileKey, poll: PollNumber, round: u32) -> PageCommit {
    PageCommit {
        poll,
        profile,
        seen_at: minute(600 + i64::from(round)),
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
