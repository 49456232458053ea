//! Limits: which rule holds for an orchestration, what its limits are, and why.

#![expect(clippy::unwrap_used, reason = "a test whose stage cannot be set has failed")]
#![expect(clippy::unnecessary_wraps, reason = "what is made here goes into fields that may be missing")]

mod allowances;
mod explained;
mod measured;
mod properties;
mod rules;

use tallyd::breaks::Limits;
use tallyd::breaks::limits::{Allowance, Condition, Place, RailKind, Rule, Rules, Settings, Side};
use tallyd::model::{Amount, Endpoint, Identifier, Leg, Orchestration, Status, Timestamp};

const PROFILE: &str = "3b9d6a52-8e17-4c0f-a4d2-5f61c7e09b38";

fn profile_end() -> Option<Endpoint> {
    Some(Endpoint::Profile { profile_id: PROFILE.into() })
}

fn crypto(network: &str) -> Option<Endpoint> {
    let network = (!network.is_empty()).then(|| network.into());
    Some(Endpoint::Crypto { address: Some("0xabc".into()), network, address_id: None })
}

fn fiat() -> Option<Endpoint> {
    Some(Endpoint::Fiat { account_id: Some("bank".into()), memo: None })
}

/// An orchestration that is under way.
fn movement(source: Option<Endpoint>, destination: Option<Endpoint>, amount: &str) -> Orchestration {
    Orchestration {
        id: "orch_1".into(),
        profile_id: Some(PROFILE.into()),
        identity_id: None,
        account_id: None,
        customer_id: None,
        ref_id: None,
        source_asset: Some("USD".into()),
        destination_asset: Some("USDG".into()),
        source_amount: Amount::parse(amount).ok(),
        destination_amount: None,
        source_transfer: Leg::default(),
        destination_transfer: Leg::default(),
        status: Status::Processing,
        fail_reason: None,
        source,
        destination,
        orchestration_rule_id: None,
        created_at: Timestamp::EPOCH,
        updated_at: None,
        completed_at: None,
        metadata: None,
        remainder: None,
    }
}

fn minutes(minutes: u64) -> Allowance {
    Allowance::Elapsed(std::time::Duration::from_secs(minutes * 60))
}

/// A rule for PROCESSING; which it is can be told from its limit.
fn rule(index: usize, when: Condition) -> Rule {
    let sets = Settings { processing: Some(minutes(index as u64 + 1)), ..Settings::default() };
    Rule { place: Place { index, line: 10 * index + 1, name: None }, when, sets }
}

fn rules(conditions: Vec<Condition>) -> Vec<Rule> {
    conditions.into_iter().enumerate().map(|(index, when)| rule(index, when)).collect()
}

fn limits(rules: Vec<Rule>) -> Limits {
    Limits { rules: Rules::new(rules).unwrap(), ..Limits::default() }
}

fn profile() -> Identifier {
    PROFILE.into()
}

fn side(rail: RailKind) -> Side {
    Side { rail: Some(rail), network: None }
}

fn on(network: &str) -> Side {
    Side { rail: None, network: Some(network.into()) }
}
