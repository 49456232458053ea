//! Properties of the row parser: every orchestration comes back from its JSON, and nothing that came
//! with it is lost.

use proptest::collection::btree_map;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tallyd::model::{Endpoint, Leg, Orchestration, Timestamp};
use tallyd::paxos::Row;

/// How a field that is missing is written.
#[derive(Clone, Copy, Debug)]
enum Missing {
    Absent,
    Null,
    Empty,
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![".{1,12}", "[a-zA-Z0-9_-]{1,20}", "[\"\\\\/\n\t\u{7f}é€😀]{1,4}"]
}

fn id() -> impl Strategy<Value = Value> {
    prop_oneof![any::<[u8; 16]>().prop_map(|bytes| uuid::Uuid::from_bytes(bytes).to_string()), text()]
        .prop_map(Value::from)
}

fn amount() -> impl Strategy<Value = Value> {
    "-?[0-9]{1,20}(\\.[0-9]{1,18})?".prop_map(Value::from)
}

fn time() -> impl Strategy<Value = Value> {
    (0_i64..4_102_444_800_000_000).prop_map(|micros| Value::from(Timestamp::from_micros(micros).to_rfc3339()))
}

fn word() -> impl Strategy<Value = Value> {
    prop_oneof!["PENDING", "PROCESSING", "COMPLETED", "FAILED", "REJECTED", "[A-Z]{1,9}"]
        .prop_map(Value::from)
}

fn object(fields: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let fields: Vec<_> = fields
        .into_iter()
        .map(|(name, value)| {
            option::of(value).prop_map(move |value| value.map(|value| (name.to_owned(), value)))
        })
        .collect();
    fields
        .prop_map(|fields| fields.into_iter().flatten().collect::<Map<_, _>>())
        .prop_filter("an empty object is a missing one", |object| !object.is_empty())
        .prop_map(Value::Object)
        .boxed()
}

fn endpoint(account: &'static str) -> BoxedStrategy<Value> {
    let profile = id().prop_map(|id| json!({ "profile": { "profile_id": id } }));
    let crypto = object(vec![
        ("address", text().prop_map(Value::from).boxed()),
        ("network", text().prop_map(Value::from).boxed()),
        ("address_id", id().boxed()),
    ])
    .prop_map(|crypto| json!({ "crypto": crypto }));
    let fiat = object(vec![(account, id().boxed()), ("memo", text().prop_map(Value::from).boxed())])
        .prop_map(|fiat| json!({ "fiat": fiat }));
    prop_oneof![profile, crypto, fiat].boxed()
}

fn leg() -> BoxedStrategy<Value> {
    object(vec![("transfer_id", id().boxed()), ("status", word().boxed())])
}

fn metadata() -> BoxedStrategy<Value> {
    btree_map(text(), text(), 1..4).prop_map(|entries| json!(entries)).boxed()
}

/// The known fields of a row, as the JSON that the documentation shows.
fn known() -> impl Strategy<Value = Map<String, Value>> {
    let needed = (id(), word(), time())
        .prop_map(|(id, status, created)| json!({ "id": id, "status": status, "created_at": created }));
    let optional = option::weighted(
        0.95,
        object(vec![
            ("profile_id", id().boxed()),
            ("identity_id", id().boxed()),
            ("account_id", id().boxed()),
            ("customer_id", id().boxed()),
            ("ref_id", id().boxed()),
            ("source_asset", text().prop_map(Value::from).boxed()),
            ("destination_asset", text().prop_map(Value::from).boxed()),
            ("source_amount", amount().boxed()),
            ("destination_amount", amount().boxed()),
            ("source_transfer", leg()),
            ("destination_transfer", leg()),
            ("fail_reason", object(vec![("detail", text().prop_map(Value::from).boxed())])),
            ("source", endpoint("deposit_instructions_id")),
            ("destination", endpoint("bank_account_id")),
            ("orchestration_rule_id", id().boxed()),
            ("updated_at", time().boxed()),
            ("completed_at", time().boxed()),
            ("metadata", metadata()),
        ]),
    );
    (needed, optional).prop_map(|(needed, optional)| {
        let mut whole = Value::Object(Map::new());
        merge(&mut whole, needed);
        merge(&mut whole, optional.unwrap_or(Value::Null));
        match whole {
            Value::Object(whole) => whole,
            other => panic!("{other}"),
        }
    })
}

fn unknown_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            btree_map("new_[a-z]{1,4}", inner, 0..3).prop_map(|entries| json!(entries)),
        ]
    })
}

/// Fields that no version knows, by the path of the object that they stand in.
fn unknown() -> impl Strategy<Value = Vec<(usize, String, Value)>> {
    prop::collection::vec((0_usize..PLACES.len(), "new_[a-z\"é]{1,6}", unknown_value()), 0..5)
}

/// Where unknown fields may stand. Only an object that says something known can be told from a missing one.
const PLACES: [&[&str]; 7] = [
    &[],
    &["source_transfer"],
    &["destination_transfer"],
    &["fail_reason"],
    &["source"],
    &["destination"],
    &["destination", "crypto"],
];

/// Puts `over` over `under`, object by object.
fn merge(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                merge(under.entry(key).or_insert(Value::Null), value);
            }
        }
        (_, Value::Null) => {}
        (under, over) => *under = over,
    }
}

/// The object at `path`, if there is one.
fn at<'a>(document: &'a mut Map<String, Value>, path: &[&str]) -> Option<&'a mut Map<String, Value>> {
    path.iter().try_fold(document, |object, name| object.get_mut(*name)?.as_object_mut())
}

/// Written out by hand, so that escapes, spaces and the order of keys vary too.
fn render(value: &Value, escape_all: bool) -> String {
    let string = |text: &str| {
        if escape_all {
            let units: Vec<String> = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            format!("\"{}\"", units.concat())
        } else {
            Value::from(text).to_string()
        }
    };
    match value {
        Value::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .rev()
                .map(|(key, value)| format!(" {}\n:\t{}", string(key), render(value, escape_all)))
                .collect();
            format!("{{{}}}", members.join(" ,"))
        }
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(|value| render(value, escape_all)).collect();
            format!("[ {} ]", values.join(", "))
        }
        Value::String(text) => string(text),
        other => other.to_string(),
    }
}

/// The known fields of what was parsed, written as the documentation shows them.
fn written(row: &Orchestration) -> Value {
    let show = |value: &dyn ToString| Some(Value::from(value.to_string()));
    macro_rules! show {
        ($field:expr) => {
            $field.as_ref().and_then(|value| show(value))
        };
    }
    let collect = |fields: Vec<(&str, Option<Value>)>| {
        let present = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let object: Map<_, _> = present.collect();
        (!object.is_empty()).then_some(Value::Object(object))
    };
    let leg =
        |leg: &Leg| collect(vec![("transfer_id", show!(leg.transfer_id)), ("status", show!(leg.status))]);
    let end = |end: &Option<Endpoint>, account: &'static str| match end.as_ref()? {
        Endpoint::Profile { profile_id } => {
            collect(vec![("profile", collect(vec![("profile_id", show(profile_id))]))])
        }
        Endpoint::Crypto { address, network, address_id } => {
            let inside = vec![
                ("address", show!(address)),
                ("network", show!(network)),
                ("address_id", show!(address_id)),
            ];
            collect(vec![("crypto", collect(inside))])
        }
        Endpoint::Fiat { account_id, memo } => {
            collect(vec![("fiat", collect(vec![(account, show!(account_id)), ("memo", show!(memo))]))])
        }
    };
    let time = |time: Option<Timestamp>| time.map(|time| Value::from(time.to_rfc3339()));
    collect(vec![
        ("id", show(&row.id)),
        ("profile_id", show!(row.profile_id)),
        ("identity_id", show!(row.identity_id)),
        ("account_id", show!(row.account_id)),
        ("customer_id", show!(row.customer_id)),
        ("ref_id", show!(row.ref_id)),
        ("source_asset", show!(row.source_asset)),
        ("destination_asset", show!(row.destination_asset)),
        ("source_amount", show!(row.source_amount)),
        ("destination_amount", show!(row.destination_amount)),
        ("source_transfer", leg(&row.source_transfer)),
        ("destination_transfer", leg(&row.destination_transfer)),
        ("status", show(&row.status)),
        ("fail_reason", collect(vec![("detail", show!(row.fail_reason))])),
        ("source", end(&row.source, "deposit_instructions_id")),
        ("destination", end(&row.destination, "bank_account_id")),
        ("orchestration_rule_id", show!(row.orchestration_rule_id)),
        ("created_at", time(Some(row.created_at))),
        ("updated_at", time(row.updated_at)),
        ("completed_at", time(row.completed_at)),
        ("metadata", row.metadata.as_deref().map(|text| serde_json::from_str(text).unwrap())),
    ])
    .unwrap()
}

const OPTIONAL: [&str; 18] = [
    "profile_id",
    "identity_id",
    "account_id",
    "customer_id",
    "ref_id",
    "source_asset",
    "destination_asset",
    "source_amount",
    "destination_amount",
    "source_transfer",
    "destination_transfer",
    "fail_reason",
    "source",
    "destination",
    "orchestration_rule_id",
    "updated_at",
    "completed_at",
    "metadata",
];

fn missing() -> impl Strategy<Value = Missing> {
    prop_oneof![Just(Missing::Absent), Just(Missing::Null), Just(Missing::Empty)]
}

proptest! {
    #[test]
    fn rule_5_nothing_that_came_is_lost(
        known in known(),
        unknown in unknown(),
        missing in prop::collection::vec(missing(), OPTIONAL.len()),
        escape_all: bool,
    ) {
        let mut whole = known.clone();
        for (place, key, value) in unknown {
            if let Some(object) = at(&mut whole, PLACES[place]) {
                object.insert(key, value);
            }
        }
        let mut sent = whole.clone();
        for (name, missing) in OPTIONAL.iter().zip(missing) {
            if !sent.contains_key(*name) {
                match missing {
                    Missing::Absent => {}
                    Missing::Null => drop(sent.insert((*name).to_owned(), Value::Null)),
                    Missing::Empty => drop(sent.insert((*name).to_owned(), Value::from(""))),
                }
            }
        }
        let text = render(&Value::Object(sent), escape_all);
        let row = match Row::parse(&text) {
            Row::Readable(row) => row.orchestration,
            other => panic!("{text}: {other:?}"),
        };
        prop_assert_eq!(&written(&row), &Value::Object(known));
        let mut back = written(&row);
        if let Some(rest) = &row.remainder {
            put_over(&mut back, serde_json::from_str(rest).unwrap());
        }
        prop_assert_eq!(back, Value::Object(whole));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,80}") {
        Row::parse(&text);
        Row::parse(&format!(r#"{{"id":"a",{text}}}"#));
    }

    #[test]
    fn a_known_field_of_any_other_kind_is_unreadable_not_lost(
        field in prop::sample::select(OPTIONAL.to_vec()),
        value in prop_oneof![any::<bool>().prop_map(Value::from), any::<i32>().prop_map(Value::from), Just(json!([1]))],
    ) {
        let sent = json!({ "id": "a", "status": "PENDING", "created_at": "2026-03-02T10:00:00Z", field: value });
        match Row::parse(&sent.to_string()) {
            Row::Unreadable(row) => {
                prop_assert!(row.problem.starts_with(field), "{}", row.problem);
                prop_assert_eq!(row.raw.as_ref(), sent.to_string());
            }
            other => panic!("{other:?}"),
        }
    }
}

/// As [`merge`], but what is over always wins: a remainder may hold null.
fn put_over(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                match under.get_mut(&key) {
                    Some(present) if present.is_object() && value.is_object() => put_over(present, value),
                    _ => drop(under.insert(key, value)),
                }
            }
        }
        (under, over) => *under = over,
    }
}
