//! Allowances, their multiples, and amounts that are critical.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tallyd::breaks::limits::{Allowance, CriticalAmount, InvalidMultiple, Money, Multiple};
use tallyd::model::{Amount, Timestamp};
use tallyd::schedule::{Calendar, Weekend, Zone};

use super::{crypto, minutes, movement, profile_end};

fn multiple(text: &str) -> Result<Multiple, InvalidMultiple> {
    Multiple::new(&Amount::parse(text).unwrap())
}

fn business(days: u32) -> Allowance {
    let calendar = Calendar::new("plain", Zone::UTC, Weekend::SATURDAY_AND_SUNDAY, Vec::new());
    Allowance::Business { days, calendar: Arc::new(calendar) }
}

#[test]
fn allowances_end_are_multiplied_and_shown() {
    let friday = Timestamp::parse_rfc3339("2026-11-20T10:00:00Z").unwrap();
    for (allowance, times, shown, end) in [
        (minutes(240), "1", "4h", "2026-11-20T14:00:00Z"),
        (minutes(240), "1.5", "6h", "2026-11-20T16:00:00Z"),
        (minutes(1), "1.001", "1m 60ms", "2026-11-20T10:01:00.060Z"),
        (minutes(36 * 60), "2", "3d", "2026-11-23T10:00:00Z"),
        (business(1), "1", "1 business day", "2026-11-23T10:00:00Z"),
        (business(2), "3", "6 business days", "2026-11-30T10:00:00Z"),
        // A part of a business day is a whole one.
        (business(3), "1.5", "5 business days", "2026-11-27T10:00:00Z"),
    ] {
        let times = allowance.times(multiple(times).unwrap());
        assert_eq!(times.to_string(), shown);
        assert_eq!(times.ends_at(friday), Timestamp::parse_rfc3339(end).unwrap(), "{shown}");
    }
}

#[test]
fn what_cannot_be_multiplied_further_stays_the_longest() {
    let longest = Allowance::Elapsed(Duration::MAX).times(Multiple::whole(100));
    assert_eq!(longest.ends_at(Timestamp::EPOCH), Timestamp::from_micros(i64::MAX));
    assert!(matches!(
        business(u32::MAX).times(Multiple::whole(2)),
        Allowance::Business { days: u32::MAX, .. }
    ));
}

#[test]
fn multiples_are_exact_decimals_from_one_to_a_hundred() {
    for (text, shown) in
        [("1", "1"), ("1.0", "1"), ("1.50", "1.5"), ("2.125", "2.125"), ("100", "100"), ("1.001", "1.001")]
    {
        assert_eq!(multiple(text).unwrap().to_string(), shown);
    }
    for (text, error) in [
        ("0", InvalidMultiple::BelowOne),
        ("-3", InvalidMultiple::BelowOne),
        ("0.999999999999999999", InvalidMultiple::BelowOne),
        ("100.001", InvalidMultiple::TooLarge),
        ("1.0001", InvalidMultiple::TooFine),
        ("1.0000000000000000001", InvalidMultiple::TooFine),
    ] {
        assert_eq!(multiple(text), Err(error), "{text}");
    }
}

#[test]
fn an_amount_is_critical_in_its_own_asset_alone() {
    let from =
        |texts: &[&str]| CriticalAmount::From(texts.iter().map(|text| Money::parse(text).unwrap()).collect());
    let of = |amount: &str| movement(profile_end(), crypto("SOLANA"), amount);
    for (critical, amount, is_reached) in [
        (CriticalAmount::Never, "1000000000", false),
        (from(&["1000 USD"]), "999.999999999999999999", false),
        (from(&["1000 USD"]), "1000.00", true),
        (from(&["1000 usd"]), "1000", true),
        (from(&["1000 USDC"]), "5000", false),
        (from(&["1000 USDC", "4000 USD"]), "5000", true),
        (from(&["1000 USD"]), "not given", false),
    ] {
        assert_eq!(critical.is_reached_by(&of(amount)), is_reached, "{critical} {amount}");
    }
    let of_nothing = tallyd::model::Orchestration { source_asset: None, ..of("5000") };
    assert!(!from(&["1000 USD"]).is_reached_by(&of_nothing));
    for text in
        ["", "1000", "USD 1000", "1000USD", "0 USD", "0.000 USD", "-5 USD", "1e3 USD", "1000 US D", "5 6"]
    {
        assert!(Money::parse(text).is_err(), "{text:?}");
    }
}

proptest! {
    #[test]
    fn a_multiple_is_never_shorter_than_its_limit(seconds in 1_u64..31_536_000, times in 1000_u32..=100_000) {
        let text = format!("{}.{:03}", times / 1000, times % 1000);
        let Allowance::Elapsed(end) = Allowance::Elapsed(Duration::from_secs(seconds)).times(multiple(&text).unwrap())
        else { panic!("a time by the clock became another") };
        // Seconds times thousandths are milliseconds: nothing is rounded.
        prop_assert_eq!(end, Duration::from_millis(seconds * u64::from(times)));
        let Allowance::Business { days, .. } = business(7).times(multiple(&text).unwrap())
        else { panic!("business days became another") };
        prop_assert!(days >= 7 && u64::from(days) * 1000 >= 7 * u64::from(times));
        prop_assert!(u64::from(days - 1) * 1000 < 7 * u64::from(times));
    }
}
