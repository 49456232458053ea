//! Rule by rule: what matches, which of two wins, and which two contradict each other.

use tallyd::breaks::Limits;
use tallyd::breaks::limits::{Condition, DuplicateWindow, RailKind, Rules, Setting, Settings};
use tallyd::model::{Amount, Endpoint};

use super::{PROFILE, crypto, fiat, limits, minutes, movement, on, profile, profile_end, rule, rules, side};

fn any() -> Condition {
    Condition::default()
}

fn amount(text: &str) -> Option<Amount> {
    Some(Amount::parse(text).unwrap())
}

/// Every condition that there is, with the movements that it takes of all below.
#[test]
fn a_rule_matches_where_all_its_conditions_hold() {
    let movements = [
        movement(profile_end(), crypto("SOLANA"), "100"),
        movement(crypto("SOLANA"), crypto("ETHEREUM"), "1000"),
        movement(fiat(), profile_end(), "1000.01"),
        movement(crypto(""), fiat(), "not given"),
        movement(None, None, "99999"),
    ];
    for (when, expected) in [
        (Condition { profile: Some(profile()), ..any() }, "01234"),
        (Condition { profile: Some("another".into()), ..any() }, ""),
        (Condition { source: side(RailKind::Profile), ..any() }, "0"),
        (Condition { source: side(RailKind::Crypto), ..any() }, "13"),
        (Condition { destination: side(RailKind::Fiat), ..any() }, "3"),
        (Condition { destination: side(RailKind::Crypto), ..any() }, "01"),
        (Condition { network: Some("solana".into()), ..any() }, "01"),
        (Condition { network: Some("ETHEREUM".into()), ..any() }, "1"),
        (Condition { source: on("Solana"), ..any() }, "1"),
        (Condition { destination: on("SOLANA"), ..any() }, "0"),
        (Condition { source_asset: Some("usd".into()), ..any() }, "01234"),
        (Condition { destination_asset: Some("USDC".into()), ..any() }, ""),
        (Condition { min_source_amount: amount("1000.00"), ..any() }, "124"),
        (Condition { min_source_amount: amount("1000.010"), ..any() }, "24"),
        (Condition { min_source_amount: amount("1000"), source: on("SOLANA"), ..any() }, "1"),
        (Condition { min_source_amount: amount("1001"), source: on("SOLANA"), ..any() }, ""),
    ] {
        let told = when.to_string();
        let limits = limits(vec![rule(76, when)]);
        let taken: String = (0..movements.len())
            .filter(|index| limits.of(&movements[*index], &profile()).processing == minutes(77))
            .map(|index| index.to_string())
            .collect();
        assert_eq!(taken, expected, "{told}");
    }
}

/// Less specific first, whatever the order in the file: route before amount before profile.
#[test]
fn the_more_specific_rule_wins() {
    let in_order = [
        Condition { profile: Some(profile()), ..any() },
        Condition { min_source_amount: amount("10"), ..any() },
        Condition { min_source_amount: amount("10.0"), profile: Some(profile()), ..any() },
        Condition { min_source_amount: amount("10.01"), ..any() },
        Condition { destination: side(RailKind::Crypto), ..any() },
        Condition { source_asset: Some("USD".into()), profile: Some(profile()), ..any() },
        Condition { source_asset: Some("USD".into()), min_source_amount: amount("0.5"), ..any() },
        Condition { network: Some("SOLANA".into()), ..any() },
        Condition {
            source_asset: Some("USD".into()),
            destination_asset: Some("USDG".into()),
            min_source_amount: amount("9"),
            ..any()
        },
        Condition { source: side(RailKind::Profile), destination: on("SOLANA"), ..any() },
    ];
    let row = movement(profile_end(), crypto("SOLANA"), "100");
    for (less, one) in in_order.iter().enumerate() {
        for (more, other) in in_order.iter().enumerate().skip(less + 1) {
            if one.rank() == other.rank() {
                continue;
            }
            assert!(one.rank() < other.rank(), "{one} against {other}");
            for turned in [false, true] {
                let mut both = vec![rule(less, one.clone()), rule(more, other.clone())];
                if turned {
                    both.reverse();
                }
                let processing = limits(both).of(&row, &profile()).processing;
                assert_eq!(processing, minutes(more as u64 + 1), "{one} against {other}");
            }
        }
    }
}

/// Catches: a rule that wins as a whole and hides what only another one sets.
#[test]
fn every_limit_has_a_winner_of_its_own() {
    let mut route = rule(0, Condition { destination: on("SOLANA"), ..any() });
    route.sets = Settings { between_legs: Some(minutes(5)), ..Settings::default() };
    let by_amount = rule(1, Condition { min_source_amount: amount("10"), ..any() });
    let of_profile = Condition { profile: Some(profile()), ..any() };
    let mut by_profile = rule(2, of_profile);
    by_profile.sets.pending = Some(minutes(7));
    by_profile.sets.between_legs = Some(minutes(8));
    let defaults =
        Settings { pending: Some(minutes(9)), inconsistent_legs: Some(minutes(10)), ..Settings::default() };
    let limits = Limits { defaults, ..limits(vec![by_profile, route, by_amount]) };
    let applied = limits.of(&movement(profile_end(), crypto("SOLANA"), "10"), &profile());
    assert_eq!(applied.between_legs, minutes(5));
    assert_eq!(applied.processing, minutes(2));
    assert_eq!(applied.pending, minutes(7));
    assert_eq!(applied.inconsistent_legs, minutes(10));
    assert_eq!(applied.critical_after.to_string(), "3");
    assert_eq!(applied.critical_processing(), minutes(6));
    assert_eq!(applied.possible_duplicate, DuplicateWindow::Off);
}

#[test]
fn what_nobody_sets_goes_by_the_slowest_rail() {
    let (bank, chain, inside, unknown) = ("3 business days", "4h", "15m", "1d");
    for (source, destination, processing, between_legs) in [
        (profile_end(), profile_end(), inside, inside),
        (profile_end(), crypto("SOLANA"), chain, chain),
        (crypto("SOLANA"), profile_end(), chain, inside),
        (profile_end(), fiat(), bank, bank),
        (fiat(), crypto("SOLANA"), bank, chain),
        (fiat(), None, bank, unknown),
        (None, profile_end(), unknown, inside),
        (crypto(""), None, unknown, unknown),
    ] {
        let applied = Limits::default().of(&movement(source, destination, "1"), &profile());
        assert_eq!(applied.processing.to_string(), processing);
        assert_eq!(applied.between_legs.to_string(), between_legs);
    }
}

/// Catches: a default of the file that a built-in one for the route beats.
#[test]
fn what_the_file_says_comes_before_what_is_built_in() {
    let defaults = Settings { processing: Some(minutes(3)), ..Settings::default() };
    let limits = Limits { defaults, ..Limits::default() };
    for destination in [profile_end(), crypto("SOLANA"), fiat(), None] {
        assert_eq!(limits.of(&movement(fiat(), destination, "1"), &profile()).processing, minutes(3));
    }
}

#[test]
fn two_rules_contradict_each_other_where_nothing_decides() {
    let network = |name: &str| Condition { network: Some(name.into()), ..any() };
    let from_to = |source, destination| Condition { source, destination, ..any() };
    for (one, other, contradict) in [
        (any(), any(), true),
        (
            Condition { profile: Some(PROFILE.into()), ..any() },
            Condition { profile: Some("x".into()), ..any() },
            false,
        ),
        (
            Condition { source: side(RailKind::Fiat), ..any() },
            Condition { source: side(RailKind::Crypto), ..any() },
            false,
        ),
        (
            Condition { source: side(RailKind::Fiat), ..any() },
            Condition { destination: side(RailKind::Crypto), ..any() },
            true,
        ),
        (
            Condition { source_asset: Some("USD".into()), ..any() },
            Condition { source_asset: Some("usd".into()), ..any() },
            true,
        ),
        (
            Condition { source_asset: Some("USD".into()), ..any() },
            Condition { source_asset: Some("USDC".into()), ..any() },
            false,
        ),
        (
            Condition { min_source_amount: amount("5"), ..any() },
            Condition { min_source_amount: amount("5.0"), ..any() },
            true,
        ),
        (
            Condition { min_source_amount: amount("5"), ..any() },
            Condition { min_source_amount: amount("6"), ..any() },
            false,
        ),
        // Money can go from one chain to the other.
        (network("SOLANA"), network("ETHEREUM"), true),
        (network("SOLANA"), from_to(on("SOLANA"), any().destination), true),
        (from_to(on("SOLANA"), any().destination), from_to(on("ETHEREUM"), any().destination), false),
        (from_to(any().source, on("SOLANA")), from_to(any().source, on("solana")), true),
        // Both want another rail at the one end that is left for the network.
        (
            Condition { source: side(RailKind::Fiat), ..network("SOLANA") },
            Condition { source: side(RailKind::Fiat), ..network("ETHEREUM") },
            false,
        ),
        (from_to(side(RailKind::Fiat), on("SOLANA")), from_to(side(RailKind::Profile), on("SOLANA")), false),
    ] {
        let told = format!("{one} against {other}");
        let found = Rules::new(rules(vec![one, other]));
        assert_eq!(found.is_err(), contradict, "{told}");
        if let Err(conflicts) = found {
            assert_eq!((conflicts.first.first, conflicts.first.second), (0, 1));
            assert_eq!((conflicts.first.setting, conflicts.more.len()), (Setting::Processing, 0));
        }
    }
    // What sets different limits does not meet.
    let mut two = rules(vec![any(), any()]);
    two[1].sets = Settings { pending: Some(minutes(1)), ..Settings::default() };
    assert!(Rules::new(two).is_ok());
}

#[test]
fn a_rule_that_cannot_match_is_known() {
    let impossible = Condition {
        source: side(RailKind::Fiat),
        network: Some("SOLANA".into()),
        destination: side(RailKind::Profile),
        ..any()
    };
    assert!(!impossible.can_match());
    assert!(
        !Condition { network: Some("A".into()), source: on("B"), destination: on("C"), ..any() }.can_match()
    );
    assert!(Condition { network: Some("A".into()), source: on("B"), ..any() }.can_match());
    assert!(
        !Condition {
            source: tallyd::breaks::limits::Side { rail: Some(RailKind::Fiat), network: Some("A".into()) },
            ..any()
        }
        .can_match()
    );
    assert!(any().can_match());
    // An end that is not given has no rail.
    let row = movement(None, Some(Endpoint::Profile { profile_id: PROFILE.into() }), "1");
    let limits = limits(vec![rule(7, Condition { source: side(RailKind::Profile), ..any() })]);
    assert_eq!(limits.of(&row, &profile()).processing.to_string(), "1d");
}
