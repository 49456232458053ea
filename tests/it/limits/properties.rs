//! Any rules and any movements, against matching that is written down once more.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tallyd::breaks::Limits;
use tallyd::breaks::limits::{
    Condition, ConditionKey, Lost, Multiple, RailKind, Rule, Rules, Setting, Side, Source,
};
use tallyd::model::{Amount, Endpoint, Identifier, Orchestration};

use super::{crypto, fiat, minutes, movement, profile_end, rule};

const NETWORKS: [&str; 2] = ["SOLANA", "ETHEREUM"];
const ASSETS: [&str; 2] = ["USD", "USDC"];
const AMOUNTS: [&str; 3] = ["10", "20.5", "300"];
const PROFILES: [&str; 2] = ["one", "other"];

fn side() -> impl Strategy<Value = Side> {
    (option::weighted(0.4, select(&RailKind::ALL[..])), option::weighted(0.3, select(&NETWORKS[..])))
        .prop_map(|(rail, network)| Side { rail, network: network.map(Into::into) })
}

fn condition() -> impl Strategy<Value = Condition> {
    let asset = || option::weighted(0.3, select(&ASSETS[..]).prop_map(Box::<str>::from));
    (
        option::weighted(0.3, select(&PROFILES[..])),
        side(),
        side(),
        option::weighted(0.2, select(&NETWORKS[..])),
        (asset(), asset()),
        option::weighted(0.4, select(&AMOUNTS[..])),
    )
        .prop_map(
            |(profile, source, destination, network, (source_asset, destination_asset), amount)| Condition {
                profile: profile.map(Identifier::new),
                source,
                destination,
                network: network.map(Into::into),
                source_asset,
                destination_asset,
                min_source_amount: amount.map(|amount| Amount::parse(amount).unwrap()),
            },
        )
}

fn any_rules(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Rule>> {
    let sets = (any::<bool>(), any::<bool>());
    proptest::collection::vec((condition(), sets), count).prop_map(|rules| {
        rules
            .into_iter()
            .enumerate()
            .map(|(index, (when, (pending, critical)))| {
                let mut rule = rule(index, when);
                rule.sets.pending = pending.then(|| minutes(index as u64 + 100));
                rule.sets.critical_after =
                    critical.then(|| Multiple::whole(u8::try_from(index).unwrap() + 1));
                rule
            })
            .collect()
    })
}

/// The rules that are left when the later one of every two that contradict each other is taken out.
fn without_conflicts(mut rules: Vec<Rule>) -> Rules {
    loop {
        match Rules::new(rules.clone()) {
            Ok(rules) => return rules,
            Err(conflicts) => {
                rules.remove(conflicts.first.second);
            }
        }
    }
}

/// Every end that there can be.
fn ends() -> Vec<Option<Endpoint>> {
    vec![None, profile_end(), fiat(), crypto(""), crypto("SOLANA"), crypto("ETHEREUM"), crypto("BASE")]
}

/// Every movement that can make a difference, with the profile that it is listed under.
fn movements() -> Vec<(Orchestration, Identifier)> {
    let mut all = Vec::new();
    for source in ends() {
        for destination in ends() {
            for (source_asset, destination_asset) in
                [("USD", "USDC"), ("USDC", "USD"), ("USD", "USD"), ("USDC", "USDC"), ("X", "Y")]
            {
                for (place, amount) in ["5", "10.00", "20.50", "5000", "-"].into_iter().enumerate() {
                    let mut row = movement(source.clone(), destination.clone(), amount);
                    row.source_asset = Some(source_asset.into());
                    row.destination_asset = (destination_asset != "Y").then(|| destination_asset.into());
                    let profile =
                        if place == 3 { PROFILES } else { [PROFILES[place % 2], PROFILES[place % 2]] };
                    all.extend(profile.map(|profile| (row.clone(), Identifier::new(profile))));
                }
            }
        }
    }
    all
}

/// Whether a condition holds, written without a look at how the program does it.
fn holds(when: &Condition, row: &Orchestration, profile: &Identifier) -> bool {
    let rail_and_network = |end: &Option<Endpoint>| match end {
        None => (None, None),
        Some(Endpoint::Profile { .. }) => (Some(RailKind::Profile), None),
        Some(Endpoint::Fiat { .. }) => (Some(RailKind::Fiat), None),
        Some(Endpoint::Crypto { network, .. }) => (Some(RailKind::Crypto), network.clone()),
    };
    let fits = |side: &Side, end: &Option<Endpoint>| {
        let (rail, network) = rail_and_network(end);
        (side.rail.is_none() || side.rail == rail) && (side.network.is_none() || side.network == network)
    };
    let either = [&row.source, &row.destination].map(|end| rail_and_network(end).1);
    fits(&when.source, &row.source)
        && fits(&when.destination, &row.destination)
        && (when.network.is_none() || either.contains(&when.network))
        && (when.profile.is_none() || when.profile.as_ref() == Some(profile))
        && (when.source_asset.is_none() || when.source_asset == row.source_asset)
        && (when.destination_asset.is_none() || when.destination_asset == row.destination_asset)
        && when.min_source_amount.as_ref().is_none_or(|least| {
            row.source_amount.as_ref().is_some_and(|amount| amount.decimal() >= least.decimal())
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Catches: a winner that is less specific than a loser, one that does not match, and an explanation of other
    /// limits than those that hold.
    #[test]
    fn the_winner_matches_and_is_the_most_specific(rules in any_rules(0..8)) {
        let rules = without_conflicts(rules);
        let limits = Limits { rules: rules.clone(), ..Limits::default() };
        let rules = rules.in_order();
        for (row, profile) in movements() {
            let applied = limits.of(&row, &profile);
            let explanation = limits.explain(&row, &profile);
            for explained in &explanation.settings {
                let setting = explained.setting;
                let matching: Vec<&&Rule> = rules
                    .iter()
                    .filter(|rule| rule.sets.value(setting).is_some() && holds(&rule.when, &row, &profile))
                    .collect();
                let best = matching.iter().map(|rule| rule.when.rank()).max();
                match &explained.from {
                    Source::Rule(place) => {
                        let winner = matching.iter().find(|rule| rule.place == *place).unwrap();
                        prop_assert_eq!(Some(winner.when.rank()), best);
                        prop_assert_eq!(Some(explained.value.clone()), winner.sets.value(setting));
                        // Of two that are as specific neither could win.
                        let ties = matching.iter().filter(|rule| rule.when.rank() == winner.when.rank());
                        prop_assert_eq!(ties.count(), 1);
                    }
                    _ => prop_assert!(matching.is_empty()),
                }
                let in_force = match setting {
                    Setting::Processing => applied.processing.to_string(),
                    Setting::Pending => applied.pending.to_string(),
                    Setting::CriticalAfter => applied.critical_after.to_string(),
                    _ => continue,
                };
                prop_assert!(explained.value.to_string().starts_with(&in_force));
                // Every rule that sets it is told, and says rightly whether it matches.
                let setting_it = rules.iter().filter(|rule| rule.sets.value(setting).is_some()).count();
                let told = explained.others.iter().filter(|other| matches!(other.from, Source::Rule(_)));
                let winners = usize::from(matches!(explained.from, Source::Rule(_)));
                prop_assert_eq!(told.clone().count() + winners, setting_it);
                for other in told {
                    let Source::Rule(place) = &other.from else { unreachable!() };
                    let is_matching = matching.iter().any(|rule| rule.place == *place);
                    prop_assert_eq!(!matches!(other.why, Lost::Unmet { .. }), is_matching);
                }
            }
        }
    }

    /// Catches: a contradiction that is not told, and one that is none.
    #[test]
    fn rules_contradict_each_other_where_some_movement_matches_both(rules in any_rules(2..3)) {
        let [one, other] = rules.as_slice() else { unreachable!() };
        let meets = movements()
            .iter()
            .any(|(row, profile)| holds(&one.when, row, profile) && holds(&other.when, row, profile));
        prop_assert_eq!(one.when.meets(&other.when), meets, "{} against {}", one.when, other.when);
        let is_conflict = one.when.rank() == other.when.rank() && meets;
        prop_assert_eq!(Rules::new(rules.clone()).is_err(), is_conflict);
        let can_match = movements().iter().any(|(row, profile)| holds(&one.when, row, profile));
        prop_assert_eq!(one.when.can_match(), can_match);
    }
}

#[test]
fn every_condition_has_a_key_of_its_own() {
    let mut keys: Vec<_> = ConditionKey::ALL.iter().map(|key| key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), ConditionKey::ALL.len());
}
