//! What limits cost. Run by hand: docs/performance.md says how.

use std::time::Instant;

use tallyd::breaks::limits::{Condition, RailKind};
use tallyd::model::{Amount, Timestamp};

use super::{crypto, fiat, limits, movement, on, profile, profile_end, rule, side};

/// As many as a poll may judge.
const MOVEMENTS: usize = 10_000;

#[test]
#[ignore = "it measures, and checks nothing"]
fn ten_thousand_movements_have_their_limits() {
    let amount = |text: &str| Some(Amount::parse(text).unwrap());
    let mut conditions = vec![
        Condition { destination: side(RailKind::Fiat), ..Condition::default() },
        Condition { min_source_amount: amount("250000"), ..Condition::default() },
        Condition { min_source_amount: amount("1000000.50"), ..Condition::default() },
        Condition { profile: Some(profile()), ..Condition::default() },
    ];
    conditions.extend(
        (0..16)
            .map(|number| Condition { destination: on(&format!("NETWORK{number}")), ..Condition::default() }),
    );
    let limits = limits(conditions.into_iter().enumerate().map(|(index, when)| rule(index, when)).collect());
    let ends = [profile_end(), crypto("SOLANA"), crypto("NETWORK3"), fiat()];
    let rows: Vec<_> = (0..MOVEMENTS)
        .map(|number| {
            movement(ends[number / 4 % 4].clone(), ends[number % 4].clone(), &format!("{number}.25"))
        })
        .collect();
    let (since, profile) = (Timestamp::parse_rfc3339("2026-11-20T10:00:00Z").unwrap(), profile());
    let began = Instant::now();
    let mut latest = since;
    for row in &rows {
        let applied = limits.of(row, &profile);
        latest =
            latest.max(applied.critical_processing().ends_at(since)).max(applied.between_legs.ends_at(since));
    }
    println!("{} ms for {MOVEMENTS} movements and 20 rules, until {latest}", began.elapsed().as_millis());
}
