//! Arbitrary values of the domain for property tests, and ways to vary one on purpose.
//!
//! What is made here could have come from the API: no empty texts, no end that says nothing. Texts hold
//! whatever a caller may have typed. The strategies are boxed: their value trees are too large for the
//! stack of a test.

#![expect(clippy::unwrap_used, reason = "a value that is made here is one that can be read")]

use std::collections::BTreeMap;

use proptest::option;
use proptest::prelude::*;
use serde_json::Value;
use tallyd::model::{Amount, Endpoint, Field, Identifier, Leg, LegStatus, Orchestration, Status, Timestamp};
use uuid::Uuid;

/// An orchestration with every field present or missing by chance.
pub(crate) fn orchestration() -> BoxedStrategy<Orchestration> {
    let ids = (
        identifier(),
        option::of(identifier()),
        option::of(identifier()),
        option::of(identifier()),
        option::of(identifier()),
        option::of(identifier()),
    );
    let money = (
        option::of(word()),
        option::of(word()),
        option::of(amount()),
        option::of(amount()),
        option::of(text()),
        option::of(identifier()),
    );
    let way =
        (leg(), leg(), status(), option::of(endpoint()), option::of(endpoint()), option::of(metadata()));
    let times = (time(), option::of(time()), option::of(time()), option::of(remainder()));
    (ids, money, way, times)
        .prop_map(|(ids, money, way, times)| Orchestration {
            id: ids.0,
            profile_id: ids.1,
            identity_id: ids.2,
            account_id: ids.3,
            // A ledger is bound to one customer; tests that vary it say so.
            customer_id: ids.4.map(|_| Identifier::new("6b1f0a52-9d6e-4c0f-8a0b-1f6f3b0e7a11")),
            ref_id: ids.5,
            source_asset: money.0,
            destination_asset: money.1,
            source_amount: money.2,
            destination_amount: money.3,
            source_transfer: way.0,
            destination_transfer: way.1,
            status: way.2,
            fail_reason: money.4,
            source: way.3,
            destination: way.4,
            orchestration_rule_id: money.5,
            created_at: times.0,
            updated_at: times.1,
            completed_at: times.2,
            metadata: way.5,
            remainder: times.3,
        })
        .boxed()
}

/// Two answers about one orchestration that have nothing but the id in common.
pub(crate) fn two_answers() -> impl Strategy<Value = (Orchestration, Orchestration)> {
    (orchestration(), orchestration()).prop_map(|(one, other)| {
        let id = one.id.clone();
        (one, Orchestration { id, ..other })
    })
}

/// An identifier: most are UUIDs, some are other texts, a few are hardly texts at all.
pub(crate) fn identifier() -> BoxedStrategy<Identifier> {
    prop_oneof![
        4 => any::<[u8; 16]>().prop_map(|bytes| Identifier::Uuid(Uuid::from_bytes(bytes))),
        2 => "orch_[0-9a-z]{1,8}".prop_map(|text| Identifier::new(&text)),
        1 => "[0-9]{1,18}".prop_map(|text| Identifier::new(&text)),
        1 => text().prop_map(|text| Identifier::new(&text)),
    ]
    .boxed()
}

/// A status, now and then one that this version does not know.
pub(crate) fn status() -> BoxedStrategy<Status> {
    const KNOWN: [&str; 5] = ["PENDING", "PROCESSING", "COMPLETED", "FAILED", "REJECTED"];
    prop_oneof![
        8 => proptest::sample::select(&KNOWN[..]).prop_map(Status::new),
        1 => "[A-Z]{3,8}".prop_map(|word| Status::new(&word)),
        1 => "[1-5]".prop_map(|digit| Status::new(&digit)),
    ]
    .boxed()
}

/// A decimal with up to 18 places, in whatever spelling.
pub(crate) fn amount() -> BoxedStrategy<Amount> {
    "-?[0-9]{1,20}(\\.[0-9]{1,18})?".prop_map(|text| Amount::parse(&text).unwrap()).boxed()
}

/// An instant from 2015 to 2035, and the zero time that some services send for "none".
pub(crate) fn time() -> BoxedStrategy<Timestamp> {
    prop_oneof![
        20 => (1_420_070_400_000_000_i64..2_051_222_400_000_000).prop_map(Timestamp::from_micros),
        1 => Just(Timestamp::parse_rfc3339("0001-01-01T00:00:00Z").unwrap()),
        1 => Just(Timestamp::parse_rfc3339("1969-12-31T23:59:59.999999Z").unwrap()),
    ]
    .boxed()
}

fn leg() -> BoxedStrategy<Leg> {
    let status = prop_oneof![
        8 => proptest::sample::select(&["PENDING", "PROCESSING", "COMPLETED", "FAILED"][..])
            .prop_map(LegStatus::new),
        1 => "[A-Z]{3,8}|REJECTED".prop_map(|word| LegStatus::new(&word)),
    ];
    (option::of(identifier()), option::of(status))
        .prop_map(|(transfer_id, status)| Leg { transfer_id, status })
        .boxed()
}

fn endpoint() -> BoxedStrategy<Endpoint> {
    let crypto = (option::of(text()), option::of(word()), option::of(identifier()));
    prop_oneof![
        identifier().prop_map(|profile_id| Endpoint::Profile { profile_id }),
        crypto
            .prop_filter("an end that says nothing is a missing end", |(address, network, id)| {
                address.is_some() || network.is_some() || id.is_some()
            })
            .prop_map(|(address, network, address_id)| Endpoint::Crypto { address, network, address_id }),
        (option::of(identifier()), option::of(text()))
            .prop_filter("an end that says nothing is a missing end", |(id, memo)| {
                id.is_some() || memo.is_some()
            })
            .prop_map(|(account_id, memo)| Endpoint::Fiat { account_id, memo }),
    ]
    .boxed()
}

fn word() -> BoxedStrategy<Box<str>> {
    "[A-Z0-9]{1,8}".prop_map(String::into_boxed_str).boxed()
}

fn text() -> BoxedStrategy<Box<str>> {
    prop_oneof![6 => "\\PC{1,24}", 1 => "(?s).{1,12}", 1 => "['\";\\\\%\u{0}-\u{1f}]{1,6}"]
        .prop_map(String::into_boxed_str)
        .boxed()
}

fn metadata() -> BoxedStrategy<Box<str>> {
    proptest::collection::btree_map("\\PC{1,8}", "\\PC{0,12}", 1..4)
        .prop_map(|map| serde_json::to_string(&map).unwrap().into_boxed_str())
        .boxed()
}

fn remainder() -> BoxedStrategy<Box<str>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("[a-z]{1,4}", inner, 0..3)
                .prop_map(|map| map.into_iter().collect::<Value>()),
        ]
    });
    proptest::collection::btree_map("[a-z_]{1,10}", value, 1..3)
        .prop_map(|map| serde_json::to_string(&map).unwrap().into_boxed_str())
        .boxed()
}

/// The same orchestration in another spelling: zeros behind amounts, the keys of JSON in another order.
pub(crate) fn respelled(row: &Orchestration, zeros: usize) -> Orchestration {
    let amount = |amount: &Option<Amount>| {
        amount.as_ref().map(|amount| {
            let text = amount.as_str();
            let point = if text.contains('.') { "" } else { "." };
            Amount::parse(&format!("{text}{point}0{}", "0".repeat(zeros))).unwrap()
        })
    };
    let json = |text: &Option<Box<str>>| {
        text.as_deref().map(|text| backwards(&serde_json::from_str(text).unwrap()).into_boxed_str())
    };
    Orchestration {
        source_amount: amount(&row.source_amount),
        destination_amount: amount(&row.destination_amount),
        metadata: json(&row.metadata),
        remainder: json(&row.remainder),
        ..row.clone()
    }
}

/// JSON text with the keys of every object in reverse, and room between them.
fn backwards(value: &Value) -> String {
    let join = |parts: Vec<String>| parts.join(" ,\n ");
    match value {
        Value::Object(map) => {
            let pairs = map.iter().rev();
            let pairs =
                pairs.map(|(key, value)| format!("{} : {}", Value::from(key.as_str()), backwards(value)));
            format!("{{ {} }}", join(pairs.collect()))
        }
        Value::Array(values) => format!("[{}]", join(values.iter().map(backwards).collect())),
        other => other.to_string(),
    }
}

/// Every value that is there, by field, in the text in which it is journalled.
pub(crate) fn values(row: &Orchestration) -> BTreeMap<Field, String> {
    Field::ALL.into_iter().filter_map(|field| Some((field, row.value(field)?.to_string()))).collect()
}

/// The orchestration with one field at another value and all others as they were. `None` where that
/// cannot be: a field of an end that is of another kind, or an end that would say nothing any more.
pub(crate) fn with_field(row: &Orchestration, field: Field, value: Option<&str>) -> Option<Orchestration> {
    let mut row = row.clone();
    let id = || value.map(Identifier::new);
    let text = || value.map(Box::<str>::from);
    let time = || value.map(|value| Timestamp::parse_rfc3339(value).unwrap());
    let amount = || value.map(|value| Amount::parse(value).unwrap());
    match field {
        Field::ProfileId => row.profile_id = id(),
        Field::IdentityId => row.identity_id = id(),
        Field::AccountId => row.account_id = id(),
        Field::CustomerId => row.customer_id = id(),
        Field::RefId => row.ref_id = id(),
        Field::SourceAsset => row.source_asset = text(),
        Field::DestinationAsset => row.destination_asset = text(),
        Field::SourceAmount => row.source_amount = amount(),
        Field::DestinationAmount => row.destination_amount = amount(),
        Field::SourceTransferId => row.source_transfer.transfer_id = id(),
        Field::SourceTransferStatus => row.source_transfer.status = value.map(LegStatus::new),
        Field::DestinationTransferId => row.destination_transfer.transfer_id = id(),
        Field::DestinationTransferStatus => row.destination_transfer.status = value.map(LegStatus::new),
        Field::Status => row.status = Status::new(value?),
        Field::FailReason => row.fail_reason = text(),
        Field::OrchestrationRuleId => row.orchestration_rule_id = id(),
        Field::CreatedAt => row.created_at = time()?,
        Field::UpdatedAt => row.updated_at = time(),
        Field::CompletedAt => row.completed_at = time(),
        Field::Metadata => row.metadata = text(),
        Field::Remainder => row.remainder = text(),
        of_an_end => {
            let is_source = of_an_end.path().starts_with("source.");
            let end = if is_source { row.source.as_mut()? } else { row.destination.as_mut()? };
            set_in_end(end, of_an_end, value)?;
        }
    }
    Some(row)
}

fn set_in_end(end: &mut Endpoint, field: Field, value: Option<&str>) -> Option<()> {
    let id = || value.map(Identifier::new);
    let text = || value.map(Box::<str>::from);
    match (field, &mut *end) {
        (Field::SourceProfileId | Field::DestinationProfileId, Endpoint::Profile { profile_id }) => {
            *profile_id = id()?;
        }
        (Field::SourceAddress | Field::DestinationAddress, Endpoint::Crypto { address, .. }) => {
            *address = text();
        }
        (Field::SourceNetwork | Field::DestinationNetwork, Endpoint::Crypto { network, .. }) => {
            *network = text();
        }
        (Field::SourceAddressId | Field::DestinationAddressId, Endpoint::Crypto { address_id, .. }) => {
            *address_id = id();
        }
        (
            Field::SourceDepositInstructionsId | Field::DestinationBankAccountId,
            Endpoint::Fiat { account_id, .. },
        ) => *account_id = id(),
        (Field::SourceMemo | Field::DestinationMemo, Endpoint::Fiat { memo, .. }) => *memo = text(),
        _ => return None,
    }
    let says_nothing = matches!(
        end,
        Endpoint::Crypto { address: None, network: None, address_id: None }
            | Endpoint::Fiat { account_id: None, memo: None }
    );
    (!says_nothing).then_some(())
}

/// A text that the field can hold, another one for each number.
pub(crate) fn value_for(field: Field, number: u32) -> String {
    match field {
        Field::CreatedAt | Field::UpdatedAt | Field::CompletedAt => {
            Timestamp::from_micros(1_767_225_600_000_000 + i64::from(number)).to_rfc3339()
        }
        Field::SourceAmount | Field::DestinationAmount => format!("{number}.25"),
        Field::Metadata | Field::Remainder => format!("{{\"number\":{number}}}"),
        _ => format!("VALUE-{number}"),
    }
}
